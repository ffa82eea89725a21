// SOFTMAX: device against reference, hand-computed rows, the rows that abort TFLite, rules.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

struct Case {
  DataType type = DataType::kInt8;
  std::vector<int32_t> shape = {1, 10};
  float scale = 0.1f;
  float beta = 1.0f;
  float out_scale = 1.0f / 256;
  int out_zero = 0;  // counted from the type's smallest value
};

std::shared_ptr<Graph> GraphOf(const Case& c) {
  GraphBuilder builder;
  const int low = c.type == DataType::kInt8 ? -128 : 0;
  const int x = builder.Input(c.type, c.shape, c.scale, low + 17);
  const int y = builder.Tensor(c.type, c.shape, c.out_scale, low + c.out_zero);
  builder.Op(OpKind::kSoftmax, {x}, {y}, SoftmaxParams{c.beta});
  return builder.Build({y});
}

std::vector<int> RunInt8(Backend& backend, const Case& c, const std::vector<int8_t>& x) {
  const auto* data = reinterpret_cast<const std::byte*>(x.data());
  const auto outputs = RunGraph(backend, GraphOf(c), {Bytes(data, data + x.size())});
  EXPECT_TRUE(outputs) << outputs.error().text;
  std::vector<int> values;
  for (std::byte byte : outputs->at(0)) values.push_back(static_cast<int8_t>(byte));
  return values;
}

TEST(SoftmaxTest, ShapesAndScales) {
  for (DataType type : {DataType::kInt8, DataType::kUInt8}) {
    for (std::vector<int32_t> shape : {std::vector<int32_t>{1},
                                       {3},
                                       {17},
                                       {33, 1},
                                       {5, 33},
                                       {2, 3, 4, 21},
                                       {1, 1000},
                                       {1, 1, 1, 1, 1, 2, 7}}) {
      for (float scale : {1e-6f, 0.004f, 0.05f, 0.25f, 5.0f, 1e30f}) {
        ExpectOpenClMatchesReference(GraphOf({type, shape, scale, 1.0f}));
      }
      ExpectOpenClMatchesReference(GraphOf({type, shape, 0.05f, 0.3f}));
    }
  }
}

TEST(SoftmaxTest, HandComputedRows) {
  const auto cpu = MakeCpuBackend();
  // One of one: 256/256 saturates to 255. Two equal: 128 each.
  EXPECT_EQ(RunInt8(*cpu, {.shape = {1}}, {5}), (std::vector<int>{127}));
  EXPECT_EQ(RunInt8(*cpu, {.shape = {2}}, {5, 5}), (std::vector<int>{0, 0}));
  // exp(0), exp(-1), exp(-2) over their sum 1.5032: 170.3, 62.65, 23.05.
  EXPECT_EQ(RunInt8(*cpu, {.shape = {3}}, {30, 20, 10}), (std::vector<int>{42, -65, -105}));
  // Beta makes the same step of twice the inputs.
  EXPECT_EQ(RunInt8(*cpu, {.shape = {3}, .beta = 2}, {15, 10, 5}), (std::vector<int>{42, -65, -105}));
}

// With a sum of exponentials of 512 and more TFLite's kernel aborts the process (its shift leaves the
// range it checks); all quotients are below half a unit there.
TEST(SoftmaxTest, FlatRowsOfManyElementsGiveZeros) {
  const auto cpu = MakeCpuBackend();
  for (int depth : {511, 512, 1000, 5000}) {
    const std::vector<int8_t> x(depth, 40);
    const int expected = depth < 512 ? -127 : -128;  // 256/511 = 0.501 rounds to 1
    EXPECT_EQ(RunInt8(*cpu, {.shape = {1, depth}}, x), std::vector<int>(depth, expected)) << depth;
    if (Backend* device = TestDevice()) {
      EXPECT_EQ(RunInt8(*device, {.shape = {1, depth}}, x), std::vector<int>(depth, expected)) << depth;
    }
  }
}

TEST(SoftmaxTest, RulesNameWhatFails) {
  using enum ReasonCode;
  using List = std::vector<ReasonCode>;
  const List quantization = {kUnsupportedQuantizationParameters};
  EXPECT_EQ(NpuCodes(*GraphOf({})), List{});
  EXPECT_EQ(NpuCodes(*GraphOf({.out_scale = 1.0009f / 256})), List{});
  EXPECT_EQ(NpuCodes(*GraphOf({.out_scale = 1.0011f / 256})), quantization);
  EXPECT_EQ(NpuCodes(*GraphOf({.out_zero = 1})), quantization);
  EXPECT_EQ(NpuCodes(*GraphOf({.scale = 1e-9f})), quantization);
  EXPECT_EQ(NpuCodes(*GraphOf({.beta = 0})), List{kInvalidArgument});
  EXPECT_EQ(NpuCodes(*GraphOf({.beta = -1, .out_zero = 1})),
            (List{kInvalidArgument, kUnsupportedQuantizationParameters}));
  EXPECT_EQ(NpuCodes(*GraphOf({.shape = {}})), List{kUnsupportedOperandRank});
  EXPECT_EQ(NpuCodes(*GraphOf({.shape = {0, 4}})), List{kUnsupportedOperandSize});
  const auto graph = GraphOf({});
  graph->tensors[1].type = DataType::kInt16;
  EXPECT_EQ(NpuCodes(*graph), List{kUnsupportedOutputType});
}

}  // namespace
}  // namespace npu::test
