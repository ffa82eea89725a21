// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/host_binding.h"

#include <fmt/format.h>

#include <cstdint>

#include "backends/opencl/launch_team.h"

namespace npu {
namespace {

// The smallest page of any system.
constexpr uintptr_t kPage = 4096;

// Whether a launch may write to a tensor that lies in `block`. Operators that launch nothing, as RESHAPE, only give bytes
// another name.
bool IsChanged(const SegmentLayout& layout, const Graph& graph, int block) {
  for (const LoweredOp& op : layout.ops) {
    bool launches = false;
    for (const bool dropped : op.dropped) launches = launches || !dropped;
    if (!launches) continue;
    for (const int output : graph.ops[op.op].outputs) {
      if (output == kNoTensor) continue;
      const Storage& storage = layout.tensors[output];
      if (storage.where == Storage::Where::kArena && storage.block == block) return true;
    }
  }
  return false;
}

// How many of the segment's inputs, outputs and states lie in `block`.
int Boundaries(const SegmentLayout& layout, const SegmentOps& segment, int block) {
  int count = 0;
  for (const std::vector<int>* list : {&segment.inputs, &segment.outputs, &segment.states}) {
    for (const int tensor : *list) {
      const Storage& storage = layout.tensors[tensor];
      count += storage.where == Storage::Where::kArena && storage.block == block;
    }
  }
  return count;
}

// Whether the tensor is a block of its own, and the only input, output or state there.
bool OwnsBlock(const SegmentLayout& layout, const SegmentOps& segment, int tensor, const SegmentBoundary& boundary) {
  const Storage& storage = layout.tensors[tensor];
  return boundary.bytes > 0 && storage.where == Storage::Where::kArena && storage.offset == 0 &&
         layout.arena[storage.block].bytes == static_cast<int64_t>(boundary.bytes) &&
         Boundaries(layout, segment, storage.block) == 1;
}

bool Overlap(const std::byte* a, size_t a_bytes, const std::byte* b, size_t b_bytes) {
  const auto first = reinterpret_cast<uintptr_t>(a), second = reinterpret_cast<uintptr_t>(b);
  return first < second + b_bytes && second < first + a_bytes;
}

bool Fits(const SegmentBoundary& boundary, const std::byte* memory) {
  return !boundary.arguments.empty() && reinterpret_cast<uintptr_t>(memory) % boundary.element_bytes == 0 &&
         CanReadSlack(memory, boundary.bytes);
}

// memory: null for the segment's own.
Status Point(BoundSegment& bound, LaunchTeam* team, SegmentBoundary& boundary, const std::byte* memory) {
  if (boundary.bound == memory) return {};
  const std::byte* base = memory != nullptr ? memory : boundary.host;
  for (const BlockArgument& use : boundary.arguments) {
    const BoundLaunch& launch = bound.launches[use.launch];
    NPU_RETURN_IF_CL_ERROR(clSetKernelArgSVMPointer(launch.kernel(), use.argument, base + use.offset),
                           fmt::format("clSetKernelArgSVMPointer({}, {})", launch.name, use.argument),
                           bound.device->name());
    if (team != nullptr) NPU_RETURN_IF_ERROR(team->SetArgument(use.launch, use.argument, base + use.offset));
  }
  boundary.bound = memory;
  return {};
}

}  // namespace

bool CanReadSlack(const std::byte* memory, size_t bytes) {
  const uintptr_t last = reinterpret_cast<uintptr_t>(memory) + bytes - 1;
  return last / kPage == (last + kBlockSlack) / kPage;
}

void FindHostArguments(BoundSegment& bound, const SegmentLayout& layout, const Graph& graph,
                       const SegmentOps& segment, const BlockArguments& arguments) {
  for (size_t i = 0; i < segment.inputs.size(); ++i) {
    const int tensor = segment.inputs[i], block = layout.tensors[tensor].block;
    SegmentBoundary& input = bound.inputs[i];
    if (!OwnsBlock(layout, segment, tensor, input)) continue;
    if (!IsChanged(layout, graph, block)) input.arguments = arguments[block];
  }
  for (size_t i = 0; i < segment.outputs.size(); ++i) {
    const int tensor = segment.outputs[i];
    if (OwnsBlock(layout, segment, tensor, bound.outputs[i])) {
      bound.outputs[i].arguments = arguments[layout.tensors[tensor].block];
    }
  }
}

Status GiveOwnMemory(BoundSegment& bound, LaunchTeam* team, SegmentBoundary& input) {
  const int64_t offset = 0, bytes = static_cast<int64_t>(input.bytes) + kBlockSlack;
  NPU_ASSIGN_OR_RETURN(DeviceMemory memory, DeviceMemory::Allocate(*bound.device, {&offset, 1}, {&bytes, 1}, bytes, true));
  input.host = memory.host(0);
  input.in_own_memory = true;
  bound.memory.arena_bytes += bytes;
  bound.input_memory.push_back(std::move(memory));
  // Whatever kernels use now is not it.
  input.asked = nullptr;
  input.bound = input.host;
  return Point(bound, team, input, nullptr);
}

Status BindHostMemory(BoundSegment& bound, LaunchTeam* team, std::span<const std::byte* const> inputs,
                      std::span<std::byte* const> outputs) {
  if (!bound.use_host_memory) return {};
  bool same = true;
  for (size_t i = 0; i < inputs.size(); ++i) same = same && bound.inputs[i].asked == inputs[i];
  for (size_t i = 0; i < outputs.size(); ++i) same = same && bound.outputs[i].asked == outputs[i];
  if (same) return {};
  for (size_t i = 0; i < inputs.size(); ++i) {
    SegmentBoundary& input = bound.inputs[i];
    input.asked = nullptr;  // until it is done: an error then makes the next call begin anew
    const bool fits = !input.flip_sign_bit && Fits(input, inputs[i]);
    NPU_RETURN_IF_ERROR(Point(bound, team, input, fits ? inputs[i] : nullptr));
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    SegmentBoundary& output = bound.outputs[i];
    output.asked = nullptr;
    bool fits = Fits(output, outputs[i]);
    // What is written before all inputs have been read, or before another output, must not be theirs.
    for (size_t j = 0; fits && j < inputs.size(); ++j) {
      fits = !Overlap(outputs[i], output.bytes, inputs[j], bound.inputs[j].bytes);
    }
    for (size_t j = 0; fits && j < outputs.size(); ++j) {
      fits = j == i || !Overlap(outputs[i], output.bytes, outputs[j], bound.outputs[j].bytes);
    }
    NPU_RETURN_IF_ERROR(Point(bound, team, output, fits ? outputs[i] : nullptr));
  }
  for (size_t i = 0; i < inputs.size(); ++i) bound.inputs[i].asked = inputs[i];
  for (size_t i = 0; i < outputs.size(); ++i) bound.outputs[i].asked = outputs[i];
  return {};
}

}  // namespace npu
