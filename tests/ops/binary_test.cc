// ADD, SUB, MUL: hand-computed values, every broadcasting pattern and activation, integers, rules.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/broadcast.h"
#include "backends/ops/inference.h"
#include "backends/ops/linear_add.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

using Shape = std::vector<int32_t>;

struct Scales {
  float a = 0.05f, b = 0.031f, y = 0.07f;
};

struct Case {
  OpKind kind = OpKind::kAdd;
  DataType type = DataType::kInt8;
  Shape a = {}, b = {};
  Scales scales = {};
  int a_zero = 10, b_zero = 20, y_zero = 30;  // counted from the type's smallest value
  Activation activation = Activation::kNone;
  bool a_constant = false, b_constant = false;
};

std::shared_ptr<Graph> GraphOf(const Case& c) {
  GraphBuilder builder;
  const int low = c.type == DataType::kInt8 ? -128 : 0;
  const auto operand = [&](const Shape& shape, float scale, int zero, bool constant, uint32_t seed) {
    if (!constant) return builder.Input(c.type, shape, scale, zero + low);
    const int index = builder.Tensor(c.type, shape, scale, zero + low);
    const Bytes bytes = RandomBytes(builder.tensor(index), seed);
    builder.SetData(index, bytes.data(), bytes.size());
    return index;
  };
  const int a = operand(c.a, c.scales.a, c.a_zero, c.a_constant, 77);
  const int b = operand(c.b, c.scales.b, c.b_zero, c.b_constant, 78);
  const int y =
      builder.Tensor(c.type, BroadcastShape(c.a, c.b).value_or(Shape{}), c.scales.y, c.y_zero + low);
  builder.Op(c.kind, {a, b}, {y}, BinaryParams{c.activation});
  return builder.Build({y});
}

constexpr OpKind kKinds[] = {OpKind::kAdd, OpKind::kSub, OpKind::kMul};
constexpr DataType kTypes[] = {DataType::kInt8, DataType::kUInt8};

std::vector<int> RunInt8(OpKind kind, Scales scales, const std::vector<int8_t>& a,
                         const std::vector<int8_t>& b, Activation activation = Activation::kNone) {
  const Shape shape = {static_cast<int32_t>(a.size())};
  const auto graph = GraphOf({kind, DataType::kInt8, shape, shape, scales, 128, 128, 128, activation});
  const auto bytes = [](const std::vector<int8_t>& values) {
    const auto* data = reinterpret_cast<const std::byte*>(values.data());
    return Bytes(data, data + values.size());
  };
  const auto outputs = RunGraph(*MakeCpuBackend(), graph, {bytes(a), bytes(b)});
  EXPECT_TRUE(outputs);
  std::vector<int> values;
  for (std::byte byte : outputs->at(0)) values.push_back(static_cast<int8_t>(byte));
  return values;
}

TEST(BinaryTest, HandComputedValues) {
  // 0.5 * 3 + 0.5 * 4 = 3.5, a tie: away from zero. Saturation at both ends.
  EXPECT_EQ(RunInt8(OpKind::kAdd, {0.5f, 0.5f, 1.0f}, {3, -3, 127, -128}, {4, -4, 127, -128}),
            (std::vector<int>{4, -4, 127, -128}));
  EXPECT_EQ(RunInt8(OpKind::kAdd, {1, 1, 1}, {100, -100}, {100, -100}), (std::vector<int>{127, -128}));
  EXPECT_EQ(RunInt8(OpKind::kSub, {1, 0.25f, 1}, {10, 10, -10}, {4, -8, 2}), (std::vector<int>{9, 12, -11}));
  // 0.25 * 3 * 5 = 3.75; 0.25 * 2 = 0.5
  EXPECT_EQ(RunInt8(OpKind::kMul, {0.5f, 0.5f, 1}, {3, -3, 2, -2}, {5, 5, 1, 1}),
            (std::vector<int>{4, -4, 1, -1}));
}

TEST(BinaryTest, ActivationsClampInTheOutputsScale) {
  const std::vector<int8_t> a = {-100, -30, 0, 30, 100}, b = {0, 0, 0, 0, 0};
  const Scales scales = {0.1f, 0.1f, 0.1f};
  EXPECT_EQ(RunInt8(OpKind::kAdd, scales, a, b, Activation::kRelu), (std::vector<int>{0, 0, 0, 30, 100}));
  EXPECT_EQ(RunInt8(OpKind::kAdd, scales, a, b, Activation::kRelu6), (std::vector<int>{0, 0, 0, 30, 60}));
  EXPECT_EQ(RunInt8(OpKind::kSub, scales, a, b, Activation::kReluN1To1),
            (std::vector<int>{-10, -10, 0, 10, 10}));
}

TEST(BinaryTest, EveryBroadcastingPattern) {
  const std::pair<Shape, Shape> patterns[] = {
      {{}, {}},
      {{1}, {}},
      {{1}, {1}},
      {{3}, {3}},
      {{17}, {17}},
      {{33}, {33}},
      {{2, 5, 7, 16}, {2, 5, 7, 16}},
      {{5, 33}, {1}},
      {{1}, {5, 33}},
      {{5, 33}, {33}},
      {{33}, {5, 33}},
      {{4, 3}, {3}},
      {{4, 3}, {4, 1}},
      {{1, 7, 7, 32}, {1, 1, 1, 32}},
      {{1, 7, 7, 24}, {1, 1, 1, 24}},
      {{1, 1, 1, 48}, {2, 3, 3, 48}},
      {{1, 7, 7, 1}, {1, 7, 7, 20}},
      {{2, 1, 5}, {1, 3, 5}},
      {{2, 1, 16}, {2, 3, 1}},
      {{2, 3, 1, 5}, {3, 4, 1}},
      {{2, 1, 2, 1, 2, 1}, {1, 3, 1, 3, 1, 3}},
      {{2, 1, 2, 3, 2, 19}, {2, 3, 2, 1, 2, 19}},
      {{1, 1, 1, 1, 1, 1, 2, 3}, {2, 1}},
  };
  for (const auto& [a, b] : patterns) {
    for (OpKind kind : kKinds) {
      for (DataType type : kTypes) {
        SCOPED_TRACE(ShapeString(a) + ShapeString(b));
        ExpectOpenClMatchesReference(GraphOf({.kind = kind, .type = type, .a = a, .b = b}));
      }
    }
  }
}

TEST(BinaryTest, ConstantOperands) {
  for (int32_t channels : {1, 3, 16, 24, 33}) {
    for (OpKind kind : kKinds) {
      for (DataType type : kTypes) {
        Case c = {.kind = kind, .type = type, .a = {3, 7, channels}, .b = {channels}, .b_constant = true};
        ExpectOpenClMatchesReference(GraphOf(c));
        std::swap(c.a, c.b);
        std::swap(c.a_constant, c.b_constant);
        ExpectOpenClMatchesReference(GraphOf(c));
        ExpectOpenClMatchesReference(GraphOf(
            {.kind = kind, .type = type, .a = {5, channels}, .b = {5, channels}, .a_constant = true}));
      }
    }
  }
}

TEST(BinaryTest, BothOperandsConstant) {
  ExpectOpenClMatchesReference(GraphOf({.a = {4, 18}, .b = {18}, .a_constant = true, .b_constant = true}));
}

TEST(BinaryTest, SameTensorTwice) {
  for (OpKind kind : kKinds) {
    GraphBuilder builder;
    const int x = builder.Input(DataType::kInt8, {3, 37}, 0.05f, 4);
    const int y = builder.Tensor(DataType::kInt8, {3, 37}, 0.09f, -7);
    builder.Op(kind, {x, x}, {y}, BinaryParams{});
    ExpectOpenClMatchesReference(builder.Build({y}));
  }
}

TEST(BinaryTest, ZeroPointsScalesAndActivations) {
  const Scales scales[] = {{1, 1, 1},          {0.05f, 0.05f, 0.1f}, {1e-5f, 1, 1},      {1, 1e-5f, 0.5f},
                           {0.02f, 3, 0.001f}, {1e-3f, 1e-3f, 10},   {0.3f, 0.3f, 1e-4f}};
  for (OpKind kind : kKinds) {
    for (DataType type : kTypes) {
      for (Scales s : scales) {
        for (int zero : {0, 128, 255}) {
          for (Activation activation :
               {Activation::kNone, Activation::kRelu, Activation::kReluN1To1, Activation::kRelu6}) {
            ExpectOpenClMatchesReference(
                GraphOf({kind, type, {257}, {257}, s, zero, 255 - zero, zero / 2 + 30, activation}));
          }
        }
      }
    }
  }
}

// The definition, and what kernels compute instead, for all pairs of bytes.
TEST(BinaryTest, TheLinearFormIsTheDefinition) {
  std::mt19937 engine(5);
  const auto real = [&](double low, double high) { return std::uniform_real_distribution<double>(low, high)(engine); };
  const auto integer = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine); };
  int found = 0;
  constexpr int kRounds = 60;
  for (int round = 0; round < kRounds; ++round) {
    const double a = std::pow(10.0, real(-1, 0)), b = std::pow(10.0, real(-1, 0)), larger = std::max(a, b);
    const double y = larger * real(0.3, 2);
    const int sign = integer(0, 1) == 0 ? 1 : -1, a_zero = integer(0, 255), b_zero = integer(0, 255);
    ByteSum sum{{}, {}, QuantizeMultiplier(2 * larger / ((1 << 20) * y)), integer(0, 255), 0, 255};
    if (round % 3 == 0) sum.low = sum.zero;
    if (sum.low == 255) continue;
    for (int i = 0; i < 256; ++i) {
      sum.x_part[i] = MultiplyByQuantizedMultiplier((i - a_zero) * (1 << 20), QuantizeMultiplier(a / (2 * larger)));
      sum.y_part[i] =
          sign * MultiplyByQuantizedMultiplier((i - b_zero) * (1 << 20), QuantizeMultiplier(b / (2 * larger)));
    }
    const auto linear = FindLinearAdd(sum);
    if (!linear) continue;
    ++found;
    int wrong = 0;
    for (int i = 0; i < 256; ++i) {
      for (int j = 0; j < 256; ++j) {
        const int expected = sum.zero + MultiplyByQuantizedMultiplier(sum.x_part[i] + sum.y_part[j], sum.output);
        wrong += std::clamp((*linear)(i, j), sum.low, sum.high) != std::clamp(expected, sum.low, sum.high);
      }
    }
    EXPECT_EQ(wrong, 0) << "round " << round;
  }
  EXPECT_GE(found, kRounds / 2);
}

// Scales of an ADD of a network, where two sums a millionth from a tie round against each other.
TEST(BinaryTest, WhereThereIsNoLinearFormTheDefinitionIsComputed) {
  const Case c = {.a = {65536}, .b = {65536}, .scales = {0.18986915051937103f, 0.1699049174785614f, 0.18754954636096954f},
                  .a_zero = 122, .b_zero = 97, .y_zero = 114};
  const auto graph = GraphOf(c);
  InferShapes(*graph);
  Lowering lowering;
  ASSERT_TRUE(FindRoom(c.kind)->lower(OpView{*graph, graph->ops[0]}, {}, lowering));
  EXPECT_EQ(lowering.launches().at(0).kernel, "npu_add_flat");
  ExpectOpenClMatchesReference(GraphOf(c));
}

// As networks have them: no ratio of small numbers, whose ties go up or down by the sum's sign.
constexpr Scales kUneven = {0.0513f, 0.0317f, 0.0729f};

TEST(BinaryTest, LinearKernels) {
  for (OpKind kind : {OpKind::kAdd, OpKind::kSub}) {
    for (DataType type : kTypes) {
      for (Activation activation : {Activation::kNone, Activation::kRelu, Activation::kRelu6}) {
        for (const auto& [a, b] : std::vector<std::pair<Shape, Shape>>{
                 {{4001}, {4001}}, {{3, 5, 160}, {160}}, {{160}, {15, 160}}, {{2100}, {}}, {{99, 33}, {33}}, {{50, 1}, {1, 50}}}) {
          ExpectOpenClMatchesReference(GraphOf(
              {.kind = kind, .type = type, .a = a, .b = b, .scales = kUneven, .activation = activation}));
        }
      }
    }
  }
}

TEST(BinaryTest, LoweringTakesTheFastPaths) {
  const auto kernel = [](const Case& c) {
    const auto graph = GraphOf(c);
    InferShapes(*graph);
    Lowering lowering;
    const OpView view{*graph, graph->ops[0]};
    EXPECT_TRUE(FindRoom(c.kind)->lower(view, {}, lowering));
    return std::string(lowering.launches().at(0).kernel);
  };
  EXPECT_EQ(kernel({.a = {3, 5}, .b = {3, 5}}), "npu_add_flat");
  EXPECT_EQ(kernel({.kind = OpKind::kMul, .a = {3, 5}, .b = {3, 5}}), "npu_mul_flat");
  EXPECT_EQ(kernel({.a = {3, 5, 32}, .b = {32}}), "npu_add_flat");
  EXPECT_EQ(kernel({.kind = OpKind::kSub, .a = {32}, .b = {3, 5, 32}}), "npu_add_flat");
  EXPECT_EQ(kernel({.a = {9, 3}, .b = {3}, .b_constant = true}), "npu_add_flat");
  EXPECT_EQ(kernel({.a = {9, 3}, .b = {}, .b_constant = true}), "npu_add_flat");
  EXPECT_EQ(kernel({.a = {9, 3}, .b = {3}}), "npu_add_rows");
  EXPECT_EQ(kernel({.kind = OpKind::kMul, .a = {9, 1}, .b = {9, 3}}), "npu_mul_rows");
  EXPECT_EQ(kernel({.a = {30, 100}, .b = {30, 100}, .scales = kUneven}), "npu_linear_flat");
  EXPECT_EQ(kernel({.kind = OpKind::kSub, .a = {32}, .b = {100, 32}, .scales = kUneven}), "npu_linear_flat");
  EXPECT_EQ(kernel({.a = {900, 3}, .b = {3}, .scales = kUneven}), "npu_linear_rows");
}

template <typename T>
std::vector<T> Evaluate(OpKind kind, DataType type, Shape a_shape, const std::vector<T>& a, Shape b_shape,
                        const std::vector<T>& b, Activation activation = Activation::kNone) {
  GraphBuilder builder;
  const int x = builder.Constant(type, std::move(a_shape), a);
  const int z = builder.Constant(type, std::move(b_shape), b);
  const int y = builder.Tensor(type, {});
  builder.Op(kind, {x, z}, {y}, BinaryParams{activation});
  const auto graph = builder.Build({y});
  const InferenceResult result = InferShapes(*graph);
  EXPECT_EQ(result.errors[0], "");
  EXPECT_TRUE(result.evaluated[0]);
  const auto bytes = graph->tensors[y].data.bytes;
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

TEST(BinaryTest, IntegersAreEvaluatedWhenThePlanIsMade) {
  using I32 = std::vector<int32_t>;
  using I64 = std::vector<int64_t>;
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max(), kMin = std::numeric_limits<int32_t>::min();
  EXPECT_EQ((Evaluate<int32_t>(OpKind::kAdd, DataType::kInt32, {3}, {1, -2, kMax}, {}, {1})),
            (I32{2, -1, kMin}));
  EXPECT_EQ((Evaluate<int32_t>(OpKind::kSub, DataType::kInt32, {2, 1}, {10, 20}, {3}, {1, 2, 3})),
            (I32{9, 8, 7, 19, 18, 17}));
  EXPECT_EQ((Evaluate<int32_t>(OpKind::kMul, DataType::kInt32, {2}, {65536, 3}, {2}, {65536, -7})),
            (I32{0, -21}));
  EXPECT_EQ(
      (Evaluate<int64_t>(OpKind::kMul, DataType::kInt64, {2}, {int64_t{1} << 40, 3}, {2}, {1 << 24, 5})),
      (I64{0, 15}));
  EXPECT_EQ((Evaluate<int32_t>(OpKind::kAdd, DataType::kInt32, {3}, {-5, 3, 9}, {}, {0}, Activation::kRelu6)),
            (I32{0, 3, 6}));
  EXPECT_EQ((Evaluate<int32_t>(OpKind::kAdd, DataType::kInt32, {0}, {}, {}, {0})), I32{});
}

TEST(BinaryTest, ReferenceBroadcastsLikeNumpy) {
  // y[i,j,k] = a[i,0,k] + b[j,0], by hand.
  std::vector<int32_t> a(2 * 1 * 4), b(3 * 1), expected;
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<int32_t>(100 * i);
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<int32_t>(i + 1);
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 4; ++k) expected.push_back(a[i * 4 + k] + b[j]);
    }
  }
  EXPECT_EQ((Evaluate<int32_t>(OpKind::kAdd, DataType::kInt32, {2, 1, 4}, a, {3, 1}, b)), expected);
}

TEST(BroadcastTest, LoopsMergeNeighbours) {
  const auto sizes = [](Shape a, Shape b) {
    std::vector<int64_t> result;
    for (const BroadcastLoop& loop : BroadcastLoops(a, b)) result.push_back(loop.size);
    return result;
  };
  EXPECT_EQ(sizes({2, 3, 4}, {2, 3, 4}), (std::vector<int64_t>{24}));
  EXPECT_EQ(sizes({2, 3, 4}, {4}), (std::vector<int64_t>{4, 6}));
  EXPECT_EQ(sizes({2, 1, 3, 4}, {4}), (std::vector<int64_t>{4, 6}));
  EXPECT_EQ(sizes({2, 1, 4}, {1, 3, 1}), (std::vector<int64_t>{4, 3, 2}));
  EXPECT_EQ(sizes({}, {1, 1}), (std::vector<int64_t>{1}));
  const int32_t huge = std::numeric_limits<int32_t>::max();
  EXPECT_EQ(sizes({0, huge, huge, huge}, {huge, huge, huge}), (std::vector<int64_t>{0}));
}

TEST(BroadcastTest, ShapesThatDoNotFit) {
  EXPECT_EQ(BroadcastShape(Shape{2, 3}, Shape{2}), std::nullopt);
  EXPECT_EQ(BroadcastShape(Shape{0}, Shape{2}), std::nullopt);
  EXPECT_EQ(BroadcastShape(Shape{0}, Shape{1}), (Shape{0}));
  EXPECT_EQ(BroadcastShape(Shape{4, 1}, Shape{3}), (Shape{4, 3}));
}

TEST(BinaryTest, InferRefusesShapesThatDoNotFit) {
  const auto graph = GraphOf({.a = {2, 3}, .b = {2}});
  EXPECT_NE(InferShapes(*graph).errors[0].find("[2,3] and [2]"), std::string::npos);
}

TEST(BinaryTest, RulesNameWhatFails) {
  using enum ReasonCode;
  using List = std::vector<ReasonCode>;
  const Case good = {.a = {2, 3}, .b = {2, 3}};
  EXPECT_EQ(NpuCodes(*GraphOf(good)), List{});

  Case c = good;
  c.type = DataType::kInt32;
  EXPECT_EQ(NpuCodes(*GraphOf(c)),
            (List{kUnsupportedInputType, kUnsupportedOutputType, kUnsupportedInputType}));

  c = good;
  c.activation = Activation::kTanh;
  c.scales = {1, 1, 1e-6f};
  EXPECT_EQ(NpuCodes(*GraphOf(c)), (List{kUnsupportedActivation, kUnsupportedQuantizationParameters}));
  c.kind = OpKind::kMul;
  c.scales = {1e3f, 1e3f, 1};
  EXPECT_EQ(NpuCodes(*GraphOf(c)), (List{kUnsupportedActivation, kUnsupportedQuantizationParameters}));

  c = good;
  c.a = {0, 3};
  c.b = {1, 3};
  EXPECT_EQ(NpuCodes(*GraphOf(c)), List{kUnsupportedOperandSize});
  c.a = {2, 1, 2, 1, 2, 1, 2};
  c.b = {1, 2, 1, 2, 1, 2, 1};
  EXPECT_EQ(NpuCodes(*GraphOf(c)), List{kUnsupportedOperandRank});

  auto graph = GraphOf(good);
  graph->tensors[2].shape = {3, 2};
  EXPECT_EQ(NpuCodes(*graph), List{kShapeMismatch});
  graph = GraphOf(good);
  graph->tensors[1].shape = {2};
  EXPECT_EQ(NpuCodes(*graph), List{kShapeMismatch});
  graph = GraphOf(good);
  graph->tensors[1].quantization = PerChannel({0.1f, 0.2f, 0.3f}, 1);
  EXPECT_EQ(NpuCodes(*graph), List{kUnsupportedQuantizationType});
  graph = GraphOf(good);
  graph->tensors[1].type = DataType::kUInt8;
  EXPECT_EQ(NpuCodes(*graph), List{kUnsupportedInputType});
  graph = GraphOf(good);
  graph->ops[0].inputs[0] = kNoTensor;
  EXPECT_EQ(NpuCodes(*graph), List{kMissingRequiredOperand});
}

}  // namespace
}  // namespace npu::test
