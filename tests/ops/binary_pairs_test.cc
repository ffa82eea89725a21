// MINIMUM, MAXIMUM, SQUARED_DIFFERENCE, DIV, PRELU: random shapes, scales and constants on the device,
// hand-computed values, rules. What LiteRT answers is in elementwise_goldens_test.cc.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <random>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/broadcast.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

using Shape = std::vector<int32_t>;
constexpr uint32_t kSeed = 20261122;
constexpr int kCases = 200;  // per operator

struct Case {
  OpKind kind = OpKind::kMinimum;
  DataType type = DataType::kInt8;
  Shape a = {4}, b = {4};
  float scale_a = 0.05f, scale_b = 0.05f, scale_y = 0.05f;
  int zero_a = 0, zero_b = 0, zero_y = 0;
  bool a_constant = false, b_constant = false;
  Activation activation = Activation::kNone;
};

std::shared_ptr<Graph> GraphOf(const Case& c) {
  GraphBuilder builder;
  const auto operand = [&](const Shape& shape, float scale, int zero, bool constant) {
    if (!constant) return builder.Input(c.type, shape, scale, zero);
    const int index = builder.Tensor(c.type, shape, scale, zero);
    const Bytes bytes = RandomBytes(builder.tensor(index), 5);
    builder.SetData(index, bytes.data(), bytes.size());
    return index;
  };
  const int a = operand(c.a, c.scale_a, c.zero_a, c.a_constant);
  const int b = operand(c.b, c.scale_b, c.zero_b, c.b_constant);
  const int y = builder.Tensor(c.type, BroadcastShape(c.a, c.b).value_or(Shape{}), c.scale_y, c.zero_y);
  builder.Op(c.kind, {a, b}, {y},
             c.kind == OpKind::kDiv ? OpParams(BinaryParams{c.activation}) : OpParams(NoParams{}));
  return builder.Build({y});
}

std::vector<int> RunInt8(Case c, const std::vector<int8_t>& a, const std::vector<int8_t>& b) {
  c.a = c.b = {static_cast<int32_t>(a.size())};
  const auto bytes = [](const std::vector<int8_t>& values) {
    const auto* data = reinterpret_cast<const std::byte*>(values.data());
    return Bytes(data, data + values.size());
  };
  const auto outputs = RunGraph(*MakeCpuBackend(), GraphOf(c), {bytes(a), bytes(b)});
  EXPECT_TRUE(outputs);
  std::vector<int> values;
  if (!outputs) return values;
  for (std::byte byte : outputs->at(0)) values.push_back(static_cast<int8_t>(byte));
  return values;
}

class Dice {
 public:
  explicit Dice(uint32_t seed) : engine_(seed) {}
  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(engine_); }
  float Scale(float low, float high) {
    return std::pow(10.0f, std::uniform_real_distribution<float>(low, high)(engine_));
  }

 private:
  std::mt19937 engine_;
};

Case RandomCase(OpKind kind, Dice& dice) {
  Case c = {.kind = kind};
  if (kind != OpKind::kSquaredDifference && dice.Below(2) == 0) c.type = DataType::kUInt8;
  c.a.clear();
  for (int i = dice.Below(5); i > 0; --i) c.a.push_back(dice.Below(3) == 0 ? 1 : 1 + dice.Below(20));
  c.b = c.a;
  for (int32_t& size : c.b) size = dice.Below(3) == 0 ? 1 : size;
  if (dice.Below(3) == 0 && !c.b.empty()) c.b.erase(c.b.begin());
  if (kind != OpKind::kPrelu && dice.Below(2) == 0) std::swap(c.a, c.b);
  const int low = c.type == DataType::kInt8 ? -128 : 0;
  c.scale_a = dice.Scale(-3, 0), c.scale_b = dice.Scale(-3, 0), c.scale_y = dice.Scale(-3, 0);
  c.zero_a = low + dice.Below(256), c.zero_b = low + dice.Below(256), c.zero_y = low + dice.Below(256);
  c.a_constant = dice.Below(4) == 0, c.b_constant = !c.a_constant && dice.Below(3) == 0;
  c.activation = static_cast<Activation>(dice.Below(4));
  if (kind == OpKind::kMinimum || kind == OpKind::kMaximum) {
    c.scale_b = c.scale_y = c.scale_a, c.zero_b = c.zero_y = c.zero_a;
  }
  return c;
}

TEST(BinaryPairsTest, DeviceMatchesReference) {
  std::cout << "seed " << kSeed << "\n";
  Dice dice(kSeed);
  for (OpKind kind :
       {OpKind::kMinimum, OpKind::kMaximum, OpKind::kSquaredDifference, OpKind::kDiv, OpKind::kPrelu}) {
    int taken = 0;
    for (int tries = 0; taken < kCases && tries < 20 * kCases; ++tries) {
      const auto graph = GraphOf(RandomCase(kind, dice));
      if (!CheckNpu(*graph, graph->ops[0]).eligible()) continue;
      SCOPED_TRACE(std::string(GetOpInfo(kind).name) + " " + std::to_string(taken));
      ExpectOpenClMatchesReference(graph, 1 + tries);
      if (HasFailure() || IsSkipped()) return;
      ++taken;
    }
    EXPECT_EQ(taken, kCases) << GetOpInfo(kind).name;
  }
}

TEST(BinaryPairsTest, HandComputedValues) {
  using List = std::vector<int>;
  EXPECT_EQ(RunInt8({.kind = OpKind::kMinimum}, {1, -5, 127}, {2, -6, -128}), (List{1, -6, -128}));
  EXPECT_EQ(RunInt8({.kind = OpKind::kMaximum}, {1, -5, 127}, {2, -6, -128}), (List{2, -5, 127}));
  const Case difference = {
      .kind = OpKind::kSquaredDifference, .scale_a = 1, .scale_b = 0.5f, .scale_y = 1, .zero_b = 1};
  EXPECT_EQ(RunInt8(difference, {3, -2, 100}, {1, 7, -128}), (List{9, 25, 127}));
  const Case division = {.kind = OpKind::kDiv, .scale_a = 1, .scale_b = 1, .scale_y = 1.0f / 128};
  EXPECT_EQ(RunInt8(division, {1, -1, 3, -127, 0}, {2, 4, -4, 127, 9}), (List{64, -32, -96, -128, 0}));
  EXPECT_EQ(RunInt8(division, {0, 1, -1}, {0, 0, 0}), (List{127, 127, -128}));
  const Case prelu = {.kind = OpKind::kPrelu, .scale_a = 1, .scale_b = 0.25f, .scale_y = 1};
  EXPECT_EQ(RunInt8(prelu, {5, -5, -8}, {100, 4, -2}), (List{5, -5, 4}));
}

TEST(BinaryPairsTest, RulesNameWhatFails) {
  using enum ReasonCode;
  using List = std::vector<ReasonCode>;
  const List quantization = {kUnsupportedQuantizationParameters};
  const auto codes = [](const Case& c) { return NpuCodes(*GraphOf(c)); };
  EXPECT_EQ(codes({.kind = OpKind::kMinimum}), List{});
  EXPECT_EQ(codes({.kind = OpKind::kMaximum, .scale_b = 0.06f}), List{kNotRestrictedScaleCompliant});
  EXPECT_EQ(codes({.kind = OpKind::kMinimum, .zero_y = 1}), List{kNotRestrictedScaleCompliant});
  EXPECT_EQ(codes({.kind = OpKind::kSquaredDifference}), List{});
  EXPECT_EQ(codes({.kind = OpKind::kSquaredDifference, .scale_y = 1e-7f}), quantization);
  EXPECT_EQ(codes({.kind = OpKind::kSquaredDifference, .type = DataType::kUInt8}),
            List{kUnsupportedInputType});
  EXPECT_EQ(codes({.kind = OpKind::kDiv, .scale_y = 1.0f / 64}), List{});
  EXPECT_EQ(codes({.kind = OpKind::kDiv, .scale_y = 1.0f / 63}), quantization);
  EXPECT_EQ(codes({.kind = OpKind::kDiv, .scale_y = 1e-8f}), quantization);
  EXPECT_EQ(codes({.kind = OpKind::kDiv, .scale_y = 0.01f, .activation = Activation::kTanh}),
            List{kUnsupportedActivation});
  EXPECT_EQ(codes({.kind = OpKind::kPrelu}), List{});
  EXPECT_EQ(codes({.kind = OpKind::kPrelu, .b = {3, 4}}), List{kShapeMismatch});
  EXPECT_EQ(codes({.kind = OpKind::kPrelu, .scale_a = 1, .scale_b = 1e6f, .scale_y = 1}), quantization);
  EXPECT_EQ(codes({.kind = OpKind::kPrelu, .scale_a = 1e8f, .scale_b = 1e-8f, .scale_y = 1}), quantization);
  EXPECT_EQ(codes({.kind = OpKind::kMaximum, .a = {0}, .b = {1}}), List{kUnsupportedOperandSize});

  GraphBuilder builder;
  const int x = builder.Input(DataType::kInt8, {2}, 1.0f, 0);
  const int divisor = builder.Constant<int8_t>(DataType::kInt8, {2}, {3, 7}, PerTensor(1.0f, 7));
  const int y = builder.Tensor(DataType::kInt8, {2}, 0.01f, 0);
  builder.Op(OpKind::kDiv, {x, divisor}, {y}, BinaryParams{});
  EXPECT_EQ(NpuCodes(*builder.Build({y})), List{kUnsupportedOperandValue});
}

}  // namespace
}  // namespace npu::test
