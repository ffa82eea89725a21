// Runs a segment's launches and says how long each took, for profiling. On a queue of its own, made with
// CL_QUEUE_PROFILING_ENABLE, so that other invocations pay nothing. Drivers tell a command's times by events; whether
// those mean anything is tried out once, on whatever the segment's memory holds. If not, each launch is timed from
// outside, one after the other.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "backends/invoke_trace.h"
#include "backends/opencl/bound_segment.h"

namespace npu {

class LaunchTimer {
 public:
  // Launches everything once. use_events: false as on a driver whose event times mean nothing.
  static Result<std::unique_ptr<LaunchTimer>> Create(const OpenClDevice& device, std::span<const BoundLaunch> launches,
                                                     bool use_events);

  // In order; what else a traced invocation enqueues goes here, too.
  cl_command_queue queue() const { return queue_(); }

  // Launches everything and waits. Sets the segment's clock, queued_ns and ran_ns, and appends a step per launch;
  // none if the driver has told times that cannot be.
  Status Run(std::span<const BoundLaunch> launches, SegmentTrace& segment);

 private:
  struct EventTimes {
    cl_ulong queued = 0, start = 0, end = 0;
  };

  LaunchTimer(const OpenClDevice& device, cl::CommandQueue queue) : device_(device), queue_(std::move(queue)) {}

  Status Enqueue(const BoundLaunch& launch, cl::Event& event) const;
  Status Wait(const cl::Event& event) const;
  Status RunWithEvents(std::span<const BoundLaunch> launches, SegmentTrace& segment);
  Status RunOneByOne(std::span<const BoundLaunch> launches, SegmentTrace& segment);
  // Of events_ into times_. False if the driver has none, or some that cannot be.
  bool ReadTimes(int64_t elapsed_ns);

  const OpenClDevice& device_;
  cl::CommandQueue queue_;
  bool use_events_ = true;
  std::vector<cl::Event> events_;
  std::vector<EventTimes> times_;
};

}  // namespace npu
