// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/launch_team.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace npu {

Result<std::unique_ptr<LaunchTeam>> LaunchTeam::Create(const BoundSegment& bound,
                                                       const TeamSettings& settings) {
  std::unique_ptr<LaunchTeam> team(new LaunchTeam(bound));
  NPU_RETURN_IF_ERROR(team->Prepare(settings));
  if (team->run_ == nullptr) team.reset();
  return team;
}

Status LaunchTeam::Prepare(const TeamSettings& settings) {
  NPU_ASSIGN_OR_RETURN(const std::vector<LaunchCost> costs, Measure(settings));
  steps_ = DivideLaunches(costs, settings.members);
  const bool divided =
      std::any_of(steps_.begin(), steps_.end(), [](const LaunchStep& step) { return !step.ranges.empty(); });
  if (!divided || steps_.size() > static_cast<size_t>(TeamRun::kMostSteps)) return {};
  for (int member = 1; member < settings.members; ++member) NPU_RETURN_IF_ERROR(AddMember());
  std::vector<int> ranges;
  for (const LaunchStep& step : steps_) ranges.push_back(static_cast<int>(step.ranges.size()));
  run_ = std::make_unique<TeamRun>(std::move(ranges), settings.members,
                                   HelperThreads::Get(settings.members - 1, settings.most_helpers), *this);
  return {};
}

// The faster of two runs: what a launch takes while its core is taken away, or its memory is new, says
// nothing.
Result<std::vector<LaunchCost>> LaunchTeam::Measure(const TeamSettings& settings) const {
  std::vector<LaunchCost> costs;
  for (const BoundLaunch& launch : bound_.launches) costs.push_back({launch.shape, settings.microseconds});
  if (settings.microseconds > 0) return costs;
  for (int run = 0; run < 2; ++run) {
    for (size_t i = 0; i < costs.size(); ++i) {
      const auto start = std::chrono::steady_clock::now();
      NPU_RETURN_IF_ERROR(RunLaunches(bound_.queue(), {static_cast<int>(i), 1, {}}, 0, nullptr));
      const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
      costs[i].microseconds = run == 0 ? time.count() : std::min(costs[i].microseconds, time.count());
    }
  }
  return costs;
}

Status LaunchTeam::AddMember() {
  const OpenClDevice& device = *bound_.device;
  Member& member = helpers_.emplace_back();
  cl_int code = CL_SUCCESS;
  member.queue = cl::CommandQueue(device.context(), device.device(), 0, &code);
  NPU_RETURN_IF_CL_ERROR(code, "clCreateCommandQueue", device.name());
  for (const LaunchStep& step : steps_) {
    cl::Kernel& kernel = member.kernels.emplace_back();
    if (step.ranges.empty()) continue;
    // Arguments included. Two threads must not enqueue one kernel object at a time.
    kernel = cl::Kernel(clCloneKernel(bound_.launches[step.first].kernel(), &code));
    NPU_RETURN_IF_CL_ERROR(code, fmt::format("clCloneKernel({})", bound_.launches[step.first].name),
                           device.name());
  }
  return {};
}

Status LaunchTeam::SetArgument(int launch, cl_uint argument, const void* address) {
  const auto step = std::find_if(steps_.begin(), steps_.end(), [launch](const LaunchStep& s) {
    return s.first == launch && !s.ranges.empty();
  });
  if (step == steps_.end()) return {};
  for (const Member& helper : helpers_) {
    const cl::Kernel& kernel = helper.kernels[static_cast<size_t>(step - steps_.begin())];
    NPU_RETURN_IF_CL_ERROR(clSetKernelArgSVMPointer(kernel(), argument, address),
                           fmt::format("clSetKernelArgSVMPointer({}, {})", bound_.launches[launch].name, argument),
                           bound_.device->name());
  }
  return {};
}

Status LaunchTeam::Run() {
  failed_.store(false, std::memory_order_relaxed);
  run_->Run();
  if (!failed_.load(std::memory_order_acquire)) return {};
  all_ended_ = clFinish(bound_.queue()) == CL_SUCCESS;
  for (const Member& helper : helpers_) all_ended_ = clFinish(helper.queue()) == CL_SUCCESS && all_ended_;
  const std::lock_guard lock(mutex_);
  return tl::unexpected(error_);
}

void LaunchTeam::Do(int step, int range, int member) {
  if (failed_.load(std::memory_order_acquire)) return;
  const Member* helper = member == 0 ? nullptr : &helpers_[member - 1];
  const Status status = helper == nullptr
                            ? RunLaunches(bound_.queue(), steps_[step], range, nullptr)
                            : RunLaunches(helper->queue(), steps_[step], range, helper->kernels[step]());
  if (status) return;
  const std::lock_guard lock(mutex_);
  if (!failed_.load(std::memory_order_relaxed)) error_ = status.error();
  failed_.store(true, std::memory_order_release);
}

// own: the kernel object to use; null: that of each launch.
Status LaunchTeam::RunLaunches(cl_command_queue queue, const LaunchStep& step, int range,
                               cl_kernel own) const {
  cl_event last = nullptr;
  for (int i = step.first; i < step.first + step.count; ++i) {
    const BoundLaunch& launch = bound_.launches[i];
    const cl_kernel kernel = own != nullptr ? own : launch.kernel();
    const LaunchShape& shape = step.ranges.empty() ? launch.shape : step.ranges[range];
    NPU_RETURN_IF_CL_ERROR(
        EnqueueRange(queue, kernel, shape, i + 1 == step.first + step.count ? &last : nullptr),
        fmt::format("clEnqueueNDRangeKernel({})", launch.name), bound_.device->name());
  }
  const cl::Event event(last);
  NPU_RETURN_IF_CL_ERROR(WaitForEvent(last), "clWaitForEvents", bound_.device->name());
  return {};
}

}  // namespace npu
