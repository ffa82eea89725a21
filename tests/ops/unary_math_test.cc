// ABS, NEG, EXP, LOG, SQRT, RSQRT, ELU, GELU, RELU_0_TO_1: every input byte on the device for random scales,
// hand-computed values, rules. What LiteRT answers is in elementwise_goldens_test.cc.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <random>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

constexpr uint32_t kSeed = 20261121;
constexpr int kCases = 200;  // per operator

struct Case {
  OpKind kind = OpKind::kAbs;
  float in_scale = 0.05f;
  int in_zero = 0;
  float out_scale = 0.05f;
  int out_zero = 0;
  bool approximate = false;
  DataType type = DataType::kInt8;
};

std::shared_ptr<Graph> GraphOf(const Case& c) {
  GraphBuilder builder;
  const int x = builder.Input(c.type, {256}, c.in_scale, c.in_zero);
  const int y = builder.Tensor(c.type, {256}, c.out_scale, c.out_zero);
  builder.Op(c.kind, {x}, {y},
             c.kind == OpKind::kGelu ? OpParams(GeluParams{c.approximate}) : OpParams(NoParams{}));
  return builder.Build({y});
}

// The outputs for every input value, smallest first.
Bytes RunAll(Backend& backend, const Case& c) {
  Bytes bytes;
  for (int i = 0; i < 256; ++i) {
    bytes.push_back(static_cast<std::byte>(i + (c.type == DataType::kInt8 ? 128 : 0)));
  }
  const auto outputs = RunGraph(backend, GraphOf(c), {bytes});
  EXPECT_TRUE(outputs) << outputs.error().text;
  return outputs ? outputs->at(0) : Bytes{};
}

int At(const Case& c, int q) { return static_cast<int8_t>(RunAll(*MakeCpuBackend(), c).at(q + 128)); }

TEST(UnaryMathTest, DeviceMatchesReferenceForAllInputs) {
  Backend* device = TestDevice();
  if (device == nullptr) GTEST_SKIP() << "no OpenCL device";
  std::cout << "seed " << kSeed << "\n";
  std::mt19937 random(kSeed);
  std::uniform_real_distribution<float> exponent(-4.0f, 0.5f);
  std::uniform_int_distribution<int> zero(-128, 127);
  const auto cpu = MakeCpuBackend();
  for (OpKind kind : {OpKind::kAbs, OpKind::kNeg, OpKind::kExp, OpKind::kLog, OpKind::kSqrt, OpKind::kRsqrt,
                      OpKind::kElu, OpKind::kGelu, OpKind::kRelu0To1}) {
    int taken = 0;
    for (int tries = 0; taken < kCases && tries < 20 * kCases; ++tries) {
      Case c = {kind,         std::pow(10.0f, exponent(random)),
                zero(random), std::pow(10.0f, exponent(random)),
                zero(random), tries % 2 == 0};
      if (kind == OpKind::kSqrt || kind == OpKind::kRsqrt) c.in_zero = -128;
      if (kind == OpKind::kNeg) c.in_zero = c.out_zero = 0, c.out_scale = c.in_scale;
      const auto graph = GraphOf(c);
      if (!CheckNpu(*graph, graph->ops[0]).eligible()) continue;
      ++taken;
      ASSERT_EQ(RunAll(*device, c), RunAll(*cpu, c))
          << GetOpInfo(kind).name << " " << c.in_scale << " " << c.in_zero << " " << c.out_scale;
    }
    EXPECT_EQ(taken, kCases) << GetOpInfo(kind).name;
  }
}

TEST(UnaryMathTest, HandComputedValues) {
  EXPECT_EQ(At({.kind = OpKind::kAbs, .in_zero = 10, .out_scale = 0.1f}, -10), 10);
  EXPECT_EQ(At({.kind = OpKind::kNeg}, 5), -5);
  EXPECT_EQ(At({.kind = OpKind::kNeg}, -128), -128);
  EXPECT_EQ(At({.kind = OpKind::kExp, .in_scale = 0.1f, .out_scale = 0.1f}, 10), 27);   // e = 2.718
  EXPECT_EQ(At({.kind = OpKind::kLog, .in_scale = 0.1f, .out_scale = 0.1f}, 100), 23);  // log(10) = 2.303
  EXPECT_EQ(At({.kind = OpKind::kLog}, 0), -128);
  const Case sqrt = {.kind = OpKind::kSqrt, .in_scale = 1, .in_zero = -128, .out_scale = 1};
  EXPECT_EQ(At(sqrt, -128 + 16), 4);
  EXPECT_EQ(At(sqrt, -128 + 24), 4);  // 4.9, cut off
  const Case rsqrt = {.kind = OpKind::kRsqrt, .in_scale = 1, .in_zero = -128, .out_scale = 0.01f};
  EXPECT_EQ(At(rsqrt, -128), 127);
  EXPECT_EQ(At(rsqrt, -128 + 16), 25);
  EXPECT_EQ(At({.kind = OpKind::kElu, .in_scale = 0.1f, .out_scale = 0.01f}, -10), -63);  // 1 / e - 1
  EXPECT_EQ(At({.kind = OpKind::kElu}, 100), 100);
  EXPECT_EQ(At({.kind = OpKind::kGelu, .in_scale = 0.1f, .out_scale = 0.01f}, 10), 84);  // 0.8413
  EXPECT_EQ(At({.kind = OpKind::kGelu, .in_scale = 0.1f, .out_scale = 0.01f}, 0), 0);
  EXPECT_EQ(At({.kind = OpKind::kRelu0To1}, 100), 20);  // 1 / 0.05
  EXPECT_EQ(At({.kind = OpKind::kRelu0To1}, -1), 0);
}

TEST(UnaryMathTest, RulesNameWhatFails) {
  using enum ReasonCode;
  using List = std::vector<ReasonCode>;
  const List quantization = {kUnsupportedQuantizationParameters};
  const auto codes = [](const Case& c) { return NpuCodes(*GraphOf(c)); };
  EXPECT_EQ(codes({.kind = OpKind::kAbs}), List{});
  EXPECT_EQ(codes({.kind = OpKind::kAbs, .in_scale = 1e8f, .out_scale = 1}), quantization);
  EXPECT_EQ(codes({.kind = OpKind::kNeg}), List{});
  EXPECT_EQ(codes({.kind = OpKind::kNeg, .in_zero = 3, .out_zero = 3}), quantization);
  EXPECT_EQ(codes({.kind = OpKind::kNeg, .out_scale = 0.1f}), List{kNotRestrictedScaleCompliant});
  EXPECT_EQ(codes({.kind = OpKind::kExp, .in_scale = 1}), quantization);  // e^127
  EXPECT_EQ(codes({.kind = OpKind::kLog, .out_scale = 1e-12f}), quantization);
  EXPECT_EQ(codes({.kind = OpKind::kSqrt, .in_zero = -128}), List{});
  EXPECT_EQ(codes({.kind = OpKind::kSqrt, .in_zero = -127}), quantization);
  EXPECT_EQ(codes({.kind = OpKind::kSqrt, .in_zero = -128, .out_scale = 1e-12f}), quantization);
  EXPECT_EQ(codes({.kind = OpKind::kRsqrt, .in_zero = 0}), quantization);
  EXPECT_EQ(codes({.kind = OpKind::kRsqrt, .in_zero = -128, .out_scale = 1e-10f}), quantization);
  EXPECT_EQ(codes({.kind = OpKind::kRsqrt, .in_zero = -128, .out_scale = 1e5f}), quantization);
  EXPECT_EQ(codes({.kind = OpKind::kRelu0To1, .in_scale = 1e8f, .out_scale = 1}), quantization);
  EXPECT_EQ(codes({.kind = OpKind::kGelu, .type = DataType::kUInt8}), List{});
  EXPECT_EQ(codes({.kind = OpKind::kElu, .type = DataType::kUInt8}), List{kUnsupportedInputType});
  auto graph = GraphOf({});
  graph->tensors[1].shape = {2, 128};
  EXPECT_EQ(NpuCodes(*graph), List{kShapeMismatch});
}

}  // namespace
}  // namespace npu::test
