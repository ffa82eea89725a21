// A segment's objects on a device: blocks allocated, constants uploaded, kernels with their arguments set.
// What executable.cc runs; start there.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "backends/opencl/device.h"
#include "backends/opencl/device_memory.h"
#include "backends/opencl/launch_shape.h"
#include "backends/opencl/segment_layout.h"

namespace npu {

struct BoundLaunch {
  cl::Kernel kernel;
  LaunchShape shape;
  std::string_view name;  // a literal
  int op = 0;             // into the compiled graph
};

// An argument of a launch that is an address in a block of the arena.
struct BlockArgument {
  int launch = 0;  // into BoundSegment::launches
  cl_uint argument = 0;
  int64_t offset = 0;  // bytes behind the start of the block
};
// By block of the arena, in the order of launches.
using BlockArguments = std::vector<std::vector<BlockArgument>>;

// A segment input or output, or a state, which is both.
struct SegmentBoundary {
  cl::Buffer buffer;               // null when memory is shared
  std::byte* host = nullptr;       // its place in shared memory, or staging
  std::vector<std::byte> staging;  // empty when memory is shared
  size_t bytes = 0;
  size_t element_bytes = 1;
  bool flip_sign_bit = false;  // INT8: stored as q ^ 0x80, which is q + 128 (ops/lowering.h)
  // What to set so that kernels use other memory instead (host_binding.h); empty: bytes are always copied.
  std::vector<BlockArgument> arguments;
  const std::byte* bound = nullptr;  // the caller's memory that kernels use; null: `host`
  const std::byte* asked = nullptr;  // the caller's memory when that was decided
  bool in_own_memory = false;        // an input: `host` is no longer in the arena

  bool staged() const { return !staging.empty(); }
};

// Members are destroyed from the last to the first: the queue and the device outlive what uses them.
struct BoundSegment {
  std::shared_ptr<OpenClDevice> device;
  cl::CommandQueue queue;  // in order
  std::shared_ptr<DeviceMemory> constants;  // perhaps other segments', too (constant_pool.h)
  DeviceMemory arena;
  MemoryUse memory;
  std::vector<BoundLaunch> launches;
  std::vector<SegmentBoundary> inputs, outputs;
  bool use_host_memory = false;            // kernels may get addresses of the caller's memory
  std::vector<DeviceMemory> input_memory;  // of inputs that have left the arena (host_binding.h)
};

struct BindSettings {
  bool use_shared_memory = true;  // where the device offers it; false: as on a device that does not
  bool use_host_memory = true;    // inputs and outputs where the caller has them, if that is possible (host_binding.h)
  // For tests that look for writes past the end: blocks share no bytes with each other, and each has this
  // many bytes more behind its slack.
  int64_t guard_bytes = 0;
  // For tests of the kernels' other variants; null: the one chosen for the device.
  const KernelVariant* variant = nullptr;
  Requantize requantize = Requantize::kExact;
  // With all kernels of the segment, instead of the device's own programs of those two; null: those.
  const cl::Program* program = nullptr;
};

// The result does not refer to `layout`.
Result<std::unique_ptr<BoundSegment>> BindSegment(std::shared_ptr<OpenClDevice> device, const Graph& graph,
                                                  const SegmentOps& segment, const SegmentLayout& layout,
                                                  const BindSettings& settings);

// clEnqueueNDRangeKernel of the shape; event may be null.
cl_int EnqueueRange(cl_command_queue queue, cl_kernel kernel, const LaunchShape& shape, cl_event* event);

// Bytes whose sign bits are flipped while they are copied. from may be to.
void FlipSignBits(const std::byte* from, std::byte* to, size_t bytes);

}  // namespace npu
