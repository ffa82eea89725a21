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

// A segment input or output, or a state, which is both. No command of the queue ever touches the caller's memory.
struct SegmentBoundary {
  cl::Buffer buffer;               // null when memory is shared
  std::byte* host = nullptr;       // its place in shared memory, or staging
  std::vector<std::byte> staging;  // empty when memory is shared
  size_t bytes = 0;
  bool flip_sign_bit = false;  // INT8: stored as q ^ 0x80, which is q + 128 (ops/lowering.h)

  bool staged() const { return !staging.empty(); }
};

// Members are destroyed from the last to the first: the queue and the device outlive what uses them.
struct BoundSegment {
  std::shared_ptr<OpenClDevice> device;
  cl::CommandQueue queue;  // in order
  cl::Program program;
  std::shared_ptr<DeviceMemory> constants;  // perhaps other segments', too (constant_pool.h)
  DeviceMemory arena;
  MemoryUse memory;
  std::vector<BoundLaunch> launches;
  std::vector<SegmentBoundary> inputs, outputs;
};

struct BindSettings {
  bool use_shared_memory = true;  // where the device offers it; false: as on a device that does not
  // For tests that look for writes past the end: blocks share no bytes with each other, and each has this
  // many bytes more behind its slack.
  int64_t guard_bytes = 0;
  // For tests of the kernels' other variants; null: the one chosen for the device.
  const KernelVariant* variant = nullptr;
  Requantize requantize = Requantize::kExact;
  // Instead of the device's own program of those two; null: that one.
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
