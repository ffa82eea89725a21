// UNPACK and SPLIT_V: sweeps against the meaning of the operator and on the device, and the reasons of Check.
// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

std::shared_ptr<Graph> UnpackGraph(DataType type, const Index& shape, int32_t axis, int32_t num,
                                   int outputs) {
  GraphBuilder b;
  const int in = b.Input(type, shape, 0.5f, 3);
  std::vector<int> out;
  for (int i = 0; i < outputs; ++i) out.push_back(b.Tensor(type, {}, 0.5f, 3));
  b.Op(OpKind::kUnpack, {in}, out, UnpackParams{num, axis});
  return b.Build(out);
}

std::shared_ptr<Graph> SplitGraph(DataType type, const Index& shape, int32_t axis, const Index& sizes) {
  GraphBuilder b;
  const int in = b.Input(type, shape, 0.5f, 3);
  const int axis_tensor = b.Constant<int32_t>(DataType::kInt32, {}, {axis});
  std::vector<int> out;
  for (size_t i = 0; i < sizes.size(); ++i) out.push_back(b.Tensor(type, {}, 0.25f, 7));  // any scale
  b.Op(OpKind::kSplitV, {in, b.Ints(sizes), axis_tensor}, out,
       SplitParams{static_cast<int32_t>(sizes.size())});
  return b.Build(out);
}

// Output i has the input's elements whose position along the axis starts at start[i].
void ExpectParts(const std::shared_ptr<Graph>& graph, const Index& shape, size_t axis, const Index& sizes,
                 bool unpack, uint32_t seed) {
  ExpectMoves(graph, seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
    int32_t start = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      Index part = shape;
      part[axis] = sizes[i];
      Index expected = part;
      if (unpack) expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(axis));
      ASSERT_EQ(graph->tensors[graph->outputs[i]].shape, expected);
      ASSERT_EQ(static_cast<int64_t>(out[i].size()), Count(part));
      for (const Index& index : AllIndices(part)) {
        Index source = index;
        source[axis] += start;
        ASSERT_EQ(out[i][Flat(part, index)], in[0][Flat(shape, source)]) << ShapeString(index);
      }
      start += sizes[i];
    }
  });
}

Index RandomShape(std::mt19937& dice) {
  constexpr int32_t kSizes[] = {1, 2, 3, 5, 7, 11};
  Index shape;
  for (uint32_t d = dice() % 5 + 1; d > 0; --d) shape.push_back(kSizes[dice() % 6]);
  if (dice() % 3 == 0) shape.back() = 17 + static_cast<int32_t>(dice() % 50);
  return shape;
}

TEST(UnpackTest, Sweep) {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 dice(seed);
    const Index shape = RandomShape(dice);
    const int rank = static_cast<int>(shape.size());
    const int axis = static_cast<int>(dice() % shape.size());
    const DataType type = dice() % 2 == 0 ? DataType::kInt8 : DataType::kUInt8;
    const auto graph =
        UnpackGraph(type, shape, dice() % 2 == 0 ? axis : axis - rank, shape[axis], shape[axis]);
    ExpectParts(graph, shape, static_cast<size_t>(axis), Index(static_cast<size_t>(shape[axis]), 1), true,
                seed);
    if (HasFailure()) return;
  }
}

TEST(SplitVTest, Sweep) {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 dice(seed);
    const Index shape = RandomShape(dice);
    const int rank = static_cast<int>(shape.size());
    const int axis = static_cast<int>(dice() % shape.size());
    Index sizes;
    for (int32_t left = shape[axis]; left > 0; left -= sizes.back()) {
      sizes.push_back(1 + static_cast<int32_t>(dice() % static_cast<uint32_t>(left)));
    }
    Index written = sizes;
    if (dice() % 2 == 0) written[dice() % sizes.size()] = -1;
    const DataType type = dice() % 2 == 0 ? DataType::kInt8 : DataType::kUInt8;
    const auto graph = SplitGraph(type, shape, dice() % 2 == 0 ? axis : axis - rank, written);
    ExpectParts(graph, shape, static_cast<size_t>(axis), sizes, false, seed);
    if (HasFailure()) return;
  }
}

TEST(UnpackTest, ShapeArithmeticIsEvaluated) {
  GraphBuilder b;
  const int in = b.Constant<int32_t>(DataType::kInt32, {2}, {7, 9});
  const int first = b.Tensor(DataType::kInt32, {}), second = b.Tensor(DataType::kInt32, {});
  b.Op(OpKind::kUnpack, {in}, {first, second}, UnpackParams{2, 0});
  const auto graph = b.Build({first, second});
  ASSERT_TRUE(InferShapes(*graph).evaluated.at(0));
  int32_t value = 0;
  std::memcpy(&value, graph->tensors[second].data.bytes.data(), sizeof(value));
  EXPECT_EQ(value, 9);
}

TEST(UnpackTest, RefusesNonsense) {
  struct Case {
    int32_t axis, num;
    int outputs;
  };
  for (const Case& c : {Case{2, 3, 3}, Case{-3, 3, 3}, Case{0, 2, 2}, Case{0, 2, 3}, Case{0, -1, 1},
                        Case{INT32_MIN, 3, 3}, Case{1, 3, 3}}) {
    const auto graph = UnpackGraph(DataType::kInt8, {3, 4}, c.axis, c.num, c.outputs);
    EXPECT_NE(InferError(*graph), "") << c.axis << " " << c.num << " " << c.outputs;
    EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kInvalidArgument)) << c.axis << " " << c.num;
  }
  auto graph = UnpackGraph(DataType::kInt8, {3, 4}, 0, 3, 3);
  graph->tensors[2].quantization = PerTensor(0.25f, 3);
  EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kNotRestrictedScaleCompliant));
  graph->tensors[0].type = DataType::kInt32;
  EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kUnsupportedInputType));
}

TEST(SplitVTest, RefusesNonsense) {
  const std::vector<std::pair<int32_t, Index>> cases = {
      {0, {1, 1}},  {0, {2, 2}}, {0, {-1, -1}},       {0, {4, -1}},
      {0, {-2, 5}}, {2, {1, 2}}, {INT32_MIN, {1, 2}}, {0, {INT32_MAX, INT32_MAX}},
  };
  for (const auto& [axis, sizes] : cases) {
    const auto graph = SplitGraph(DataType::kInt8, {3, 4}, axis, sizes);
    EXPECT_NE(InferError(*graph), "") << axis << ShapeString(sizes);
    EXPECT_FALSE(CheckFirst(*graph).eligible()) << axis << ShapeString(sizes);
  }
  const auto empty = SplitGraph(DataType::kInt8, {3, 4}, 0, {0, 3});
  EXPECT_EQ(InferError(*empty), "");
  EXPECT_TRUE(HasReason(CheckFirst(*empty), ReasonCode::kUnsupportedOperandSize));
  const auto runtime = SplitGraph(DataType::kInt8, {3, 4}, 0, {1, 2});
  runtime->tensors[runtime->ops[0].inputs[1]].data = {};
  EXPECT_TRUE(HasReason(CheckFirst(*runtime), ReasonCode::kOperandNotConstant));
}

}  // namespace
}  // namespace npu::test
