// Float sandwiches: each fold alone, its conditions one by one, and random networks against an interpreter that computes
// the floats element by element. (All bytes against LiteRT: tests/host/float_sandwich_test.py.)
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "backends/ops/broadcast.h"
#include "partitioner/report.h"
#include "tests/partition/fold_testing.h"

namespace npu {
namespace {

using test::Bytes;
using test::Folds;
using test::GraphBuilder;
using test::PlanOf;
using Shape = std::vector<int32_t>;

constexpr DataType kInt8 = DataType::kInt8, kUInt8 = DataType::kUInt8, kFloat = DataType::kFloat32;

// Operators between 8-bit tensors and floats.
struct Sandwich {
  GraphBuilder b;

  int Input(Shape shape, DataType type = kInt8, float scale = 0.05f, int64_t zero = 3) {
    return b.Input(type, std::move(shape), scale, zero);
  }
  int Float(int shape_of) { return b.Tensor(kFloat, b.tensor(shape_of).shape); }
  int Dequantize(int x) {
    const int y = Float(x);
    b.Op(OpKind::kDequantize, {x}, {y});
    return y;
  }
  int Quantize(int x, DataType type = kInt8, float scale = 0.04f, int64_t zero = -5) {
    const int y = b.Tensor(type, b.tensor(x).shape, scale, zero);
    b.Op(OpKind::kQuantize, {x}, {y});
    return y;
  }
  int Unary(OpKind kind, int x, OpParams params = {}) {
    const int y = Float(x);
    b.Op(kind, {x}, {y}, std::move(params));
    return y;
  }
  int Number(float value) { return b.Constant<float>(kFloat, {}, {value}); }
  int Binary(OpKind kind, int x, int y, Activation activation = Activation::kNone) {
    const auto shape = BroadcastShape(b.tensor(x).shape, b.tensor(y).shape);
    const int z = b.Tensor(kFloat, *shape);
    const bool activated = kind != OpKind::kMaximum && kind != OpKind::kMinimum;
    b.Op(kind, {x, y}, {z}, activated ? OpParams(BinaryParams{activation}) : OpParams());
    return z;
  }
  int Move(OpKind kind, std::vector<int> inputs, Shape shape, OpParams params = {}) {
    const int y = b.Tensor(kFloat, std::move(shape));
    b.Op(kind, std::move(inputs), {y}, std::move(params));
    return y;
  }
};

// The model's own operators, floats and all, one element after the other.
class Interpreter {
 public:
  explicit Interpreter(const Graph& graph) : graph_(graph), memory_(graph.tensors.size()) {}

  std::vector<Bytes> Run(const std::vector<Bytes>& inputs) {
    for (size_t i = 0; i < graph_.tensors.size(); ++i) {
      const auto data = graph_.tensors[i].data.bytes;
      memory_[i].assign(data.begin(), data.end());
    }
    for (size_t i = 0; i < inputs.size(); ++i) memory_[graph_.inputs[i]] = inputs[i];
    for (const Op& op : graph_.ops) Compute(op);
    std::vector<Bytes> outputs;
    for (int tensor : graph_.outputs) outputs.push_back(memory_[tensor]);
    return outputs;
  }

 private:
  float Get(int tensor, size_t i) const {
    float x;
    std::memcpy(&x, memory_[tensor].data() + 4 * i, 4);
    return x;
  }
  size_t Count(int tensor) const { return static_cast<size_t>(*graph_.tensors[tensor].element_count()); }

  // Where an element of the output is in an operand that is broadcast to it.
  size_t Source(int operand, int output, size_t i) const {
    const Shape &from = graph_.tensors[operand].shape, &to = graph_.tensors[output].shape;
    size_t at = 0, stride = 1;
    for (size_t d = 0; d < to.size(); ++d) {
      const auto index = i % static_cast<size_t>(to[to.size() - 1 - d]);
      i /= static_cast<size_t>(to[to.size() - 1 - d]);
      if (d >= from.size()) continue;
      const int32_t size = from[from.size() - 1 - d];
      at += (size == 1 ? 0 : index) * stride;
      stride *= static_cast<size_t>(size);
    }
    return at;
  }

  static float Activated(const Op& op, float x) {
    switch (std::holds_alternative<BinaryParams>(op.params) ? op.as<BinaryParams>().activation : Activation::kNone) {
      case Activation::kRelu: return x < 0 ? 0 : x;
      case Activation::kRelu6: return x < 0 ? 0 : x > 6 ? 6 : x;
      case Activation::kReluN1To1: return x < -1 ? -1 : x > 1 ? 1 : x;
      default: return x;
    }
  }

  float Element(const Op& op, size_t i) const {
    const int y = op.outputs[0];
    const float x = Get(op.inputs[0], op.inputs.size() > 1 ? Source(op.inputs[0], y, i) : i);
    switch (op.kind) {
      case OpKind::kRelu: return x < 0 ? 0 : x;
      case OpKind::kRelu6: return x < 0 ? 0 : x > 6 ? 6 : x;
      case OpKind::kAbs: return x < 0 ? -x : x;
      case OpKind::kNeg: return -x;
      case OpKind::kLeakyRelu: return x > 0 ? x : op.as<LeakyReluParams>().alpha * x;
      default: break;
    }
    const float z = Get(op.inputs[1], Source(op.inputs[1], y, i));
    switch (op.kind) {
      case OpKind::kAdd: return Activated(op, x + z);
      case OpKind::kSub: return Activated(op, x - z);
      case OpKind::kMul: return Activated(op, x * z);
      case OpKind::kMaximum: return x > z ? x : z;
      default: return x < z ? x : z;
    }
  }

  void Compute(const Op& op) {
    const int x = op.inputs[0], y = op.outputs[0];
    const Tensor &in = graph_.tensors[x], &out = graph_.tensors[y];
    Bytes& result = memory_[y];
    result.resize(static_cast<size_t>(*out.byte_size()));
    for (size_t i = 0; i < Count(y); ++i) {
      if (op.kind == OpKind::kQuantize) {
        const float steps = std::round(Get(x, i) / out.scale());
        const float low = out.type == kInt8 ? -128 : 0;
        const float q = std::min(std::max(steps + static_cast<float>(out.zero_point()), low), low + 255);
        result[i] = static_cast<std::byte>(static_cast<int>(q));
        continue;
      }
      float value;
      if (op.kind == OpKind::kDequantize) {
        const auto byte = std::to_integer<uint8_t>(memory_[x][i]);
        const int q = in.type == kInt8 ? static_cast<int8_t>(byte) : byte;
        value = static_cast<float>(static_cast<double>(in.scale()) * (q - in.zero_point()));
      } else {
        value = Element(op, i);
      }
      std::memcpy(result.data() + 4 * i, &value, 4);
    }
  }

  const Graph& graph_;
  std::vector<Bytes> memory_;
};

// The plan folds exactly `folds` and gives the bytes that the floats give.
void ExpectFolded(const std::shared_ptr<Graph>& graph, const std::string& folds, uint32_t seed) {
  const Plan plan = PlanOf(graph);
  ASSERT_EQ(Folds(plan), folds) << (plan.declined_folds.empty() ? "" : plan.declined_folds[0].why);
  std::vector<Bytes> inputs;
  for (int index : graph->inputs) inputs.push_back(test::RandomBytes(graph->tensors[index], seed++));
  const std::vector<Bytes> expected = Interpreter(*graph).Run(inputs);
  const auto reference = test::RunPlan(plan, MakeCpuBackend(), inputs);
  ASSERT_TRUE(reference) << reference.error().text;
  ASSERT_EQ(*reference, expected);
  if (Backend* device = test::TestDevice(); device != nullptr) {
    const auto actual = test::RunPlan(plan, std::shared_ptr<Backend>(std::shared_ptr<Backend>(), device), inputs);
    ASSERT_TRUE(actual) << actual.error().text;
    ASSERT_EQ(*actual, expected);
  }
}

// Nothing is folded; the only word about it holds `why`.
void ExpectDeclined(const std::shared_ptr<Graph>& graph, const std::string& why) {
  const Plan plan = PlanOf(graph);
  EXPECT_EQ(Folds(plan), "");
  ASSERT_FALSE(plan.declined_folds.empty());
  EXPECT_NE(plan.declined_folds[0].why.find(why), std::string::npos) << plan.declined_folds[0].why;
  const nlohmann::json report = nlohmann::json::parse(ReportJson(plan));
  EXPECT_EQ(report["declined_folds"][0]["why"], plan.declined_folds[0].why);
}

TEST(FoldFloatUnary, OneOperator) {
  for (const OpKind kind : {OpKind::kRelu, OpKind::kRelu6, OpKind::kAbs, OpKind::kNeg, OpKind::kLeakyRelu}) {
    for (const DataType type : {kInt8, kUInt8}) {
      Sandwich s;
      const int x = s.Dequantize(s.Input({7, 40}, type));
      const OpParams params = kind == OpKind::kLeakyRelu ? OpParams(LeakyReluParams{0.3f}) : OpParams();
      ExpectFolded(s.b.Build({s.Quantize(s.Unary(kind, x, params), kUInt8, 0.03f, 100)}), "float-unary(0,1>2)", 1);
    }
  }
}

TEST(FoldFloatUnary, NumbersBeforeAndBehind) {
  for (const OpKind kind : {OpKind::kAdd, OpKind::kSub, OpKind::kMul, OpKind::kMaximum, OpKind::kMinimum}) {
    for (const bool first : {false, true}) {
      Sandwich s;
      const int x = s.Dequantize(s.Input({300})), number = s.Number(0.37f);
      const int y = first ? s.Binary(kind, number, x, Activation::kRelu6) : s.Binary(kind, x, number);
      ExpectFolded(s.b.Build({s.Quantize(y)}), "float-unary(0,1>2)", 2);
    }
  }
}

TEST(FoldFloatUnary, OneTensorTwiceAndViewsInside) {
  Sandwich s;
  const int x = s.Dequantize(s.Input({4, 60}));
  const int squared = s.Binary(OpKind::kMul, x, s.Unary(OpKind::kRelu6, x));
  const int flat = s.Move(OpKind::kReshape, {squared, s.b.Ints({240})}, {240}, ReshapeParams{});
  const auto graph = s.b.Build({s.Quantize(flat)});
  const Plan plan = PlanOf(graph);
  EXPECT_EQ(Folds(plan), "float-unary(0,1,2,3>4)");
  EXPECT_EQ(plan.compute_graph->ops[4].kind, OpKind::kTable);
}

TEST(FoldFloatUnary, OthersKeepTheFloats) {
  Sandwich s;
  const int x = s.Dequantize(s.Input({300}));
  const auto graph = s.b.Build({s.Quantize(s.Unary(OpKind::kRelu, x)), x});
  ExpectFolded(graph, "float-unary(1[0]>2)", 3);
  EXPECT_EQ(PlanOf(graph).ops[0].placement, Placement::kDelegateCpu);
  // The float between is the caller's: RELU of floats is not ours, so the fold goes.
  Sandwich t;
  const int y = t.Unary(OpKind::kRelu, t.Dequantize(t.Input({300})));
  const auto kept = t.b.Build({t.Quantize(y), y});
  const Plan plan = PlanOf(kept);
  EXPECT_EQ(Folds(plan), "");
  ASSERT_EQ(plan.declined_folds.size(), 1u);
  EXPECT_NE(plan.declined_folds[0].why.find("do not all reach the NPU"), std::string::npos);
}

TEST(FoldFloatUnary, MathLibraryIsDeclinedWithItsDifferenceAndTakenOnRequest) {
  Sandwich s;
  const int x = s.Dequantize(s.Input({300}));
  const auto graph = s.b.Build({s.Quantize(s.Unary(OpKind::kExp, x), kUInt8, 0.01f, 0)});
  ExpectDeclined(graph, "EXP is computed by the host's math library");
  ExpectDeclined(graph, "of 256 results");
  PlanOptions options;
  options.folds = {"float-math"};
  EXPECT_EQ(Folds(PlanOf(graph, options)), "float-math(0,1>2)");
  options.folds = {"float-unary"};
  EXPECT_EQ(Folds(PlanOf(graph, options)), "");
}

TEST(FoldFloatUnary, WhatIsNoFunctionOfOneElementIsDeclined) {
  Sandwich s;
  const int x = s.Dequantize(s.Input({3, 8}));
  const auto graph = s.b.Build({s.Quantize(s.Unary(OpKind::kSoftmax, x, SoftmaxParams{}))});
  ExpectDeclined(graph, "SOFTMAX");
  Sandwich t;
  const int y = t.Dequantize(t.Input({3, 8}, kInt8, 3e38f, 0));
  ExpectDeclined(t.b.Build({t.Quantize(t.Unary(OpKind::kRelu, y))}), "not finite");
  Sandwich u;
  const int z = u.Dequantize(u.Input({3, 8}, kInt8, 1e10f, 0));
  ExpectDeclined(u.b.Build({u.Quantize(u.Unary(OpKind::kRelu, z), kInt8, 1e-10f, 0)}), "undefined");
}

TEST(FoldFloatUnary, FloatsOfFloatsAreNoSandwich) {
  GraphBuilder b;
  const int x = b.Input(kFloat, {8}), y = b.Tensor(kFloat, {8}), q = b.Tensor(kInt8, {8}, 0.1f, 0);
  b.Op(OpKind::kRelu, {x}, {y});
  b.Op(OpKind::kQuantize, {y}, {q});
  const Plan plan = PlanOf(b.Build({q}));
  EXPECT_EQ(Folds(plan), "");
  EXPECT_TRUE(plan.declined_folds.empty());
}

TEST(FoldFloatBinary, TwoTensorsAndBroadcasts) {
  for (const OpKind kind : {OpKind::kAdd, OpKind::kSub, OpKind::kMul, OpKind::kMaximum, OpKind::kMinimum}) {
    for (const Shape& shape : {Shape{5, 6, 7}, Shape{7}, Shape{5, 1, 1}, Shape{1, 6, 1}}) {
      Sandwich s;
      const int a = s.Dequantize(s.Input({5, 6, 7})), c = s.Dequantize(s.Input(shape, kUInt8, 0.021f, 77));
      const int y = s.Binary(kind, a, c, Activation::kRelu);
      ExpectFolded(s.b.Build({s.Quantize(y)}), "float-binary(0,1,2>3)", 4);
    }
  }
}

TEST(FoldFloatBinary, ThreeTensorsAreDeclined) {
  Sandwich s;
  const int a = s.Dequantize(s.Input({9})), c = s.Dequantize(s.Input({9})), d = s.Dequantize(s.Input({9}));
  const auto graph = s.b.Build({s.Quantize(s.Binary(OpKind::kAdd, s.Binary(OpKind::kMul, a, c), d))});
  ExpectDeclined(graph, "more than two 8-bit tensors");
}

TEST(FoldFloatConcat, TablesOnlyWherePartsNeedThem) {
  for (const bool alike : {true, false}) {
    Sandwich s;
    const int a = s.Dequantize(s.Input({3, 4})), c = s.Dequantize(s.Input({3, 6}, kInt8, alike ? 0.05f : 0.02f, 3));
    const int y = s.Move(OpKind::kConcatenation, {a, c}, {3, 10}, ConcatenationParams{1, Activation::kNone});
    const auto graph = s.b.Build({s.Quantize(y, kInt8, 0.05f, 3)});
    const Plan plan = PlanOf(graph);
    EXPECT_EQ(Folds(plan), "float-concat(0,1,2>3)");
    EXPECT_EQ(plan.compute_graph->ops[3].kind, alike ? OpKind::kConcatenation : OpKind::kTableConcatenation);
  }
}

TEST(FoldFloatConcat, ReshapedPartsAreDeclined) {
  Sandwich s;
  const int a = s.Dequantize(s.Input({2, 3})), c = s.Dequantize(s.Input({2, 3}));
  const auto turned = [&](int x) {
    return s.Move(OpKind::kReshape, {x, s.b.Ints({3, 2})}, {3, 2}, ReshapeParams{});
  };
  const int y = s.Move(OpKind::kConcatenation, {turned(a), turned(c)}, {3, 4}, ConcatenationParams{1, Activation::kNone});
  const int back = s.Move(OpKind::kReshape, {y, s.b.Ints({2, 6})}, {2, 6}, ReshapeParams{});
  ExpectDeclined(s.b.Build({s.Quantize(back)}), "another shape");
}

TEST(FoldFloatMove, MoversRunOnBytes) {
  Sandwich s;
  const int x = s.Unary(OpKind::kRelu, s.Dequantize(s.Input({2, 3, 4, 5})));
  const int turned = s.Move(OpKind::kTranspose, {x, s.b.Ints({0, 2, 1, 3})}, {2, 4, 3, 5});
  const int amounts = s.b.Constant<int32_t>(DataType::kInt32, {4, 2}, {0, 0, 1, 0, 0, 2, 0, 0});
  const int padded = s.Move(OpKind::kPad, {turned, amounts}, {2, 5, 5, 5});
  const int pooled = s.Move(OpKind::kMaxPool2D, {padded}, {2, 2, 2, 5},
                            Pool2DParams{.padding = Padding::kValid, .stride_h = 2, .stride_w = 2, .filter_h = 2,
                                         .filter_w = 2});
  const auto graph = s.b.Build({s.Quantize(pooled)});
  const Plan plan = PlanOf(graph);
  EXPECT_EQ(Folds(plan), "float-move(0,1>5)");
  EXPECT_EQ(plan.folds[0].rewritten, (std::vector<int>{2, 3, 4}));
  EXPECT_EQ(plan.compute_graph->ops[3].kind, OpKind::kPadv2);
  EXPECT_EQ(plan.compute_graph->ops[5].kind, OpKind::kTable);
}

TEST(FoldFloatMove, ConditionsOfPadAndPool) {
  // NEG falls where bytes rise; x + 0.37 is nowhere 0 and 0 is what PAD writes.
  Sandwich s;
  const int x = s.Unary(OpKind::kNeg, s.Dequantize(s.Input({1, 4, 4, 1})));
  const int pooled = s.Move(OpKind::kMaxPool2D, {x}, {1, 2, 2, 1},
                            Pool2DParams{.padding = Padding::kValid, .stride_h = 2, .stride_w = 2, .filter_h = 2,
                                         .filter_w = 2});
  ExpectDeclined(s.b.Build({s.Quantize(pooled)}), "fall where the bytes rise");
  Sandwich t;
  const int y = t.Binary(OpKind::kAdd, t.Dequantize(t.Input({1, 4})), t.Number(0.37f));
  const int amounts = t.b.Constant<int32_t>(DataType::kInt32, {2, 2}, {0, 0, 1, 0});
  ExpectDeclined(t.b.Build({t.Quantize(t.Move(OpKind::kPad, {y, amounts}, {1, 5}))}), "no byte");
}

TEST(FoldFloatMove, WhatOthersReadStays) {
  Sandwich s;
  const int x = s.Dequantize(s.Input({2, 3}));
  const int turned = s.Move(OpKind::kTranspose, {x, s.b.Ints({1, 0})}, {3, 2});
  ExpectDeclined(s.b.Build({s.Quantize(turned), turned}), "read by others");
}

TEST(FoldFloat, RandomNetworksGiveTheSameBytes) {
  std::mt19937 engine(11);
  const auto below = [&](int n) { return static_cast<int>(engine() % static_cast<uint32_t>(n)); };
  int unary = 0, binary = 0;
  for (uint32_t seed = 1; seed <= 220 && !HasFatalFailure(); ++seed) {
    Sandwich s;
    const auto scale = [&] { return 0.003f * static_cast<float>(1 + below(40)); };
    const auto any_type = [&] { return below(2) == 0 ? kInt8 : kUInt8; };
    const auto zero_point = [&](DataType type) { return int64_t{below(256)} - (type == kInt8 ? 128 : 0); };
    const auto any_unary = [&](int x) {
      switch (below(6)) {
        case 0: return s.Unary(OpKind::kRelu, x);
        case 1: return s.Unary(OpKind::kAbs, x);
        case 2: return s.Unary(OpKind::kLeakyRelu, x, LeakyReluParams{0.1f * static_cast<float>(below(20) - 5)});
        case 3: return s.Binary(OpKind::kMul, s.Number(0.11f * static_cast<float>(below(40) - 20)), x);
        case 4: return s.Binary(OpKind::kSub, x, s.Number(0.07f * static_cast<float>(below(40))), Activation::kReluN1To1);
        default: return s.Unary(OpKind::kNeg, x);
      }
    };
    const DataType type = any_type(), type_b = any_type();
    const Shape shape = {1 + below(3), 1 + below(30), 1 + below(20)};
    int x = s.Dequantize(s.Input(shape, type, scale(), zero_point(type)));
    for (int i = below(3); i > 0; --i) x = any_unary(x);
    const bool pair = below(2) == 0;
    if (pair) {
      const Shape other = below(2) == 0 ? shape : Shape{shape[2]};
      const int y = s.Dequantize(s.Input(other, type_b, scale(), zero_point(type_b)));
      static constexpr OpKind kKinds[] = {OpKind::kAdd, OpKind::kSub, OpKind::kMul, OpKind::kMaximum, OpKind::kMinimum};
      x = s.Binary(kKinds[below(5)], x, below(2) == 0 ? y : any_unary(y), Activation::kRelu6);
    }
    x = any_unary(x);
    const DataType to = any_type();
    const auto graph = s.b.Build({s.Quantize(x, to, scale(), zero_point(to))});
    std::vector<int> absorbed(graph->ops.size() - 1);
    std::iota(absorbed.begin(), absorbed.end(), 0);
    SCOPED_TRACE(seed);
    ExpectFolded(graph,
                 fmt::format("{}({}>{})", pair ? "float-binary" : "float-unary", fmt::join(absorbed, ","),
                             absorbed.size()),
                 seed);
    ++(pair ? binary : unary);
  }
  EXPECT_GT(unary, 80);
  EXPECT_GT(binary, 80);
}

}  // namespace
}  // namespace npu
