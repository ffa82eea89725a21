// DEPTHWISE_CONV_2D: values by hand, OpenCL against the reference over shapes and quantizations, and every
// reason of Check that CONV_2D does not have.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/ops/convolution_testing.h"

namespace npu::test {
namespace {

struct Case {
  std::vector<int32_t> input;  // NHWC
  int32_t multiplier, filter_h, filter_w;
  DepthwiseConv2DParams params;
};

std::shared_ptr<Graph> MakeGraph(const Case& c, const LayerQuantization& q, uint32_t seed = 1) {
  GraphBuilder b;
  const Layer layer = AddLayer(b, q, c.input, {1, c.filter_h, c.filter_w, c.input[3] * c.multiplier}, 3,
                               int64_t{c.filter_h} * c.filter_w, seed);
  b.Op(OpKind::kDepthwiseConv2D, layer.operands, {layer.output}, c.params);
  return b.Build({layer.output});
}

DepthwiseConv2DParams Params(Padding padding, int32_t stride = 1, int32_t dilation = 1) {
  return {.padding = padding,
          .stride_h = stride,
          .stride_w = stride,
          .dilation_h = dilation,
          .dilation_w = dilation};
}

TEST(DepthwiseConv2dTest, ComputesValuesByHand) {
  GraphBuilder b;
  // Two pixels of two channels; multiplier 2: outputs 0 and 1 look at channel 0, outputs 2 and 3 at
  // channel 1.
  const int x = b.Input(DataType::kInt8, {1, 1, 2, 2}, 1.0f, 10);
  const int w = b.Constant(DataType::kInt8, {1, 1, 2, 4}, std::vector<int8_t>{1, 2, 3, 4, -5, -6, -7, -128},
                           PerChannel({1.0f, 1.0f, 1.0f, 0.5f}, 3));
  const int bias = b.Constant(DataType::kInt32, {4}, std::vector<int32_t>{0, 100, 0, -1}, PerTensor(1.0f, 0));
  const int y = b.Tensor(DataType::kInt8, {}, 2.0f, -3);
  b.Op(OpKind::kDepthwiseConv2D, {x, w, bias}, {y}, Params(Padding::kSame));
  // Input minus 10: (1, 2), (3, 4). The second window ends at the border.
  //   pixel 0: 1-15 = -14, 100+2-18 = 84, 6-28 = -22, -1+8-512 = -505, times 1/2 or 1/4
  //   pixel 1: 3, 106, 12, 15. 1.5 is rounded away from zero; 15 -> 7.5 -> 8 -> 4 is rounded twice.
  EXPECT_EQ(RunReference(b.Build({y}), std::vector<int8_t>{11, 12, 13, 14}),
            (std::vector<int>{-10, 39, -14, -128, -1, 50, 3, 1}));
}

const Case kShapes[] = {
    {{1, 1, 1, 1}, 1, 1, 1, Params(Padding::kValid)},
    {{1, 5, 5, 3}, 1, 3, 3, Params(Padding::kSame)},
    {{2, 6, 7, 16}, 1, 3, 3, Params(Padding::kSame, 2)},
    {{1, 7, 7, 17}, 1, 3, 3, Params(Padding::kValid)},
    {{1, 9, 5, 33}, 1, 5, 5, Params(Padding::kSame, 2)},
    {{1, 4, 4, 64}, 1, 1, 1, Params(Padding::kSame)},  // reads the input itself: no border, whole blocks
    {{1, 8, 8, 1}, 8, 3, 3, Params(Padding::kSame)},
    {{1, 6, 6, 3}, 3, 3, 3, Params(Padding::kValid, 2)},
    {{3, 5, 4, 10}, 2, 3, 2, Params(Padding::kSame)},
    {{1, 25, 5, 1}, 64, 10, 4, Params(Padding::kSame, 2)},
    {{1, 12, 12, 8}, 1, 3, 3, Params(Padding::kSame, 1, 2)},
    {{1, 12, 12, 18}, 1, 3, 3, Params(Padding::kValid, 1, 4)},
    {{1, 6, 6, 5}, 1, 3, 3, Params(Padding::kSame, 1, 9)},  // only the middle tap meets the input
    {{1, 2, 2, 5}, 1, 2, 2, Params(Padding::kSame, 1, 5)},  // no tap does
    {{1, 3, 2, 19}, 1, 7, 9, Params(Padding::kSame)},       // filter larger than the input
    {{1, 10, 10, 4}, 1, 2, 2, Params(Padding::kSame, 4)},   // stride larger than the filter
};

TEST(DepthwiseConv2dTest, OpenClMatchesReferenceOverShapes) {
  uint32_t seed = 1;
  for (const Case& c : kShapes) {
    for (const LayerQuantization& q : {LayerQuantization{.input_zero_point = -7, .output_zero_point = 9},
                                       LayerQuantization{.type = DataType::kUInt8,
                                       .weights = Weights::kPerTensor,
                                       .weights_zero_point = 119,
                                       .input_zero_point = 121,
                                       .output_zero_point = 130}}) {
      SCOPED_TRACE(testing::Message() << "input " << ShapeString(c.input) << " multiplier " << c.multiplier
                                      << " filter " << c.filter_h << "x" << c.filter_w << " " << q);
      ExpectOpenClMatchesReference(MakeGraph(c, q, seed), seed);
      ++seed;
      if (testing::Test::IsSkipped()) return;
    }
  }
}

// Taps that are read twice: none to several, in one row of the filter and in more; too many.
TEST(DepthwiseConv2dTest, OpenClMatchesReferenceWithFewWeightsThatInt8DoesNotHold) {
  const Case cases[] = {
      {{1, 7, 9, 70}, 1, 3, 3, Params(Padding::kSame)},    {{2, 6, 7, 130}, 1, 3, 3, Params(Padding::kSame, 2)},
      {{1, 7, 8, 20}, 1, 3, 3, Params(Padding::kSame, 3)}, {{1, 9, 9, 40}, 1, 3, 3, Params(Padding::kSame, 1, 2)},
      {{1, 9, 8, 33}, 1, 5, 5, Params(Padding::kSame)},    {{1, 2, 3, 70}, 1, 3, 3, Params(Padding::kSame)},
  };
  uint32_t seed = 100;
  for (const Case& c : cases) {
    for (const int outliers : {0, 1, 2, 3, 4, 12}) {
      for (const int64_t zero_point : {0, 100}) {  // of 0, 255 is too much for two weights of INT8
        const LayerQuantization q{.type = DataType::kUInt8,
                                  .weights = Weights::kPerTensor,
                                  .weights_zero_point = zero_point,
                                  .input_zero_point = 121,
                                  .output_zero_point = 130,
                                  .outliers = outliers};
        SCOPED_TRACE(testing::Message() << "input " << ShapeString(c.input) << " filter " << c.filter_h << "x"
                                        << c.filter_w << " " << q);
        ExpectOpenClMatchesReference(MakeGraph(c, q, seed), seed);
        ++seed;
        if (testing::Test::IsSkipped()) return;
      }
    }
  }
}

TEST(DepthwiseConv2dTest, OpenClMatchesReferenceOverQuantizations) {
  std::vector<LayerQuantization> quantizations;
  for (const int64_t zero_point : {-128, 0, 127}) {
    for (const Weights weights : {Weights::kPerChannel, Weights::kPerTensor}) {
      quantizations.push_back(
          {.weights = weights, .input_zero_point = zero_point, .output_zero_point = -zero_point / 2});
    }
    for (const int64_t weights_zero_point : {0, 128, 255}) {
      quantizations.push_back({.type = DataType::kUInt8,
                               .weights = Weights::kPerTensor,
                               .weights_zero_point = weights_zero_point,
                               .input_zero_point = zero_point + 128,
                               .output_zero_point = 255 - weights_zero_point});
    }
  }
  quantizations.push_back({.bias = false});
  quantizations.push_back({.input_zero_point = 5, .output_zero_point = -17, .tiny = true});
  quantizations.push_back({.gain = 300.0f});    // saturates
  quantizations.push_back({.gain = 60000.0f});  // multiplier above 1
  for (const LayerQuantization& q : quantizations) {
    for (const Activation activation :
         {Activation::kNone, Activation::kRelu, Activation::kReluN1To1, Activation::kRelu6}) {
      Case c{{1, 5, 6, 19}, 1, 3, 3, Params(Padding::kSame, 2)};
      c.params.activation = activation;
      SCOPED_TRACE(testing::Message() << q << " activation " << static_cast<int>(activation));
      ExpectOpenClMatchesReference(MakeGraph(c, q));
      if (testing::Test::IsSkipped()) return;
    }
  }
}

TEST(DepthwiseConv2dTest, CountsMacs) {
  const auto graph = MakeGraph({{2, 8, 8, 6}, 3, 3, 5, Params(Padding::kSame, 2)}, {});
  InferShapes(*graph);
  EXPECT_EQ(Macs(*graph, graph->ops[0]), int64_t{2} * 4 * 4 * 18 * 3 * 5);
}

TEST(DepthwiseConv2dTest, CheckNamesEveryFailedRule) {
  using enum ReasonCode;
  using Codes = std::vector<ReasonCode>;
  const auto checked = [](auto change) {
    const auto graph = MakeGraph({{1, 8, 8, 4}, 2, 3, 3, Params(Padding::kSame)}, {});
    InferShapes(*graph);
    change(*graph);
    return NpuCodes(*graph);
  };
  const auto input = [](Graph& g) -> Tensor& { return g.tensors[g.ops[0].inputs[0]]; };
  const auto weights = [](Graph& g) -> Tensor& { return g.tensors[g.ops[0].inputs[1]]; };
  const auto params = [](Graph& g) -> DepthwiseConv2DParams& {
    return std::get<DepthwiseConv2DParams>(g.ops[0].params);
  };
  EXPECT_EQ(checked([](Graph&) {}), Codes{});
  EXPECT_EQ(checked([&](Graph& g) { params(g).depth_multiplier = 2; }), Codes{});
  EXPECT_EQ(checked([&](Graph& g) { params(g).depth_multiplier = 1; }), Codes{kInvalidArgument});
  EXPECT_EQ(checked([&](Graph& g) { input(g).shape[3] = 3; }), Codes{kShapeMismatch});
  EXPECT_EQ(checked([&](Graph& g) { weights(g).quantization.quantized_dimension = 0; }),
            Codes{kUnsupportedQuantizationType});
  // The same bytes as a filter of two batches.
  EXPECT_EQ(checked([&](Graph& g) {
              weights(g).shape = {2, 3, 3, 4};
              weights(g).quantization = PerTensor(0.1f, 0);
            }),
            (Codes{kShapeMismatch, kShapeMismatch, kShapeMismatch}));  // bias, output, weights
  EXPECT_EQ(checked([&](Graph& g) {
              params(g).activation = Activation::kTanh;
              params(g).stride_w = -1;
              weights(g).data = {};
            }),
            (Codes{kUnsupportedActivation, kOperandNotConstant, kInvalidArgument}));
}

}  // namespace
}  // namespace npu::test
