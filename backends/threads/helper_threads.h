// Threads that help others with their work: one pool in the process, as many as are asked for, together.
// A helper that is free takes the first seat it is offered, works there and is free again; who offers a seat
// never waits for anybody to sit down. Free helpers look for a seat for a moment, then sleep. They block all
// signals. The threads end when the last owner of the pool lets it go, so that the library can be unloaded.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace npu {

class SharedWork {
 public:
  virtual ~SharedWork() = default;
  // Works as `member` (its seat's) until nothing is left to do. Does not throw.
  virtual void Help(int member) = 0;
};

// A place at a piece of work. One thread offers and withdraws it; whoever destroys it waits until it is free.
struct HelperSeat {
  SharedWork* work = nullptr;
  int member = 0;
  std::atomic<bool> occupied{false};  // offered, or somebody sits there
  class Helper* helper = nullptr;     // to whom it was offered
};

class HelperThreads {
 public:
  // The process's pool, with `helpers` threads more than it had, but not more than `most`; fewer where the
  // system gives no more.
  static std::shared_ptr<HelperThreads> Get(int helpers, int most);
  ~HelperThreads();
  HelperThreads(const HelperThreads&) = delete;
  HelperThreads& operator=(const HelperThreads&) = delete;

  // To a free helper; false: there is none. `seat` must be free. wake: also one that sleeps.
  bool Offer(HelperSeat& seat, bool wake = true);
  // Frees the seat unless its helper has already taken it.
  static void Withdraw(HelperSeat& seat);

 private:
  HelperThreads() = default;
  void Grow(int size);

  // Grown under the pool's mutex (helper_threads.cc); never shrinks, and read without it up to size_.
  static constexpr int kMost = 256;
  std::vector<std::unique_ptr<Helper>> helpers_;
  std::atomic<int> size_{0};
};

}  // namespace npu
