// SPDX-License-Identifier: Apache-2.0
#include "partitioner/plan_memory.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/cpu/cpu_backend.h"
#include "backends/opencl/segment_memory.h"
#include "backends/partition_executable.h"
#include "partitioner/compile.h"

namespace npu {
namespace {

void AddTo(MemoryUse& sum, const MemoryUse& use) {
  sum.arena_bytes += use.arena_bytes;
  sum.constant_bytes += use.constant_bytes;
  sum.uncopied_bytes += use.uncopied_bytes;
}

// Beside packed weights, lowering makes numbers per channel, per row or per column: at most this many bytes
// for each index of a dimension. A file of a few bytes may claim dimensions of 2^31.
constexpr int64_t kBytesPerIndex = 64;
constexpr int64_t kMostBytes = int64_t{1} << 30;

Status CheckDimensions(const Plan& plan) {
  int64_t bytes = 0;
  for (const Segment& segment : plan.segments) {
    for (int index : segment.ops.ops) {
      const Op& op = plan.compute_graph->ops[index];
      for (const std::vector<int>* list : {&op.inputs, &op.outputs}) {
        for (int tensor : *list) {
          if (tensor == kNoTensor || plan.compute_graph->tensors[tensor].is_constant()) continue;
          for (int32_t dimension : plan.compute_graph->tensors[tensor].shape)
            bytes += kBytesPerIndex * dimension;
        }
      }
      if (bytes > kMostBytes) {
        return Fail(ErrorCode::kResourceExhausted,
                    fmt::format("the dimensions of {} allow for more than {} bytes of constants",
                                DescribeOp(*plan.graph, index), kMostBytes));
      }
    }
  }
  return {};
}

}  // namespace

Result<PlanMemoryUse> MemoryOfPlan(const Plan& plan, const ComputeOptions& options) {
  NPU_RETURN_IF_ERROR(CheckDimensions(plan));
  PlanMemoryUse use;
  for (const Segment& segment : plan.segments) {
    NPU_ASSIGN_OR_RETURN(MemoryUse part, segment.placement == Placement::kNpu
                                             ? PlannedMemory(*plan.compute_graph, segment.ops, options)
                                             : PlannedCpuMemory(*plan.compute_graph, segment.ops));
    use.segments.push_back(part);
  }
  for (const Partition& partition : plan.partitions) {
    const PartitionSpec spec = SpecOf(plan, partition, {});
    MemoryUse sum;
    NPU_ASSIGN_OR_RETURN(sum.arena_bytes, BytesBetween(*plan.compute_graph, spec));
    for (int segment : partition.segments) AddTo(sum, use.segments[segment]);
    AddTo(use.total, sum);
    use.partitions.push_back(sum);
  }
  return use;
}

}  // namespace npu
