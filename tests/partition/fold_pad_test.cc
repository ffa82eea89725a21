// pad-into-window: every condition of its exactness alone, and random nets whose folded bytes equal the model's.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/ops/convolution_testing.h"
#include "tests/partition/fold_testing.h"

namespace npu {
namespace {

using test::FoldsOf;
using test::GraphBuilder;

// PAD -> window, every part of which a test may change.
struct PadNet {
  OpKind window = OpKind::kConv2D;
  DataType type = DataType::kInt8;
  std::vector<int32_t> shape = {1, 5, 6, 3};
  std::vector<int32_t> paddings = {0, 0, 1, 2, 2, 1, 0, 0};
  int64_t zero_point = -3, padded_zero_point = -3;
  float padded_scale = test::kInputScale;
  std::optional<int> value{};  // PADV2's
  Padding padding = Padding::kValid;
  int stride = 1, dilation = 1, filter = 3;
  bool padded_is_output = false, padded_is_read_twice = false;
  uint32_t seed = 1;

  std::shared_ptr<Graph> Build() const {
    GraphBuilder b;
    const int input = b.Input(type, shape, test::kInputScale, zero_point);
    std::vector<int32_t> padded_shape = shape;
    for (size_t d = 0; d < shape.size(); ++d) padded_shape[d] += paddings[2 * d] + paddings[2 * d + 1];
    const int padded = b.Tensor(type, padded_shape, padded_scale, padded_zero_point);
    const int amounts = b.Constant<int32_t>(DataType::kInt32, {static_cast<int32_t>(shape.size()), 2}, paddings);
    if (value) {
      const int fill = b.Constant<uint8_t>(type, {1}, {static_cast<uint8_t>(*value)},
                                           test::PerTensor(padded_scale, padded_zero_point));
      b.Op(OpKind::kPadv2, {input, amounts, fill}, {padded});
    } else {
      b.Op(OpKind::kPad, {input, amounts}, {padded});
    }
    const int output = AddWindow(b, padded);
    std::vector<int> outputs = {output};
    if (padded_is_output) outputs.push_back(padded);
    if (padded_is_read_twice) {
      const int other = b.Tensor(type, padded_shape, padded_scale, padded_zero_point);
      b.Op(OpKind::kRelu, {padded}, {other});
      outputs.push_back(other);
    }
    return b.Build(outputs);
  }

 private:
  int AddWindow(GraphBuilder& b, int input) const {
    const int32_t channels = b.tensor(input).shape[3];
    if (window == OpKind::kMaxPool2D || window == OpKind::kAveragePool2D) {
      const int output = b.Tensor(type, {}, padded_scale, padded_zero_point);
      b.Op(window, {input}, {output},
           Pool2DParams{.padding = padding, .stride_h = stride, .stride_w = stride, .filter_h = filter,
                        .filter_w = filter});
      return output;
    }
    const bool depthwise = window == OpKind::kDepthwiseConv2D;
    test::LayerQuantization q{.type = type, .output_zero_point = zero_point};
    if (type == DataType::kUInt8) {
      q.weights = test::Weights::kPerTensor;
      q.weights_zero_point = 121;
    }
    const std::vector<int32_t> weights =
        depthwise ? std::vector<int32_t>{1, filter, filter, channels * 2} : std::vector<int32_t>{4, filter, filter, channels};
    const test::Layer layer = test::AddLayerBehind(b, q, input, weights, depthwise ? 3 : 0,
                                                   filter * filter * (depthwise ? 1 : channels), seed);
    if (depthwise) {
      b.Op(window, layer.operands, {layer.output},
           DepthwiseConv2DParams{.padding = padding, .stride_h = stride, .stride_w = stride, .dilation_h = dilation,
                                 .dilation_w = dilation});
    } else {
      b.Op(window, layer.operands, {layer.output},
           Conv2DParams{.padding = padding, .stride_h = stride, .stride_w = stride, .dilation_h = dilation,
                        .dilation_w = dilation});
    }
    return layer.output;
  }
};

constexpr char kFolded[] = "pad-into-window(0>1)";

TEST(FoldPad, FoldsIntoConvolutions) {
  EXPECT_EQ(FoldsOf(PadNet{}.Build()), kFolded);
  EXPECT_EQ(FoldsOf(PadNet{.window = OpKind::kDepthwiseConv2D}.Build()), kFolded);
  EXPECT_EQ(FoldsOf(PadNet{.padding = Padding::kSame, .stride = 2}.Build()), kFolded);
  EXPECT_EQ(FoldsOf(PadNet{.dilation = 2}.Build()), kFolded);
  EXPECT_EQ(FoldsOf(PadNet{.value = -3}.Build()), kFolded);
}

TEST(FoldPad, TheFoldedWindowHasThePaddingInPixels) {
  const Plan plan = test::PlanOf(PadNet{}.Build());
  const Op& op = plan.compute_graph->ops[1];
  EXPECT_EQ(op.inputs[0], plan.graph->ops[0].inputs[0]);
  EXPECT_EQ(op.outputs, plan.graph->ops[1].outputs);
  const auto& params = op.as<Conv2DParams>();
  EXPECT_EQ(params.padding, Padding::kExplicit);
  EXPECT_EQ((std::vector{params.edges.top, params.edges.bottom, params.edges.left, params.edges.right}),
            (std::vector{1, 2, 2, 1}));
  // The model as everybody sees it is what it was.
  EXPECT_EQ(plan.graph->ops[1].as<Conv2DParams>().padding, Padding::kValid);
  EXPECT_EQ(plan.ops[0].folded_into, 1);
  EXPECT_EQ(plan.ops[1].folded_into, -1);
}

TEST(FoldPad, TwoPadsAddUp) {
  GraphBuilder b;
  const int input = b.Input(DataType::kInt8, {1, 4, 4, 2}, 0.5f, 7);
  const int once = b.Tensor(DataType::kInt8, {1, 5, 4, 2}, 0.5f, 7);
  const int twice = b.Tensor(DataType::kInt8, {1, 5, 7, 2}, 0.5f, 7);
  const int first = b.Constant<int32_t>(DataType::kInt32, {4, 2}, {0, 0, 1, 0, 0, 0, 0, 0});
  const int second = b.Constant<int32_t>(DataType::kInt32, {4, 2}, {0, 0, 0, 0, 1, 2, 0, 0});
  b.Op(OpKind::kPad, {input, first}, {once});
  b.Op(OpKind::kPad, {once, second}, {twice});
  const test::Layer layer = test::AddLayerBehind(b, {}, twice, {3, 2, 2, 2}, 0, 8, 5);
  b.Op(OpKind::kConv2D, layer.operands, {layer.output}, Conv2DParams{.padding = Padding::kValid});
  test::ExpectFoldedEqualsUnfolded(b.Build({layer.output}), "pad-into-window(1>2) pad-into-window(0>2)", 3);
}

TEST(FoldPad, NotWhenAnythingElseIsPaddedOrRescaled) {
  EXPECT_EQ(FoldsOf(PadNet{.paddings = {0, 0, 1, 1, 1, 1, 0, 1}}.Build()), "");
  EXPECT_EQ(FoldsOf(PadNet{.paddings = {1, 0, 1, 1, 1, 1, 0, 0}}.Build()), "");
  EXPECT_EQ(FoldsOf(PadNet{.padded_zero_point = -4}.Build()), "");
  EXPECT_EQ(FoldsOf(PadNet{.padded_scale = 0.03f}.Build()), "");
  EXPECT_EQ(FoldsOf(PadNet{.value = -2}.Build()), "");
}

TEST(FoldPad, NotWhenSomebodyElseReadsThePaddedImage) {
  EXPECT_EQ(FoldsOf(PadNet{.padded_is_output = true}.Build()), "");
  EXPECT_EQ(FoldsOf(PadNet{.padded_is_read_twice = true}.Build()), "");
}

TEST(FoldPad, IntoMaxPoolOnlyWithTheSmallestValue) {
  const auto net = [](int64_t zero_point, std::optional<int> value, DataType type = DataType::kInt8) {
    return FoldsOf(PadNet{.window = OpKind::kMaxPool2D,
                          .type = type,
                          .zero_point = zero_point,
                          .padded_zero_point = zero_point,
                          .value = value}
                       .Build());
  };
  EXPECT_EQ(net(-128, std::nullopt), kFolded);
  EXPECT_EQ(net(5, -128), kFolded);
  EXPECT_EQ(net(0, std::nullopt, DataType::kUInt8), kFolded);
  EXPECT_EQ(net(-127, std::nullopt), "");
  EXPECT_EQ(net(-128, -127), "");
  EXPECT_EQ(net(1, std::nullopt, DataType::kUInt8), "");
}

TEST(FoldPad, NotIntoAMaxPoolWithAWindowOfPaddingAlone) {
  PadNet net{.window = OpKind::kMaxPool2D, .zero_point = -128, .padded_zero_point = -128};
  net.paddings = {0, 0, 2, 2, 2, 2, 0, 0};
  EXPECT_EQ(FoldsOf(net.Build()), kFolded);
  net.paddings = {0, 0, 3, 2, 2, 2, 0, 0};
  EXPECT_EQ(FoldsOf(net.Build()), "");
  net.paddings = {0, 0, 2, 2, 2, 3, 0, 0};
  EXPECT_EQ(FoldsOf(net.Build()), "");
}

TEST(FoldPad, NeverIntoAveragePool) {
  for (const int64_t zero_point : {-128, 0}) {
    EXPECT_EQ(FoldsOf(PadNet{.window = OpKind::kAveragePool2D,
                             .zero_point = zero_point,
                             .padded_zero_point = zero_point}
                          .Build()),
              "");
  }
}

// Of 256 the low byte is the zero point.
TEST(FoldPad, NotInInt16) {
  GraphBuilder b;
  const int input = b.Input(DataType::kInt16, {1, 4, 4, 2}, 0.5f), padded = b.Tensor(DataType::kInt16, {1, 6, 6, 2}, 0.5f);
  const int output = b.Tensor(DataType::kInt16, {1, 4, 4, 1}, 4.0f);
  const int amounts = b.Constant<int32_t>(DataType::kInt32, {4, 2}, {0, 0, 1, 1, 1, 1, 0, 0});
  const int fill = b.Constant<int16_t>(DataType::kInt16, {1}, {256}, test::PerTensor(0.5f, 0));
  const int weights = b.Constant<int8_t>(DataType::kInt8, {1, 3, 3, 2}, test::RandomValues<int8_t>(18, 1, -9, 9),
                                         test::PerTensor(0.25f, 0));
  b.Op(OpKind::kPadv2, {input, amounts, fill}, {padded});
  b.Op(OpKind::kConv2D, {padded, weights}, {output}, Conv2DParams{.padding = Padding::kValid});
  EXPECT_EQ(FoldsOf(b.Build({output})), "");
}

// Nets of all shapes: those that fold give the bytes of the model's own operators.
TEST(FoldPad, RandomNetsGiveTheSameBytes) {
  std::mt19937 engine(20240);
  const auto below = [&](int n) { return static_cast<int>(engine() % static_cast<uint32_t>(n)); };
  constexpr OpKind kWindows[] = {OpKind::kConv2D, OpKind::kDepthwiseConv2D, OpKind::kMaxPool2D};
  int folded = 0;
  for (uint32_t seed = 1; folded < 220 && !HasFatalFailure(); ++seed) {
    ASSERT_LT(seed, 1000u);
    PadNet net{.window = kWindows[below(3)], .type = below(2) == 0 ? DataType::kInt8 : DataType::kUInt8};
    const int lowest = net.type == DataType::kInt8 ? -128 : 0;
    const bool pool = net.window == OpKind::kMaxPool2D;
    net.shape = {1 + below(2), 1 + below(9), 1 + below(9), 1 + below(20)};
    net.paddings = {0, 0, below(4), below(4), below(4), below(4), 0, 0};
    net.zero_point = net.padded_zero_point = pool && below(2) == 0 ? lowest : lowest + below(256);
    if (below(3) == 0) net.value = static_cast<int>(pool ? lowest : net.zero_point);
    net.padding = below(2) == 0 ? Padding::kValid : Padding::kSame;
    net.stride = 1 + below(3);
    net.dilation = pool ? 1 : 1 + below(3);
    net.filter = 1 + below(4);
    net.seed = seed;
    const auto graph = net.Build();
    if (FoldsOf(graph).empty()) continue;
    ++folded;
    SCOPED_TRACE(fmt::format("seed {}", seed));
    test::ExpectFoldedEqualsUnfolded(graph, kFolded, seed);
  }
  std::printf("folded nets compared: %d\n", folded);
}

}  // namespace
}  // namespace npu
