// Where the time of a plan's operators goes: collects the traces of measured invocations and tells them per operator of
// the model, per segment and as a timeline. The plug-in's option `profile`, the C API and delegate-check --profile all
// give this document; docs/profiling.md describes it.
//
// {displayTimeUnit, traceEvents[...], profile{schema_version, device, partitions[], segments[], ops[], memory}}
//
// The outer object is a Chrome trace, which Perfetto opens. Keeps the last kKeptInvocations of each executable: numbers
// are of those. Thread-safe.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/invoke_trace.h"
#include "partitioner/plan.h"

namespace npu {

// Of these the medians are made. More steps than kKeptSteps are not kept either, which bounds the memory (40 MB) for
// networks of very many operators.
inline constexpr size_t kKeptInvocations = 200;
inline constexpr size_t kKeptSteps = 1'000'000;
// Of these the timeline is made.
inline constexpr size_t kTimelineInvocations = 10;

struct ProfileDevice {
  std::string name;
  int threads = 0;                   // as asked for; 0: the device's own choice
  std::optional<double> peak_gmacs;  // measured; nullopt: not known
};

// One executable whose invocations are measured.
struct ProfiledExecutable {
  std::shared_ptr<const Graph> graph;  // what was compiled
  std::vector<int> plan_op;            // per op of it the plan's; empty: they are the same
  MemoryUse memory;
};

class Profile {
 public:
  Profile(std::shared_ptr<const Plan> plan, ProfileDevice device) : plan_(std::move(plan)), device_(std::move(device)) {}

  // Returns the number to Record with. A partition that is compiled again for other shapes keeps its number and loses
  // what was recorded: operators of two shapes have no common time.
  int Add(ProfiledExecutable executable);
  void Replace(int number, ProfiledExecutable executable);

  void Record(int number, InvokeTrace trace);

  // Invocations recorded since it was made, kept or not.
  int64_t recorded() const;

  // One line without line breaks at its end; a few megabytes at most for networks of usual size.
  std::string Json() const;

 private:
  struct Entry {
    ProfiledExecutable executable;
    int64_t invocations = 0;
    std::deque<InvokeTrace> traces;
    size_t steps = 0;  // in traces
  };
  friend class ProfileWriter;

  const std::shared_ptr<const Plan> plan_;
  const ProfileDevice device_;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  int64_t recorded_ = 0;
};

}  // namespace npu
