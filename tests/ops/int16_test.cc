// Operators with 16-bit activations: OpenCL gives the reference's bytes for random and for extreme values,
// and the rules that INT16 adds. That both are LiteRT's is tested in tests/host (operators_sweep_test.py) and
// on the corpus.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "backends/ops/int16_arithmetic.h"
#include "tests/ops/movement_testing.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

constexpr DataType kWide = DataType::kInt16;
using List = std::vector<ReasonCode>;

// Reasons against op 0 after shape inference.
List Found(const std::shared_ptr<Graph>& graph) { return Codes(CheckFirst(*graph)); }

// --- The arithmetic ---

TEST(Int16ArithmeticTest, RescalesOnceWith16Bits) {
  // 0.75: 3 * 2^14 / 2^16.
  const WideMultiplier m = ReduceMultiplier(QuantizeMultiplier(0.75));
  EXPECT_EQ(m.multiplier, 3 << 13);
  EXPECT_EQ(m.shift, 15);
  EXPECT_EQ(MultiplyWide(4, m), 3);
  EXPECT_EQ(MultiplyWide(2, m), 2);    // 1.5: ties go up
  EXPECT_EQ(MultiplyWide(-2, m), -1);  // -1.5, too
  EXPECT_EQ(MultiplyWide(int64_t{1} << 33, m), static_cast<int32_t>(uint32_t{0x80000000}));  // modulo 2^32
  EXPECT_EQ(ReduceMultiplier({std::numeric_limits<int32_t>::max(), 0}).multiplier, 0x7FFF);
  EXPECT_EQ(MultiplyWide(1234567, ReduceMultiplier(QuantizeMultiplier(1e-30))), 0);
}

TEST(Int16ArithmeticTest, InterpolatesAStraightLineExactly) {
  const InterpolationTable line =
      MakeInterpolationTable(-32768, 32768, -65536, 65536, [](double x) { return x; });
  for (int x = -32768; x < 32768; x += 129)
    EXPECT_EQ(Interpolate(static_cast<int16_t>(x), line), (x + 1) >> 1) << x;  // ties go up
}

// --- Weights ---

struct Layer {
  OpKind kind = OpKind::kConv2D;
  std::vector<int32_t> input = {1, 7, 6, 5}, weights = {9, 3, 3, 5};
  DataType bias = DataType::kInt64;
  int64_t bias_value = 12345678;
  bool per_channel = true;
  float output_scale = 0.01f;
  Activation activation = Activation::kNone;
  Padding padding = Padding::kSame;
};

int ChannelDimension(const Layer& c) { return c.kind == OpKind::kDepthwiseConv2D ? 3 : 0; }

std::shared_ptr<Graph> LayerGraph(const Layer& c, uint32_t seed = 1) {
  GraphBuilder b;
  const int32_t channels = c.weights[ChannelDimension(c)];
  std::vector<float> scales(channels);
  for (int i = 0; i < channels; ++i) scales[i] = 0.004f + 0.001f * static_cast<float>(i % 5);
  const Quantization q = c.per_channel ? PerChannel(scales, ChannelDimension(c)) : PerTensor(0.005f, 0);
  const int in = b.Input(kWide, c.input, 3e-5f, 0);
  const int w =
      b.Constant(DataType::kInt8, c.weights, RandomValues<int8_t>(Count(c.weights), seed, -128, 127), q);
  std::vector<int> inputs = {in, w};
  const Quantization bias_q = PerTensor(3e-5f * 0.005f, 0);
  if (c.bias == DataType::kInt64) {
    inputs.push_back(b.Constant(c.bias, {channels}, std::vector<int64_t>(channels, c.bias_value), bias_q));
  } else if (c.bias == DataType::kInt32) {
    inputs.push_back(
        b.Constant(c.bias, {channels}, RandomValues<int32_t>(channels, seed, -90000, 90000), bias_q));
  }
  const int out = b.Tensor(kWide, {}, c.output_scale, 0);
  OpParams params;
  if (c.kind == OpKind::kConv2D) {
    Conv2DParams p;
    p.padding = c.padding;
    p.activation = c.activation;
    params = p;
  } else if (c.kind == OpKind::kDepthwiseConv2D) {
    DepthwiseConv2DParams p;
    p.padding = c.padding;
    p.activation = c.activation;
    params = p;
  } else {
    FullyConnectedParams p;
    p.activation = c.activation;
    params = p;
  }
  b.Op(c.kind, inputs, {out}, params);
  return b.Build({out});
}

TEST(Int16LayerTest, DeviceMatchesReference) {
  const Layer fully_connected = {.kind = OpKind::kFullyConnected, .input = {3, 129}, .weights = {17, 129}};
  const Layer depthwise = {.kind = OpKind::kDepthwiseConv2D, .weights = {1, 3, 2, 10}};
  Layer grouped;
  grouped.input = {2, 7, 6, 10};
  grouped.weights = {8, 3, 3, 5};
  for (Layer layer : {Layer{}, grouped, depthwise, fully_connected}) {
    for (DataType bias : {DataType::kInt64, DataType::kInt32, DataType::kFloat32}) {
      layer.bias = bias;
      for (Activation activation : {Activation::kNone, Activation::kRelu6}) {
        layer.activation = activation;
        for (float scale : {0.01f, 1e-4f}) {
          layer.output_scale = scale;
          ComputeOptions options;
          ExpectOpenClMatchesReference(LayerGraph(layer), 3, options);
          options.fc_rounding = FcRounding::kDouble;
          if (layer.kind == OpKind::kFullyConnected)
            ExpectOpenClMatchesReference(LayerGraph(layer), 4, options);
        }
      }
    }
  }
}

// More products than one vector of 32-bit lanes can add up.
TEST(Int16LayerTest, SumsOfManyLargeProducts) {
  ExpectOpenClMatchesReference(LayerGraph(
      {.kind = OpKind::kFullyConnected, .input = {2, 70001}, .weights = {3, 70001}, .output_scale = 0.5f}));
}

TEST(Int16LayerTest, RulesOfInt16) {
  using enum ReasonCode;
  EXPECT_EQ(Found(LayerGraph({})), List{});
  EXPECT_EQ(Found(LayerGraph({.bias_value = (int64_t{1} << 46) + 1})), List{kUnsupportedOperandValue});
  EXPECT_EQ(Found(LayerGraph({.output_scale = 1e-10f})), List{kUnsupportedQuantizationParameters});
  auto graph = LayerGraph({});
  graph->tensors[0].quantization.zero_point[0] = 1;
  EXPECT_EQ(Found(graph), List{kUnsupportedQuantizationParameters});
  graph = LayerGraph({});
  graph->tensors[1].type = DataType::kUInt8;
  EXPECT_EQ(Found(graph).front(), kUnsupportedInputType);
  graph =
      LayerGraph({.kind = OpKind::kFullyConnected, .input = {3, 9}, .weights = {4, 9}, .per_channel = false});
  EXPECT_EQ(Found(graph), List{});
  graph->tensors[1].quantization.zero_point[0] = 1;
  EXPECT_EQ(Found(graph), List{kUnsupportedQuantizationParameters});
}

// --- Two operands ---

std::shared_ptr<Graph> BinaryGraph(OpKind kind, std::vector<int32_t> a, std::vector<int32_t> b,
                                   std::vector<float> scales, bool pot = false) {
  GraphBuilder builder;
  const int x = builder.Input(kWide, std::move(a), scales[0], 0),
            y = builder.Input(kWide, std::move(b), scales[1], 0);
  const int out = builder.Tensor(kWide, {}, scales[2], 0);
  const bool extremum = kind == OpKind::kMinimum || kind == OpKind::kMaximum;
  builder.Op(kind, {x, y}, {out},
             extremum ? OpParams{NoParams{}} : OpParams{BinaryParams{Activation::kNone, pot}});
  return builder.Build({out});
}

TEST(Int16BinaryTest, DeviceMatchesReference) {
  for (OpKind kind : {OpKind::kAdd, OpKind::kSub, OpKind::kMul, OpKind::kMinimum, OpKind::kMaximum}) {
    const bool extremum = kind == OpKind::kMinimum || kind == OpKind::kMaximum;
    const std::vector<float> scales =
        extremum ? std::vector<float>{3e-5f, 3e-5f, 3e-5f}
                 : std::vector<float>{3e-5f, 7e-4f, kind == OpKind::kMul ? 2e-4f : 8e-4f};
    ExpectOpenClMatchesReference(BinaryGraph(kind, {3, 5, 17}, {3, 5, 17}, scales));
    ExpectOpenClMatchesReference(BinaryGraph(kind, {3, 5, 17}, {17}, scales));
    ExpectOpenClMatchesReference(BinaryGraph(kind, {1}, {2, 33}, scales));
    ExpectOpenClMatchesReference(BinaryGraph(kind, {3, 1, 5, 1}, {1, 4, 1, 6}, scales));
  }
}

// pot_scale_int16: what the gates of an LSTM need.
TEST(Int16BinaryTest, ScalesThatArePowersOfTwo) {
  for (OpKind kind : {OpKind::kAdd, OpKind::kSub}) {
    ExpectOpenClMatchesReference(BinaryGraph(kind, {3, 41}, {3, 41}, {0x1p-17f, 0x1p-14f, 0x1p-14f}, true));
    ExpectOpenClMatchesReference(BinaryGraph(kind, {3, 41}, {3, 41}, {0x1p-14f, 0x1p-29f, 0x1p-14f}, true));
    const auto graph = BinaryGraph(kind, {4}, {4}, {0x1p-14f, 0x1p-16f, 0x1p-14f}, true);
    const std::vector<int16_t> a = {32767, -32768, 100, 5}, b = {32767, 32767, -6, 6};
    Bytes x(8), y(8);
    std::memcpy(x.data(), a.data(), 8);
    std::memcpy(y.data(), b.data(), 8);
    const auto result = RunGraph(*MakeCpuBackend(), graph, {x, y});
    ASSERT_TRUE(result);
    std::vector<int16_t> sums(4);
    std::memcpy(sums.data(), (*result)[0].data(), 8);
    // 6 / 4 is rounded away from zero; sums saturate.
    const bool add = kind == OpKind::kAdd;
    EXPECT_EQ(sums, add ? (std::vector<int16_t>{32767, -24576, 98, 7}) : (std::vector<int16_t>{24575, -32768, 102, 3}));
  }
}

TEST(Int16BinaryTest, RulesOfScales) {
  using enum ReasonCode;
  const std::vector<float> apart = {0x1p-15f, 0x1p-15f, 0x1p-14f}, others = {0x1p-15f, 3e-5f, 0x1p-14f};
  EXPECT_EQ(Found(BinaryGraph(OpKind::kAdd, {4}, {4}, apart, true)), List{kUnsupportedQuantizationParameters});
  EXPECT_EQ(Found(BinaryGraph(OpKind::kAdd, {4}, {4}, apart, false)), List{});
  EXPECT_EQ(Found(BinaryGraph(OpKind::kAdd, {4}, {4}, others, true)), List{});
  EXPECT_EQ(Found(BinaryGraph(OpKind::kSub, {4}, {1}, {0x1p-14f, 0x1p-16f, 0x1p-14f}, true)), List{kShapeMismatch});
  EXPECT_EQ(Found(BinaryGraph(OpKind::kMul, {4}, {4}, apart, true)), List{});
  EXPECT_EQ(Found(BinaryGraph(OpKind::kMul, {4}, {4}, {1, 1, 0.5f})), List{kUnsupportedQuantizationParameters});
}

// --- One operand ---

std::shared_ptr<Graph> UnaryGraph(OpKind kind, float scale, float output_scale, OpParams params = NoParams{},
                                  DataType to = kWide, std::vector<int32_t> shape = {5, 41}) {
  GraphBuilder b;
  const int in = b.Input(kWide, std::move(shape), scale, 0);
  const int out = b.Tensor(to, {}, output_scale, 0);
  b.Op(kind, {in}, {out}, std::move(params));
  return b.Build({out});
}

TEST(Int16UnaryTest, DeviceMatchesReference) {
  for (float scale : {3e-5f, 0x1p-12f, 0x1p-11f, 0.02f}) {
    ExpectOpenClMatchesReference(UnaryGraph(OpKind::kLogistic, scale, 1.0f / 32768));
    ExpectOpenClMatchesReference(UnaryGraph(OpKind::kTanh, scale, 1.0f / 32768));
    ExpectOpenClMatchesReference(UnaryGraph(OpKind::kSoftmax, scale, 1.0f / 32768, SoftmaxParams{1.0f}));
    ExpectOpenClMatchesReference(UnaryGraph(OpKind::kRelu, scale, scale));
    ExpectOpenClMatchesReference(UnaryGraph(OpKind::kRelu6, scale, 1e-3f));
    ExpectOpenClMatchesReference(UnaryGraph(OpKind::kLeakyRelu, scale, 1e-3f, LeakyReluParams{0.3f}));
    ExpectOpenClMatchesReference(UnaryGraph(OpKind::kQuantize, scale, 1e-2f, NoParams{}, DataType::kInt8));
    ExpectOpenClMatchesReference(UnaryGraph(OpKind::kQuantize, scale, 1e-2f, NoParams{}, DataType::kUInt8));
    ExpectOpenClMatchesReference(UnaryGraph(OpKind::kQuantize, scale, 1e-5f, NoParams{}, DataType::kInt32));
    ExpectOpenClMatchesReference(UnaryGraph(OpKind::kQuantize, scale, 1e-3f));
    ExpectOpenClMatchesReference(UnaryGraph(OpKind::kQuantize, scale, scale));
  }
  GraphBuilder b;
  const int in = b.Input(DataType::kInt8, {3, 50}, 0.05f, -20);
  const int out = b.Tensor(kWide, {}, 1e-3f, 0);
  b.Op(OpKind::kQuantize, {in}, {out});
  ExpectOpenClMatchesReference(b.Build({out}));
}

// sigmoid and tanh are what they are called, to half of 2^-12: the table's own accuracy.
TEST(Int16UnaryTest, SigmoidAndTanhAreNearTheTruth) {
  for (OpKind kind : {OpKind::kLogistic, OpKind::kTanh}) {
    const float scale = 2e-4f;
    const auto graph = UnaryGraph(kind, scale, 1.0f / 32768, NoParams{}, kWide, {65536});
    Bytes input(2 * 65536);
    for (int i = 0; i < 65536; ++i) {
      const auto q = static_cast<int16_t>(i - 32768);
      std::memcpy(input.data() + 2 * i, &q, sizeof(q));
    }
    const auto result = RunGraph(*MakeCpuBackend(), graph, {input});
    ASSERT_TRUE(result);
    for (int i = 0; i < 65536; ++i) {
      int16_t y;
      std::memcpy(&y, (*result)[0].data() + 2 * i, sizeof(y));
      const double x = scale * (i - 32768),
                   exact = kind == OpKind::kTanh ? std::tanh(x) : 1 / (1 + std::exp(-x));
      ASSERT_NEAR(y / 32768.0, exact, 0.5 / 4096) << x;
    }
  }
}

TEST(Int16UnaryTest, RefusesWhatHasNo16BitForm) {
  using enum ReasonCode;
  const List both = {kUnsupportedInputType, kUnsupportedOutputType};
  EXPECT_EQ(Found(UnaryGraph(OpKind::kHardSwish, 0.01f, 0.01f)), both);
  EXPECT_EQ(Found(UnaryGraph(OpKind::kReluN1To1, 0.01f, 0.01f)), both);
  EXPECT_EQ(Found(UnaryGraph(OpKind::kLogistic, 0.01f, 1.0f / 256)),
            List{kUnsupportedQuantizationParameters});
  EXPECT_EQ(Found(UnaryGraph(OpKind::kLogistic, 6.0f, 1.0f / 32768)),
            List{kUnsupportedQuantizationParameters});
  EXPECT_EQ(Found(UnaryGraph(OpKind::kRelu, 1.0f, 1e-5f)), List{kUnsupportedQuantizationParameters});
}

// --- Windows, reductions, movement ---

TEST(Int16PoolTest, DeviceMatchesReference) {
  for (OpKind kind : {OpKind::kAveragePool2D, OpKind::kMaxPool2D}) {
    for (Padding padding : {Padding::kSame, Padding::kValid}) {
      GraphBuilder b;
      const int in = b.Input(kWide, {2, 9, 7, 19}, 3e-4f, 0);
      const int out = b.Tensor(kWide, {}, 3e-4f, 0);
      Pool2DParams params;
      params.padding = padding;
      params.stride_h = 2;
      params.stride_w = 1;
      params.filter_h = params.filter_w = 3;
      params.activation = Activation::kRelu6;
      b.Op(kind, {in}, {out}, params);
      ExpectOpenClMatchesReference(b.Build({out}));
    }
  }
}

TEST(Int16MeanTest, DeviceMatchesReference) {
  for (const std::vector<int32_t>& axes : {std::vector<int32_t>{1, 2}, {3}, {0}, {1, 3}}) {
    GraphBuilder b;
    const int in = b.Input(kWide, {2, 9, 7, 19}, 3e-4f, 0);
    const int out = b.Tensor(kWide, {}, 1e-4f, 0);
    b.Op(OpKind::kMean, {in, b.Ints(axes)}, {out}, ReducerParams{});
    ExpectOpenClMatchesReference(b.Build({out}));
  }
}

TEST(Int16ResizeTest, DeviceMatchesReference) {
  for (OpKind kind : {OpKind::kResizeBilinear, OpKind::kResizeNearestNeighbor}) {
    for (bool half : {false, true}) {
      GraphBuilder b;
      const int in = b.Input(kWide, {2, 5, 7, 19}, 3e-4f, 0);
      const int out = b.Tensor(kWide, {}, 3e-4f, 0);
      ResizeParams params;
      params.half_pixel_centers = half;
      b.Op(kind, {in, b.Ints({11, 6})}, {out}, params);
      ExpectOpenClMatchesReference(b.Build({out}));
    }
  }
}

TEST(Int16PadTest, FrameOfTwoBytes) {
  GraphBuilder b;
  const int in = b.Input(kWide, {2, 3, 17}, 3e-4f, 0);
  const std::vector<int32_t> pads = {0, 1, 2, 1, 3, 5};
  const int p = b.Constant(DataType::kInt32, {3, 2}, pads);
  const int value = b.Constant(kWide, {1}, std::vector<int16_t>{-1234}, PerTensor(3e-4f, 0));
  const int out = b.Tensor(kWide, {}, 3e-4f, 0);
  b.Op(OpKind::kPadv2, {in, p, value}, {out});
  const auto graph = b.Build({out});
  ExpectMoves(graph, 5, [&](const std::vector<Bytes>&, const std::vector<Bytes>& result) {
    int16_t first;
    std::memcpy(&first, result[0].data(), sizeof(first));
    EXPECT_EQ(first, -1234);
  });
}

TEST(Int16TransposeTest, EveryPermutationOfRank3) {
  for (const Index& perm : {Index{0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}) {
    GraphBuilder b;
    const Index shape = {3, 17, 33};
    const int in = b.Input(kWide, shape, 3e-4f, 0);
    const int out = b.Tensor(kWide, {}, 3e-4f, 0);
    b.Op(OpKind::kTranspose, {in, b.Ints(perm)}, {out}, NoParams{});
    const auto graph = b.Build({out});
    ExpectMoves(graph, 7, [&](const std::vector<Bytes>& x, const std::vector<Bytes>& y) {
      const Index result = {shape[perm[0]], shape[perm[1]], shape[perm[2]]};
      for (const Index& index : AllIndices(result)) {
        Index source(3);
        for (int d = 0; d < 3; ++d) source[perm[d]] = index[d];
        ASSERT_EQ(
            std::memcmp(y[0].data() + 2 * Flat(result, index), x[0].data() + 2 * Flat(shape, source), 2), 0);
      }
    });
  }
}

TEST(Int16MovementTest, RefusesAZeroPoint) {
  GraphBuilder b;
  const int in = b.Input(kWide, {3, 4}, 3e-4f, 5);
  const int out = b.Tensor(kWide, {}, 3e-4f, 5);
  b.Op(OpKind::kTranspose, {in, b.Ints({1, 0})}, {out}, NoParams{});
  const auto graph = b.Build({out});
  EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kUnsupportedQuantizationParameters));
}

}  // namespace
}  // namespace npu::test
