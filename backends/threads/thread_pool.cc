// SPDX-License-Identifier: Apache-2.0
#include "backends/threads/thread_pool.h"

#include <thread>

namespace npu {
namespace {

int ThreadsOf(int wanted) {
  return wanted > 0 ? wanted : std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
}

// Several for each thread, so that one that starts late costs little.
int RangesFor(int threads) { return std::min(4 * threads, TeamRun::kMostRanges); }

std::shared_ptr<HelperThreads> HelpersFor(int threads) {
  // Helpers beyond the machine's cores would only take them from each other.
  return HelperThreads::Get(threads - 1, std::max(threads, ThreadsOf(0)) - 1);
}

}  // namespace

ThreadPool::ThreadPool(int threads)
    : threads_(ThreadsOf(threads)),
      ranges_(RangesFor(threads_)),
      run_({ranges_}, threads_, HelpersFor(threads_), *this) {}

void ThreadPool::Run(int64_t count, Call call, const void* task) {
  const std::unique_lock lock(busy_, std::try_to_lock);
  if (!lock.owns_lock()) return call(task, 0, count, 0);
  call_ = call;
  task_ = task;
  count_ = count;
  run_.Run();
}

void ThreadPool::Do(int, int range, int member) {
  const int64_t begin = count_ * range / ranges_, end = count_ * (range + 1) / ranges_;
  if (begin < end) call_(task_, begin, end, member);
}

}  // namespace npu
