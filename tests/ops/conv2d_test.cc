// CONV_2D: values by hand, OpenCL against the reference over shapes and quantizations, and every reason of
// Check.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <limits>

#include "tests/ops/convolution_testing.h"

namespace npu::test {
namespace {

struct Case {
  std::vector<int32_t> input;            // NHWC
  int32_t channels, filter_h, filter_w;  // output channels
  Conv2DParams params;
  int32_t groups = 1;
};

std::shared_ptr<Graph> MakeGraph(const Case& c, const LayerQuantization& q, uint32_t seed = 1) {
  GraphBuilder b;
  const int32_t depth = c.input[3] / c.groups;
  const Layer layer = AddLayer(b, q, c.input, {c.channels, c.filter_h, c.filter_w, depth}, 0,
                               int64_t{c.filter_h} * c.filter_w * depth, seed);
  b.Op(OpKind::kConv2D, layer.operands, {layer.output}, c.params);
  return b.Build({layer.output});
}

Conv2DParams Params(Padding padding, int32_t stride = 1, int32_t dilation = 1,
                    Activation activation = Activation::kNone) {
  return {.padding = padding,
          .stride_h = stride,
          .stride_w = stride,
          .dilation_h = dilation,
          .dilation_w = dilation,
          .activation = activation};
}

// One 2x2 filter over 3x3 pixels of one channel. Scales 0.5 * 0.5 / 1: outputs are acc / 4, rounded twice.
// The multiplier is 1/2 * 2^-1, so that acc / 2 is rounded first, then its half, ties away from zero: 37
// -> 18.5 -> 19 -> 9.5 -> 10, although 37 / 4 is nearer to 9.
std::shared_ptr<Graph> SmallGraph(Padding padding, Activation activation, int64_t output_zero_point) {
  GraphBuilder b;
  const int x = b.Input(DataType::kInt8, {1, 3, 3, 1}, 0.5f, -1);
  const int w =
      b.Constant(DataType::kInt8, {1, 2, 2, 1}, std::vector<int8_t>{1, 2, 3, 4}, PerChannel({0.5f}, 0));
  const int bias = b.Constant(DataType::kInt32, {1}, std::vector<int32_t>{10}, PerTensor(0.25f, 0));
  const int y = b.Tensor(DataType::kInt8, {}, 1.0f, output_zero_point);
  b.Op(OpKind::kConv2D, {x, w, bias}, {y}, Params(padding, 1, 1, activation));
  return b.Build({y});
}

TEST(Conv2dTest, ComputesValuesByHand) {
  // Input minus its zero point -1: 0 1 2 / 3 4 5 / 6 7 8. acc = 10 + p + 2q + 3r + 4s.
  const std::vector<int8_t> input{-1, 0, 1, 2, 3, 4, 5, 6, 7};
  // acc 37, 47, 67, 77: 10, 12, 17, 20, plus the zero point 5.
  EXPECT_EQ(RunReference(SmallGraph(Padding::kValid, Activation::kNone, 5), input),
            (std::vector<int>{15, 17, 22, 25}));
  // SAME pads below and to the right only: one pixel, floor(1 / 2) = 0 before. The new accumulators:
  // 10+2+3*5 = 27: 7; 10+5+3*8 = 39: 10; 10+6+2*7 = 30: 8; 10+7+2*8 = 33: 9; 10+8 = 18: 5.
  EXPECT_EQ(RunReference(SmallGraph(Padding::kSame, Activation::kNone, 5), input),
            (std::vector<int>{15, 17, 12, 22, 25, 15, 13, 14, 10}));
}

TEST(Conv2dTest, ActivationClampsInQuantizedValues) {
  const std::vector<int8_t> low(9, -128), high(9, 127);
  // scale 1, zero point 5: 0 is 5, 6 is 11, -1 is 4, 1 is 6. acc = 10 - 127*10 or 10 + 128*10.
  const auto run = [&](Activation activation, const std::vector<int8_t>& input) {
    return RunReference(SmallGraph(Padding::kValid, activation, 5), input)[0];
  };
  EXPECT_EQ(run(Activation::kNone, low), -128);
  EXPECT_EQ(run(Activation::kNone, high), 127);
  EXPECT_EQ(run(Activation::kRelu, low), 5);
  EXPECT_EQ(run(Activation::kRelu, high), 127);
  EXPECT_EQ(run(Activation::kRelu6, low), 5);
  EXPECT_EQ(run(Activation::kRelu6, high), 11);
  EXPECT_EQ(run(Activation::kReluN1To1, low), 4);
  EXPECT_EQ(run(Activation::kReluN1To1, high), 6);
}

// The accumulator 503475904 is so near a tie that the product of scales decides: LiteRT 2.3 BUILTIN_REF gives
// 119 for INT8 (product in double) and 120 for UINT8 (product in float), plus the zero point.
TEST(Conv2dTest, ScaleProductIsDoubleForInt8AndFloatForUInt8) {
  const auto run = [](auto zero, DataType type, int64_t zero_point) {
    using T = decltype(zero);
    GraphBuilder b;
    const int x = b.Input(type, {1, 1, 1, 1}, 0.0235f, zero_point);
    const int w = b.Constant(type, {1, 1, 1, 1}, std::vector<T>{T{0}}, PerTensor(0.0101f, 0));
    const int bias =
        b.Constant(DataType::kInt32, {1}, std::vector<int32_t>{503475904}, PerTensor(0.0235f * 0.0101f, 0));
    const int y = b.Tensor(type, {}, 1000.0f, zero_point);
    b.Op(OpKind::kConv2D, {x, w, bias}, {y}, Params(Padding::kValid));
    return RunReference(b.Build({y}), std::vector<T>{T{1}})[0] - zero_point;
  };
  EXPECT_EQ(run(int8_t{0}, DataType::kInt8, 0), 119);
  EXPECT_EQ(run(uint8_t{0}, DataType::kUInt8, 128), 120);
}

const Case kShapes[] = {
    // 1x1: every tile, full and partial blocks, words cut at 1 to 3 bytes.
    {{1, 1, 1, 1}, 1, 1, 1, Params(Padding::kValid)},
    {{1, 5, 7, 4}, 16, 1, 1, Params(Padding::kValid)},
    {{1, 5, 7, 3}, 17, 1, 1, Params(Padding::kSame)},
    {{1, 6, 3, 17}, 33, 1, 1, Params(Padding::kSame)},
    {{2, 3, 3, 33}, 64, 1, 1, Params(Padding::kSame)},
    {{1, 4, 4, 64}, 80, 1, 1, Params(Padding::kSame, 2)},
    {{1, 7, 7, 130}, 129, 1, 1, Params(Padding::kValid)},
    // Windows: borders on every side, strides with odd and even sizes.
    {{1, 8, 8, 3}, 16, 3, 3, Params(Padding::kSame, 2)},
    {{1, 9, 9, 3}, 16, 3, 3, Params(Padding::kSame, 2)},
    {{1, 9, 7, 8}, 3, 3, 3, Params(Padding::kSame)},
    {{3, 6, 5, 17}, 33, 3, 3, Params(Padding::kValid)},
    {{1, 11, 13, 1}, 8, 5, 5, Params(Padding::kSame, 3)},
    {{1, 6, 6, 5}, 20, 1, 7, Params(Padding::kSame)},
    {{1, 9, 6, 5}, 20, 7, 1, Params(Padding::kValid)},
    {{1, 9, 9, 4}, 16, 2, 2, Params(Padding::kSame, 3)},
    // Dilation, also so far that some taps never meet the input.
    {{1, 12, 12, 4}, 16, 3, 3, Params(Padding::kSame, 1, 2)},
    {{1, 12, 12, 3}, 17, 3, 3, Params(Padding::kValid, 1, 3)},
    {{1, 6, 6, 4}, 16, 3, 3, Params(Padding::kSame, 1, 9)},
    {{1, 2, 2, 4}, 16, 2, 2, Params(Padding::kSame, 1, 5)},
    {{1, 10, 10, 2}, 5, 3, 3, Params(Padding::kSame, 2, 2)},
    // Filter larger than the input.
    {{2, 2, 3, 5}, 16, 5, 7, Params(Padding::kSame)},
    {{1, 1, 1, 9}, 35, 3, 3, Params(Padding::kSame)},
    // Groups: of one channel, of odd ones, of whole blocks.
    {{1, 5, 5, 8}, 8, 3, 3, Params(Padding::kSame), 8},
    {{2, 5, 4, 12}, 20, 3, 3, Params(Padding::kSame), 4},
    {{1, 6, 6, 6}, 102, 3, 2, Params(Padding::kValid), 2},
    {{1, 4, 4, 32}, 64, 1, 1, Params(Padding::kSame), 2},
    {{1, 7, 7, 9}, 6, 3, 3, Params(Padding::kSame, 1, 2), 3},
};

TEST(Conv2dTest, OpenClMatchesReferenceOverShapes) {
  uint32_t seed = 1;
  for (const Case& c : kShapes) {
    for (const LayerQuantization& q : {LayerQuantization{.input_zero_point = 7, .output_zero_point = -9},
                                       LayerQuantization{.type = DataType::kUInt8,
                                       .weights = Weights::kPerTensor,
                                       .weights_zero_point = 121,
                                       .input_zero_point = 131,
                                       .output_zero_point = 119}}) {
      SCOPED_TRACE(testing::Message() << "input " << ShapeString(c.input) << " channels " << c.channels
                                      << " filter " << c.filter_h << "x" << c.filter_w << " " << q);
      ExpectOpenClMatchesReference(MakeGraph(c, q, seed), seed);
      ++seed;
      if (testing::Test::IsSkipped()) return;
    }
  }
}

// Lines longer than a tile and shorter ones, at the image's edges; parts of runs; few weights that INT8 does not hold;
// channels of tiny scales.
TEST(Conv2dTest, OpenClMatchesReferenceOverLongLines) {
  const Case cases[] = {
      {{1, 5, 33, 40}, 36, 3, 3, Params(Padding::kSame)},
      {{2, 9, 19, 160}, 72, 1, 1, Params(Padding::kSame)},
      {{1, 7, 35, 3}, 40, 3, 3, Params(Padding::kSame, 2)},
      {{2, 9, 20, 24}, 100, 5, 5, Params(Padding::kSame, 2)},
      {{2, 5, 18, 32}, 16, 3, 3, Params(Padding::kSame, 1, 3)},
      {{2, 7, 6, 40}, 33, 3, 3, Params(Padding::kSame)},
      {{1, 6, 17, 64}, 64, 3, 3, Params(Padding::kValid), 2},
      {{1, 3, 18, 272}, 20, 1, 1, Params(Padding::kValid)},
      {{1, 8, 50, 5}, 20, 5, 5, Params(Padding::kSame)},
      {{2, 4, 5, 96}, 130, 1, 1, Params(Padding::kSame, 2)},
      {{1, 9, 21, 16}, 16, 1, 1, Params(Padding::kSame)},
      {{1, 9, 21, 3}, 29, 3, 3, Params(Padding::kSame, 2)},
  };
  uint32_t seed = 100;
  for (const Case& c : cases) {
    for (const int outliers : {-2, -1, 0, 3, 16}) {
      const bool tiny = outliers == -2;
      const LayerQuantization q{.type = outliers < 0 ? DataType::kInt8 : DataType::kUInt8,
                                .weights = tiny ? Weights::kPerChannel : Weights::kPerTensor,
                                .weights_zero_point = outliers < 0 ? 0 : 77,
                                .input_zero_point = outliers < 0 ? -3 : 131,
                                .output_zero_point = 19,
                                .outliers = std::max(outliers, -1),
                                .tiny = tiny};
      SCOPED_TRACE(testing::Message() << "input " << ShapeString(c.input) << " channels " << c.channels << " filter "
                                      << c.filter_h << "x" << c.filter_w << " " << q);
      ExpectOpenClMatchesReference(MakeGraph(c, q, seed), seed);
      ++seed;
      if (testing::Test::IsSkipped()) return;
    }
  }
}

TEST(Conv2dTest, OpenClMatchesReferenceOverQuantizations) {
  const Case c{{1, 5, 6, 7}, 19, 3, 3, Params(Padding::kSame, 2)};
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
  quantizations.push_back({.gain = 0.001f});
  for (const LayerQuantization& q : quantizations) {
    for (const Activation activation :
         {Activation::kNone, Activation::kRelu, Activation::kReluN1To1, Activation::kRelu6}) {
      Case with_activation = c;
      with_activation.params.activation = activation;
      SCOPED_TRACE(testing::Message() << q << " activation " << static_cast<int>(activation));
      ExpectOpenClMatchesReference(MakeGraph(with_activation, q));
      if (testing::Test::IsSkipped()) return;
    }
  }
}

TEST(Conv2dTest, OpenClMatchesReferenceWithExtremeBias) {
  for (const int32_t bias : {std::numeric_limits<int32_t>::max(), std::numeric_limits<int32_t>::min()}) {
    for (const float gain : {1.0f, 1000.0f, 100000.0f}) {
      const auto graph = MakeGraph({{1, 3, 3, 4}, 16, 1, 1, Params(Padding::kSame)}, {.gain = gain});
      const std::vector<int32_t> values(16, bias);
      Tensor& tensor = graph->tensors[graph->ops[0].inputs[2]];
      tensor.data = {std::as_bytes(std::span(values)), nullptr};
      ExpectOpenClMatchesReference(graph);
      if (testing::Test::IsSkipped()) return;
    }
  }
}

TEST(Conv2dTest, CountsMacs) {
  const auto graph = MakeGraph({{2, 8, 8, 6}, 10, 3, 3, Params(Padding::kSame, 2), 2}, {});
  InferShapes(*graph);
  EXPECT_EQ(Macs(*graph, graph->ops[0]), int64_t{2} * 4 * 4 * 10 * 3 * 3 * 3);
}

// A graph that passes, changed by `change` after its shapes are known: the codes of Check.
template <typename Change>
std::vector<ReasonCode> Checked(const LayerQuantization& q, Change change) {
  const auto graph = MakeGraph({{1, 8, 8, 4}, 6, 3, 3, Params(Padding::kSame)}, q);
  InferShapes(*graph);
  change(*graph);
  return NpuCodes(*graph);
}

TEST(Conv2dTest, CheckNamesEveryFailedRule) {
  using enum ReasonCode;
  using Codes = std::vector<ReasonCode>;
  const LayerQuantization int8{};
  const LayerQuantization uint8{
      .type = DataType::kUInt8, .weights = Weights::kPerTensor, .weights_zero_point = 3};
  const auto input = [](Graph& g) -> Tensor& { return g.tensors[g.ops[0].inputs[0]]; };
  const auto weights = [](Graph& g) -> Tensor& { return g.tensors[g.ops[0].inputs[1]]; };
  const auto bias = [](Graph& g) -> Tensor& { return g.tensors[g.ops[0].inputs[2]]; };
  const auto output = [](Graph& g) -> Tensor& { return g.tensors[g.ops[0].outputs[0]]; };
  const auto params = [](Graph& g) -> Conv2DParams& { return std::get<Conv2DParams>(g.ops[0].params); };

  EXPECT_EQ(Checked(int8, [](Graph&) {}), Codes{});
  EXPECT_EQ(Checked(uint8, [](Graph&) {}), Codes{});
  EXPECT_EQ(Checked(int8, [&](Graph& g) { input(g).type = DataType::kFloat32; }), Codes{kHybridOperator});
  EXPECT_EQ(Checked(int8, [&](Graph& g) { output(g).type = DataType::kUInt8; }),
            Codes{kUnsupportedOutputType});
  EXPECT_EQ(Checked(int8, [&](Graph& g) { input(g).quantization = {}; }),
            Codes{kUnsupportedQuantizationType});
  EXPECT_EQ(Checked(int8, [&](Graph& g) { weights(g).type = DataType::kUInt8; }),
            (Codes{kUnsupportedInputType, kUnsupportedQuantizationType}));
  EXPECT_EQ(Checked(int8, [&](Graph& g) { weights(g).data = {}; }), Codes{});
  EXPECT_EQ(Checked(int8, [&](Graph& g) { weights(g).quantization.quantized_dimension = 3; }),
            Codes{kUnsupportedQuantizationType});
  EXPECT_EQ(Checked(int8,
                    [&](Graph& g) {
                      weights(g).quantization = PerChannel({1.f, 1.f}, 0);
                    }),
            Codes{kUnsupportedQuantizationType});
  EXPECT_EQ(Checked(int8, [&](Graph& g) { weights(g).quantization.zero_point[5] = 1; }),
            Codes{kUnsupportedQuantizationParameters});
  EXPECT_EQ(Checked(int8, [&](Graph& g) { weights(g).quantization = PerTensor(0.1f, 1); }),
            Codes{kUnsupportedQuantizationParameters});
  EXPECT_EQ(Checked(uint8, [&](Graph& g) { weights(g).quantization = {}; }),
            Codes{kUnsupportedQuantizationType});
  EXPECT_EQ(Checked(int8, [&](Graph& g) { bias(g).type = DataType::kUInt32; }), Codes{kUnsupportedInputType});
  EXPECT_EQ(Checked(int8, [&](Graph& g) { bias(g).data = {}; }), Codes{kOperandNotConstant});
  EXPECT_EQ(Checked(int8, [&](Graph& g) { bias(g).quantization.zero_point[0] = -1; }),
            Codes{kUnsupportedQuantizationParameters});
  EXPECT_EQ(Checked(int8,
                    [&](Graph& g) {
                      bias(g).shape = {5};
                      bias(g).data.bytes = bias(g).data.bytes.first(20);
                    }),
            Codes{kShapeMismatch});
  // TFLite compares the bias scale for UINT8 only.
  EXPECT_EQ(Checked(int8, [&](Graph& g) { bias(g).quantization.scale[0] = 9.0f; }), Codes{});
  EXPECT_EQ(Checked(uint8, [&](Graph& g) { bias(g).quantization.scale[0] = 9.0f; }),
            Codes{kUnsupportedQuantizationParameters});
  EXPECT_EQ(Checked(int8, [&](Graph& g) { params(g).activation = Activation::kTanh; }),
            Codes{kUnsupportedActivation});
  EXPECT_EQ(Checked(int8,
                    [&](Graph& g) {
                      params(g).stride_h = 0;
                      params(g).dilation_w = 40000;
                    }),
            (Codes{kInvalidArgument, kInvalidArgument}));
  EXPECT_EQ(Checked(int8, [&](Graph& g) { params(g).stride_w = 2; }), Codes{kShapeMismatch});
  EXPECT_EQ(Checked(int8, [&](Graph& g) { input(g).shape = {8, 8, 4}; }), Codes{kUnsupportedOperandRank});
  EXPECT_EQ(Checked(int8, [&](Graph& g) { input(g).shape[3] = 5; }), Codes{kShapeMismatch});
  EXPECT_EQ(Checked(int8, [&](Graph& g) { input(g).shape[3] = 16; }),
            Codes{kShapeMismatch});  // 4 groups, 6 channels
  EXPECT_EQ(Checked(int8,
                    [&](Graph& g) {
                      input(g).shape[0] = 0;
                      output(g).shape[0] = 0;
                    }),
            Codes{kUnsupportedOperandSize});
  EXPECT_EQ(Checked(int8, [](Graph& g) { g.ops[0].inputs[1] = kNoTensor; }), Codes{kMissingRequiredOperand});
  EXPECT_EQ(Checked(int8, [](Graph& g) { g.ops[0].inputs[0] = kNoTensor; }),
            (Codes{kMissingRequiredOperand, kMissingRequiredOperand}));
}

TEST(Conv2dTest, CheckReportsSeveralFailuresAtOnce) {
  using enum ReasonCode;
  EXPECT_EQ(Checked({},
                    [](Graph& g) {
                      std::get<Conv2DParams>(g.ops[0].params).activation = Activation::kSignBit;
                      std::get<Conv2DParams>(g.ops[0].params).dilation_h = 0;
                      g.tensors[g.ops[0].inputs[2]].type = DataType::kInt64;
                      g.tensors[g.ops[0].inputs[2]].data = {};
                      g.tensors[g.ops[0].inputs[0]].shape[3] = 7;
                    }),
            (std::vector<ReasonCode>{kUnsupportedActivation, kUnsupportedInputType, kOperandNotConstant,
                                     kInvalidArgument, kShapeMismatch}));
}

TEST(Conv2dTest, InferRefusesWhatMakesNoWindow) {
  const auto infer = [](auto change) {
    const auto graph = MakeGraph({{1, 8, 8, 4}, 6, 3, 3, Params(Padding::kSame)}, {});
    change(*graph);
    return InferShapes(*graph).errors[0];
  };
  const auto params = [](Graph& g) -> Conv2DParams& { return std::get<Conv2DParams>(g.ops[0].params); };
  EXPECT_EQ(infer([](Graph&) {}), "");
  EXPECT_NE(infer([&](Graph& g) { params(g).stride_w = 0; }), "");
  EXPECT_NE(infer([&](Graph& g) { params(g).dilation_h = -1; }), "");
  EXPECT_NE(infer([&](Graph& g) { params(g).dilation_h = std::numeric_limits<int32_t>::max(); }), "");
  EXPECT_NE(infer([](Graph& g) { g.tensors[g.ops[0].inputs[0]].shape = {8, 8}; }), "");
  EXPECT_NE(infer([](Graph& g) { g.tensors[g.ops[0].inputs[1]].shape[1] = 0; }), "");
  EXPECT_NE(infer([](Graph& g) { g.tensors[g.ops[0].inputs[0]].shape = {65536, 65536, 65536, 4}; }), "");
}

TEST(Conv2dTest, FilterThatDoesNotFitHasAnEmptyOutput) {
  const auto graph = MakeGraph({{1, 2, 8, 4}, 6, 3, 3, Params(Padding::kValid)}, {});
  EXPECT_EQ(InferShapes(*graph).errors[0], "");
  EXPECT_EQ(graph->tensors[graph->outputs[0]].shape, (std::vector<int32_t>{1, 0, 6, 6}));
  EXPECT_EQ(NpuCodes(*graph), std::vector<ReasonCode>{ReasonCode::kUnsupportedOperandSize});
}

}  // namespace
}  // namespace npu::test
