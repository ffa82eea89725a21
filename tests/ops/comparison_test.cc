// EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, LOGICAL_*: values by hand, random shapes and
// scales on the device, rules. Against LiteRT: tests/host/operators_sweep_test.py.
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
constexpr uint32_t kSeed = 20261123;
constexpr int kCases = 200;  // per operator
constexpr OpKind kComparisons[] = {OpKind::kEqual,     OpKind::kNotEqual, OpKind::kLess,
                                   OpKind::kLessEqual, OpKind::kGreater,  OpKind::kGreaterEqual};

struct Case {
  OpKind kind = OpKind::kLess;
  DataType type = DataType::kInt8;
  Shape a = {4}, b = {4};
  float scale_a = 0.5f, scale_b = 0.5f;
  int zero_a = 0, zero_b = 0;
};

std::shared_ptr<Graph> GraphOf(const Case& c) {
  GraphBuilder builder;
  const bool quantized = c.type != DataType::kBool;
  std::vector<int> inputs = {builder.Input(c.type, c.a, quantized ? c.scale_a : 0, quantized ? c.zero_a : 0)};
  Shape shape = c.a;
  if (c.kind != OpKind::kLogicalNot) {
    inputs.push_back(builder.Input(c.type, c.b, quantized ? c.scale_b : 0, quantized ? c.zero_b : 0));
    shape = BroadcastShape(c.a, c.b).value_or(Shape{});
  }
  const int y = builder.Tensor(DataType::kBool, shape);
  builder.Op(c.kind, inputs, {y});
  return builder.Build({y});
}

Bytes ToBytes(const std::vector<int>& values) {
  Bytes bytes;
  for (int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

std::vector<int> Answers(Case c, const std::vector<int>& a, const std::vector<int>& b) {
  c.a = c.b = {static_cast<int32_t>(a.size())};
  const auto outputs = c.kind == OpKind::kLogicalNot
                           ? RunGraph(*MakeCpuBackend(), GraphOf(c), {ToBytes(a)})
                           : RunGraph(*MakeCpuBackend(), GraphOf(c), {ToBytes(a), ToBytes(b)});
  EXPECT_TRUE(outputs);
  std::vector<int> values;
  if (!outputs) return values;
  for (std::byte byte : outputs->at(0)) values.push_back(std::to_integer<int>(byte));
  return values;
}

TEST(ComparisonTest, HandComputedValues) {
  using List = std::vector<int>;
  // Real values: 1, -1, 0 against 1, 1, -0.5.
  const List a = {2, -2, 0}, b = {5, 5, -1};
  Case c = {.scale_a = 0.5f, .scale_b = 0.25f, .zero_b = 1};
  const List expected[] = {{1, 0, 0}, {0, 1, 1}, {0, 1, 0}, {1, 1, 0}, {0, 0, 1}, {1, 0, 1}};
  for (size_t i = 0; i < std::size(kComparisons); ++i) {
    c.kind = kComparisons[i];
    EXPECT_EQ(Answers(c, a, b), expected[i]) << GetOpInfo(c.kind).name;
  }
  EXPECT_EQ(
      Answers({.kind = OpKind::kLess, .type = DataType::kUInt8, .zero_a = 128}, {0, 127, 255}, {0, 0, 127}),
      (List{1, 1, 0}));
  EXPECT_EQ(Answers({.kind = OpKind::kEqual, .type = DataType::kBool}, {0, 1, 2, 0}, {0, 2, 1, 7}),
            (List{1, 1, 1, 0}));
  EXPECT_EQ(Answers({.kind = OpKind::kLogicalAnd, .type = DataType::kBool}, {0, 1, 2, 0}, {0, 2, 1, 7}),
            (List{0, 1, 1, 0}));
  EXPECT_EQ(Answers({.kind = OpKind::kLogicalOr, .type = DataType::kBool}, {0, 1, 2, 0}, {0, 2, 1, 8}),
            (List{0, 1, 1, 1}));
  EXPECT_EQ(Answers({.kind = OpKind::kLogicalNot, .type = DataType::kBool}, {0, 1, 2}, {}), (List{1, 0, 0}));
}

// Where LiteRT has no answer: the comparison of the real numbers.
TEST(ComparisonTest, ScalesOfOneAndMoreAreExact) {
  for (const auto& [scale_a, scale_b] :
       {std::pair{1.0f, 1.0f}, {2.0f, 0.5f}, {0.25f, 64.0f}, {4096.0f, 8192.0f}}) {
    std::vector<int> a, b, expected;
    for (int i = -128; i < 128; ++i) {
      for (int j : {-128, -17, -1, 0, 1, 2, 64, 127}) {
        a.push_back(i);
        b.push_back(j);
        expected.push_back(static_cast<float>(i - 3) * scale_a < static_cast<float>(j) * scale_b ? 1 : 0);
      }
    }
    EXPECT_EQ(Answers({.kind = OpKind::kLess, .scale_a = scale_a, .scale_b = scale_b, .zero_a = 3}, a, b),
              expected)
        << scale_a << " " << scale_b;
  }
}

Case RandomCase(OpKind kind, std::mt19937& dice) {
  const auto below = [&](int n) { return static_cast<int>(dice() % static_cast<uint32_t>(n)); };
  Case c = {.kind = kind, .type = DataType::kBool};
  const bool logical =
      kind == OpKind::kLogicalAnd || kind == OpKind::kLogicalOr || kind == OpKind::kLogicalNot;
  const bool equality = kind == OpKind::kEqual || kind == OpKind::kNotEqual;
  if (!logical && (!equality || below(3) > 0)) c.type = below(2) == 0 ? DataType::kInt8 : DataType::kUInt8;
  c.a.clear();
  for (int i = below(5); i > 0; --i) c.a.push_back(below(3) == 0 ? 1 : 1 + below(20));
  c.b = c.a;
  for (int32_t& size : c.b) size = below(3) == 0 ? 1 : size;
  if (below(3) == 0 && !c.b.empty()) c.b.erase(c.b.begin());
  if (below(2) == 0) std::swap(c.a, c.b);
  const int low = c.type == DataType::kInt8 ? -128 : 0;
  const auto scale = [&] { return std::pow(10.0f, static_cast<float>(below(4000)) / 1000.0f - 3.0f); };
  c.scale_a = scale(), c.scale_b = below(3) == 0 ? c.scale_a : scale();
  c.zero_a = low + below(256), c.zero_b = low + below(256);
  return c;
}

TEST(ComparisonTest, DeviceMatchesReference) {
  std::cout << "seed " << kSeed << "\n";
  std::mt19937 dice(kSeed);
  std::vector<OpKind> kinds(std::begin(kComparisons), std::end(kComparisons));
  kinds.insert(kinds.end(), {OpKind::kLogicalAnd, OpKind::kLogicalOr, OpKind::kLogicalNot});
  for (OpKind kind : kinds) {
    for (int i = 0; i < kCases; ++i) {
      SCOPED_TRACE(std::string(GetOpInfo(kind).name) + " " + std::to_string(i));
      ExpectOpenClMatchesReference(GraphOf(RandomCase(kind, dice)), 1 + i);
      if (HasFailure() || IsSkipped()) return;
    }
  }
}

TEST(ComparisonTest, RulesNameWhatFails) {
  using enum ReasonCode;
  using List = std::vector<ReasonCode>;
  const auto codes = [](const Case& c) { return NpuCodes(*GraphOf(c)); };
  EXPECT_EQ(codes({}), List{});
  EXPECT_EQ(codes({.scale_a = 7.0f}), List{});
  EXPECT_EQ(codes({.kind = OpKind::kEqual, .type = DataType::kBool}), List{});
  EXPECT_EQ(codes({.kind = OpKind::kLess, .type = DataType::kBool}),
            (List{kUnsupportedInputType, kUnsupportedInputType}));
  EXPECT_EQ(codes({.scale_b = 0}), List{kUnsupportedQuantizationType});
  EXPECT_EQ(codes({.a = {0}, .b = {1}}), List{kUnsupportedOperandSize});
  EXPECT_EQ(codes({.kind = OpKind::kLogicalAnd, .type = DataType::kInt8}),
            (List{kUnsupportedInputType, kUnsupportedInputType}));
  EXPECT_EQ(codes({.kind = OpKind::kLogicalNot, .type = DataType::kUInt8}), List{kUnsupportedInputType});

  GraphBuilder builder;
  const int a = builder.Input(DataType::kInt8, {2}, 0.5f, 0),
            b = builder.Input(DataType::kUInt8, {2}, 0.5f, 0);
  const int y = builder.Tensor(DataType::kInt8, {2}, 0.5f, 0);
  builder.Op(OpKind::kGreater, {a, b}, {y});
  EXPECT_EQ(NpuCodes(*builder.Build({y})), (List{kUnsupportedInputType, kUnsupportedOutputType}));
}

}  // namespace
}  // namespace npu::test
