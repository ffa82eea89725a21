// Operators of one 8-bit value: all 256 inputs on the device, hand-computed values, rules.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

struct Case {
  OpKind kind = OpKind::kRelu;
  DataType type = DataType::kInt8;
  float in_scale = 0.05f;
  int in_zero = 128;  // zero points counted from the type's smallest value
  float out_scale = 0.05f;
  int out_zero = 128;
  float alpha = 0;
  std::vector<int32_t> shape = {256};
};

std::shared_ptr<Graph> GraphOf(const Case& c) {
  GraphBuilder builder;
  const int low = c.type == DataType::kInt8 ? -128 : 0;
  const int x = builder.Input(c.type, c.shape, c.in_scale, c.in_zero + low);
  const int y = builder.Tensor(c.type, c.shape, c.out_scale, c.out_zero + low);
  const OpParams params =
      c.kind == OpKind::kLeakyRelu ? OpParams(LeakyReluParams{c.alpha}) : OpParams(NoParams{});
  builder.Op(c.kind, {x}, {y}, params);
  return builder.Build({y});
}

// The outputs for every input value, smallest first.
std::vector<int> RunAll(Backend& backend, const Case& c) {
  Bytes bytes;
  const int low = c.type == DataType::kInt8 ? -128 : 0;
  for (int q = low; q < low + 256; ++q) bytes.push_back(static_cast<std::byte>(q));
  const auto outputs = RunGraph(backend, GraphOf(c), {bytes});
  EXPECT_TRUE(outputs) << outputs.error().text;
  std::vector<int> values;
  for (std::byte byte : outputs->at(0)) {
    values.push_back(c.type == DataType::kInt8 ? static_cast<int8_t>(byte) : static_cast<uint8_t>(byte));
  }
  return values;
}

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (DataType type : {DataType::kInt8, DataType::kUInt8}) {
    for (int zero : {0, 1, 100, 128, 255}) {
      for (float scale : {0.001f, 0.0235f, 0.05f, 0.3f, 2.0f}) {
        cases.push_back({OpKind::kLogistic, type, scale, zero, 1.0f / 256, 0});
        cases.push_back({OpKind::kTanh, type, scale, zero, 1.0f / 128, 128});
        for (float out : {0.01f, 0.05f, 0.7f}) {
          for (OpKind kind : {OpKind::kRelu, OpKind::kRelu6, OpKind::kReluN1To1}) {
            cases.push_back({kind, type, scale, zero, out, 255 - zero});
          }
          for (float alpha : {0.0f, 0.1f, 1.0f, -0.25f}) {
            cases.push_back({OpKind::kLeakyRelu, type, scale, zero, out, 70, alpha});
          }
          if (scale / out / 128 < 1) cases.push_back({OpKind::kHardSwish, type, scale, zero, out, 20});
        }
      }
    }
  }
  return cases;
}

TEST(UnaryTest, DeviceMatchesReferenceForAllInputs) {
  Backend* device = TestDevice();
  if (device == nullptr) GTEST_SKIP() << "no OpenCL device";
  const auto cpu = MakeCpuBackend();
  for (const Case& c : AllCases()) {
    ASSERT_EQ(RunAll(*device, c), RunAll(*cpu, c))
        << GetOpInfo(c.kind).name << " " << c.in_scale << " " << c.in_zero;
  }
}

TEST(UnaryTest, Shapes) {
  for (std::vector<int32_t> shape :
       {std::vector<int32_t>{}, {1}, {3}, {17}, {33}, {1, 7, 5, 3}, {2, 2, 2, 2, 2, 2, 2}}) {
    ExpectOpenClMatchesReference(GraphOf({.out_scale = 0.02f, .shape = shape}));
    ExpectOpenClMatchesReference(GraphOf({.kind = OpKind::kTanh, .out_scale = 1.0f / 128, .shape = shape}));
  }
}

TEST(UnaryTest, HandComputedValues) {
  const auto cpu = MakeCpuBackend();
  const auto at = [&](const Case& c, int q) { return RunAll(*cpu, c)[q + 128]; };
  // logistic(0) = 1/2 = 128/256, stored from -128.
  const Case logistic = {.kind = OpKind::kLogistic, .in_scale = 0.1f, .out_scale = 1.0f / 256, .out_zero = 0};
  EXPECT_EQ(at(logistic, 0), 0);
  EXPECT_EQ(at(logistic, -128), -128);
  EXPECT_EQ(at(logistic, 127), 127);
  EXPECT_EQ(at(logistic, 10), 59);  // 256 / (1 + 1/e) = 187.15
  const Case tanh = {.kind = OpKind::kTanh, .in_scale = 0.1f, .out_scale = 1.0f / 128};
  EXPECT_EQ(at(tanh, 0), 0);
  EXPECT_EQ(at(tanh, 10), 97);  // 128 * 0.76159 = 97.48
  EXPECT_EQ(at(tanh, -10), -97);
  // RELU6: 6 / 0.05 = 120
  EXPECT_EQ(at({.kind = OpKind::kRelu6}, 127), 120);
  EXPECT_EQ(at({.kind = OpKind::kRelu6}, -1), 0);
  EXPECT_EQ(at({.kind = OpKind::kReluN1To1}, -128), -20);
  EXPECT_EQ(at({.kind = OpKind::kRelu, .out_scale = 0.1f}, 101), 51);  // 50.5, away from zero
  EXPECT_EQ(at({.kind = OpKind::kLeakyRelu, .alpha = 0.5f}, -100), -50);
  EXPECT_EQ(at({.kind = OpKind::kLeakyRelu, .alpha = -0.5f}, -100), 50);
  EXPECT_EQ(at({.kind = OpKind::kLeakyRelu, .alpha = 0.5f}, 100), 100);
  // hard_swish(x) is 0 up to -3 and x from 3: 3 / 0.05 = 60.
  const Case hard_swish = {.kind = OpKind::kHardSwish};
  EXPECT_EQ(at(hard_swish, -60), 0);
  EXPECT_EQ(at(hard_swish, 100), 100);
  EXPECT_EQ(at(hard_swish, 0), 0);
  EXPECT_EQ(at(hard_swish, -30), -8);  // -1.5 * 1.5 / 6 = -0.375 = -7.5 units
}

TEST(UnaryTest, IdentityNeedsNoKernel) {
  const auto graph = GraphOf({.kind = OpKind::kLeakyRelu, .alpha = 1.0f});
  Lowering lowering;
  ASSERT_TRUE(FindRoom(OpKind::kLeakyRelu)->lower({*graph, graph->ops[0]}, {}, lowering));
  EXPECT_TRUE(lowering.launches().empty());
  ASSERT_EQ(lowering.aliases().size(), 1u);
  ExpectOpenClMatchesReference(graph);
}

TEST(UnaryTest, RulesNameWhatFails) {
  using enum ReasonCode;
  using List = std::vector<ReasonCode>;
  const List quantization = {kUnsupportedQuantizationParameters};
  EXPECT_EQ(NpuCodes(*GraphOf({})), List{});

  Case c = {.kind = OpKind::kLogistic, .out_scale = 1.0f / 256, .out_zero = 0};
  EXPECT_EQ(NpuCodes(*GraphOf(c)), List{});
  c.out_zero = 1;
  EXPECT_EQ(NpuCodes(*GraphOf(c)), quantization);
  c.out_zero = 0;
  c.out_scale = std::nextafter(c.out_scale, 1.0f);
  EXPECT_EQ(NpuCodes(*GraphOf(c)), quantization);
  c = {.kind = OpKind::kTanh, .out_scale = 1.0f / 128, .out_zero = 127};
  EXPECT_EQ(NpuCodes(*GraphOf(c)), quantization);

  EXPECT_EQ(NpuCodes(*GraphOf({.in_scale = 8388608.0f, .out_scale = 1.0f})), quantization);
  EXPECT_EQ(NpuCodes(*GraphOf({.in_scale = 8388607.0f, .out_scale = 1.0f})), List{});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(NpuCodes(*GraphOf({.kind = OpKind::kLeakyRelu, .alpha = nan})), quantization);
  EXPECT_EQ(NpuCodes(*GraphOf({.kind = OpKind::kLeakyRelu, .in_scale = 1, .out_scale = 1, .alpha = 1e8f})),
            quantization);
  EXPECT_EQ(NpuCodes(*GraphOf({.kind = OpKind::kHardSwish, .in_scale = 1, .out_scale = 1e-3f})),
            quantization);
  EXPECT_EQ(NpuCodes(*GraphOf({.kind = OpKind::kHardSwish, .in_scale = 1e-9f, .out_scale = 1e-9f})),
            quantization);
  EXPECT_EQ(NpuCodes(*GraphOf({.kind = OpKind::kHardSwish, .in_scale = 1e8f, .out_scale = 1e8f})),
            quantization);

  EXPECT_EQ(NpuCodes(*GraphOf({.shape = {4, 0}})), List{kUnsupportedOperandSize});
  auto graph = GraphOf({});
  graph->tensors[1].shape = {128};
  EXPECT_EQ(NpuCodes(*graph), List{kShapeMismatch});
  graph = GraphOf({.type = DataType::kInt32});
  EXPECT_EQ(NpuCodes(*graph), (List{kUnsupportedInputType, kUnsupportedOutputType}));
  graph = GraphOf({});
  graph->tensors[0].quantization = {};
  EXPECT_EQ(NpuCodes(*graph), List{kUnsupportedQuantizationType});
  graph = GraphOf({});
  graph->ops[0].inputs[0] = kNoTensor;
  EXPECT_EQ(NpuCodes(*graph), List{kMissingRequiredOperand});
}

}  // namespace
}  // namespace npu::test
