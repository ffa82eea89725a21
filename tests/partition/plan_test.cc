// SPDX-License-Identifier: Apache-2.0
#include "partitioner/plan.h"

#include <gtest/gtest.h>

#include "partitioner/report.h"
#include "partitioner/selection.h"
#include "tests/partition/partition_invariants.h"
#include "tests/partition/small_net.h"
#include "tests/support/graph_builder.h"

namespace npu {
namespace {

using test::GraphBuilder;
using test::HasReason;
using test::Net;
using test::Placements;
using Ints = std::vector<int>;

Plan Make(std::shared_ptr<Graph> graph, const PlanOptions& options = {}) {
  return test::MakeHoldingPlan(std::move(graph), options);
}

TEST(Plan, AnEmptyGraphHasAnEmptyPlan) {
  const Plan plan = Make(GraphBuilder().Build({}));
  EXPECT_TRUE(plan.ops.empty());
  EXPECT_TRUE(plan.partitions.empty());
}

TEST(Plan, AChainIsOnePartitionOfOneSegment) {
  Net net;
  const int in = net.Input();
  const int out = net.Relu(net.Conv(net.Relu(in)));
  PlanOptions no_folds;
  no_folds.folds.emplace();
  const Plan plan = Make(net.builder.Build({out}), no_folds);
  EXPECT_EQ(Placements(plan), "NNN");
  ASSERT_EQ(plan.partitions.size(), 1u);
  EXPECT_EQ(plan.partitions[0].inputs, Ints{in});
  EXPECT_EQ(plan.partitions[0].outputs, Ints{out});
  EXPECT_EQ(plan.partitions[0].segments, Ints{0});
  EXPECT_EQ(plan.segments[0].ops.ops, (Ints{0, 1, 2}));
  EXPECT_EQ(plan.ops[1].macs, 64);
  EXPECT_EQ(plan.total_macs, 64);
}

TEST(Plan, HostOpsCarryEveryFailedRule) {
  Net net;
  const int in = net.Input();
  const Plan plan = Make(net.builder.Build({net.Conv(net.Host(in))}));
  EXPECT_EQ(Placements(plan), "hN");
  ASSERT_EQ(plan.ops[0].reasons.size(), 1u);
  EXPECT_EQ(plan.ops[0].reasons[0].code, ReasonCode::kUnsupportedOperator);
  EXPECT_EQ(plan.ops[0].reasons[0].actual, "UNIQUE");
}

TEST(Plan, ADiamondAroundAHostOpNeverWaitsForItself) {
  Net net;
  const int top = net.Conv(net.Input());
  const int left = net.Host(top);
  const int right = net.Conv(top);
  const int out = net.Relu(net.Add(left, right));
  const Plan plan = Make(net.builder.Build({out}));
  EXPECT_EQ(Placements(plan), "NhNNN");
  ASSERT_EQ(plan.partitions.size(), 2u);
  EXPECT_EQ(plan.partitions[0].ops, (Ints{0, 2}));
  EXPECT_EQ(plan.partitions[1].ops, (Ints{3, 4}));
  EXPECT_EQ(plan.partitions[0].outputs.size(), 2u);
  EXPECT_EQ(plan.partitions[1].inputs.size(), 2u);
}

TEST(Plan, CrossingIslandsNeverWaitForEachOther) {
  Net net;
  const int in = net.Input();
  const int a = net.Relu(in), b = net.Relu(in);
  const int host_a = net.Host(a), host_b = net.Host(b);
  const int c = net.Add(host_a, b), d = net.Add(host_b, a);
  const Plan plan = Make(net.builder.Build({net.Add(c, d)}));
  EXPECT_EQ(plan.partitions.size(), 2u);
}

TEST(Plan, FloatBordersRunOnDelegateCpuInTheSamePartition) {
  Net net;
  const int in = net.Input(DataType::kFloat32);
  const int out = net.Dequantize(net.Conv(net.Quantize(in)));
  const Plan plan = Make(net.builder.Build({out}));
  EXPECT_EQ(Placements(plan), "cNc");
  ASSERT_EQ(plan.partitions.size(), 1u);
  EXPECT_EQ(plan.partitions[0].inputs, Ints{in});
  EXPECT_EQ(plan.partitions[0].outputs, Ints{out});
  ASSERT_EQ(plan.segments.size(), 3u);
  EXPECT_EQ(plan.segments[0].placement, Placement::kDelegateCpu);
  EXPECT_EQ(plan.segments[1].placement, Placement::kNpu);
  EXPECT_FALSE(plan.ops[0].reasons.empty());
}

TEST(Plan, DelegateCpuAloneStaysWithTheHost) {
  Net net;
  const int in = net.Input(DataType::kFloat32);
  const int q = net.Quantize(in);
  const int host = net.Host(q);
  // Two graphs in one: the second pair is beside the NPU.
  const int beside = net.Conv(net.Quantize(in));
  const Plan plan = Make(net.builder.Build({net.Dequantize(host), beside}));
  EXPECT_EQ(Placements(plan), "hhcNh");
  EXPECT_TRUE(HasReason(plan.ops[0], ReasonCode::kNotBesideNpu));
  EXPECT_TRUE(HasReason(plan.ops[0], ReasonCode::kUnsupportedInputType));
  EXPECT_TRUE(HasReason(plan.ops[4], ReasonCode::kNotBesideNpu));
}

// SHAPE -> STRIDED_SLICE -> PACK -> RESHAPE as Keras exports a Flatten.
struct Flatten : Net {
  int in, conv, shape, out;
  Flatten() {
    in = Input();
    conv = Conv(in);
    shape = builder.Tensor(DataType::kInt32, {4});
    builder.Op(OpKind::kShape, {conv}, {shape}, ShapeParams{});
    const int batch = builder.Tensor(DataType::kInt32, {});
    StridedSliceParams slice;
    slice.shrink_axis_mask = 1;
    builder.Op(OpKind::kStridedSlice, {shape, builder.Ints({0}), builder.Ints({1}), builder.Ints({1})},
               {batch}, slice);
    const int rest = builder.Constant<int32_t>(DataType::kInt32, {}, {32});
    const int packed = builder.Tensor(DataType::kInt32, {2});
    builder.Op(OpKind::kPack, {batch, rest}, {packed}, PackParams{2, 0});
    out = builder.Tensor(DataType::kInt8, {1, 32}, 0.5f);
    builder.Op(OpKind::kReshape, {conv, packed}, {out}, ReshapeParams{});
  }
};

TEST(Plan, ShapeArithmeticNeverCutsANetwork) {
  Flatten net;
  const Plan plan = Make(net.builder.Build({net.out}));
  EXPECT_EQ(Placements(plan), "NeeeN");
  ASSERT_EQ(plan.partitions.size(), 1u);
  EXPECT_EQ(plan.partitions[0].ops, (Ints{0, 1, 2, 3, 4}));
  ASSERT_EQ(plan.segments.size(), 1u);
  EXPECT_EQ(plan.segments[0].ops.ops, (Ints{0, 4}));
  EXPECT_EQ(plan.partitions[0].inputs, Ints{net.in});
  EXPECT_EQ(plan.partitions[0].outputs, Ints{net.out});
  EXPECT_EQ(plan.ops[1].segment, -1);
}

TEST(Plan, ShapeArithmeticThatTheCallerReadsIsLeftToTheHost) {
  Flatten net;
  PlanOptions options;
  options.min_segment_ops = 1;
  const Plan plan = Make(net.builder.Build({net.out, net.shape}), options);
  EXPECT_EQ(Placements(plan), "NheeN");
  EXPECT_TRUE(HasReason(plan.ops[1], ReasonCode::kResultNeededByHost));
  EXPECT_EQ(plan.partitions.size(), 2u);  // the host sees RESHAPE wait for its SHAPE
}

TEST(Plan, ShapeArithmeticForHostOpsGoesBackAlongTheWholeChain) {
  Flatten net;
  const Plan plan = Make(net.builder.Build({net.out}), {.deny = {"RESHAPE"}, .allow = {}});
  EXPECT_EQ(Placements(plan), "Nhhhh");
}

TEST(Plan, ShapeArithmeticWithoutNpuWorkGoesBack) {
  Flatten net;
  const Plan plan = Make(net.builder.Build({net.out}), {.deny = {"CONV_2D", "reshape"}, .allow = {}});
  EXPECT_EQ(Placements(plan), "hhhhh");
  EXPECT_TRUE(plan.partitions.empty());
}

TEST(Plan, DenyByNameIndexAndGlob) {
  const auto placements = [](std::vector<std::string> deny, std::vector<std::string> allow) {
    Net net;
    const int a = net.Conv(net.Input());
    const int b = net.Relu(a);
    net.builder.tensor(a).name = "block1/conv";
    net.builder.tensor(b).name = "block1/relu";
    const int c = net.Conv(b);
    net.builder.tensor(c).name = "block2/conv";
    PlanOptions options;
    options.deny = std::move(deny);
    options.allow = std::move(allow);
    options.min_segment_ops = 1;
    return Placements(Make(net.builder.Build({c}), options));
  };
  EXPECT_EQ(placements({}, {}), "NNN");
  EXPECT_EQ(placements({"conv_2d"}, {}), "hNh");
  EXPECT_EQ(placements({"#1"}, {}), "NhN");
  EXPECT_EQ(placements({"OP1"}, {}), "NhN");
  EXPECT_EQ(placements({"block1/*"}, {}), "hhN");
  EXPECT_EQ(placements({"block?/conv"}, {}), "hNh");
  EXPECT_EQ(placements({"SOFTMAX"}, {}), "NNN");
  EXPECT_EQ(placements({"#0", "op2"}, {}), "hNh");
  EXPECT_EQ(placements({}, {"CONV_2D"}), "NhN");
  EXPECT_EQ(placements({"#0"}, {"CONV_2D"}), "hhN");
  EXPECT_EQ(placements({}, {"SOFTMAX"}), "hhh");
}

TEST(Plan, DenialSaysWhichOption) {
  Net net;
  const int out = net.Relu(net.Conv(net.Input()));
  const Plan plan = Make(net.builder.Build({out}), {.deny = {"#0"}, .allow = {"CONV_2D"}});
  EXPECT_TRUE(HasReason(plan.ops[0], ReasonCode::kDeniedByOption));
  EXPECT_EQ(plan.ops[0].reasons[0].text, "option deny");
  EXPECT_EQ(plan.ops[1].reasons[0].text, "option allow");
}

TEST(Plan, AllowLeavesShapeArithmeticAlone) {
  Flatten net;
  const Plan plan = Make(net.builder.Build({net.out}), {.deny = {}, .allow = {"CONV_2D", "RESHAPE"}});
  EXPECT_EQ(Placements(plan), "NeeeN");
}

TEST(Plan, SelectorsThatNameNothingAreRefused) {
  const auto error = [](const std::string& item) {
    Net net;
    const int out = net.Conv(net.Input());
    net.builder.tensor(out).name = "features/out";
    PlanOptions options;
    options.allow = {item};
    const auto plan = MakePlan(net.builder.Build({out}), options);
    EXPECT_FALSE(plan) << item;
    if (plan) return std::string();
    EXPECT_EQ(plan.error().code, ErrorCode::kInvalidOption);
    return plan.error().text;
  };
  EXPECT_NE(error("#1").find("expected #0 to #0"), std::string::npos);
  EXPECT_NE(error("op99999999999999999999"), "");
  EXPECT_NE(error("#"), "");
  EXPECT_NE(error("#-1"), "");
  EXPECT_NE(error("#0x"), "");
  EXPECT_NE(error("CONV2D").find("did you mean \"CONV_2D\"?"), std::string::npos);
  EXPECT_NE(error("feature/out").find("did you mean \"features/out\"?"), std::string::npos);
  EXPECT_NE(error("nothing*").find("allow"), std::string::npos);
}

TEST(Plan, CustomOperatorsAreNamedByTheirOwnName) {
  Net net;
  const int out = net.Conv(net.Unary(OpKind::kCustom, net.Input()));
  auto graph = net.builder.Build({out});
  graph->ops[0].custom_name = "AcmeMagic";
  const Plan plan = Make(graph, {.deny = {"acmemagic"}, .allow = {}});
  EXPECT_TRUE(HasReason(plan.ops[0], ReasonCode::kDeniedByOption));
  EXPECT_EQ(Placements(plan), "hN");
}

TEST(Plan, SmallPartitionsStayWithTheHost) {
  Net net;
  const int first = net.Conv(net.Input());
  const int host = net.Host(first);
  const int out = net.Dequantize(net.Conv(net.Conv(host)));
  const auto graph = [&] { return net.builder.Build({out}); }();
  const auto placements = [&](int64_t min) {
    PlanOptions options;
    options.min_segment_macs = min;
    return Make(std::make_shared<Graph>(*graph), options);
  };
  EXPECT_EQ(Placements(placements(64)), "NhNNc");
  const Plan plan = placements(65);
  EXPECT_EQ(Placements(plan), "hhNNc");
  ASSERT_EQ(plan.ops[0].reasons.size(), 1u);
  EXPECT_EQ(plan.ops[0].reasons[0].code, ReasonCode::kSegmentTooSmall);
  EXPECT_EQ(plan.ops[0].reasons[0].actual, "64");
  EXPECT_EQ(plan.ops[0].reasons[0].allowed, "at least 65");
  EXPECT_EQ(Placements(placements(128)), "hhNNc");
  EXPECT_EQ(Placements(placements(129)), "hhhhh");
}

TEST(Plan, ShapesThatDoNotFitAreReasons) {
  Net net;
  const int in = net.Input();
  const int other = net.builder.Input(DataType::kInt8, {3, 5}, 0.5f);
  const int out = net.Relu(net.Add(in, other));
  const Plan plan = Make(net.builder.Build({out}));
  EXPECT_EQ(plan.ops[0].placement, Placement::kHost);
  EXPECT_TRUE(HasReason(plan.ops[0], ReasonCode::kShapeMismatch));
}

TEST(Plan, UnknownShapesAreReasons) {
  Net net;
  const int host = net.Host(net.Input());
  net.builder.tensor(host).shape_known = false;
  const Plan plan = Make(net.builder.Build({net.Relu(host)}));
  EXPECT_EQ(Placements(plan), "hh");
  EXPECT_TRUE(HasReason(plan.ops[1], ReasonCode::kShapeUnknown));
}

TEST(Plan, ShapesThatAnInputHoldsAreUnknown) {
  Net net;
  const int shape = net.builder.Input(DataType::kInt32, {2});
  const int out = net.builder.Tensor(DataType::kInt8, {1, 32}, 0.5f);
  net.builder.Op(OpKind::kReshape, {net.Conv(net.Input()), shape}, {out}, ReshapeParams{});
  const Plan plan = Make(net.builder.Build({out}));
  EXPECT_EQ(Placements(plan), "Nh");
  EXPECT_EQ(plan.ops[1].reasons[0].code, ReasonCode::kShapeUnknown);
}

TEST(Plan, ManyOutputsAndATensorReadTwice) {
  Net net;
  const int in = net.Input();
  std::vector<int> outputs;
  int tensor = in;
  for (int i = 0; i < 40; ++i) outputs.push_back(tensor = net.Add(tensor, tensor));
  const Plan plan = Make(net.builder.Build(outputs));
  ASSERT_EQ(plan.partitions.size(), 1u);
  EXPECT_EQ(plan.partitions[0].outputs.size(), 40u);
  EXPECT_EQ(plan.partitions[0].inputs, Ints{in});
}

TEST(Plan, HoldsForRandomGraphs) {
  size_t folds = 0;
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    auto graph = test::RandomDag(seed, 1 + seed % 50, {OpKind::kAdd, OpKind::kRelu, OpKind::kFloor});
    // Same graph, same plan; MakePlan fills shapes in, so each gets its own copy.
    const Plan again = Make(std::make_shared<Graph>(*graph));
    const Plan plan = Make(std::move(graph));
    EXPECT_EQ(ReportJson(plan), ReportJson(again));
    folds += plan.folds.size();
  }
  EXPECT_GT(folds, 100u);
}

TEST(Plan, HoldsForRandomGraphsWithFloatIslands) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    const auto graph = test::RandomDag(seed, 1 + seed % 50,
                                       {OpKind::kAdd, OpKind::kRelu, OpKind::kDequantize, OpKind::kQuantize});
    // Readers of a DEQUANTIZE read float: ADD and RELU then stay with the host, QUANTIZE may not.
    for (Op& op : graph->ops) {
      Tensor& output = graph->tensors[op.outputs[0]];
      const bool float_input = graph->tensors[op.inputs[0]].type == DataType::kFloat32;
      const bool to_float = op.kind == OpKind::kDequantize || (float_input && op.kind != OpKind::kQuantize);
      if (!to_float) continue;
      output.type = DataType::kFloat32;
      output.quantization = {};
    }
    const Plan plan = Make(graph);
    EXPECT_EQ(plan.ops.size(), graph->ops.size());
  }
}

TEST(Glob, StarsAndQuestionMarks) {
  EXPECT_TRUE(GlobMatches("", ""));
  EXPECT_TRUE(GlobMatches("*", ""));
  EXPECT_TRUE(GlobMatches("a*c*e", "abcde"));
  EXPECT_TRUE(GlobMatches("*a", "banana"));
  EXPECT_TRUE(GlobMatches("b?n*", "banana"));
  EXPECT_FALSE(GlobMatches("b?n", "banana"));
  EXPECT_FALSE(GlobMatches("?", ""));
  EXPECT_FALSE(GlobMatches("", "a"));
  EXPECT_FALSE(GlobMatches("Banana", "banana"));
  EXPECT_FALSE(GlobMatches(std::string(200, '*') + "b", std::string(5000, 'a')));
}

}  // namespace
}  // namespace npu
