// The launch of a frame kernel with its arguments: by the driver, or, on a device that runs commands in the calling thread,
// by the caller and the helpers that networks have, too (launch_team.h): each with a queue and a kernel object of its own.
// Not thread-safe. Start at Create and Run.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "backends/opencl/device.h"
#include "backends/opencl/launch_team.h"
#include "backends/threads/team_run.h"

namespace npu {

class FrameLaunch : public TeamRun::Worker {
 public:
  // microseconds: what it takes one thread, roughly; little is not divided. kDevice.
  static Result<std::unique_ptr<FrameLaunch>> Create(std::shared_ptr<OpenClDevice> device, const cl::Kernel& kernel,
                                                     const LaunchShape& shape, const TeamSettings& team,
                                                     double microseconds);

  // Arguments; the first error is Run's. An address: of a device that shares all of the host's memory.
  void SetAddress(cl_uint index, const void* address);
  void SetArgument(cl_uint index, size_t bytes, const void* value);
  template <typename T>
  void SetArgument(cl_uint index, const T& value) {
    SetArgument(index, sizeof value, &value);
  }

  // The caller's queue, in order.
  cl_command_queue queue() const { return members_[0].queue(); }
  // Returns when the kernel has run.
  Status Run();
  // Nothing is released: in a forked process the driver's objects are not this process's.
  void Abandon();

 private:
  FrameLaunch(std::shared_ptr<OpenClDevice> device, const LaunchShape& shape)
      : device_(std::move(device)), shape_(shape) {}

  struct Member {
    cl::CommandQueue queue;
    cl::Kernel kernel;
  };
  Status AddMember(cl::Kernel kernel);
  cl_int RunRange(const Member& member, const LaunchShape& shape) const;
  void Do(int step, int range, int member) override;

  const std::shared_ptr<OpenClDevice> device_;
  const LaunchShape shape_;
  std::vector<Member> members_;  // the caller first
  std::vector<LaunchShape> ranges_;
  std::atomic<cl_int> code_{CL_SUCCESS};  // the first error since the last Run
  std::unique_ptr<TeamRun> run_;          // null: the caller does everything
};

}  // namespace npu
