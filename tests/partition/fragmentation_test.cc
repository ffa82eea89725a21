// Boundaries between partitions and the host, and partitions that are too short to be worth theirs.
// SPDX-License-Identifier: Apache-2.0
#include "partitioner/fragmentation.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/partition/small_net.h"

namespace npu {
namespace {

using test::HasReason;
using test::MakeHoldingPlan;
using test::Net;
using test::Placements;
using Ints = std::vector<int>;

constexpr int64_t kTensorBytes = 1 * 4 * 4 * 2;  // of Net's INT8 tensors
constexpr int64_t kConvMacs = 64;                // of Net's convolution
constexpr int kOnHost = -1;

PlanOptions Deny(std::vector<std::string> items) {
  PlanOptions options;
  options.deny = std::move(items);
  return options;
}

TEST(Fragmentation, AWholeModelHasNoBoundary) {
  Net net;
  const int in = net.Input(DataType::kFloat32);
  const int out = net.Dequantize(net.Conv(net.Quantize(in)));
  EXPECT_TRUE(MakeHoldingPlan(net.builder.Build({out})).boundaries.empty());
}

TEST(Fragmentation, AModelOfTheHostHasNoBoundary) {
  Net net;
  const int out = net.Host(net.Host(net.Input()));
  EXPECT_TRUE(MakeHoldingPlan(net.builder.Build({out})).boundaries.empty());
}

TEST(Fragmentation, AnIslandInTheMiddleHasTwoBoundaries) {
  Net net;
  const int before = net.Conv(net.Input());
  const int host = net.Host(net.Conv(before));  // ops 1 (denied) and 2
  const int out = net.Conv(host);
  const Plan plan = MakeHoldingPlan(net.builder.Build({out}), Deny({"#1"}));
  ASSERT_EQ(Placements(plan), "NhhN");
  ASSERT_EQ(plan.boundaries.size(), 2u);
  const Boundary& in_front = plan.boundaries[1];
  EXPECT_EQ(in_front.from, 0);
  EXPECT_EQ(in_front.to, kOnHost);
  EXPECT_EQ(in_front.tensors, Ints{before});
  EXPECT_EQ(in_front.bytes, kTensorBytes);
  EXPECT_EQ(in_front.causes, Ints{1});
  EXPECT_EQ(in_front.host_ops, 2);
  EXPECT_EQ(in_front.host_macs, kConvMacs);
  const Boundary& behind = plan.boundaries[0];
  EXPECT_EQ(behind.from, kOnHost);
  EXPECT_EQ(behind.to, 1);
  EXPECT_EQ(behind.tensors, Ints{host});
  EXPECT_EQ(behind.causes, Ints{2});
  EXPECT_EQ(behind.host_macs, kConvMacs);
}

TEST(Fragmentation, TwoIslandsAreToldApart) {
  Net net;
  const int top = net.Conv(net.Input());
  const int left = net.Host(top), right = net.Host(top);
  const Plan plan = MakeHoldingPlan(net.builder.Build({left, right}));
  ASSERT_EQ(plan.boundaries.size(), 2u);
  EXPECT_EQ(plan.boundaries[0].causes, Ints{1});
  EXPECT_EQ(plan.boundaries[1].causes, Ints{2});
  EXPECT_EQ(plan.boundaries[0].host_ops, 1);
}

TEST(Fragmentation, ATensorThatTwoOperatorsReadCrossesOnce) {
  Net net;
  const int top = net.Conv(net.Input());
  const int both = net.Quantized(DataType::kInt8);
  net.builder.Op(OpKind::kUnique, {top, top}, {both});
  const Plan plan = MakeHoldingPlan(net.builder.Build({both}));
  ASSERT_EQ(plan.boundaries.size(), 1u);
  EXPECT_EQ(plan.boundaries[0].tensors, Ints{top});
  EXPECT_EQ(plan.boundaries[0].bytes, kTensorBytes);
  EXPECT_EQ(plan.boundaries[0].causes, Ints{1});
}

// 0 CONV -> 1 host -> 3 ADD <- 2 CONV <- 0, and 4 host, which the partition behind reads without having
// waited.
TEST(Fragmentation, BetweenTwoPartitionsTheCauseIsWhatWasWaitedFor) {
  Net net;
  const int in = net.Input();
  const int early = net.Host(in);                        // 0: runs before any partition
  const int top = net.Conv(in);                          // 1
  const int late = net.Host(top);                        // 2
  const int right = net.Conv(top);                       // 3
  const int sum = net.Add(net.Add(late, early), right);  // 4, 5
  const Plan plan = MakeHoldingPlan(net.builder.Build({sum}));
  ASSERT_EQ(Placements(plan), "hNhNNN");
  ASSERT_EQ(plan.partitions.size(), 2u);
  const Boundary* between = nullptr;
  for (const Boundary& boundary : plan.boundaries) {
    if (boundary.from == 0 && boundary.to == 1) between = &boundary;
  }
  ASSERT_NE(between, nullptr);
  EXPECT_EQ(between->tensors, Ints{right});
  EXPECT_EQ(between->causes, Ints{2});
  EXPECT_EQ(plan.boundaries.size(), 4u);
}

TEST(Fragmentation, HoldsForRandomGraphs) {
  int boundaries = 0;
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    const auto graph = test::RandomDag(seed, 1 + seed % 60, {OpKind::kAdd, OpKind::kRelu, OpKind::kUnique});
    const Plan plan = MakeHoldingPlan(graph);
    // Every tensor that leaves or enters a partition, but for the caller's, is in a boundary of it.
    std::vector<std::set<int>> entering(plan.partitions.size()), leaving(plan.partitions.size());
    for (const Boundary& boundary : plan.boundaries) {
      ++boundaries;
      EXPECT_FALSE(boundary.tensors.empty());
      EXPECT_FALSE(boundary.causes.empty());
      EXPECT_GE(boundary.host_ops, 1);
      for (int op : boundary.causes) EXPECT_EQ(plan.ops[op].placement, Placement::kHost);
      EXPECT_EQ(boundary.bytes, 8 * static_cast<int64_t>(boundary.tensors.size()));  // INT8[1,8] each
      if (boundary.to >= 0) entering[boundary.to].insert(boundary.tensors.begin(), boundary.tensors.end());
      if (boundary.from >= 0) leaving[boundary.from].insert(boundary.tensors.begin(), boundary.tensors.end());
    }
    const std::set<int> given(graph->inputs.begin(), graph->inputs.end());
    const std::set<int> taken(graph->outputs.begin(), graph->outputs.end());
    for (size_t p = 0; p < plan.partitions.size(); ++p) {
      for (int tensor : plan.partitions[p].inputs) EXPECT_NE(given.count(tensor), entering[p].count(tensor));
      for (int tensor : plan.partitions[p].outputs)
        EXPECT_TRUE(taken.count(tensor) || leaving[p].count(tensor));
    }
  }
  EXPECT_GT(boundaries, 300);
}

TEST(ShortPartitions, OneOperatorWithoutMacsBetweenHostOperatorsStaysWithTheHost) {
  Net net;
  const int out = net.Host(net.Relu(net.Host(net.Input())));
  const auto graph = net.builder.Build({out});
  const Plan plan = MakeHoldingPlan(std::make_shared<Graph>(*graph));
  EXPECT_EQ(Placements(plan), "hhh");
  ASSERT_EQ(plan.ops[1].reasons.size(), 1u);
  EXPECT_EQ(plan.ops[1].reasons[0].code, ReasonCode::kSegmentTooShort);
  EXPECT_EQ(plan.ops[1].reasons[0].actual, "1");
  PlanOptions every;
  every.min_segment_ops = 1;
  EXPECT_EQ(Placements(MakeHoldingPlan(std::make_shared<Graph>(*graph), every)), "hNh");
}

TEST(ShortPartitions, MacsOrASecondOperatorOrBeingTheWholeModelMakeThemWorthwhile) {
  const auto placements = [](auto&& make) {
    Net net;
    return Placements(MakeHoldingPlan(net.builder.Build({make(net)})));
  };
  EXPECT_EQ(placements([](Net& net) { return net.Host(net.Conv(net.Host(net.Input()))); }), "hNh");
  EXPECT_EQ(placements([](Net& net) { return net.Host(net.Relu(net.Relu(net.Input()))); }), "NNh");
  EXPECT_EQ(placements([](Net& net) { return net.Relu(net.Input()); }), "N");
  EXPECT_EQ(placements([](Net& net) {
              return net.Dequantize(net.Relu(net.Quantize(net.Input(DataType::kFloat32))));
            }),
            "cNc");
}

TEST(ShortPartitions, WhatRunsBesideThemGoesBackToo) {
  Net net;
  const int relu = net.Relu(net.Quantize(net.Input(DataType::kFloat32)));
  const Plan plan = MakeHoldingPlan(net.builder.Build({net.Host(relu)}));
  EXPECT_EQ(Placements(plan), "hhh");
  EXPECT_TRUE(HasReason(plan.ops[0], ReasonCode::kSegmentTooShort));
}

TEST(ShortPartitions, TheLimitIsAnOption) {
  Net net;
  const int out = net.Host(net.Relu(net.Relu(net.Relu(net.Input()))));
  const auto graph = net.builder.Build({out});
  PlanOptions options;
  options.min_segment_ops = 3;
  EXPECT_EQ(Placements(MakeHoldingPlan(std::make_shared<Graph>(*graph), options)), "NNNh");
  options.min_segment_ops = 4;
  EXPECT_EQ(Placements(MakeHoldingPlan(std::make_shared<Graph>(*graph), options)), "hhhh");
}

TEST(OtherDelegates, WhatTheyTookHasAReasonOfItsOwn) {
  Net net;
  const int out = net.Conv(net.Unary(OpKind::kDelegate, net.Input()));
  const Plan plan = MakeHoldingPlan(net.builder.Build({out}));
  EXPECT_EQ(Placements(plan), "hN");
  ASSERT_EQ(plan.ops[0].reasons.size(), 1u);
  EXPECT_EQ(plan.ops[0].reasons[0].code, ReasonCode::kDelegatedElsewhere);
}

}  // namespace
}  // namespace npu
