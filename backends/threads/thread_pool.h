// Loops of the CPU backend on several threads: the caller and the process's helpers (helper_threads.h), which teams
// on an OpenCL device use, too. Loops of two callers at once do not mix: the second runs alone.
// Start at ParallelRanges. What it calls must not throw and must not start a loop on the same pool.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>

#include "backends/threads/team_run.h"

namespace npu {

class ThreadPool : private TeamRun::Worker {
 public:
  // threads: helpers and the caller together; less than 1: as many as the machine has.
  explicit ThreadPool(int threads);

  int threads() const { return threads_; }

  // task(begin, end, thread) for ranges that make up [0, count), in any order; `thread` in [0, threads()) says who it is,
  // 0 for the caller. Returns when all have been done.
  template <typename Task>
  void ForRanges(int64_t count, const Task& task) {
    Run(
        count,
        [](const void* t, int64_t begin, int64_t end, int thread) { (*static_cast<const Task*>(t))(begin, end, thread); },
        &task);
  }

 private:
  using Call = void (*)(const void* task, int64_t begin, int64_t end, int thread);
  void Run(int64_t count, Call call, const void* task);
  void Do(int step, int range, int member) override;

  const int threads_, ranges_;
  std::mutex busy_;
  // The loop that runs; under busy_.
  Call call_ = nullptr;
  const void* task_ = nullptr;
  int64_t count_ = 0;
  TeamRun run_;  // of one step
};

// A loop over `count` pieces of about `cost` elementary operations each, in the pool if there is one and the loop is
// long enough to be worth waking threads for. task(begin, end, thread) does the pieces [begin, end).
template <typename Task>
void ParallelRangesOn(ThreadPool* pool, int64_t count, int64_t cost, const Task& task) {
  // Waking a sleeping thread takes some ten microseconds, in which one thread does about this many operations.
  constexpr int64_t kWorthWaking = 65536;
  const int64_t worth = cost <= 0 ? 1 : count / (kWorthWaking / cost + 1);
  if (pool != nullptr && pool->threads() > 1 && std::min(count, worth) > 1) {
    pool->ForRanges(count, task);
  } else if (count > 0) {
    task(int64_t{0}, count, 0);
  }
}

// The same where it does not matter which thread it is: task(begin, end).
template <typename Task>
void ParallelRanges(ThreadPool* pool, int64_t count, int64_t cost, const Task& task) {
  ParallelRangesOn(pool, count, cost, [&](int64_t begin, int64_t end, int) { task(begin, end); });
}

}  // namespace npu
