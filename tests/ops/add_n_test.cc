// ADD_N: against the float sum, against ADD for two operands, on the device; rules. No host computes it in 8
// bits.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <random>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

struct Operand {
  float scale = 0.1f;
  int zero = 0;
};

struct Case {
  OpKind kind = OpKind::kAddN;
  DataType type = DataType::kInt8;
  std::vector<int32_t> shape = {4};
  std::vector<Operand> inputs = {{}, {}};
  Operand output = {};
};

std::shared_ptr<Graph> GraphOf(const Case& c) {
  GraphBuilder builder;
  std::vector<int> inputs;
  for (const Operand& input : c.inputs)
    inputs.push_back(builder.Input(c.type, c.shape, input.scale, input.zero));
  const int y = builder.Tensor(c.type, c.shape, c.output.scale, c.output.zero);
  builder.Op(c.kind, inputs, {y}, c.kind == OpKind::kAdd ? OpParams(BinaryParams{}) : OpParams(NoParams{}));
  return builder.Build({y});
}

Case RandomCase(std::mt19937& dice) {
  const auto below = [&](int n) { return static_cast<int>(dice() % static_cast<uint32_t>(n)); };
  Case c{.type = below(2) == 0 ? DataType::kInt8 : DataType::kUInt8, .shape = {}, .inputs = {}};
  for (int i = below(4); i > 0; --i) c.shape.push_back(1 + below(12));
  const int low = c.type == DataType::kInt8 ? -128 : 0;
  const auto operand = [&] {
    return Operand{std::pow(10.0f, static_cast<float>(below(2000)) / 1000.0f - 2.0f), low + below(256)};
  };
  for (int i = 1 + below(16); i > 0; --i) c.inputs.push_back(operand());
  c.output = operand();
  return c;
}

int Value(DataType type, std::byte byte) {
  return type == DataType::kInt8 ? static_cast<int8_t>(byte) : static_cast<int>(byte);
}

// The fixed-point sum is off by half a unit of 2^-20 of the largest scale for each operand, and rounded once
// more.
TEST(AddNTest, IsTheRoundedFloatSum) {
  constexpr uint32_t kSeed = 20261124;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937 dice(kSeed);
  const std::shared_ptr<Backend> cpu = MakeCpuBackend();
  for (int i = 0; i < 220; ++i) {
    SCOPED_TRACE(i);
    const Case c = RandomCase(dice);
    const auto graph = GraphOf(c);
    std::vector<Bytes> inputs;
    for (int tensor : graph->inputs) inputs.push_back(RandomBytes(graph->tensors[tensor], dice()));
    const auto outputs = RunGraph(*cpu, graph, inputs);
    ASSERT_TRUE(outputs) << outputs.error().text;
    const int low = c.type == DataType::kInt8 ? -128 : 0;
    for (size_t k = 0; k < outputs->at(0).size(); ++k) {
      double sum = 0;
      for (size_t j = 0; j < inputs.size(); ++j) {
        sum += static_cast<double>(c.inputs[j].scale) * (Value(c.type, inputs[j][k]) - c.inputs[j].zero);
      }
      const double real = std::clamp(sum / c.output.scale + c.output.zero, low + 0.0, low + 255.0);
      ASSERT_NEAR(Value(c.type, outputs->at(0)[k]), real, 0.51);
    }
    ExpectOpenClMatchesReference(graph, 1 + i);
    if (HasFailure() || IsSkipped()) return;
  }
}

TEST(AddNTest, TwoOperandsAreAdd) {
  std::mt19937 dice(7);
  const std::shared_ptr<Backend> cpu = MakeCpuBackend();
  for (int i = 0; i < 200; ++i) {
    Case c = RandomCase(dice);
    c.inputs.resize(2);
    const auto add_n = GraphOf(c);
    c.kind = OpKind::kAdd;
    const auto add = GraphOf(c);
    const std::vector<Bytes> inputs = {RandomBytes(add->tensors[0], dice()),
                                       RandomBytes(add->tensors[1], dice())};
    const auto found = RunGraph(*cpu, add_n, inputs), expected = RunGraph(*cpu, add, inputs);
    ASSERT_TRUE(found && expected);
    ASSERT_EQ(*found, *expected) << i;
  }
}

TEST(AddNTest, RulesNameWhatFails) {
  using enum ReasonCode;
  using List = std::vector<ReasonCode>;
  const auto codes = [](const Case& c) { return NpuCodes(*GraphOf(c)); };
  EXPECT_EQ(codes({}), List{});
  EXPECT_EQ(codes({.inputs = std::vector<Operand>(16)}), List{});
  EXPECT_EQ(codes({.inputs = std::vector<Operand>(17)}), List{kMissingRequiredOperand});
  EXPECT_EQ(codes({.inputs = {{}, {.scale = 0}}}), List{kUnsupportedQuantizationType});
  EXPECT_EQ(codes({.output = {.scale = 1e-8f}}), List{kUnsupportedQuantizationParameters});
  EXPECT_EQ(codes({.shape = {2, 0}}), List{kUnsupportedOperandSize});

  GraphBuilder builder;
  const int a = builder.Input(DataType::kInt8, {2}, 0.5f, 0),
            b = builder.Input(DataType::kUInt8, {2}, 0.5f, 0);
  const int c = builder.Input(DataType::kInt8, {3}, 0.5f, 0),
            y = builder.Tensor(DataType::kInt8, {2}, 0.5f, 0);
  builder.Op(OpKind::kAddN, {a, b, c}, {y});
  EXPECT_EQ(NpuCodes(*builder.Build({y})), (List{kUnsupportedInputType, kShapeMismatch}));
}

}  // namespace
}  // namespace npu::test
