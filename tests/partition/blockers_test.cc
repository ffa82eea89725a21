// Causes and victims, and what each cause costs, on graphs made here.
// SPDX-License-Identifier: Apache-2.0
#include "partitioner/blockers.h"

#include <numeric>

#include "tests/partition/small_net.h"

namespace npu::test {
namespace {

using Ints = std::vector<int>;

// Every op off the NPU is a cause of one blocker, or a victim.
void ExpectComplete(const Plan& plan, const std::vector<Blocker>& blockers) {
  Ints causes(plan.ops.size()), victims(plan.ops.size());
  for (const Blocker& blocker : blockers) {
    EXPECT_FALSE(blocker.ops.empty());
    for (int op : blocker.ops) ++causes[op];
    for (int op : blocker.victims) ++victims[op];
  }
  for (size_t i = 0; i < plan.ops.size(); ++i) {
    const bool off = plan.ops[i].placement != Placement::kNpu;
    EXPECT_EQ(causes[i] == 1 || (causes[i] == 0 && victims[i] > 0), off) << i;
    EXPECT_TRUE(causes[i] == 0 || victims[i] == 0) << i;
  }
}

std::vector<Blocker> Find(const Plan& plan) {
  std::vector<Blocker> blockers = FindBlockers(plan);
  ExpectComplete(plan, blockers);
  return blockers;
}

TEST(Blockers, NoneWhereAllIsOnTheNpu) {
  Net net;
  const int out = net.Relu(net.Conv(net.Input()));
  EXPECT_TRUE(Find(MakeHoldingPlan(net.builder.Build({out}))).empty());
}

// conv -> UNIQUE -> conv -> UNIQUE -> conv: two operators, one cause; without it one partition instead of three.
TEST(Blockers, GroupsWhatIsTheSameCause) {
  Net net;
  const int out = net.Conv(net.Host(net.Conv(net.Host(net.Conv(net.Input())))));
  const Plan plan = MakeHoldingPlan(net.builder.Build({out}));
  ASSERT_EQ(Placements(plan), "NhNhN");
  const auto blockers = Find(plan);
  ASSERT_EQ(blockers.size(), 1u);
  EXPECT_EQ(blockers[0].ops, (Ints{1, 3}));
  EXPECT_EQ(blockers[0].victims, Ints{});
  EXPECT_EQ(blockers[0].macs, 0);
  EXPECT_EQ(blockers[0].boundaries, static_cast<int>(plan.boundaries.size()));
  EXPECT_EQ(blockers[0].bytes, std::accumulate(plan.boundaries.begin(), plan.boundaries.end(), int64_t{0},
                                               [](int64_t sum, const Boundary& b) { return sum + b.bytes; }));
  EXPECT_EQ(blockers[0].extra_partitions, 2);
}

TEST(Blockers, DifferentReasonsAreDifferentCauses) {
  Net net;
  const int a = net.Host(net.Conv(net.Input()));
  const int b = net.Unary(OpKind::kCos, net.Conv(a));
  const Plan plan = MakeHoldingPlan(net.builder.Build({net.Conv(b)}));
  ASSERT_EQ(Placements(plan), "NhNhN");
  const auto blockers = Find(plan);
  ASSERT_EQ(blockers.size(), 2u);
  for (const Blocker& blocker : blockers) {
    EXPECT_EQ(blocker.ops.size(), 1u);
    EXPECT_EQ(blocker.boundaries, 2);
    EXPECT_EQ(blocker.extra_partitions, 1);
  }
  EXPECT_EQ(blockers[0].ops, Ints{1});  // all else being equal, the first
}

// Reasons that differ in tensor names alone are the same cause.
TEST(Blockers, NamesAreNoDifference) {
  Net net;
  const int in = net.Input();
  const int a = net.Relu(in), b = net.Relu(in);
  net.builder.tensor(a).name = "left";
  net.builder.tensor(b).name = "right";
  net.builder.tensor(a).is_sparse = net.builder.tensor(b).is_sparse = true;
  const Plan plan = MakeHoldingPlan(net.builder.Build({a, b}));
  const auto blockers = Find(plan);
  ASSERT_EQ(blockers.size(), 1u);
  EXPECT_EQ(blockers[0].ops, (Ints{0, 1}));
}

// conv -> COS -> RELU -> UNIQUE -> conv: RELU alone is not worth two crossings; both neighbours did it.
TEST(Blockers, WhatIsTooShortIsAVictimOfItsNeighbours) {
  Net net;
  const int relu = net.Relu(net.Unary(OpKind::kCos, net.Conv(net.Input())));
  const Plan plan = MakeHoldingPlan(net.builder.Build({net.Conv(net.Host(relu))}));
  ASSERT_EQ(Placements(plan), "NhhhN");
  ASSERT_TRUE(HasReason(plan.ops[2], ReasonCode::kSegmentTooShort));
  const auto blockers = Find(plan);
  ASSERT_EQ(blockers.size(), 2u);
  for (const Blocker& blocker : blockers) EXPECT_EQ(blocker.victims, Ints{2});
}

// A denied convolution counts its MACs; the cause is the operator itself.
TEST(Blockers, DeniedOperatorsAreCausesAndMacsRankFirst) {
  Net net;
  const int out = net.Host(net.Host(net.Conv(net.Relu(net.Conv(net.Input())))));
  PlanOptions options;
  options.deny = {"#0"};
  const Plan plan = MakeHoldingPlan(net.builder.Build({out}), options);
  ASSERT_EQ(Placements(plan), "hNNhh");
  const auto blockers = Find(plan);
  ASSERT_EQ(blockers.size(), 2u);
  EXPECT_EQ(blockers[0].ops, Ints{0});
  EXPECT_EQ(blockers[0].macs, plan.ops[0].macs);
  EXPECT_GT(blockers[0].macs, 0);
  EXPECT_EQ(blockers[1].ops, (Ints{3, 4}));
  EXPECT_EQ(blockers[0].extra_partitions, 0);
}

// Partitions that are too small for an option, without any other cause, are causes themselves.
TEST(Blockers, OptionsAloneAreACause) {
  Net net;
  const int out = net.Relu(net.Conv(net.Input()));
  PlanOptions options;
  options.min_segment_macs = 1000;
  const Plan plan = MakeHoldingPlan(net.builder.Build({out}), options);
  const auto blockers = Find(plan);
  ASSERT_EQ(blockers.size(), 2u);
  EXPECT_EQ(blockers[0].macs, 64);
  EXPECT_TRUE(blockers[0].victims.empty() && blockers[1].victims.empty());
}

// Shape arithmetic whose result the host reads: its own rules say no, but it is the reader's victim.
TEST(Blockers, ShapeArithmeticIsAVictimOfItsReader) {
  Net net;
  const int in = net.Input();
  const int shape = net.builder.Tensor(DataType::kInt32, {4});
  net.builder.Op(OpKind::kShape, {in}, {shape}, ShapeParams{});
  const int floats = net.builder.Input(DataType::kFloat32, {1, 4, 4, 2});
  const int out = net.builder.Tensor(DataType::kFloat32, {1, 4, 4, 2});
  net.builder.Op(OpKind::kReshape, {floats, shape}, {out}, ReshapeParams{});
  const Plan plan = MakeHoldingPlan(net.builder.Build({out}));
  ASSERT_TRUE(HasReason(plan.ops[0], ReasonCode::kResultNeededByHost));
  const auto blockers = Find(plan);
  ASSERT_EQ(blockers.size(), 1u);
  EXPECT_EQ(blockers[0].ops, Ints{1});
  EXPECT_EQ(blockers[0].victims, Ints{0});
}

// More causes than anybody would count partitions for.
TEST(Blockers, VeryManyCausesStayCheap) {
  Net net;
  int tensor = net.Input();
  for (int i = 0; i < 150; ++i) {
    tensor = net.Relu(net.Conv(tensor));
    const int next = net.Quantized(DataType::kInt8);
    net.builder.Op(OpKind::kCos, {tensor}, {next}, {}, 1 + i);
    tensor = next;
  }
  auto graph = net.builder.Build({tensor});
  int version = 0;
  for (Op& op : graph->ops) {
    if (op.kind != OpKind::kCos) continue;
    op.kind = OpKind::kCustom;
    op.custom_name = "Mystery" + std::to_string(version++);
  }
  const auto blockers = Find(MakeHoldingPlan(std::move(graph)));
  ASSERT_EQ(blockers.size(), 150u);
  EXPECT_TRUE(blockers.front().extra_partitions.has_value());
  EXPECT_FALSE(blockers.back().extra_partitions.has_value());
}

}  // namespace
}  // namespace npu::test
