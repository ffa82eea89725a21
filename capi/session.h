// Runs a whole Plan without a host: all partitions in order, tensors between them in its own memory. What the plan
// leaves to the host because only a host has it, a session does itself: it keeps the resource variables of streaming
// networks, and its CPU computes operators that are not worth a host's while to hand over.
// State, of operators and variables, is the session's: it goes on from one invocation to the next, a failed
// invocation leaves it as it was, and Reset() makes it new.
// The C API's npu_session is a shim over this; --verify in delegate-check uses two of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backends/partition_executable.h"
#include "capi/session_frames.h"
#include "capi/variables.h"
#include "partitioner/compile.h"
#include "partitioner/options.h"
#include "partitioner/plan.h"
#include "partitioner/profile.h"

namespace npu {

// Model::subgraphs, for operators that call others.
using Subgraphs = std::vector<std::shared_ptr<Graph>>;

class Session {
 public:
  // kUnsupported, listing them, if an op is placed on the host that a session does not do.
  static Result<std::unique_ptr<Session>> Create(std::shared_ptr<const Plan> plan, const Options& options,
                                                 const Subgraphs& subgraphs = {});
  // Writes the profile that options.profile_path asks for; a warning if that fails.
  ~Session();

  // The plan's, with the inputs as they are given: those of the option input_uint8 are UINT8.
  const Graph& graph() const { return *graph_; }
  const std::string& device_name() const { return device_name_; }

  // Memory of graph input/output i: the bound memory, else the session's own.
  std::span<std::byte> input(int i);
  std::span<std::byte> output(int i);
  void BindInput(int i, const std::byte* data);  // null: the session's own again
  void BindOutput(int i, std::byte* data);
  bool input_bound(int i) const { return bound_[graph().inputs[i]] != nullptr || frames_.bound(i); }

  // A camera frame, read by Invoke (session_frames.h). Both have been checked.
  Result<FitGeometry> BindFrame(int i, const Frame& frame, const Fit& fit, const FrameRelease& release);
  FrameCounts frame_counts(int i) const { return frames_.counts(i); }

  Status Invoke();

  // Later invocations are measured (which makes them slower). What was measured before is forgotten.
  void StartProfile();
  // Null before StartProfile.
  const Profile* profile() const { return profile_.get(); }

  // State as it was when the session was created: 0, which is the zero point of INT8, as in hosts; no variable has a
  // value, and CALL_ONCE runs again.
  void Reset();

 private:
  class Builder;

  struct Step {
    enum class Kind : uint8_t { kCompute, kReadVariable, kAssignVariable, kCallOnce } kind = Kind::kCompute;
    std::unique_ptr<Executable> executable = {};  // kCompute
    std::shared_ptr<const Graph> graph = {};      // that it was compiled from; operators as in the plan
    int profiled = -1;                            // number in profile_
    std::vector<int> inputs = {}, outputs = {};   // tensors; the states are behind both
    int variable = -1;                            // kReadVariable: to outputs[0]. kAssignVariable: from inputs[0]
    int once = -1;                                // kCallOnce
    // Filled anew at each Invoke; sized once.
    std::vector<const std::byte*> input_pointers = {};
    std::vector<std::byte*> output_pointers = {};
  };
  struct State {
    int tensor = -1;
    std::vector<std::byte> saved;
  };
  // A subgraph that CALL_ONCE runs.
  struct Once {
    std::unique_ptr<Session> session;
    bool done = false, saved_done = false;
  };

  std::span<std::byte> Memory(int tensor);
  Result<InputPlace> PlaceOf(int tensor);
  Status ReadFrames();
  void FramesUsed();
  Status RunSteps();
  Status Run(Step& step);
  void Save();
  void Restore();

  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<const Graph> graph_;
  std::string device_name_;
  Options options_;
  std::unique_ptr<Profile> profile_;
  std::vector<Step> steps_;
  std::vector<State> states_;
  std::shared_ptr<Variables> variables_;        // shared with the sessions of once_
  std::vector<Once> once_;
  std::vector<std::vector<std::byte>> memory_;  // per tensor, one byte longer than it; or empty
  std::vector<std::byte*> bound_;               // per tensor; null: memory_
  SessionFrames frames_{options_};              // by input
  std::vector<bool> framed_;                    // by input: bound_ is the frame's
};

}  // namespace npu
