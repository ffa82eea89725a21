// SPDX-License-Identifier: Apache-2.0
#include "backends/threads/team_run.h"

#include "backends/threads/spin.h"

namespace npu {
namespace {

// How often a helper looks whether a step has come to its end before it leaves: some 200 us. The caller
// offers its seat again at the next divided step.
constexpr int kHelperLooks = 2000;

}  // namespace

// 24 bits of run, 20 of step, 10 each of front and back.
uint64_t TeamRun::Pack(uint64_t run, Place place) {
  return run << 40 | uint64_t{place.step} << 20 | uint64_t{place.front} << 10 | place.back;
}

TeamRun::Place TeamRun::Unpack(uint64_t packed) {
  return {static_cast<uint32_t>(packed >> 20 & 0xfffff), static_cast<uint32_t>(packed >> 10 & 0x3ff),
          static_cast<uint32_t>(packed & 0x3ff)};
}

TeamRun::TeamRun(std::vector<int> ranges, int members, std::shared_ptr<HelperThreads> helpers, Worker& worker, bool wake)
    : ranges_(std::move(ranges)),
      helpers_(std::move(helpers)),
      worker_(worker),
      wake_(wake),
      place_(Pack(0, {static_cast<uint32_t>(ranges_.size()), 0, 0})) {
  for (int member = 1; member < members; ++member) {
    seats_.push_back(std::make_unique<HelperSeat>());
    seats_.back()->work = this;
    seats_.back()->member = member;
  }
}

TeamRun::~TeamRun() {
  for (const auto& seat : seats_) {
    for (int round = 0; seat->occupied.load(std::memory_order_acquire); ++round) SpinOnce(round);
  }
}

void TeamRun::Run() {
  place_.store(Pack(++run_, {}), std::memory_order_release);
  Work(0);
  for (const auto& seat : seats_) HelperThreads::Withdraw(*seat);
}

void TeamRun::Help(int member) { Work(member); }

void TeamRun::OfferSeats() {
  for (const auto& seat : seats_) {
    if (!seat->occupied.load(std::memory_order_acquire) && !helpers_->Offer(*seat, wake_)) return;
  }
}

void TeamRun::Work(int member) {
  const bool caller = member == 0;
  uint32_t offered_step = ~0u;
  int looks = 0;
  for (uint64_t packed = place_.load(std::memory_order_acquire);;) {
    Place place = Unpack(packed);
    if (place.step >= ranges_.size()) return;
    const int divided = ranges_[place.step];
    const uint32_t ranges = divided == 0 ? 1 : static_cast<uint32_t>(divided);
    if (place.front + place.back < ranges && (divided != 0 || caller)) {
      if (caller && divided != 0 && offered_step != place.step) {
        offered_step = place.step;
        OfferSeats();
      }
      Place after = place;
      const uint32_t range = caller ? after.front++ : ranges - ++after.back;
      // The run's number is above all that changes.
      const uint64_t next = (packed >> 40 << 40) | (Pack(0, after));
      if (!place_.compare_exchange_weak(packed, next, std::memory_order_acq_rel, std::memory_order_acquire))
        continue;
      worker_.Do(static_cast<int>(place.step), static_cast<int>(range), member);
      if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 == static_cast<int>(ranges)) {
        done_.store(0, std::memory_order_relaxed);
        // Nobody else changes the place: nothing of this step is left to take.
        place_.store((packed >> 40 << 40) | Pack(0, {place.step + 1, 0, 0}), std::memory_order_release);
      }
      looks = 0;
    } else if (caller || looks < kHelperLooks) {
      SpinOnce(looks++);
    } else {
      return;
    }
    packed = place_.load(std::memory_order_acquire);
  }
}

}  // namespace npu
