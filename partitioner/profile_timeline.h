// The events of a Chrome trace ("traceEvents"), of traced invocations: two rows of a process, what the host does
// (partitions, their segments, the segments' phases) and what computes (one event per launch or CPU operator).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "partitioner/profile.h"

namespace npu {

class TimelineWriter {
 public:
  TimelineWriter(const Plan& plan, std::string device) : plan_(plan), device_(std::move(device)) {}

  void Add(int partition, const ProfiledExecutable& executable, const InvokeTrace& trace);

  // Metadata first, then complete events ("X") by the time they begin, the longer first: an event comes after what
  // encloses it. Microseconds since the first event.
  nlohmann::json Events() const;

 private:
  struct Event {
    int64_t begin_ns = 0, end_ns = 0;
    int row = 0;
    std::string name, category;
    nlohmann::json args;
  };
  void AddSegment(const ProfiledExecutable& executable, const SegmentTrace& segment);

  const Plan& plan_;
  const std::string device_;
  std::vector<Event> events_;
};

}  // namespace npu
