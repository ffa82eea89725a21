// Models that compute in more than one arithmetic: what really is 8-bit runs, and the rest says why it does
// not.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "partitioner/diagnosis.h"
#include "tests/partition/small_net.h"

namespace npu {
namespace {

using test::HasReason;
using test::MakeHoldingPlan;
using test::Net;
using test::Placements;

// An 8-bit convolution between QUANTIZE and DEQUANTIZE, whose result a float part reads.
struct HalfQuantized : Net {
  int head = Dequantize(Conv(Quantize(Input(DataType::kFloat32))));  // ops 0, 1, 2

  int FullyConnected(int input, int weights) {
    const int output = builder.Tensor(DataType::kFloat32, {1, 3});
    builder.Op(OpKind::kFullyConnected, {input, weights, kNoTensor}, {output}, FullyConnectedParams{});
    return output;
  }
  int FloatFromHalf(DataType type, Quantization quantization = {}) {
    const int packed = builder.Constant<int8_t>(
        type, {3, 32}, std::vector<int8_t>(type == DataType::kInt8 ? 96 : 192), std::move(quantization));
    const int weights = builder.Tensor(DataType::kFloat32, {3, 32});
    builder.Op(OpKind::kDequantize, {packed}, {weights});
    return weights;
  }
};

TEST(Kinds, HybridOperatorsStayWithTheHostBesideAnEightBitPart) {
  HalfQuantized net;
  const int weights = net.builder.Constant<int8_t>(DataType::kInt8, {3, 32}, std::vector<int8_t>(96),
                                                   test::PerTensor(0.5f, 0));
  const auto graph = net.builder.Build({net.FullyConnected(net.head, weights)});
  const Plan plan = MakeHoldingPlan(graph);
  EXPECT_EQ(Placements(plan), "cNch");
  EXPECT_TRUE(HasReason(plan.ops[3], ReasonCode::kHybridOperator));
  EXPECT_EQ(plan.partitions.size(), 1u);
  EXPECT_EQ(Diagnose(*graph).kind, ModelKind::kMixed);
}

TEST(Kinds, Float16WeightsAndTheirReadersStayWithTheHost) {
  HalfQuantized net;
  const int weights = net.FloatFromHalf(DataType::kFloat16);
  const Plan plan = MakeHoldingPlan(net.builder.Build({net.FullyConnected(net.head, weights)}));
  EXPECT_EQ(Placements(plan), "cNchh");
  EXPECT_TRUE(HasReason(plan.ops[3], ReasonCode::kUnsupportedInputType));
  EXPECT_TRUE(HasReason(plan.ops[4], ReasonCode::kUnsupportedInputType));
}

TEST(Kinds, WeightsThatAreOnlyStoredInEightBitsStayWithTheHost) {
  HalfQuantized net;
  const int weights = net.FloatFromHalf(DataType::kInt8, test::PerTensor(0.5f, 0));
  const Plan plan = MakeHoldingPlan(net.builder.Build({net.FullyConnected(net.head, weights)}));
  EXPECT_EQ(plan.ops[1].placement, Placement::kNpu);
  EXPECT_EQ(plan.ops[3].placement, Placement::kHost) << "nothing 8-bit is beside it";
  EXPECT_EQ(plan.ops[4].placement, Placement::kHost);
  EXPECT_FALSE(plan.ops[4].reasons.empty());
}

TEST(Kinds, AFloatModelWithoutAnyEightBitPartIsLeftAlone) {
  Net net;
  const int in = net.Input(DataType::kFloat32);
  const auto graph = net.builder.Build({net.Unary(OpKind::kRelu, in, DataType::kFloat32)});
  EXPECT_EQ(Placements(MakeHoldingPlan(graph)), "h");
  EXPECT_EQ(Diagnose(*graph).kind, ModelKind::kFloat32);
}

}  // namespace
}  // namespace npu
