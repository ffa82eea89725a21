// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/launch_steps.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace npu {
namespace {

using Point = std::array<size_t, 3>;

// Every work-item of a range, in groups.
void Add(const LaunchShape& range, std::multiset<Point>& groups) {
  for (size_t d = 0; d < 3; ++d) {
    ASSERT_GT(range.global[d], 0u);
    ASSERT_EQ(range.global[d] % range.local[d], 0u);
  }
  for (size_t z = 0; z < range.global[2]; z += range.local[2]) {
    for (size_t y = 0; y < range.global[1]; y += range.local[1]) {
      for (size_t x = 0; x < range.global[0]; x += range.local[0]) {
        groups.insert({range.offset[0] + x, range.offset[1] + y, range.offset[2] + z});
      }
    }
  }
}

TEST(LaunchSteps, RangesAreTheLaunchAndNothingTwice) {
  std::mt19937 engine(7);
  const auto dice = [&](int max) { return std::uniform_int_distribution<size_t>(1, max)(engine); };
  for (int i = 0; i < 300; ++i) {
    LaunchCost launch;
    launch.microseconds = static_cast<double>(dice(200));
    launch.shape.offset = {0, 0, dice(2) - 1};
    for (size_t d = 0; d < 3; ++d) {
      launch.shape.local[d] = dice(2) == 1 ? 1 : dice(4);
      launch.shape.global[d] = dice(9) * launch.shape.local[d];
    }
    const std::vector<LaunchStep> steps = DivideLaunches(std::span(&launch, 1), static_cast<int>(dice(5)));
    ASSERT_EQ(steps.size(), 1u);
    std::multiset<Point> whole, parts;
    Add(launch.shape, whole);
    for (const LaunchShape& range : steps[0].ranges) Add(range, parts);
    if (!steps[0].ranges.empty()) {
      EXPECT_EQ(parts, whole) << i;
    }
  }
}

TEST(LaunchSteps, OnlyLongLaunchesAreDividedAndTheOthersJoined) {
  const LaunchShape shape = {{8, 100, 1}, {1, 1, 1}, {0, 0, 1}};
  const std::vector<LaunchCost> launches = {{shape, 1}, {shape, 1}, {shape, 50}, {shape, 50}, {shape, 0.5}};
  const std::vector<LaunchStep> steps = DivideLaunches(launches, 2);
  ASSERT_EQ(steps.size(), 4u);
  EXPECT_EQ(steps[0].first, 0);
  EXPECT_EQ(steps[0].count, 2);
  EXPECT_TRUE(steps[0].ranges.empty());
  for (int i : {1, 2}) {
    EXPECT_EQ(steps[i].first, i + 1);
    EXPECT_EQ(steps[i].count, 1);
    EXPECT_GE(steps[i].ranges.size(), 2u);
  }
  EXPECT_EQ(steps[3].first, 4);
  EXPECT_TRUE(steps[3].ranges.empty());
}

TEST(LaunchSteps, RangesAreCutWhereTheyAreMostAlike) {
  const LaunchCost launch = {{{2, 3, 1}, {1, 1, 1}, {}}, 20};  // one of two is less than two of three
  const std::vector<LaunchStep> steps = DivideLaunches(std::span(&launch, 1), 2);
  ASSERT_EQ(steps[0].ranges.size(), 2u);
  for (const LaunchShape& range : steps[0].ranges) EXPECT_EQ(range.global, (std::array<size_t, 3>{1, 3, 1}));
}

TEST(LaunchSteps, OneMemberOrOneGroupDividesNothing) {
  const LaunchCost wide = {{{64, 64, 1}, {1, 1, 1}, {}}, 1000}, single = {{{32, 1, 1}, {32, 1, 1}, {}}, 1000};
  EXPECT_TRUE(DivideLaunches(std::span(&wide, 1), 1)[0].ranges.empty());
  EXPECT_TRUE(DivideLaunches(std::span(&single, 1), 4)[0].ranges.empty());
  EXPECT_TRUE(DivideLaunches({}, 4).empty());
}

}  // namespace
}  // namespace npu
