// SPDX-License-Identifier: Apache-2.0
#include "partitioner/profile.h"

#include <utility>

namespace npu {
namespace {

size_t StepCount(const InvokeTrace& trace) {
  size_t count = 0;
  for (const SegmentTrace& segment : trace.segments) count += segment.steps.size();
  return count;
}

}  // namespace

int Profile::Add(ProfiledExecutable executable) {
  const std::lock_guard lock(mutex_);
  entries_.push_back({std::move(executable), 0, {}, 0});
  return static_cast<int>(entries_.size()) - 1;
}

void Profile::Replace(int number, ProfiledExecutable executable) {
  const std::lock_guard lock(mutex_);
  entries_[number] = {std::move(executable), 0, {}, 0};
}

void Profile::Record(int number, InvokeTrace trace) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[number];
  ++entry.invocations;
  ++recorded_;
  entry.steps += StepCount(trace);
  entry.traces.push_back(std::move(trace));
  while (entry.traces.size() > kKeptInvocations || (entry.traces.size() > 1 && entry.steps > kKeptSteps)) {
    entry.steps -= StepCount(entry.traces.front());
    entry.traces.pop_front();
  }
}

int64_t Profile::recorded() const {
  const std::lock_guard lock(mutex_);
  return recorded_;
}

}  // namespace npu
