// A segment's launches, done by a team of threads on a device that runs commands in the calling thread
// (PoCL's "basic"): the caller of Run and helpers, each with a queue and kernel objects of its own. How long
// every launch takes is measured once, and decides which are divided (launch_steps.h); small segments get no
// team at all.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "backends/opencl/bound_segment.h"
#include "backends/opencl/launch_steps.h"
#include "backends/threads/team_run.h"

namespace npu {

struct TeamSettings {
  int members = 1;       // with the caller
  int most_helpers = 0;  // of the process, together
  // For tests: a launch counts as this long instead of as it was measured; 0: as measured.
  double microseconds = 0;
};

class LaunchTeam : public TeamRun::Worker {
 public:
  // Launches everything on whatever the arena holds. Null when nothing is worth dividing. `bound` outlives
  // the team; its memory is shared with the host, so that kernels have addresses as arguments: commands that
  // read and write one buffer would wait for each other across queues.
  static Result<std::unique_ptr<LaunchTeam>> Create(const BoundSegment& bound, const TeamSettings& settings);

  // For helpers, what clSetKernelArgSVMPointer is for the launch's own kernel. Not while Run is running.
  Status SetArgument(int launch, cl_uint argument, const void* address);

  // Does all launches and waits. The first error of any member; all commands have ended then, too, if
  // all_ended.
  Status Run();
  bool all_ended() const { return all_ended_; }

 private:
  explicit LaunchTeam(const BoundSegment& bound) : bound_(bound) {}

  Status Prepare(const TeamSettings& settings);
  Result<std::vector<LaunchCost>> Measure(const TeamSettings& settings) const;
  Status AddMember();
  Status RunLaunches(cl_command_queue queue, const LaunchStep& step, int range, cl_kernel own) const;
  void Do(int step, int range, int member) override;

  struct Member {
    cl::CommandQueue queue;
    std::vector<cl::Kernel> kernels;  // by step, where that is divided
  };

  const BoundSegment& bound_;
  std::vector<LaunchStep> steps_;
  std::vector<Member> helpers_;  // member 1 first
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  Error error_;  // under mutex_; the first one
  bool all_ended_ = true;
  std::unique_ptr<TeamRun> run_;
};

}  // namespace npu
