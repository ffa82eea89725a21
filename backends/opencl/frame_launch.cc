// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/frame_launch.h"

#include <utility>

#include "backends/opencl/bound_segment.h"
#include "backends/opencl/launch_steps.h"

namespace npu {
namespace {

// Helpers that are awake, behind another frame's network, share shorter frames, too. Waking them, with nothing of the frame
// in their caches, takes longer than what they save of 160 us: measured with sleeping helpers, 1080p by area.
constexpr double kWorthWaking = 400;

}  // namespace

Result<std::unique_ptr<FrameLaunch>> FrameLaunch::Create(std::shared_ptr<OpenClDevice> device, const cl::Kernel& kernel,
                                                         const LaunchShape& shape, const TeamSettings& team,
                                                         double microseconds) {
  std::unique_ptr<FrameLaunch> launch(new FrameLaunch(std::move(device), shape));
  NPU_RETURN_IF_ERROR(launch->AddMember(kernel));
  if (!launch->device_->limits().runs_in_caller) return launch;
  const LaunchCost cost = {shape, team.microseconds > 0 ? team.microseconds : microseconds};
  launch->ranges_ = DivideLaunches({&cost, 1}, team.members)[0].ranges;
  if (launch->ranges_.empty()) return launch;
  for (int member = 1; member < team.members; ++member) {
    cl_int code = CL_SUCCESS;
    cl::Kernel clone(clCloneKernel(kernel(), &code));
    NPU_RETURN_IF_CL_ERROR(code, "clCloneKernel(frame)", launch->device_->name());
    NPU_RETURN_IF_ERROR(launch->AddMember(std::move(clone)));
  }
  launch->run_ = std::make_unique<TeamRun>(std::vector<int>{static_cast<int>(launch->ranges_.size())}, team.members,
                                           HelperThreads::Get(team.members - 1, team.most_helpers), *launch,
                                           cost.microseconds >= kWorthWaking);
  return launch;
}

Status FrameLaunch::AddMember(cl::Kernel kernel) {
  cl_int code = CL_SUCCESS;
  members_.push_back({cl::CommandQueue(device_->context(), device_->device(), 0, &code), std::move(kernel)});
  NPU_RETURN_IF_CL_ERROR(code, "clCreateCommandQueue", device_->name());
  return {};
}

void FrameLaunch::SetAddress(cl_uint index, const void* address) {
  for (const Member& member : members_) {
    const cl_int code = clSetKernelArgSVMPointer(member.kernel(), index, address);
    if (code_ == CL_SUCCESS) code_ = code;
  }
}

void FrameLaunch::SetArgument(cl_uint index, size_t bytes, const void* value) {
  for (const Member& member : members_) {
    const cl_int code = clSetKernelArg(member.kernel(), index, bytes, value);
    if (code_ == CL_SUCCESS) code_ = code;
  }
}

cl_int FrameLaunch::RunRange(const Member& member, const LaunchShape& shape) const {
  cl_event event = nullptr;
  const cl_int code = EnqueueRange(member.queue(), member.kernel(), shape, &event);
  if (code != CL_SUCCESS) return code;
  const cl::Event owned(event);
  return WaitForEvent(event);
}

void FrameLaunch::Do(int, int range, int member) {
  const cl_int code = RunRange(members_[member], ranges_[range]);
  cl_int none = CL_SUCCESS;
  if (code != CL_SUCCESS) code_.compare_exchange_strong(none, code);
}

Status FrameLaunch::Run() {
  NPU_RETURN_IF_CL_ERROR(code_.exchange(CL_SUCCESS), "clSetKernelArg(frame)", device_->name());
  if (run_ != nullptr) {
    run_->Run();
  } else {
    code_ = RunRange(members_[0], shape_);
  }
  NPU_RETURN_IF_CL_ERROR(code_.exchange(CL_SUCCESS), "clEnqueueNDRangeKernel(frame)", device_->name());
  return {};
}

void FrameLaunch::Abandon() {
  for (const Member& member : members_) {
    static_cast<void>(clRetainKernel(member.kernel()));
    static_cast<void>(clRetainCommandQueue(member.queue()));
  }
}

}  // namespace npu
