// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/launch_shape.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace npu {
namespace {

using Items = std::array<size_t, 3>;

size_t Product(const Items& items) { return items[0] * items[1] * items[2]; }

TEST(LaunchShape, ARequiredGroupIsKept) {
  const LaunchShape tile = ChooseLaunchShape({10, 5, 3}, {1, 1, 1}, 256, 2);
  EXPECT_EQ(tile.local, (Items{1, 1, 1}));
  EXPECT_EQ(tile.global, (Items{10, 5, 3}));
  const LaunchShape simt = ChooseLaunchShape({10, 5, 3}, {4, 2, 1}, 256, 2);
  EXPECT_EQ(simt.local, (Items{4, 2, 1}));
  EXPECT_EQ(simt.global, (Items{40, 2 * 5 * kSimtPieces, 3}));
}

TEST(LaunchShape, SmallCpuLaunchesGoItemByItem) {
  const LaunchShape shape = ChooseLaunchShape({100, 2, 1}, {0, 0, 0}, 4096, 2);
  EXPECT_EQ(shape.local, (Items{1, 1, 1}));
  EXPECT_EQ(shape.global, (Items{100, 2, 1}));
}

TEST(LaunchShape, SmallCpuLaunchesTakeTheUsualGroupWhereItFits) {
  const LaunchShape shape = ChooseLaunchShape({100, 2, 1}, {0, 0, 0}, 4096, 2, {32, 1, 1});
  EXPECT_EQ(shape.local, (Items{32, 1, 1}));
  EXPECT_EQ(shape.global, (Items{128, 2, 1}));
  EXPECT_EQ(ChooseLaunchShape({96, 2, 1}, {0, 0, 0}, 4096, 2, {32, 1, 1}).local, (Items{1, 1, 1}));
  EXPECT_EQ(ChooseLaunchShape({100, 2, 1}, {0, 0, 0}, 4096, 2, {1, 32, 1}).local, (Items{1, 1, 1}));
  EXPECT_EQ(ChooseLaunchShape({100, 2, 1}, {0, 0, 0}, 16, 2, {32, 1, 1}).local, (Items{1, 1, 1}));
  EXPECT_EQ(ChooseLaunchShape({25000, 4, 1}, {0, 0, 0}, 4096, 2, {1, 32, 1}).local, (Items{32, 1, 1}));
}

TEST(LaunchShape, CpuGroupsFollowTheLongDimension) {
  EXPECT_EQ(ChooseLaunchShape({4, 25000, 1}, {0, 0, 0}, 4096, 2).local, (Items{1, 32, 1}));
  EXPECT_EQ(ChooseLaunchShape({25000, 4, 1}, {0, 0, 0}, 4096, 2).local, (Items{32, 1, 1}));
  EXPECT_EQ(ChooseLaunchShape({25000, 4, 1}, {0, 0, 0}, 4096, 2).global, (Items{25024, 4, 1}));
}

TEST(LaunchShape, PrimeRangesStillGetGroupsOnGpus) {
  const LaunchShape shape = ChooseLaunchShape({1009, 1, 1}, {0, 0, 0}, 1024, 0);
  EXPECT_EQ(shape.local, (Items{64, 1, 1}));
  EXPECT_EQ(shape.global, (Items{1024, 1, 1}));
}

TEST(LaunchShape, NothingStaysNothing) {
  EXPECT_EQ(Product(ChooseLaunchShape({0, 5, 1}, {0, 0, 0}, 64, 0).global), 0u);
  EXPECT_EQ(Product(ChooseLaunchShape({7, 0, 1}, {0, 0, 0}, 64, 2).global), 0u);
}

TEST(LaunchShape, CoversEveryItemInWholeGroups) {
  std::mt19937 engine(3);
  std::set<Items> cpu_groups;
  for (int round = 0; round < 5000; ++round) {
    const Items items = {1 + engine() % 3000, 1 + engine() % (1 + engine() % 300), 1 + engine() % 5};
    const size_t max_group = size_t{1} << (engine() % 11);
    const int units = static_cast<int>(engine() % 3) * 8;
    const LaunchShape shape = ChooseLaunchShape(items, {0, 0, 0}, max_group, units);
    EXPECT_LE(Product(shape.local), max_group);
    for (size_t d = 0; d < 3; ++d) {
      EXPECT_EQ(shape.global[d] % shape.local[d], 0u);
      EXPECT_GE(shape.global[d], items[d]);
      EXPECT_LT(shape.global[d] - items[d], shape.local[d]);
    }
    if (units > 0) cpu_groups.insert(shape.local);
  }
  EXPECT_LE(cpu_groups.size(), 4u);
}

}  // namespace
}  // namespace npu
