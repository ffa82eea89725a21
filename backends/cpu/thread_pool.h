// A few threads for loops of the CPU backend. They sleep between loops; the calling thread always works, too, so a
// pool of one thread has none of its own. Loops of two callers at once do not mix: the second runs alone.
// Start at ForEach. What it calls must not throw and must not call ForEach of the same pool.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace npu {

class ThreadPool {
 public:
  // threads: workers and the caller together; less than 1: as many as the machine has.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // task(i, thread) for every i in [0, count), in any order; `thread` in [0, threads()) says which thread of the pool
  // it is, 0 for the caller. Returns when all have been done.
  template <typename Task>
  void ForEach(int64_t count, const Task& task) {
    Run(count, [](const void* t, int64_t i, int thread) { (*static_cast<const Task*>(t))(i, thread); }, &task);
  }

 private:
  using Call = void (*)(const void* task, int64_t i, int thread);
  void Run(int64_t count, Call call, const void* task);
  void Work(int thread);
  void WorkLoop(int thread);

  std::vector<std::thread> workers_;
  std::mutex busy_;
  // The loop that runs. Written while no worker is in it, published by `loops_`.
  Call call_ = nullptr;
  const void* task_ = nullptr;
  int64_t count_ = 0;
  std::atomic<int64_t> next_{0};
  std::atomic<int> working_{0};      // workers that have not finished with this loop
  std::atomic<uint32_t> loops_{0};  // started so far
  std::atomic<bool> stop_{false};
};

// A loop over `count` pieces of about `cost` elementary operations each, in the pool if there is one and the loop is
// long enough to be worth waking threads for. task(begin, end, thread) does the pieces [begin, end).
template <typename Task>
void ParallelRangesOn(ThreadPool* pool, int64_t count, int64_t cost, const Task& task) {
  // Waking a sleeping thread takes some ten microseconds, in which one thread does about this many operations.
  constexpr int64_t kWorthWaking = 65536;
  constexpr int64_t kRangesPerThread = 4;  // so that a thread that starts late costs little
  const int64_t threads = pool == nullptr ? 1 : pool->threads();
  const int64_t worth = cost <= 0 ? 1 : count / (kWorthWaking / cost + 1);
  const int64_t ranges = threads == 1 ? 1 : std::min<int64_t>({count, worth, threads * kRangesPerThread});
  if (ranges <= 1) {
    if (count > 0) task(int64_t{0}, count, 0);
    return;
  }
  pool->ForEach(ranges,
                [&](int64_t i, int thread) { task(count * i / ranges, count * (i + 1) / ranges, thread); });
}

// The same where it does not matter which thread it is: task(begin, end).
template <typename Task>
void ParallelRanges(ThreadPool* pool, int64_t count, int64_t cost, const Task& task) {
  ParallelRangesOn(pool, count, cost, [&](int64_t begin, int64_t end, int) { task(begin, end); });
}

}  // namespace npu
