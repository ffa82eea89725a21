// What one measured Invoke did, and when: plain data, filled by the executables (Executable::InvokeTraced) and read
// by partitioner/profile.h. All times are nanoseconds of the host's steady clock; a device's own times have been
// shifted to it. Steps of a device may overlap the phases "queue" and "run" of their segment, never each other.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

namespace npu {

inline int64_t TraceClockNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// One kernel launch, or one operator computed by the CPU backend.
struct TraceStep {
  int op = 0;               // into the compiled graph
  std::string_view kernel;  // a literal; empty: the CPU backend
  int64_t begin_ns = 0, end_ns = 0;
};

// How steps were timed.
enum class TraceClock : uint8_t {
  kHost,    // around each operator, in the thread that computes it
  kDevice,  // by the driver, one queue for all
  kLaunch,  // around each launch, waiting for it: includes what a launch costs
};

// The phases of a segment, one after the other.
struct SegmentTrace {
  int part = 0;           // of its partition, in the order they run
  bool replaced = false;  // the device has failed: the CPU computed it
  TraceClock clock = TraceClock::kHost;
  // Copied or converted of its inputs and outputs, states included: not what kernels use where the caller has it, and
  // nothing on the CPU.
  int64_t upload_bytes = 0, download_bytes = 0;
  int64_t begin_ns = 0;
  int64_t uploaded_ns = 0;  // upload: inputs converted and copied to where kernels read them
  int64_t queued_ns = 0;    // queue: launches handed to the driver
  int64_t ran_ns = 0;       // run: until the last one has ended
  int64_t end_ns = 0;       // download: outputs copied back and converted
  std::vector<TraceStep> steps;
};

struct InvokeTrace {
  std::vector<SegmentTrace> segments;
};

}  // namespace npu
