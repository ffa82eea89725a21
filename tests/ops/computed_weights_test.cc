// CONV_2D and FULLY_CONNECTED whose weights are an input: the bytes of the same layer with constant weights,
// on the CPU and on the device. Against LiteRT: tests/host/operators_sweep_test.py.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

struct Layer {
  OpKind kind = OpKind::kConv2D;
  DataType type = DataType::kInt8;
  std::vector<int32_t> input = {1, 5, 6, 3}, weights = {4, 3, 3, 3};
  bool per_channel = false;
  int zero_point = 0;  // of the weights
  Conv2DParams params = {};
};

struct Built {
  std::shared_ptr<Graph> graph;
  Bytes weights;
};

Built Build(const Layer& layer, bool computed, uint32_t seed) {
  GraphBuilder b;
  std::vector<float> scales;
  for (int32_t c = 0; c < layer.weights[0]; ++c) scales.push_back(0.01f + 0.002f * static_cast<float>(c % 7));
  const Quantization quantization =
      layer.per_channel ? PerChannel(scales, 0) : PerTensor(0.01f, layer.zero_point);
  const int x = b.Input(layer.type, layer.input, 0.1f, 7);
  int w = 0;
  if (computed) {
    w = b.Input(layer.type, layer.weights, 0.01f, layer.zero_point);
    b.tensor(w).quantization = quantization;
  } else {
    w = b.Tensor(layer.type, layer.weights, quantization);
  }
  const Bytes bytes = RandomBytes(b.tensor(w), seed);
  if (!computed) b.SetData(w, bytes.data(), bytes.size());
  const int bias = b.Constant(DataType::kInt32, {layer.weights[0]},
                              RandomValues<int32_t>(layer.weights[0], seed + 1, -20000, 20000),
                              layer.per_channel ? Quantization{} : PerTensor(0.001f, 0));
  const int y = b.Tensor(layer.type, {}, 1.0f, 9);
  const bool conv = layer.kind == OpKind::kConv2D;
  b.Op(layer.kind, {x, w, bias}, {y}, conv ? OpParams(layer.params) : OpParams(FullyConnectedParams{}));
  return {b.Build({y}), bytes};
}

Layer RandomLayer(OpKind kind, std::mt19937& dice) {
  const auto below = [&](int n) { return static_cast<int>(dice() % static_cast<uint32_t>(n)); };
  Layer layer{.kind = kind, .type = below(3) == 0 ? DataType::kUInt8 : DataType::kInt8};
  layer.per_channel = layer.type == DataType::kInt8 && below(2) == 0;
  if (layer.type == DataType::kUInt8) layer.zero_point = below(256);
  const int32_t depth = 1 + below(20), groups = 1 + below(3), channels = groups * (1 + below(30));
  layer.weights = {channels, depth};
  layer.input = {1 + below(9), depth};
  if (kind == OpKind::kConv2D) {
    layer.input = {1, 1 + below(6), 1 + below(6), depth * groups};
    layer.weights = {channels, 1 + below(3), 1 + below(3), depth};
    layer.params.stride_h = layer.params.stride_w = 1 + below(2);
    layer.params.dilation_h = layer.params.dilation_w = 1 + below(2);
  } else if (!layer.per_channel && layer.type == DataType::kInt8) {
    layer.zero_point = below(3) - 1;
  }
  return layer;
}

void ExpectAsConstant(OpKind kind, uint32_t seed) {
  std::cout << "seed " << seed << "\n";
  std::mt19937 dice(seed);
  const std::shared_ptr<Backend> cpu = MakeCpuBackend();
  for (uint32_t i = 0; i < 220; ++i) {
    SCOPED_TRACE(i);
    const Layer layer = RandomLayer(kind, dice);
    const Built constant = Build(layer, false, i), computed = Build(layer, true, i);
    const Bytes input = RandomBytes(constant.graph->tensors[0], i + 2);
    const auto expected = RunGraph(*cpu, constant.graph, {input});
    const auto found = RunGraph(*cpu, computed.graph, {input, computed.weights});
    ASSERT_TRUE(expected && found);
    ASSERT_EQ(*found, *expected);
    ExpectOpenClMatchesReference(computed.graph, i);
    if (testing::Test::HasFailure() || testing::Test::IsSkipped()) return;
  }
}

TEST(ComputedWeightsTest, Conv2D) { ExpectAsConstant(OpKind::kConv2D, 41); }
TEST(ComputedWeightsTest, FullyConnected) { ExpectAsConstant(OpKind::kFullyConnected, 42); }

TEST(ComputedWeightsTest, NarrowOnesStayConstants) {
  const auto graph = Build({}, true, 1).graph;
  graph->tensors[1].type = DataType::kInt4;
  const auto codes = NpuCodes(*graph);
  EXPECT_NE(std::find(codes.begin(), codes.end(), ReasonCode::kOperandNotConstant), codes.end());
}

}  // namespace
}  // namespace npu::test
