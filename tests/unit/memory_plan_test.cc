// SPDX-License-Identifier: Apache-2.0
#include "backends/memory_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

namespace npu {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

// Most bytes alive at one step: no layout can be smaller.
int64_t LowerBound(const std::vector<MemoryRequest>& requests) {
  int64_t most = 0;
  for (const MemoryRequest& at : requests) {
    int64_t alive = 0;
    for (const MemoryRequest& r : requests) {
      if (r.first <= at.first && at.first <= r.last) alive += r.bytes;
    }
    most = std::max(most, alive);
  }
  return most;
}

void ExpectSound(const std::vector<MemoryRequest>& requests, const MemoryLayout& layout, int64_t alignment) {
  ASSERT_EQ(layout.offsets.size(), requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(layout.offsets[i] % alignment, 0);
    EXPECT_GE(layout.offsets[i], 0);
    EXPECT_LE(layout.offsets[i] + requests[i].bytes, layout.total_bytes);
    for (size_t k = 0; k < i; ++k) {
      const bool same_time = requests[i].first <= requests[k].last && requests[k].first <= requests[i].last;
      const bool same_bytes = layout.offsets[i] < layout.offsets[k] + requests[k].bytes &&
                              layout.offsets[k] < layout.offsets[i] + requests[i].bytes;
      const bool both = requests[i].bytes > 0 && requests[k].bytes > 0;
      EXPECT_FALSE(same_time && same_bytes && both) << "blocks " << k << " and " << i;
    }
  }
}

TEST(MemoryPlan, NothingNeedsNothing) {
  const auto layout = PlanMemory({}, 64, 0);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->total_bytes, 0);
  EXPECT_TRUE(layout->offsets.empty());
}

TEST(MemoryPlan, ChainUsesTwoBlocks) {
  // 0 → 1 → 2 → 3: only neighbours are alive together.
  const std::vector<MemoryRequest> requests = {{256, 0, 1}, {256, 1, 2}, {256, 2, 3}, {256, 3, 4}};
  const auto layout = PlanMemory(requests, 64, kNoLimit);
  ASSERT_TRUE(layout);
  ExpectSound(requests, *layout, 64);
  EXPECT_EQ(layout->total_bytes, 512);
}

TEST(MemoryPlan, GapBetweenLongLivedBlocksIsFilled) {
  const std::vector<MemoryRequest> requests = {{1024, 0, 2}, {512, 1, 9}, {900, 3, 9}};
  const auto layout = PlanMemory(requests, 128, kNoLimit);
  ASSERT_TRUE(layout);
  ExpectSound(requests, *layout, 128);
  EXPECT_EQ(layout->offsets[2], 0);
  EXPECT_EQ(layout->total_bytes, 1536);
}

TEST(MemoryPlan, EmptyBlocksTakeNoRoom) {
  const std::vector<MemoryRequest> requests = {{0, 0, 5}, {10, 0, 5}, {0, 0, 5}};
  const auto layout = PlanMemory(requests, 64, 10);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->total_bytes, 10);
}

TEST(MemoryPlan, LimitIsExact) {
  const std::vector<MemoryRequest> requests = {{100, 0, 1}, {100, 1, 2}};
  EXPECT_TRUE(PlanMemory(requests, 64, 228));  // 128 + 100
  const auto layout = PlanMemory(requests, 64, 227);
  ASSERT_FALSE(layout);
  EXPECT_EQ(layout.error().code, ErrorCode::kResourceExhausted);
  EXPECT_NE(layout.error().text.find("227"), std::string::npos);
}

TEST(MemoryPlan, HugeSizesDoNotWrap) {
  const std::vector<MemoryRequest> requests = {{kNoLimit - 10, 0, 1}, {kNoLimit - 10, 0, 1}};
  const auto layout = PlanMemory(requests, 128, kNoLimit);
  ASSERT_FALSE(layout);
  EXPECT_EQ(layout.error().code, ErrorCode::kResourceExhausted);
}

TEST(MemoryPlan, BadRequestsAreErrors) {
  EXPECT_FALSE(PlanMemory(std::vector<MemoryRequest>{{-1, 0, 1}}, 64, kNoLimit));
  EXPECT_FALSE(PlanMemory(std::vector<MemoryRequest>{{1, 2, 1}}, 64, kNoLimit));
  EXPECT_FALSE(PlanMemory(std::vector<MemoryRequest>{{1, 0, 1}}, 48, kNoLimit));
  EXPECT_FALSE(PlanMemory(std::vector<MemoryRequest>{{1, 0, 1}}, 0, kNoLimit));
}

TEST(MemoryPlan, RandomRequestsNeverOverlap) {
  std::mt19937 engine(7);
  for (int round = 0; round < 300; ++round) {
    const int count = 1 + static_cast<int>(engine() % 60);
    const int steps = 1 + static_cast<int>(engine() % 40);
    const int64_t alignment = int64_t{1} << (engine() % 9);
    std::vector<MemoryRequest> requests;
    for (int i = 0; i < count; ++i) {
      const int first = static_cast<int>(engine() % steps);
      const int last = std::min(steps - 1, first + static_cast<int>(engine() % 6));
      const int64_t bytes = engine() % 8 == 0 ? 0 : static_cast<int64_t>(engine() % 5000);
      requests.push_back({bytes, first, last});
    }
    const auto layout = PlanMemory(requests, alignment, kNoLimit);
    ASSERT_TRUE(layout);
    ExpectSound(requests, *layout, alignment);
    EXPECT_GE(layout->total_bytes, LowerBound(requests));
    const auto again = PlanMemory(requests, alignment, kNoLimit);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->offsets, layout->offsets);
  }
}

// One behind the other, the largest first: what looking at every pair would find, too.
TEST(MemoryPlan, BlocksThatAreAliveAtOnceFollowEachOther) {
  const std::vector<MemoryRequest> requests = {{10, 0, 3}, {300, 1, 5}, {0, 2, 2}, {64, 3, 9}};
  const auto layout = PlanMemory(requests, 64, 1000);
  ASSERT_TRUE(layout) << layout.error().text;
  EXPECT_EQ(layout->offsets, (std::vector<int64_t>{384, 0, 0, 320}));
  EXPECT_EQ(layout->total_bytes, 394);
  EXPECT_FALSE(PlanMemory(requests, 64, 393));
  const std::vector<MemoryRequest> absurd = {{INT64_MAX, 0, 0}, {1, 0, 0}};
  EXPECT_FALSE(PlanMemory(absurd, 64, INT64_MAX));
}

}  // namespace
}  // namespace npu
