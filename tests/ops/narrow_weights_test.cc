// INT4 and INT2 weights: a layer with them gives the bytes of the layer with the same weights as INT8, on the
// CPU and on the device; how the bits lie; who takes them. Against LiteRT:
// tests/host/operators_sweep_test.py.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/convolution.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

struct Layer {
  OpKind kind = OpKind::kConv2D;
  std::vector<int32_t> input = {1, 5, 6, 3}, weights = {4, 3, 3, 3};
  bool per_channel = true;
  int weights_zero_point = 0;

  int32_t channels() const { return kind == OpKind::kDepthwiseConv2D ? weights[3] : weights[0]; }
  int32_t dimension() const { return kind == OpKind::kDepthwiseConv2D ? 3 : 0; }
};

std::vector<uint8_t> Pack(const std::vector<int8_t>& values, int bits) {
  std::vector<uint8_t> bytes((values.size() * bits + 7) / 8);
  for (size_t i = 0; i < values.size(); ++i) {
    const auto low = static_cast<uint8_t>(static_cast<uint8_t>(values[i]) & ((1 << bits) - 1));
    bytes[i * bits / 8] = static_cast<uint8_t>(bytes[i * bits / 8] | low << (i * bits % 8));
  }
  return bytes;
}

// Weights hold values of `type`, stored as `stored_as`: that type, or INT8.
std::shared_ptr<Graph> GraphOf(const Layer& layer, DataType type, DataType stored_as, uint32_t seed) {
  GraphBuilder b;
  const int bits = DataTypeBits(type);
  int64_t count = 1;
  for (int32_t size : layer.weights) count *= size;
  const auto values = RandomValues<int8_t>(count, seed, -(1 << (bits - 1)), (1 << (bits - 1)) - 1);
  std::vector<float> scales;
  for (int32_t c = 0; c < layer.channels(); ++c) scales.push_back(0.05f + 0.01f * static_cast<float>(c % 7));
  const Quantization quantization =
      layer.per_channel ? PerChannel(scales, layer.dimension()) : PerTensor(0.05f, layer.weights_zero_point);
  const int x = b.Input(DataType::kInt8, layer.input, 0.1f, -5);
  const int w = stored_as == DataType::kInt8
                    ? b.Constant(stored_as, layer.weights, values, quantization)
                    : b.Constant(stored_as, layer.weights, Pack(values, bits), quantization);
  const int bias = b.Constant(DataType::kInt32, {layer.channels()},
                              RandomValues<int32_t>(layer.channels(), seed + 1, -2000, 2000),
                              layer.per_channel ? Quantization{} : PerTensor(0.005f, 0));
  const int y = b.Tensor(DataType::kInt8, {}, 0.3f, 4);
  OpParams params = Conv2DParams{};
  if (layer.kind == OpKind::kDepthwiseConv2D) params = DepthwiseConv2DParams{};
  if (layer.kind == OpKind::kFullyConnected) params = FullyConnectedParams{};
  b.Op(layer.kind, {x, w, bias}, {y}, params);
  return b.Build({y});
}

Layer RandomLayer(OpKind kind, std::mt19937& dice) {
  const auto below = [&](int n) { return static_cast<int>(dice() % static_cast<uint32_t>(n)); };
  Layer layer{.kind = kind, .per_channel = below(2) == 0};
  const int32_t depth = 1 + below(20), channels = 1 + below(40);
  layer.input = {1 + below(2), 1 + below(7), 1 + below(7), depth};
  const int32_t height = 1 + below(3), width = 1 + below(3);
  if (kind == OpKind::kConv2D) layer.weights = {channels, height, width, depth};
  if (kind == OpKind::kDepthwiseConv2D) layer.weights = {1, height, width, depth * (1 + below(2))};
  if (kind == OpKind::kFullyConnected) {
    layer.input = {1 + below(9), depth};
    layer.weights = {channels, depth};
  }
  return layer;
}

void ExpectAsInt8(OpKind kind, DataType type, uint32_t seed) {
  std::cout << "seed " << seed << "\n";
  std::mt19937 dice(seed);
  const std::shared_ptr<Backend> cpu = MakeCpuBackend();
  for (uint32_t i = 0; i < 200; ++i) {
    SCOPED_TRACE(i);
    const Layer layer = RandomLayer(kind, dice);
    const auto narrow = GraphOf(layer, type, type, i), wide = GraphOf(layer, type, DataType::kInt8, i);
    const std::vector<Bytes> inputs = {RandomBytes(wide->tensors[0], i)};
    const auto expected = RunGraph(*cpu, wide, inputs), found = RunGraph(*cpu, narrow, inputs);
    ASSERT_TRUE(expected && found);
    ASSERT_EQ(*found, *expected);
    ExpectOpenClMatchesReference(narrow, i);
    if (testing::Test::HasFailure() || testing::Test::IsSkipped()) return;
  }
}

TEST(NarrowWeightsTest, Int4Conv2DIsInt8) { ExpectAsInt8(OpKind::kConv2D, DataType::kInt4, 31); }
TEST(NarrowWeightsTest, Int4DepthwiseIsInt8) { ExpectAsInt8(OpKind::kDepthwiseConv2D, DataType::kInt4, 32); }
TEST(NarrowWeightsTest, Int4FullyConnectedIsInt8) {
  ExpectAsInt8(OpKind::kFullyConnected, DataType::kInt4, 33);
}
TEST(NarrowWeightsTest, Int2FullyConnectedIsInt8) {
  ExpectAsInt8(OpKind::kFullyConnected, DataType::kInt2, 34);
}

TEST(NarrowWeightsTest, FirstElementIsInTheLowestBits) {
  const auto widened = [](DataType type, int32_t count, std::vector<uint8_t> bytes) {
    Tensor tensor;
    tensor.type = type;
    tensor.shape = {count};
    const WeightBytes weights(tensor, reinterpret_cast<const std::byte*>(bytes.data()));
    return std::vector<int>(weights.as<int8_t>(), weights.as<int8_t>() + count);
  };
  EXPECT_EQ(widened(DataType::kInt4, 3, {0x81, 0x0f}), (std::vector<int>{1, -8, -1}));
  EXPECT_EQ(widened(DataType::kInt2, 5, {0xe4, 0x03}), (std::vector<int>{0, 1, -2, -1, -1}));
  EXPECT_EQ(widened(DataType::kInt8, 2, {0x81, 0x0f}), (std::vector<int>{-127, 15}));
}

TEST(NarrowWeightsTest, RulesNameWhatFails) {
  using enum ReasonCode;
  using List = std::vector<ReasonCode>;
  const auto codes = [](const Layer& layer, DataType weights, DataType activations = DataType::kInt8) {
    const auto graph = GraphOf(layer, weights, weights, 1);
    graph->tensors[0].type = activations;
    graph->tensors[3].type = activations;
    graph->tensors[3].shape = {1, 5, 6, 4};
    return NpuCodes(*graph);
  };
  EXPECT_EQ(codes({}, DataType::kInt4), List{});
  EXPECT_EQ(codes({}, DataType::kInt2), List{kUnsupportedInputType});
  EXPECT_EQ(codes({.per_channel = false, .weights_zero_point = 1}, DataType::kInt4),
            List{kUnsupportedQuantizationParameters});
  EXPECT_EQ(codes({.per_channel = false}, DataType::kInt4, DataType::kUInt8).front(), kUnsupportedInputType);
  EXPECT_EQ(codes({}, DataType::kInt4, DataType::kFloat32).front(), kHybridOperator);
}

}  // namespace
}  // namespace npu::test
