// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/thread_pool.h"

#include <system_error>

namespace npu {
namespace {

// Looks that a thread takes before it sleeps: loops follow each other closely within one Invoke.
constexpr int kLooks = 2000;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Until `value` is no longer `old`.
template <typename T>
void WaitWhile(const std::atomic<T>& value, T old) {
  for (int i = 0; i < kLooks; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    Pause();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  if (threads < 1) threads = static_cast<int>(std::thread::hardware_concurrency());
  // A system that gives fewer threads gives what it has: the caller works in any case.
  try {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { WorkLoop(i); });
  } catch (const std::system_error&) {
  }
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_relaxed);
  loops_.fetch_add(1, std::memory_order_release);
  loops_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(int64_t count, Call call, const void* task) {
  const std::unique_lock lock(busy_, std::try_to_lock);
  if (!lock.owns_lock() || workers_.empty() || count <= 1) {
    for (int64_t i = 0; i < count; ++i) call(task, i, 0);
    return;
  }
  call_ = call;
  task_ = task;
  count_ = count;
  next_.store(0, std::memory_order_relaxed);
  working_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  loops_.fetch_add(1, std::memory_order_release);
  loops_.notify_all();
  Work(0);
  for (int left = working_.load(std::memory_order_acquire); left > 0; left = working_.load(std::memory_order_acquire)) {
    WaitWhile(working_, left);
  }
}

void ThreadPool::Work(int thread) {
  for (int64_t i = next_.fetch_add(1, std::memory_order_relaxed); i < count_;
       i = next_.fetch_add(1, std::memory_order_relaxed)) {
    call_(task_, i, thread);
  }
}

void ThreadPool::WorkLoop(int thread) {
  uint32_t seen = 0;
  while (true) {
    WaitWhile(loops_, seen);
    ++seen;
    if (stop_.load(std::memory_order_relaxed)) return;
    Work(thread);
    if (working_.fetch_sub(1, std::memory_order_acq_rel) == 1) working_.notify_all();
  }
}

}  // namespace npu
