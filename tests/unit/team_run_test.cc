// SPDX-License-Identifier: Apache-2.0
#include "backends/threads/team_run.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <thread>

namespace npu {
namespace {

using std::chrono::milliseconds;

// Counts who did what, and that no range begins before the step before has ended.
class Counter : public TeamRun::Worker {
 public:
  explicit Counter(std::vector<int> ranges) : ranges_(std::move(ranges)), done_(ranges_.size()) {}
  void Do(int step, int range, int member) override {
    if (step > 0 && done_[step - 1].load() < Ranges(step - 1)) ++early;
    if (range < 0 || range >= Ranges(step)) ++wrong;
    if (ranges_[step] == 0 && member != 0) ++wrong;
    if (member != 0) ++helped;
    if (pause_) std::this_thread::sleep_for(milliseconds(1));
    ++done_[step];
  }
  int Ranges(int step) const { return ranges_[step] == 0 ? 1 : ranges_[step]; }
  // Whether every range was done once; starts anew.
  bool Complete() {
    bool complete = true;
    for (size_t i = 0; i < done_.size(); ++i) complete &= done_[i].exchange(0) == Ranges(static_cast<int>(i));
    return complete;
  }

  std::atomic<int> early{0}, wrong{0}, helped{0};
  bool pause_ = false;

 private:
  const std::vector<int> ranges_;
  std::vector<std::atomic<int>> done_;
};

TEST(TeamRun, EveryRangeIsDoneOnceAndStepsFollowEachOther) {
  const std::vector<int> ranges = {4, 0, 2, 7, 1, 0, 16, 3};
  for (int members : {1, 2, 3, 5}) {
    Counter counter(ranges);
    TeamRun run(ranges, members, HelperThreads::Get(members - 1, 4), counter);
    for (int i = 0; i < 2000; ++i) {
      run.Run();
      ASSERT_TRUE(counter.Complete()) << members << " members, run " << i;
    }
    EXPECT_EQ(counter.early, 0);
    EXPECT_EQ(counter.wrong, 0);
  }
}

TEST(TeamRun, HelpersHelpAndWakeUpAgain) {
  const std::vector<int> ranges = {8, 8};
  Counter counter(ranges);
  counter.pause_ = true;
  TeamRun run(ranges, 2, HelperThreads::Get(1, 1), counter);
  for (int i = 0; i < 3; ++i) {
    counter.helped = 0;
    run.Run();
    EXPECT_TRUE(counter.Complete());
    EXPECT_GT(counter.helped, 0) << i;
    std::this_thread::sleep_for(milliseconds(20));  // longer than a helper looks for work: it sleeps
  }
}

TEST(TeamRun, WithoutHelpersTheCallerDoesItAll) {
  const std::vector<int> ranges = {4, 4};
  Counter counter(ranges);
  TeamRun run(ranges, 4, HelperThreads::Get(0, 0), counter);
  run.Run();
  EXPECT_TRUE(counter.Complete());
  EXPECT_EQ(counter.helped, 0);
}

TEST(TeamRun, NothingToDo) {
  Counter counter({});
  TeamRun run({}, 2, HelperThreads::Get(1, 1), counter);
  run.Run();
  EXPECT_TRUE(counter.Complete());
}

// More runs at a time than helpers, and more helpers than cores.
TEST(TeamRun, ManyCallersShareThePool) {
  const std::vector<int> ranges = {3, 5, 0, 8};
  std::atomic<int> failures{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 6; ++c) {
    callers.emplace_back([&, c] {
      for (int round = 0; round < 20; ++round) {  // the pool comes and goes
        Counter counter(ranges);
        TeamRun run(ranges, 2 + c % 3, HelperThreads::Get(2, 3), counter);
        for (int i = 0; i < 100; ++i) {
          run.Run();
          if (!counter.Complete()) ++failures;
        }
        failures += counter.early + counter.wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(failures, 0);
}

TEST(HelperThreads, GetNoSignals) {
  class Look : public SharedWork {
   public:
    void Help(int) override {
      sigset_t mask;
      pthread_sigmask(SIG_SETMASK, nullptr, &mask);
      blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGUSR1) == 1;
    }
    std::atomic<bool> blocked{false};
  } look;
  const auto pool = HelperThreads::Get(1, 1);
  HelperSeat seat;
  seat.work = &look;
  while (!pool->Offer(seat)) std::this_thread::yield();
  while (seat.occupied.load()) std::this_thread::yield();
  EXPECT_TRUE(look.blocked);
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0);
}

}  // namespace
}  // namespace npu
