// QUANTIZE and DEQUANTIZE: all 256 inputs between 8-bit types, float borders on delegate-cpu, rules.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/elementwise.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

int Low(DataType type) { return type == DataType::kInt8 ? -128 : 0; }

struct Case {
  DataType from = DataType::kInt8, to = DataType::kInt8;
  float from_scale = 0.05f;
  int from_zero = 128;  // zero points counted from the type's smallest value
  float to_scale = 0.05f;
  int to_zero = 128;
  OpKind kind = OpKind::kQuantize;
  std::vector<int32_t> shape = {256};
};

std::shared_ptr<Graph> GraphOf(const Case& c) {
  GraphBuilder builder;
  const auto scale = [](DataType type, float s) { return Is8Bit(type) ? s : 0.0f; };
  const int x = builder.Input(c.from, c.shape, scale(c.from, c.from_scale), c.from_zero + Low(c.from));
  const int y = builder.Tensor(c.to, c.shape, scale(c.to, c.to_scale), c.to_zero + Low(c.to));
  builder.Op(c.kind, {x}, {y});
  return builder.Build({y});
}

constexpr DataType k8Bit[] = {DataType::kInt8, DataType::kUInt8};

TEST(QuantizeTest, DeviceMatchesReference) {
  for (DataType from : k8Bit) {
    for (DataType to : k8Bit) {
      for (int zero : {0, 100, 255}) {
        for (float scale : {0.0004f, 0.05f, 0.031f, 0.1f, 20.0f}) {
          ExpectOpenClMatchesReference(GraphOf({from, to, 0.05f, zero, scale, 255 - zero}));
          ExpectOpenClMatchesReference(
              GraphOf({from, to, 0.05f, zero, scale, zero, OpKind::kQuantize, {3, 5, 7}}));
        }
      }
    }
  }
}

TEST(QuantizeTest, SameStoredBytesNeedNoKernel) {
  const Case c = {.from = DataType::kUInt8, .to = DataType::kInt8, .from_zero = 3, .to_zero = 3};
  const auto graph = GraphOf(c);
  Lowering lowering;
  ASSERT_TRUE(FindRoom(OpKind::kQuantize)->lower({*graph, graph->ops[0]}, {}, lowering));
  EXPECT_TRUE(lowering.launches().empty());
  EXPECT_EQ(lowering.aliases().size(), 1u);
  Bytes bytes(256), expected(256);
  for (int i = 0; i < 256; ++i) {
    bytes[i] = static_cast<std::byte>(i);
    expected[i] = static_cast<std::byte>(i ^ 0x80);
  }
  EXPECT_EQ(RunGraph(*MakeCpuBackend(), graph, {bytes})->at(0), expected);
  if (Backend* device = TestDevice()) {
    EXPECT_EQ(RunGraph(*device, GraphOf(c), {bytes})->at(0), expected);
  }
}

std::vector<int> QuantizeFloats(const std::vector<float>& x, DataType to, float scale, int zero) {
  const auto graph = GraphOf({.from = DataType::kFloat32,
                              .to = to,
                              .to_scale = scale,
                              .to_zero = zero - Low(to),
                              .shape = {static_cast<int32_t>(x.size())}});
  EXPECT_TRUE(CheckCpu(*graph, graph->ops[0]).eligible());
  Bytes bytes(x.size() * sizeof(float));
  std::memcpy(bytes.data(), x.data(), bytes.size());
  const auto outputs = RunGraph(*MakeCpuBackend(), graph, {bytes});
  EXPECT_TRUE(outputs) << outputs.error().text;
  std::vector<int> values;
  for (std::byte b : outputs->at(0)) {
    values.push_back(to == DataType::kInt8 ? static_cast<int8_t>(b) : static_cast<uint8_t>(b));
  }
  return values;
}

TEST(QuantizeTest, FloatsRoundAwayFromZeroAndSaturate) {
  EXPECT_EQ(QuantizeFloats({0.5f, -0.5f, 1.5f, 2.5f, -2.5f, 0.49f}, DataType::kInt8, 1, 0),
            (std::vector<int>{1, -1, 2, 3, -3, 0}));
  EXPECT_EQ(QuantizeFloats({126.5f, 1e9f, 3e38f, -1e9f, -3e38f}, DataType::kInt8, 1, 0),
            (std::vector<int>{127, 127, 127, -128, -128}));
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(QuantizeFloats({inf, -inf, std::numeric_limits<float>::quiet_NaN()}, DataType::kUInt8, 0.5f, 9),
            (std::vector<int>{255, 0, 0}));
  EXPECT_EQ(QuantizeFloats({-1, 0, 1, 63.75f}, DataType::kUInt8, 0.25f, 4), (std::vector<int>{0, 4, 8, 255}));
}

// Every float's neighbourhood of a tie, from far below the range to far above it: as QuantizedValue says.
TEST(QuantizeTest, FloatsAreQuantizedAsOneByOne) {
  for (const auto& [scale, zero] : {std::pair{1.0f, 0}, {0.1f, 3}, {1.0f / 3, -128}, {1e-30f, 127}, {7e3f, -5}}) {
    std::vector<float> x;
    for (int half = -700; half <= 700; ++half) {
      float at = static_cast<float>(half) * 0.5f * scale;
      for (int step = 0; step < 4; ++step) at = std::nextafter(at, -INFINITY);
      for (int step = 0; step < 9; ++step, at = std::nextafter(at, INFINITY)) x.push_back(at);
    }
    Tensor tensor;
    tensor.type = DataType::kInt8;
    tensor.quantization = PerTensor(scale, zero);
    std::vector<int> expected;
    for (float value : x) expected.push_back(QuantizedValue(value, tensor));
    EXPECT_EQ(QuantizeFloats(x, DataType::kInt8, scale, zero), expected) << scale;
  }
}

TEST(QuantizeTest, DequantizeIsTheProduct) {
  const auto graph = GraphOf({.to = DataType::kFloat32,
                              .from_scale = 0.1f,
                              .from_zero = 100,
                              .kind = OpKind::kDequantize,
                              .shape = {3}});
  EXPECT_TRUE(CheckCpu(*graph, graph->ops[0]).eligible());
  const Bytes bytes = {static_cast<std::byte>(-128), static_cast<std::byte>(-28),
                       static_cast<std::byte>(127)};
  const auto outputs = RunGraph(*MakeCpuBackend(), graph, {bytes});
  ASSERT_TRUE(outputs);
  float values[3];
  std::memcpy(values, outputs->at(0).data(), sizeof(values));
  EXPECT_EQ(values[0], 0.1f * -100);
  EXPECT_EQ(values[1], 0.0f);
  EXPECT_EQ(values[2], 0.1f * 155);
}

TEST(QuantizeTest, RulesNameWhatFails) {
  using enum ReasonCode;
  using List = std::vector<ReasonCode>;
  const auto npu = [](const Case& c) {
    const auto graph = GraphOf(c);
    return Codes(CheckNpu(*graph, graph->ops[0]));
  };
  const auto cpu = [](const Case& c) {
    const auto graph = GraphOf(c);
    return Codes(CheckCpu(*graph, graph->ops[0]));
  };
  EXPECT_EQ(npu({}), List{});
  EXPECT_EQ(cpu({}), List{});
  EXPECT_EQ(npu({.from = DataType::kFloat32}), List{kUnsupportedInputType});
  EXPECT_EQ(cpu({.from = DataType::kFloat32}), List{});
  EXPECT_EQ(npu({.to = DataType::kFloat32, .kind = OpKind::kDequantize}), List{kUnsupportedOutputType});
  EXPECT_EQ(cpu({.to = DataType::kFloat32, .kind = OpKind::kDequantize}), List{});
  EXPECT_EQ(npu({.from = DataType::kInt32}), List{kUnsupportedInputType});
  EXPECT_EQ(cpu({.from = DataType::kInt32}), List{kUnsupportedInputType});
  EXPECT_EQ(cpu({.from = DataType::kFloat32, .to = DataType::kInt32}), List{kUnsupportedOutputType});
  EXPECT_EQ(cpu({.from = DataType::kFloat16, .to = DataType::kFloat32, .kind = OpKind::kDequantize}),
            List{kUnsupportedInputType});
  EXPECT_EQ(npu({.from_scale = 1e10f, .to_scale = 1}), List{kUnsupportedQuantizationParameters});
  EXPECT_EQ(cpu({.from_scale = 1e10f, .to_scale = 1}), List{kUnsupportedQuantizationParameters});
  EXPECT_EQ(npu({.shape = {0}}), List{kUnsupportedOperandSize});

  const auto graph = GraphOf({.to = DataType::kFloat32, .kind = OpKind::kDequantize, .shape = {2}});
  graph->tensors[0].quantization = PerChannel({0.1f, 0.2f}, 0);
  EXPECT_EQ(Codes(CheckCpu(*graph, graph->ops[0])), List{kUnsupportedQuantizationType});
}

}  // namespace
}  // namespace npu::test
