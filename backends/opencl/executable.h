// A segment on an OpenCL device. Everything is made when it is compiled: kernels with their arguments,
// one arena for tensors, one block of constants, an in-order queue. Invoke copies the inputs in, enqueues
// the kernels, waits once, and copies the outputs out, but for those that kernels use where the caller has them
// (host_binding.h); INT8 tensors change to and from the u8 domain (ops/lowering.h) on the way. InvokeTraced does the same on a queue that takes times
// (launch_timer.h), which is made when it is first called.
// No command that could outlive an Invoke touches the caller's memory, so a failed one leaves nothing behind. In a
// forked process Invoke is an Error, and destruction leaves the parent's device objects alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "backends/backend.h"
#include "backends/file_cache.h"
#include "backends/opencl/bound_segment.h"
#include "backends/opencl/device.h"
#include "backends/opencl/launch_team.h"
#include "backends/opencl/segment_layout.h"

namespace npu {

struct OpenClCompileSettings {
  BindSettings bind = {};
  LowerFunction lower = LowerByRoom;
  const FileCache* files = nullptr;  // where compiled programs are kept; null: nowhere
  TeamSettings team = {};            // where the device runs commands in the calling thread
  bool event_times = true;  // false: traces as on a driver whose events tell no times
};

// Runs every kernel once before it returns, since drivers finish compiling at the first launch.
Result<std::unique_ptr<Executable>> CompileForOpenCl(std::shared_ptr<OpenClDevice> device,
                                                     std::shared_ptr<const Graph> graph,
                                                     const SegmentOps& segment, const ComputeOptions& options,
                                                     const OpenClCompileSettings& settings = {});

}  // namespace npu
