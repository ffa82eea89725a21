// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

template <typename T>
std::vector<T> ConstantValues(const Tensor& tensor) {
  std::vector<T> values(tensor.data.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), tensor.data.bytes.data(), values.size() * sizeof(T));
  return values;
}

TEST(ShapeTest, EvaluatedInBothWidths) {
  GraphBuilder b;
  const int in = b.Input(DataType::kInt8, {2, 3, 17}, 0.5f, 0);
  const int narrow = b.Tensor(DataType::kInt32, {});
  const int wide = b.Tensor(DataType::kInt64, {});
  b.Op(OpKind::kShape, {in}, {narrow}, ShapeParams{false});
  b.Op(OpKind::kShape, {in}, {wide}, ShapeParams{true});
  const auto graph = b.Build({narrow, wide});
  const InferenceResult result = InferShapes(*graph);
  EXPECT_TRUE(result.evaluated[0] && result.evaluated[1]);
  EXPECT_EQ(ConstantValues<int32_t>(graph->tensors[narrow]), (std::vector<int32_t>{2, 3, 17}));
  EXPECT_EQ(ConstantValues<int64_t>(graph->tensors[wide]), (std::vector<int64_t>{2, 3, 17}));
  EXPECT_TRUE(HasReason(CheckNpu(*graph, graph->ops[0]), ReasonCode::kUnsupportedOperator));
}

// What Keras exports for Flatten with a dynamic batch.
std::shared_ptr<Graph> KerasFlatten(const Index& shape) {
  GraphBuilder b;
  const int in = b.Input(DataType::kInt8, shape, 0.5f, -3);
  const int dims = b.Tensor(DataType::kInt32, {4});
  const int batch = b.Tensor(DataType::kInt32, {});
  const int packed = b.Tensor(DataType::kInt32, {2});
  const int out = b.Tensor(DataType::kInt8, {}, 0.5f, -3);
  b.Op(OpKind::kShape, {in}, {dims}, ShapeParams{});
  b.Op(OpKind::kStridedSlice, {dims, b.Ints({0}), b.Ints({1}), b.Ints({1})}, {batch},
       StridedSliceParams{0, 0, 0, 0, 1, false});
  const int features = b.Constant<int32_t>(DataType::kInt32, {}, {-1});
  b.Op(OpKind::kPack, {batch, features}, {packed}, PackParams{2, 0});
  b.Op(OpKind::kReshape, {in, packed}, {out}, ReshapeParams{});
  return b.Build({out});
}

TEST(ShapeTest, KerasFlattenFoldsAway) {
  for (const int32_t batch : {1, 3}) {
    const auto graph = KerasFlatten({batch, 3, 5, 17});
    const InferenceResult result = InferShapes(*graph);
    EXPECT_EQ(result.errors, std::vector<std::string>(4));
    EXPECT_EQ(result.evaluated, (std::vector<bool>{true, true, true, false}));
    EXPECT_EQ(graph->tensors[graph->outputs[0]].shape, (Index{batch, 255}));
    EXPECT_TRUE(CheckNpu(*graph, graph->ops[3]).eligible()) << Reasons(CheckNpu(*graph, graph->ops[3]));
    ExpectMoves(
        graph, 3,
        [](const std::vector<Bytes>& in, const std::vector<Bytes>& out) { EXPECT_EQ(in[0], out[0]); },
        /*device=*/false);
    ExpectOpenClMatchesReference(KerasFlatten({batch, 3, 5, 17}));  // Validate wants a fresh graph
  }
}

TEST(ShapeTest, ANewShapeIsEvaluatedAgain) {
  const auto graph = KerasFlatten({1, 3, 5, 17});
  InferShapes(*graph);
  graph->tensors[graph->inputs[0]].shape[0] = 4;
  const InferenceResult result = InferShapes(*graph);
  EXPECT_EQ(result.errors, std::vector<std::string>(4));
  EXPECT_EQ(graph->tensors[graph->outputs[0]].shape, (Index{4, 255}));
}

TEST(PackTest, Int64Constants) {
  GraphBuilder b;
  const int a = b.Constant<int64_t>(DataType::kInt64, {2}, {1, int64_t{1} << 40});
  const int c = b.Constant<int64_t>(DataType::kInt64, {2}, {-3, 4});
  const int out = b.Tensor(DataType::kInt64, {});
  b.Op(OpKind::kPack, {a, c}, {out}, PackParams{2, 1});
  const auto graph = b.Build({out});
  EXPECT_TRUE(InferShapes(*graph).evaluated.at(0));
  EXPECT_EQ(graph->tensors[out].shape, (Index{2, 2}));
  EXPECT_EQ(ConstantValues<int64_t>(graph->tensors[out]), (std::vector<int64_t>{1, -3, int64_t{1} << 40, 4}));
}

std::shared_ptr<Graph> PackGraph(const Index& shape, int32_t axis, int count,
                                 DataType type = DataType::kInt8) {
  GraphBuilder b;
  std::vector<int> inputs;
  for (int i = 0; i < count; ++i) inputs.push_back(b.Input(type, shape, 0.5f, 3));
  const int out = b.Tensor(type, {}, 0.5f, 3);
  b.Op(OpKind::kPack, inputs, {out}, PackParams{count, axis});
  return b.Build({out});
}

TEST(PackTest, EveryAxisOfEveryRank) {
  const Index full = {3, 1, 17, 2, 3};
  for (int rank = 0; rank <= 5; ++rank) {
    const Index shape(full.begin(), full.begin() + rank);
    for (int axis = -rank - 1; axis <= rank; ++axis) {
      SCOPED_TRACE(ShapeString(shape) + " axis " + std::to_string(axis));
      const int count = 2 + rank % 2;
      const auto graph = PackGraph(shape, axis, count, axis < 0 ? DataType::kInt8 : DataType::kUInt8);
      ExpectMoves(graph, 23, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
        const int at = axis < 0 ? axis + rank + 1 : axis;
        Index packed = shape;
        packed.insert(packed.begin() + at, count);
        ASSERT_EQ(graph->tensors[graph->outputs[0]].shape, packed);
        for (const Index& index : AllIndices(packed)) {
          Index source = index;
          source.erase(source.begin() + at);
          ASSERT_EQ(out[0][Flat(packed, index)], in[index[at]][Flat(shape, source)]);
        }
      });
      if (HasFailure()) return;
    }
  }
}

TEST(PackTest, RefusesNonsense) {
  for (const int32_t axis : {2, -3, INT32_MAX, INT32_MIN}) {
    const auto graph = PackGraph({3}, axis, 2);
    EXPECT_NE(InferError(*graph), "") << axis;
    EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kInvalidArgument)) << axis;
  }
  auto graph = PackGraph({3}, 0, 2);
  graph->ops[0].params = PackParams{3, 0};
  EXPECT_NE(InferError(*graph), "");
  graph = PackGraph({3}, 0, 2);
  graph->tensors[1].shape = {4};
  EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kShapeMismatch));
  graph = PackGraph({3}, 0, 2);
  graph->tensors[1].quantization = PerTensor(0.25f, 3);
  EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kNotRestrictedScaleCompliant));
  graph->tensors[0].type = DataType::kInt32;
  EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kUnsupportedInputType));
}

}  // namespace
}  // namespace npu::test
