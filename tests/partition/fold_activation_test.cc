// activation: every operator and every pair of activations, each condition alone, and random nets.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/ops/convolution_testing.h"
#include "tests/partition/fold_testing.h"

namespace npu {
namespace {

using test::FoldsOf;
using test::GraphBuilder;

// An operator with a fused activation -> a clamp, every part of which a test may change.
struct ClampNet {
  OpKind kind = OpKind::kConv2D;
  OpKind clamp = OpKind::kRelu6;
  Activation fused = Activation::kNone;
  DataType type = DataType::kInt8;
  // Of the tensor between the two: about 120 steps from 0 to 6.
  float scale = 0.05f;
  int64_t zero_point = -20;
  std::optional<float> scale_behind{};
  std::optional<int64_t> zero_point_behind{};
  bool between_is_output = false, between_is_read_twice = false;
  uint32_t seed = 1;

  std::shared_ptr<Graph> Build() const {
    GraphBuilder b;
    const int between = AddProducer(b);
    b.tensor(between).quantization = test::PerTensor(scale, zero_point);
    const int behind = b.Tensor(type, {}, scale_behind.value_or(scale), zero_point_behind.value_or(zero_point));
    b.Op(clamp, {between}, {behind});
    std::vector<int> outputs = {behind};
    if (between_is_output) outputs.push_back(between);
    if (between_is_read_twice) {
      const int other = b.Tensor(type, {}, 1.0f / 256, type == DataType::kInt8 ? -128 : 0);
      b.Op(OpKind::kLogistic, {between}, {other});
      outputs.push_back(other);
    }
    const auto graph = b.Build(outputs);
    for (const Op& op : graph->ops) {
      for (int tensor : op.outputs) graph->tensors[tensor].shape_known = false;
    }
    return graph;
  }

 private:
  // Returns the output of the operator before the clamp.
  int AddProducer(GraphBuilder& b) const {
    const std::vector<int32_t> image = {1, 5, 4, 6};
    const int64_t middle = type == DataType::kInt8 ? 0 : 128;
    test::LayerQuantization q{.type = type, .input_zero_point = middle};
    if (type == DataType::kUInt8) {
      q.weights = test::Weights::kPerTensor;
      q.weights_zero_point = 130;
    }
    const auto layer = [&](std::vector<int32_t> input, std::vector<int32_t> weights, int dimension, OpParams params) {
      // Sums of products have a deviation of 80 output steps here: both ends of every clamp are met.
      const test::Layer added = test::AddLayer(b, q, std::move(input), std::move(weights), dimension, 54, seed);
      // The scale of the bias is held against the output's for UINT8.
      b.Op(kind, added.operands, {added.output}, std::move(params));
      return added.output;
    };
    switch (kind) {
      case OpKind::kConv2D: return layer(image, {5, 3, 3, 6}, 0, Conv2DParams{.activation = fused});
      case OpKind::kDepthwiseConv2D:
        return layer(image, {1, 3, 3, 6}, 3, DepthwiseConv2DParams{.activation = fused});
      case OpKind::kFullyConnected: return layer({3, 40}, {9, 40}, 0, FullyConnectedParams{.activation = fused});
      case OpKind::kAveragePool2D:
      case OpKind::kMaxPool2D: {
        const int input = b.Input(type, image, scale, zero_point), output = b.Tensor(type, {}, scale, zero_point);
        b.Op(kind, {input}, {output},
             Pool2DParams{.padding = Padding::kSame, .stride_h = 2, .filter_h = 2, .filter_w = 3, .activation = fused});
        return output;
      }
      case OpKind::kTransposeConv: {
        const int shape = b.Ints({1, 10, 8, 5});
        const int weights = b.Constant<int8_t>(DataType::kInt8, {5, 3, 3, 6},
                                               test::RandomValues<int8_t>(5 * 9 * 6, seed, -127, 127),
                                               test::PerTensor(0.003f, 0));
        const int input = b.Input(type, image, 0.02f, middle), output = b.Tensor(type, {}, scale, zero_point);
        b.Op(kind, {shape, weights, input}, {output},
             TransposeConvParams{.padding = Padding::kSame, .stride_h = 2, .stride_w = 2, .activation = fused});
        return output;
      }
      default: {  // ADD, SUB, MUL, DIV
        const int a = b.Input(type, image, 0.04f, middle);
        // DIV wants a quotient of scales of at least 64, and no 0 in a constant divisor.
        const int c = kind == OpKind::kDiv ? b.Constant<uint8_t>(type, {6}, {10, 40, 90, 110, 200, 250},
                                                                 test::PerTensor(0.001f, middle))
                                           : b.Input(type, {6}, 0.03f, middle + 3);
        const int output = b.Tensor(type, {}, scale, zero_point);
        b.Op(kind, {a, c}, {output}, BinaryParams{.activation = fused});
        return output;
      }
    }
  }
};

constexpr OpKind kProducers[] = {OpKind::kConv2D,        OpKind::kDepthwiseConv2D, OpKind::kFullyConnected,
                                 OpKind::kTransposeConv, OpKind::kAdd,             OpKind::kSub,
                                 OpKind::kMul,           OpKind::kDiv,             OpKind::kAveragePool2D,
                                 OpKind::kMaxPool2D};
constexpr OpKind kClamps[] = {OpKind::kRelu, OpKind::kRelu6, OpKind::kReluN1To1, OpKind::kRelu0To1};
constexpr char kFolded[] = "activation(1>0)";

TEST(FoldActivation, OfEveryOperatorThatHasOne) {
  for (const OpKind kind : kProducers) {
    ClampNet net{.kind = kind};
    if (kind == OpKind::kDiv) net.type = DataType::kUInt8, net.zero_point = 100;
    EXPECT_EQ(FoldsOf(net.Build()), kFolded) << GetOpInfo(kind).name;
  }
}

// The range behind two clamps is the one of the activation that stands for both.
TEST(FoldActivation, TwoRangesAreOne) {
  for (const Activation fused :
       {Activation::kNone, Activation::kRelu, Activation::kReluN1To1, Activation::kRelu6, Activation::kRelu0To1}) {
    for (const OpKind clamp : kClamps) {
      for (const DataType type : {DataType::kInt8, DataType::kUInt8}) {
        // Ends inside the type, ends outside it, zero itself outside it on either side.
        for (const float scale : {0.05f, 0.004f, 0.9f}) {
          for (const int64_t zero_point : {-128, -3, 127}) {
            ClampNet net{.clamp = clamp, .fused = fused, .type = type, .scale = scale};
            net.kind = OpKind::kAdd;
            net.zero_point = zero_point + (type == DataType::kUInt8 ? 128 : 0);
            test::ExpectFoldedEqualsUnfolded(net.Build(), kFolded, 11);
            if (HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

TEST(FoldActivation, NotWhenTheActivationRescales) {
  EXPECT_EQ(FoldsOf(ClampNet{.scale_behind = 0.0500001f}.Build()), "");
  EXPECT_EQ(FoldsOf(ClampNet{.zero_point_behind = -21}.Build()), "");
}

TEST(FoldActivation, NotWhenSomebodyElseReadsTheTensorBetween) {
  EXPECT_EQ(FoldsOf(ClampNet{.between_is_output = true}.Build()), "");
  EXPECT_EQ(FoldsOf(ClampNet{.between_is_read_twice = true}.Build()), "");
}

TEST(FoldActivation, NotIntoOrOfOtherOperators) {
  EXPECT_EQ(FoldsOf(ClampNet{.clamp = OpKind::kAbs}.Build()), "");
  GraphBuilder b;
  const int input = b.Input(DataType::kInt8, {2, 3}, 0.5f, 1), moved = b.Tensor(DataType::kInt8, {3, 2}, 0.5f, 1);
  const int output = b.Tensor(DataType::kInt8, {3, 2}, 0.5f, 1);
  b.Op(OpKind::kTranspose, {input, b.Ints({1, 0})}, {moved});
  b.Op(OpKind::kRelu, {moved}, {output});
  EXPECT_EQ(FoldsOf(b.Build({output})), "");
}

TEST(FoldActivation, SeveralInARow) {
  GraphBuilder b;
  const int input = b.Input(DataType::kInt8, {40}, 0.05f, -20), other = b.Input(DataType::kInt8, {40}, 0.03f, 0);
  int tensor = b.Tensor(DataType::kInt8, {40}, 0.05f, -20);
  b.Op(OpKind::kAdd, {input, other}, {tensor}, BinaryParams{});
  for (const OpKind clamp : {OpKind::kRelu6, OpKind::kReluN1To1, OpKind::kRelu}) {
    const int next = b.Tensor(DataType::kInt8, {40}, 0.05f, -20);
    b.Op(clamp, {tensor}, {next});
    tensor = next;
  }
  test::ExpectFoldedEqualsUnfolded(b.Build({tensor}), "activation(1>0) activation(2>0) activation(3>0)", 4);
}

TEST(FoldActivation, RandomNetsGiveTheSameBytes) {
  std::mt19937 engine(4711);
  const auto below = [&](int n) { return static_cast<int>(engine() % static_cast<uint32_t>(n)); };
  constexpr Activation kFused[] = {Activation::kNone, Activation::kNone, Activation::kRelu, Activation::kReluN1To1,
                                   Activation::kRelu6};
  int folded = 0;
  for (uint32_t seed = 1; folded < 220 && !HasFatalFailure(); ++seed) {
    ASSERT_LT(seed, 2000u);
    ClampNet net{.kind = kProducers[below(10)], .clamp = kClamps[below(4)], .fused = kFused[below(5)]};
    const bool is_unsigned = net.kind == OpKind::kDiv || (net.kind != OpKind::kTransposeConv && below(2) == 0);
    if (is_unsigned) net.type = DataType::kUInt8;
    net.zero_point = below(256) - (is_unsigned ? 0 : 128);
    net.scale = 0.01f + 0.001f * static_cast<float>(below(100));
    net.seed = seed;
    const auto graph = net.Build();
    if (FoldsOf(graph).empty()) continue;  // some scales are out of an operator's range
    ++folded;
    SCOPED_TRACE(fmt::format("seed {}", seed));
    test::ExpectFoldedEqualsUnfolded(graph, kFolded, seed);
  }
  std::printf("folded nets compared: %d\n", folded);
}

}  // namespace
}  // namespace npu
