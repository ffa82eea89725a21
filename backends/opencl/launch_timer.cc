// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/launch_timer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace npu {

Result<std::unique_ptr<LaunchTimer>> LaunchTimer::Create(const OpenClDevice& device,
                                                         std::span<const BoundLaunch> launches, bool use_events) {
  cl_int code = CL_SUCCESS;
  cl::CommandQueue queue(device.context(), device.device(), CL_QUEUE_PROFILING_ENABLE, &code);
  if (code != CL_SUCCESS) {
    use_events = false;
    queue = cl::CommandQueue(device.context(), device.device(), 0, &code);
  }
  NPU_RETURN_IF_CL_ERROR(code, "clCreateCommandQueue", device.name());
  std::unique_ptr<LaunchTimer> timer(new LaunchTimer(device, std::move(queue)));
  SegmentTrace trial;
  timer->use_events_ = use_events;
  NPU_RETURN_IF_ERROR(timer->Run(launches, trial));
  if (use_events && trial.steps.size() != launches.size()) {
    timer->use_events_ = false;
    Log(LogLevel::kInfo, "{} does not tell how long its kernels take: they are timed one by one", device.name());
  }
  return timer;
}

Status LaunchTimer::Enqueue(const BoundLaunch& launch, cl::Event& event) const {
  cl_event made = nullptr;
  NPU_RETURN_IF_CL_ERROR(
      EnqueueRange(queue_(), launch.kernel(), launch.shape, &made),
      fmt::format("clEnqueueNDRangeKernel({})", launch.name), device_.name());
  event = cl::Event(made);
  return {};
}

Status LaunchTimer::Wait(const cl::Event& event) const {
  NPU_RETURN_IF_CL_ERROR(WaitForEvent(event()), "clWaitForEvents", device_.name());
  return {};
}

Status LaunchTimer::Run(std::span<const BoundLaunch> launches, SegmentTrace& segment) {
  segment.clock = use_events_ ? TraceClock::kDevice : TraceClock::kLaunch;
  return use_events_ ? RunWithEvents(launches, segment) : RunOneByOne(launches, segment);
}

Status LaunchTimer::RunWithEvents(std::span<const BoundLaunch> launches, SegmentTrace& segment) {
  events_.assign(launches.size(), cl::Event());
  const int64_t begin = TraceClockNs();
  for (size_t i = 0; i < launches.size(); ++i) NPU_RETURN_IF_ERROR(Enqueue(launches[i], events_[i]));
  segment.queued_ns = TraceClockNs();
  // The last one first: the others have ended then.
  for (size_t i = launches.size(); i-- > 0;) NPU_RETURN_IF_ERROR(Wait(events_[i]));
  segment.ran_ns = TraceClockNs();
  if (!ReadTimes(segment.ran_ns - begin)) return {};
  for (size_t i = 0; i < launches.size(); ++i) {
    // The first command was queued when it was enqueued: that ties the device's clock to the host's.
    const auto shifted = [&](cl_ulong time) { return begin + static_cast<int64_t>(time - times_[0].queued); };
    segment.steps.push_back(
        {launches[i].op, launches[i].name, shifted(times_[i].start), shifted(times_[i].end)});
  }
  return {};
}

Status LaunchTimer::RunOneByOne(std::span<const BoundLaunch> launches, SegmentTrace& segment) {
  segment.queued_ns = TraceClockNs();
  for (const BoundLaunch& launch : launches) {
    cl::Event event;
    const int64_t begin = TraceClockNs();
    NPU_RETURN_IF_ERROR(Enqueue(launch, event));
    NPU_RETURN_IF_ERROR(Wait(event));
    segment.steps.push_back({launch.op, launch.name, begin, TraceClockNs()});
  }
  segment.ran_ns = TraceClockNs();
  return {};
}

bool LaunchTimer::ReadTimes(int64_t elapsed_ns) {
  // A driver may note the end of a command a little after it has started the next one.
  constexpr cl_ulong kOverlapNs = 10'000;
  times_.assign(events_.size(), {});
  cl_ulong before = 0;
  for (size_t i = 0; i < events_.size(); ++i) {
    EventTimes& times = times_[i];
    const auto read = [&](cl_profiling_info what, cl_ulong& time) {
      return clGetEventProfilingInfo(events_[i](), what, sizeof(time), &time, nullptr) == CL_SUCCESS;
    };
    if (!read(CL_PROFILING_COMMAND_QUEUED, times.queued) || !read(CL_PROFILING_COMMAND_START, times.start) ||
        !read(CL_PROFILING_COMMAND_END, times.end)) {
      return false;
    }
    if (times.start < times.queued || times.end < times.start || times.start + kOverlapNs < before) return false;
    times.start = std::min(std::max(times.start, before), times.end);
    before = times.end;
  }
  if (times_.empty()) return true;
  // Some time must have passed, and not twice what the host saw: that would be a clock of other units.
  const cl_ulong first = times_.front().queued, last = times_.back().end;
  return last > first && last - first <= 2 * static_cast<cl_ulong>(elapsed_ns);
}

}  // namespace npu
