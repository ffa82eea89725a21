// SPDX-License-Identifier: Apache-2.0
#include "backends/threads/helper_threads.h"

#include <algorithm>
#include <chrono>
#include <system_error>

#include "backends/threads/signals_blocked.h"
#include "backends/threads/spin.h"

namespace npu {
namespace {

// How long a free helper looks for its next seat before it sleeps: longer than what hosts do between two
// partitions, shorter than anybody's patience with a busy core. Waking up takes 5 to 50 us.
constexpr std::chrono::microseconds kLooks{60};

}  // namespace

class Helper {
 public:
  Helper() : thread_([this] { Run(); }) {}
  ~Helper() {
    {
      const std::lock_guard lock(mutex_);
      end_.store(true);
    }
    wake_.notify_one();
    thread_.join();
  }

  bool Offer(HelperSeat& seat, bool wake) {
    if (!wake && sleeps_.load(std::memory_order_relaxed)) return false;
    HelperSeat* none = nullptr;
    if (!seat_.compare_exchange_strong(none, &seat)) return false;
    // Sequentially consistent, like the sleeper's store and look: one of the two sees the other.
    if (sleeps_.load()) {
      { const std::lock_guard lock(mutex_); }
      wake_.notify_one();
    }
    return true;
  }

  bool Withdraw(HelperSeat& seat) {
    HelperSeat* offered = &seat;
    return seat_.compare_exchange_strong(offered, nullptr);
  }

 private:
  void Run() {
    while (HelperSeat* seat = Wait()) {
      if (!seat_.compare_exchange_strong(seat, Busy())) continue;  // withdrawn
      seat->work->Help(seat->member);
      seat->occupied.store(false, std::memory_order_release);  // the seat may be gone from here on
      seat_.store(nullptr);
    }
  }

  // A seat that was offered; null when the thread is to end.
  HelperSeat* Wait() {
    const auto start = std::chrono::steady_clock::now();
    for (int round = 0;; ++round) {
      if (HelperSeat* seat = seat_.load()) return seat;
      SpinOnce(round);
      if (round % 64 == 63 && std::chrono::steady_clock::now() - start > kLooks) break;
    }
    std::unique_lock lock(mutex_);
    sleeps_.store(true);
    wake_.wait(lock, [this] { return end_.load() || seat_.load() != nullptr; });
    sleeps_.store(false);
    return seat_.load();
  }

  // What seat_ holds while the helper works.
  static HelperSeat* Busy() {
    static HelperSeat busy;
    return &busy;
  }

  std::atomic<HelperSeat*> seat_{nullptr};
  std::atomic<bool> sleeps_{false}, end_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;  // the last member: it uses the others
};

namespace {

struct Pool {
  std::mutex mutex;
  std::weak_ptr<HelperThreads> threads;
};

// Never destroyed: hosts end without order.
Pool& ThePool() {
  static Pool* pool = new Pool;
  return *pool;
}

}  // namespace

std::shared_ptr<HelperThreads> HelperThreads::Get(int helpers, int most) {
  Pool& pool = ThePool();
  const std::lock_guard lock(pool.mutex);
  std::shared_ptr<HelperThreads> threads = pool.threads.lock();
  if (threads == nullptr) {
    threads.reset(new HelperThreads);
    threads->helpers_.reserve(kMost);  // so that growing moves nothing
    pool.threads = threads;
  }
  threads->Grow(std::min(threads->size_.load() + helpers, most));
  return threads;
}

HelperThreads::~HelperThreads() = default;

void HelperThreads::Grow(int size) {
  const SignalsBlocked blocked;
  while (size_.load() < std::min(size, kMost)) {
    try {
      helpers_.push_back(std::make_unique<Helper>());
    } catch (const std::system_error&) {
      return;  // the system has no more threads: the work is done by fewer
    }
    size_.store(size_.load() + 1, std::memory_order_release);
  }
}

bool HelperThreads::Offer(HelperSeat& seat, bool wake) {
  const int size = size_.load(std::memory_order_acquire);
  for (int i = 0; i < size; ++i) {
    seat.helper = helpers_[i].get();
    seat.occupied.store(true);
    if (helpers_[i]->Offer(seat, wake)) return true;
  }
  seat.occupied.store(false);
  return false;
}

void HelperThreads::Withdraw(HelperSeat& seat) {
  if (seat.occupied.load() && seat.helper->Withdraw(seat)) seat.occupied.store(false);
}

}  // namespace npu
