// A queue of jobs in front of one runner, and a thread that works through it. Results leave in the order in which jobs
// came; every job that was taken ends once, as done, dropped or failed. Policies, deadlines and statistics are here; what a
// job does is the Runner's.
// One thread may submit while another waits. A frame's release is never called under the lock, so that it may do anything
// but call the pipeline.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "capi/npu_pipeline.h"

namespace npu {

// npu_job with copies of what it points to.
struct PipelineJob {
  uint64_t id = 0;
  size_t input = 0;
  bool has_frame = false;
  npu_frame frame{};
  npu_fit fit{};
  const std::byte* data = nullptr;
  uint64_t deadline_ns = 0;
  npu_policy policy = NPU_POLICY_BLOCK;
};

// Called once the job's frame, or data, is no longer needed; not at all if it is needed until the end.
struct PipelineRead {
  void (*call)(void* user, uint64_t);
  void* user;
};

class PipelineRunner {
 public:
  virtual ~PipelineRunner() = default;
  // Bytes of each output.
  virtual std::vector<size_t> output_sizes() const = 0;
  // Computes the job's outputs. `map` is the frame's.
  virtual Status Run(const PipelineJob& job, const std::vector<std::byte*>& outputs, PipelineRead read, npu_fit_map& map) = 0;
};

class Pipeline {
 public:
  // kResourceExhausted: no memory or thread.
  static Result<std::unique_ptr<Pipeline>> Start(std::unique_ptr<PipelineRunner> runner, size_t depth);
  ~Pipeline();  // as Stop()

  Status Submit(const PipelineJob& job);
  // False: the timeout is over. Pointers in `out` hold until the next call. timeout_ns < 0: none.
  Result<bool> Wait(int64_t timeout_ns, npu_result& out);
  void Stop();
  bool running() const;
  npu_pipeline_stats stats() const;

 private:
  enum class State : uint8_t { kWaiting, kRunning, kEnded };
  struct Entry {
    PipelineJob job;
    State state = State::kWaiting;
    npu_result result{};
    std::string text;
    int slot = -1;  // of outputs
    bool released = false;
  };
  struct Slot {
    std::vector<std::vector<std::byte>> memory;
    std::vector<std::byte*> outputs;
    bool free = true;
  };

  Pipeline(std::unique_ptr<PipelineRunner> runner, size_t depth);
  void Work();
  void RunEntry(Entry& entry);
  void End(Entry& entry, npu_job_state state, npu_status status, std::string text);
  static void Release(Entry& entry);
  std::optional<size_t> FreeSlot() const;
  Entry* FirstWaiting();

  const std::unique_ptr<PipelineRunner> runner_;
  const size_t depth_;
  std::vector<Slot> slots_;

  mutable std::mutex mutex_;
  std::condition_variable work_, room_, ended_;
  std::list<Entry> entries_;   // in order of submission
  std::list<Entry> held_;      // the one whose result the caller looks at
  std::list<Entry> spare_;     // so that a running pipeline allocates nothing
  size_t waiting_ = 0;
  bool stopping_ = false;
  npu_pipeline_stats stats_{};
  uint64_t first_submit_ns_ = 0, last_finish_ns_ = 0;
  std::array<uint64_t, 4096> latencies_{};  // the last ones, in a ring
  std::thread worker_;
};

}  // namespace npu
