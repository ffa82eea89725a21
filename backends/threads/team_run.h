// Steps of work that a caller does with whoever helps: members take ranges of a step until none is left, and
// the next step begins when all ranges that were taken are done. Nobody waits for a member that has taken
// nothing: a helper that comes late, or never, costs nothing. The caller takes ranges from the front and
// helpers from the back, so that a member mostly finds in its own cache what it wrote a step before.
// Thread-safe as said; no OpenCL here.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "backends/threads/helper_threads.h"

namespace npu {

class TeamRun : private SharedWork {
 public:
  static constexpr int kMostRanges = 1023, kMostSteps = (1 << 20) - 1;

  // Does one range of a step; undivided steps have one, and only member 0, the caller, does it. Does not
  // throw.
  class Worker {
   public:
    virtual ~Worker() = default;
    virtual void Do(int step, int range, int member) = 0;
  };

  // ranges: of every step, at most kMostSteps of them; 0: the step is not divided. At most kMostRanges.
  // `worker` outlives this. wake: helpers that sleep are woken.
  TeamRun(std::vector<int> ranges, int members, std::shared_ptr<HelperThreads> helpers, Worker& worker, bool wake = true);
  // Waits for helpers to leave.
  ~TeamRun() override;

  // Returns when all steps are done. One thread at a time.
  void Run();

 private:
  // What is to be taken next: when nothing of a step is left, its end is awaited.
  struct Place {
    uint32_t step = 0, front = 0, back = 0;  // back: ranges taken from the end
  };
  static uint64_t Pack(uint64_t run, Place place);
  static Place Unpack(uint64_t packed);

  void Help(int member) override;
  void Work(int member);
  void OfferSeats();

  const std::vector<int> ranges_;
  const std::shared_ptr<HelperThreads> helpers_;
  Worker& worker_;
  const bool wake_;
  std::vector<std::unique_ptr<HelperSeat>> seats_;
  uint64_t run_ = 0;  // counts Run()s, so that a place is never mistaken for one of another run
  // Apart from each other: members look at the place while others count.
  alignas(64) std::atomic<uint64_t> place_;  // a Pack()
  alignas(64) std::atomic<int> done_{0};     // ranges of the step that are done
};

}  // namespace npu
