// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/segment_memory.h"

#include <limits>

namespace npu {

Result<MemoryLayout> PlaceBlocks(std::vector<MemoryRequest>& blocks, int64_t slack, int64_t alignment,
                                 int64_t limit_bytes) {
  for (MemoryRequest& block : blocks) block.bytes += slack;
  return PlanMemory(blocks, alignment, limit_bytes);
}

std::vector<MemoryRequest> ConstantRequests(const SegmentLayout& layout) {
  std::vector<MemoryRequest> requests;
  for (const ConstantBlock& block : layout.constants) {
    requests.push_back({static_cast<int64_t>(block.bytes.size()), 0, 0});
  }
  return requests;
}

Result<MemoryUse> PlannedMemory(const Graph& graph, const SegmentOps& segment,
                                const ComputeOptions& options) {
  constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();
  NPU_ASSIGN_OR_RETURN(SegmentLayout layout,
                       LayOutSegment(graph, segment, options, {.lower = LowerByRoom, .view_alignment = 1}));
  std::vector<MemoryRequest> constants = ConstantRequests(layout);
  NPU_ASSIGN_OR_RETURN(const MemoryLayout constant,
                       PlaceBlocks(constants, kBlockSlack, kLeastAlignment, kNoLimit));
  NPU_ASSIGN_OR_RETURN(const MemoryLayout arena,
                       PlaceBlocks(layout.arena, kBlockSlack, kLeastAlignment, kNoLimit));
  return MemoryUse{.arena_bytes = arena.total_bytes,
                   .constant_bytes = constant.total_bytes,
                   .uncopied_bytes = layout.uncopied_bytes};
}

}  // namespace npu
