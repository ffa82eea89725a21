// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

enum class From { kOperand, kParameters };

std::shared_ptr<Graph> ReshapeGraph(const Index& shape, const Index& new_shape, From from,
                                    DataType type = DataType::kInt8) {
  GraphBuilder b;
  const int in = b.Input(type, shape, 0.5f, -3);
  const int out = b.Tensor(type, {}, 0.5f, -3);
  if (from == From::kOperand) {
    b.Op(OpKind::kReshape, {in, b.Ints(new_shape)}, {out}, ReshapeParams{});
  } else {
    b.Op(OpKind::kReshape, {in}, {out}, ReshapeParams{new_shape});
  }
  return b.Build({out});
}

std::shared_ptr<Graph> SqueezeGraph(const Index& shape, const Index& dims) {
  GraphBuilder b;
  const int in = b.Input(DataType::kInt8, shape, 0.5f, -3);
  const int out = b.Tensor(DataType::kInt8, {}, 0.5f, -3);
  b.Op(OpKind::kSqueeze, {in}, {out}, SqueezeParams{dims});
  return b.Build({out});
}

std::shared_ptr<Graph> ExpandDimsGraph(const Index& shape, int32_t axis, bool wide = false) {
  GraphBuilder b;
  const int in = b.Input(DataType::kUInt8, shape, 0.5f, 3);
  const int axis_tensor = wide ? b.Constant<int64_t>(DataType::kInt64, {}, {axis}) : b.Ints({axis});
  const int out = b.Tensor(DataType::kUInt8, {}, 0.5f, 3);
  b.Op(OpKind::kExpandDims, {in, axis_tensor}, {out}, NoParams{});
  return b.Build({out});
}

void ExpectSameBytes(const std::shared_ptr<Graph>& graph, const Index& shape) {
  SCOPED_TRACE(ShapeString(shape));
  ExpectMoves(graph, 5, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
    EXPECT_EQ(graph->tensors[graph->outputs[0]].shape, shape);
    EXPECT_EQ(in[0], out[0]);
  });
}

TEST(ReshapeTest, FromOperandAndParameters) {
  for (const From from : {From::kOperand, From::kParameters}) {
    ExpectSameBytes(ReshapeGraph({1, 3, 17, 33}, {1, -1}, from), {1, 1683});
    ExpectSameBytes(ReshapeGraph({2, 3, 4}, {4, 3, 2}, from, DataType::kUInt8), {4, 3, 2});
    ExpectSameBytes(ReshapeGraph({6}, {1, 2, 1, 3, 1, 1}, from), {1, 2, 1, 3, 1, 1});
    ExpectSameBytes(ReshapeGraph({1, 1}, {-1}, from), {1});
  }
}

TEST(ReshapeTest, ToAScalar) {
  ExpectSameBytes(ReshapeGraph({1, 1}, {}, From::kParameters), {});
  ExpectSameBytes(ReshapeGraph({1, 1}, {0}, From::kParameters), {});  // old converters
  ExpectSameBytes(ReshapeGraph({1}, {}, From::kOperand), {});
  EXPECT_NE(InferError(*ReshapeGraph({1}, {0}, From::kOperand)), "");
}

TEST(ReshapeTest, OperandThatIsNoInt32VectorLeavesItToTheParameters) {
  GraphBuilder b;
  const int in = b.Input(DataType::kInt8, {2, 3}, 0.5f, 0);
  const int shape = b.Constant<int64_t>(DataType::kInt64, {2}, {1, 6});
  const int out = b.Tensor(DataType::kInt8, {}, 0.5f, 0);
  b.Op(OpKind::kReshape, {in, shape}, {out}, ReshapeParams{{3, 2}});
  const auto graph = b.Build({out});
  EXPECT_EQ(InferError(*graph), "");
  EXPECT_EQ(graph->tensors[out].shape, (Index{3, 2}));
}

TEST(ReshapeTest, EmptyTensorsAsTflite) {
  auto graph = ReshapeGraph({0, 4}, {2, -1}, From::kOperand);
  EXPECT_EQ(InferError(*graph), "");
  EXPECT_EQ(graph->tensors[graph->outputs[0]].shape, (Index{2, 0}));
  graph = ReshapeGraph({0, 4}, {0, -1}, From::kOperand);
  EXPECT_EQ(InferError(*graph), "");
  EXPECT_EQ(graph->tensors[graph->outputs[0]].shape, (Index{0, 4}));
  EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kUnsupportedOperandSize));
}

TEST(ReshapeTest, RefusesNonsense) {
  for (const Index& shape :
       {Index{-1, -1}, Index{-2, -3}, Index{5}, Index{-1, 4}, Index{INT32_MAX, INT32_MAX, INT32_MAX, 2},
        Index{-1, INT32_MAX, INT32_MAX, INT32_MAX, 4}, Index{INT32_MIN}, Index{-1, 0}}) {
    for (const From from : {From::kOperand, From::kParameters}) {
      auto graph = ReshapeGraph({2, 3}, shape, from);
      EXPECT_NE(InferError(*graph), "") << ShapeString(shape);
      EXPECT_FALSE(CheckFirst(*graph).eligible()) << ShapeString(shape);
    }
  }
}

TEST(ReshapeTest, RuntimeShapeIsNamed) {
  GraphBuilder b;
  const int in = b.Input(DataType::kInt8, {2, 3}, 0.5f, 0);
  const int shape = b.Input(DataType::kInt32, {2});
  const int out = b.Tensor(DataType::kInt8, {3, 2}, 0.5f, 0);
  b.Op(OpKind::kReshape, {in, shape}, {out}, ReshapeParams{});
  const auto graph = b.Build({out});
  EXPECT_NE(InferError(*graph), "");
  EXPECT_TRUE(HasReason(CheckNpu(*graph, graph->ops[0]), ReasonCode::kOperandNotConstant));
}

TEST(ReshapeTest, ChainsAndOutputsThatAreInputs) {
  GraphBuilder b;
  const int in = b.Input(DataType::kInt8, {2, 3, 4}, 0.5f, 0);
  const int a = b.Tensor(DataType::kInt8, {}, 0.5f, 0);
  const int c = b.Tensor(DataType::kInt8, {}, 0.5f, 0);
  b.Op(OpKind::kReshape, {in}, {a}, ReshapeParams{{6, -1}});
  b.Op(OpKind::kReshape, {a}, {c}, ReshapeParams{{-1}});
  const auto graph = b.Build({a, c});
  ExpectMoves(graph, 1, [](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
    EXPECT_EQ(in[0], out[0]);
    EXPECT_EQ(in[0], out[1]);
  });
}

TEST(SqueezeTest, AllOrListed) {
  ExpectSameBytes(SqueezeGraph({1, 3, 1, 17}, {}), {3, 17});
  ExpectSameBytes(SqueezeGraph({1, 3, 1, 17}, {0}), {3, 1, 17});
  ExpectSameBytes(SqueezeGraph({1, 3, 1, 17}, {-2, 2}), {1, 3, 17});
  ExpectSameBytes(SqueezeGraph({1, 1, 1, 1, 1, 1, 1, 3}, {}), {3});
  ExpectSameBytes(SqueezeGraph({1, 1}, {}), {});
}

TEST(SqueezeTest, RefusesNonsense) {
  for (const Index& dims : {Index{1}, Index{4}, Index{-5}, Index{0, INT32_MIN}, Index{INT32_MAX}}) {
    auto graph = SqueezeGraph({1, 3, 1, 17}, dims);
    EXPECT_NE(InferError(*graph), "") << ShapeString(dims);
    EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kInvalidArgument)) << ShapeString(dims);
  }
  EXPECT_NE(InferError(*SqueezeGraph({1, 1, 1, 1, 1, 1, 1, 1, 3}, {})), "");
}

TEST(ExpandDimsTest, EveryAxis) {
  for (int32_t axis = -4; axis <= 3; ++axis) {
    Index shape = {3, 5, 17};
    shape.insert(shape.begin() + (axis < 0 ? axis + 4 : axis), 1);
    ExpectSameBytes(ExpandDimsGraph({3, 5, 17}, axis, axis % 2 == 0), shape);
  }
}

TEST(ExpandDimsTest, RefusesNonsense) {
  for (const int32_t axis : {4, -5, INT32_MAX, INT32_MIN}) {
    auto graph = ExpandDimsGraph({3, 5, 17}, axis);
    EXPECT_NE(InferError(*graph), "") << axis;
    EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kInvalidArgument)) << axis;
  }
  auto graph = ExpandDimsGraph({3}, 0);
  graph->tensors[graph->outputs[0]].quantization = PerTensor(0.25f, 3);
  EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kNotRestrictedScaleCompliant));
}

}  // namespace
}  // namespace npu::test
