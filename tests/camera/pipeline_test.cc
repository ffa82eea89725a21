// The queue before a session: order, policies, deadlines, releases and statistics, with a runner of our own that does what
// a test needs. What a session does with frames is frame_pipeline_test's.
// SPDX-License-Identifier: Apache-2.0
#include "capi/pipeline.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <latch>
#include <map>
#include <random>
#include <semaphore>
#include <thread>

namespace npu {
namespace {

// Puts the job's id into its one output. A gate that is closed keeps it in Run() until somebody opens it.
class IdRunner : public PipelineRunner {
 public:
  struct Control {
    std::counting_semaphore<> gate{0};
    std::atomic<bool> gated = false;
    std::atomic<int> running = 0, begun = 0;
    std::atomic<bool> reads_in_place = false;
    std::atomic<bool> signals_blocked = false;
  };
  explicit IdRunner(Control& control) : control_(control) {}
  std::vector<size_t> output_sizes() const override { return {sizeof(uint64_t), 1}; }
  Status Run(const PipelineJob& job, const std::vector<std::byte*>& outputs, PipelineRead read, npu_fit_map& map) override {
    if (job.id % 1000 == 999) return Fail(ErrorCode::kInvalidArgument, "no frame");
    if (job.id % 1000 == 997) throw std::runtime_error("thrown");
    map.x0 = static_cast<double>(job.id);
    if (!control_.reads_in_place) read.call(read.user, 0);
    EXPECT_EQ(control_.running++, 0) << "two jobs at a time";
    ++control_.begun;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    control_.signals_blocked = sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGUSR1) == 1;
    if (control_.gated) control_.gate.acquire();
    std::memcpy(outputs[0], &job.id, sizeof job.id);
    --control_.running;
    if (job.id % 1000 == 998) return Fail(ErrorCode::kDevice, "device gone");
    return {};
  }

 private:
  Control& control_;
};

uint64_t Output(const npu_result& result) {
  uint64_t id = 0;
  std::memcpy(&id, result.outputs[0], sizeof id);
  return id;
}

uint64_t NowNs() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

class PipelineTest : public testing::Test {
 protected:
  void Start(size_t depth) {
    auto started = Pipeline::Start(std::make_unique<IdRunner>(control_), depth);
    ASSERT_TRUE(started);
    pipeline_ = std::move(*started);
  }
  PipelineJob Job(uint64_t id, npu_policy policy = NPU_POLICY_BLOCK, uint64_t deadline_ns = 0) {
    PipelineJob job;
    job.id = id;
    job.policy = policy;
    job.deadline_ns = deadline_ns;
    job.has_frame = true;
    job.frame.id = id;
    job.frame.user = this;
    job.frame.release = [](void* self, uint64_t id) { ++static_cast<PipelineTest*>(self)->releases_[id]; };
    return job;
  }
  npu_result Next(int64_t timeout_ns = 10'000'000'000) {
    npu_result result{};
    const auto got = pipeline_->Wait(timeout_ns, result);
    EXPECT_TRUE(got && *got);
    return result;
  }
  void WaitUntilBegun(int count) {
    while (control_.begun < count) std::this_thread::yield();
  }

  static constexpr size_t kMostIds = 20000;
  IdRunner::Control control_;
  std::vector<std::atomic<int>> releases_ = std::vector<std::atomic<int>>(kMostIds);
  std::unique_ptr<Pipeline> pipeline_;
};

TEST_F(PipelineTest, ResultsComeInOrderWithTheirOwnOutput) {
  Start(2);
  for (uint64_t id = 0; id < 100; ++id) {
    ASSERT_TRUE(pipeline_->Submit(Job(id)));
    const npu_result result = Next();
    EXPECT_EQ(result.id, id);
    EXPECT_EQ(result.state, NPU_JOB_DONE);
    EXPECT_EQ(result.output_count, 2u);
    EXPECT_EQ(Output(result), id);
    EXPECT_EQ(result.map.x0, static_cast<double>(id));
    EXPECT_LE(result.submitted_ns, result.started_ns);
    EXPECT_LE(result.started_ns, result.read_ns);
    EXPECT_LE(result.read_ns, result.finished_ns);
    EXPECT_EQ(releases_[id], 1);
  }
  EXPECT_TRUE(control_.signals_blocked);
}

TEST_F(PipelineTest, FailuresAreResultsAndTheNextJobRuns) {
  Start(2);
  for (const uint64_t id : {999u, 998u, 997u, 1000u}) ASSERT_TRUE(pipeline_->Submit(Job(id))) << id;
  npu_result result = Next();
  EXPECT_EQ(result.state, NPU_JOB_FAILED);
  EXPECT_EQ(result.status, NPU_INVALID_ARGUMENT);
  EXPECT_STREQ(result.text, "no frame");
  EXPECT_EQ(result.outputs, nullptr);
  result = Next();
  EXPECT_EQ(result.status, NPU_DEVICE_ERROR);
  EXPECT_STREQ(result.text, "device gone");
  result = Next();
  EXPECT_EQ(result.status, NPU_INTERNAL);
  EXPECT_NE(std::string(result.text).find("thrown"), std::string::npos);
  EXPECT_EQ(Output(Next()), 1000u);
  for (const uint64_t id : {997u, 998u, 999u, 1000u}) EXPECT_EQ(releases_[id], 1) << id;
  const npu_pipeline_stats stats = pipeline_->stats();
  EXPECT_EQ(stats.submitted, 4u);
  EXPECT_EQ(stats.done, 1u);
  EXPECT_EQ(stats.failed, 3u);
}

TEST_F(PipelineTest, DropOldestKeepsTheNewest) {
  control_.gated = true;
  Start(2);
  ASSERT_TRUE(pipeline_->Submit(Job(1)));
  WaitUntilBegun(1);
  for (uint64_t id = 2; id <= 5; ++id) ASSERT_TRUE(pipeline_->Submit(Job(id, NPU_POLICY_DROP_OLDEST)));
  EXPECT_EQ(releases_[2], 1) << "released at once";
  EXPECT_EQ(releases_[5], 0);
  control_.gate.release(10);
  std::map<uint64_t, npu_job_state> states;
  for (uint64_t id = 1; id <= 5; ++id) {
    const npu_result result = Next();
    EXPECT_EQ(result.id, id);
    states[result.id] = result.state;
    EXPECT_EQ(result.state == NPU_JOB_DROPPED, std::string(result.text) != "");
  }
  EXPECT_EQ(states, (std::map<uint64_t, npu_job_state>{{1, NPU_JOB_DONE}, {2, NPU_JOB_DROPPED}, {3, NPU_JOB_DROPPED},
                                                      {4, NPU_JOB_DONE}, {5, NPU_JOB_DONE}}));
  EXPECT_EQ(pipeline_->stats().dropped, 2u);
}

TEST_F(PipelineTest, DropNewKeepsWhatWaits) {
  control_.gated = true;
  Start(1);
  ASSERT_TRUE(pipeline_->Submit(Job(1)));
  WaitUntilBegun(1);
  for (uint64_t id = 2; id <= 4; ++id) ASSERT_TRUE(pipeline_->Submit(Job(id, NPU_POLICY_DROP_NEW)));
  control_.gate.release(10);
  const npu_job_state expected[] = {NPU_JOB_DONE, NPU_JOB_DONE, NPU_JOB_DROPPED, NPU_JOB_DROPPED};
  for (uint64_t id = 1; id <= 4; ++id) {
    const npu_result result = Next();
    EXPECT_EQ(result.id, id);
    EXPECT_EQ(result.state, expected[id - 1]) << id;
    EXPECT_EQ(releases_[id], 1);
  }
}

TEST_F(PipelineTest, DeadlinesDropWhatHasNotBegun) {
  control_.gated = true;
  Start(1);
  ASSERT_TRUE(pipeline_->Submit(Job(1, NPU_POLICY_BLOCK, NowNs() + 60'000'000'000)));
  WaitUntilBegun(1);
  const uint64_t soon = NowNs() + 5'000'000;
  ASSERT_TRUE(pipeline_->Submit(Job(2, NPU_POLICY_BLOCK, soon)));  // waits in the queue until it is late
  ASSERT_TRUE(pipeline_->Submit(Job(3, NPU_POLICY_BLOCK, soon)));  // waits for room until it is late
  EXPECT_GE(NowNs(), soon);
  EXPECT_EQ(releases_[3], 1);
  control_.gate.release(10);
  EXPECT_EQ(Next().state, NPU_JOB_DONE);
  EXPECT_EQ(Next().state, NPU_JOB_DROPPED);
  EXPECT_EQ(Next().state, NPU_JOB_DROPPED);
  EXPECT_EQ(releases_[2], 1);
}

TEST_F(PipelineTest, BlockedSubmitGoesOnWhenThereIsRoom) {
  control_.gated = true;
  Start(1);
  std::thread producer([&] {
    for (uint64_t id = 0; id < 20; ++id) EXPECT_TRUE(pipeline_->Submit(Job(id)));
  });
  control_.gate.release(20);
  for (uint64_t id = 0; id < 20; ++id) {
    const npu_result result = Next();
    EXPECT_EQ(result.id, id);
    EXPECT_EQ(Output(result), id);
  }
  producer.join();
}

TEST_F(PipelineTest, MemoryReadInPlaceIsReleasedWhenTheModelHasRun) {
  control_.gated = true;
  control_.reads_in_place = true;
  Start(1);
  ASSERT_TRUE(pipeline_->Submit(Job(1)));
  WaitUntilBegun(1);
  EXPECT_EQ(releases_[1], 0);
  control_.gate.release(1);
  Next();
  EXPECT_EQ(releases_[1], 1);
}

TEST_F(PipelineTest, WaitEndsAfterItsTimeout) {
  Start(1);
  npu_result result{};
  const auto none = pipeline_->Wait(0, result);
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
}

TEST_F(PipelineTest, ResultsThatNobodyFetchesHaveABound) {
  Start(1);
  Status status;
  uint64_t id = 0;
  while (status && id < 10000) status = pipeline_->Submit(Job(id++, NPU_POLICY_DROP_NEW));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kResourceExhausted);
  Next();
  EXPECT_TRUE(pipeline_->Submit(Job(id, NPU_POLICY_DROP_NEW)));
}

TEST_F(PipelineTest, StopsWithJobsInEveryState) {
  for (int round = 0; round < 200; ++round) {
    for (auto& count : releases_) count = 0;
    control_.gated = round % 2 == 0;
    control_.begun = 0;
    Start(3);
    std::thread waiter([&] {
      npu_result result{};
      while (auto got = pipeline_->Wait(-1, result)) {
        EXPECT_TRUE(*got);
        std::this_thread::yield();
      }
    });
    std::atomic<uint64_t> taken = 0;
    std::thread producer([&] {
      for (uint64_t id = 0; id < kMostIds && pipeline_->Submit(Job(id)); ++id) taken = id + 1;
    });
    while (control_.begun == 0) std::this_thread::yield();
    control_.gate.release(round % 2 == 0 ? 1 : 0);
    std::thread gate([&] {
      if (round % 2 == 0) control_.gate.release(100);
    });
    pipeline_->Stop();
    producer.join();
    waiter.join();
    gate.join();
    while (control_.gate.try_acquire()) {
    }
    for (uint64_t id = 0; id < taken; ++id) ASSERT_EQ(releases_[id], 1) << id;
    npu_result result{};
    EXPECT_FALSE(pipeline_->Wait(0, result));
    EXPECT_FALSE(pipeline_->Submit(Job(1)));
    pipeline_.reset();
  }
}

// A camera that is sometimes faster and sometimes slower than the model, under all policies.
TEST_F(PipelineTest, TenThousandJobsEndOnceEach) {
  constexpr uint64_t kJobs = 10000;
  Start(3);
  std::thread producer([&] {
    std::mt19937 random(5);
    for (uint64_t id = 0; id < kJobs; ++id) {
      const auto policy = static_cast<npu_policy>(random() % 3);
      const uint64_t deadline = random() % 8 == 0 ? NowNs() + random() % 20000 : 0;
      ASSERT_TRUE(pipeline_->Submit(Job(id, policy, deadline)));
      if (random() % 64 == 0) std::this_thread::sleep_for(std::chrono::microseconds(random() % 50));
    }
  });
  uint64_t done = 0, dropped = 0, failed = 0;
  for (uint64_t id = 0; id < kJobs; ++id) {
    const npu_result result = Next();
    ASSERT_EQ(result.id, id);
    ASSERT_TRUE(result.state != NPU_JOB_DONE || Output(result) == id) << id;
    (result.state == NPU_JOB_DONE ? done : result.state == NPU_JOB_DROPPED ? dropped : failed)++;
  }
  producer.join();
  npu_result result{};
  EXPECT_FALSE(*pipeline_->Wait(0, result));
  for (uint64_t id = 0; id < kJobs; ++id) ASSERT_EQ(releases_[id], 1) << id;
  const npu_pipeline_stats stats = pipeline_->stats();
  EXPECT_EQ(stats.submitted, kJobs);
  EXPECT_EQ(stats.done, done);
  EXPECT_EQ(stats.dropped, dropped);
  EXPECT_EQ(stats.failed, failed);
  EXPECT_EQ(done + dropped + failed, kJobs);
  EXPECT_GT(done, 0u);
  EXPECT_LE(stats.p50_ns, stats.p99_ns);
  EXPECT_LE(stats.p99_ns, stats.max_ns);
  EXPECT_GT(stats.fps, 0);
}

}  // namespace
}  // namespace npu
