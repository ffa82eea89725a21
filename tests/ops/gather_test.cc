// GATHER and GATHER_ND: sweeps against the meaning of the operators and on the device, shape arithmetic, and
// the reasons of Check.
// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

std::shared_ptr<Graph> MakeGraph(OpKind kind, DataType type, const Index& shape, const Index& indices_shape,
                                 const Index& indices, OpParams params = {}, bool wide = false) {
  GraphBuilder b;
  const int in = b.Input(type, shape, 0.5f, 3);
  const int second =
      wide ? b.Constant<int64_t>(DataType::kInt64, indices_shape, {indices.begin(), indices.end()})
           : b.Constant<int32_t>(DataType::kInt32, indices_shape, indices);
  const int out = b.Tensor(type, {}, 0.25f, 7);  // any scale
  b.Op(kind, {in, second}, {out}, std::move(params));
  return b.Build({out});
}

Index Cut(const Index& from, size_t first, size_t last) {
  return {from.begin() + static_cast<std::ptrdiff_t>(first),
          from.begin() + static_cast<std::ptrdiff_t>(last)};
}

Index Join(std::initializer_list<Index> parts) {
  Index all;
  for (const Index& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Index RandomShape(std::mt19937& dice, uint32_t rank) {
  constexpr int32_t kSizes[] = {1, 2, 3, 5, 7};
  Index shape;
  for (; rank > 0; --rank) shape.push_back(kSizes[dice() % 5]);
  return shape;
}

TEST(GatherTest, Sweep) {
  for (uint32_t seed = 1; seed <= 250; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 dice(seed);
    const Index shape = RandomShape(dice, 1 + dice() % 5);
    const size_t axis = dice() % shape.size(), batch = dice() % (axis + 1);
    const Index positions = Join({Cut(shape, 0, batch), RandomShape(dice, dice() % 3)});
    Index indices;
    for (int64_t i = Count(positions); i > 0; --i) {
      indices.push_back(static_cast<int32_t>(dice() % static_cast<uint32_t>(shape[axis])));
    }
    const Index output = Join(
        {Cut(shape, 0, axis), Cut(positions, batch, positions.size()), Cut(shape, axis + 1, shape.size())});
    GatherParams params{static_cast<int32_t>(axis), static_cast<int32_t>(batch)};
    if (dice() % 2 == 0) params.axis -= static_cast<int32_t>(shape.size());
    if (dice() % 2 == 0 && batch < positions.size())
      params.batch_dims -= static_cast<int32_t>(positions.size());
    const auto graph = MakeGraph(OpKind::kGather, dice() % 2 == 0 ? DataType::kInt8 : DataType::kUInt8, shape,
                                 positions, indices, params, dice() % 2 == 0);
    ExpectMoves(graph, seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
      ASSERT_EQ(graph->tensors[graph->outputs[0]].shape, output);
      ASSERT_EQ(static_cast<int64_t>(out[0].size()), Count(output));
      const size_t own = positions.size() - batch;
      for (const Index& index : AllIndices(output)) {
        const Index position = Join({Cut(index, 0, batch), Cut(index, axis, axis + own)});
        const Index source = Join({Cut(index, 0, axis),
                                   {indices[Flat(positions, position)]},
                                   Cut(index, axis + own, index.size())});
        ASSERT_EQ(out[0][Flat(output, index)], in[0][Flat(shape, source)]) << ShapeString(index);
      }
    });
    if (HasFailure()) return;
  }
}

TEST(GatherNdTest, Sweep) {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 dice(seed);
    const Index shape = RandomShape(dice, 1 + dice() % 5);
    const size_t depth = 1 + dice() % shape.size();
    const Index many = RandomShape(dice, dice() % 3);
    Index indices;
    for (int64_t i = Count(many); i > 0; --i) {
      for (size_t d = 0; d < depth; ++d) {
        indices.push_back(static_cast<int32_t>(dice() % static_cast<uint32_t>(shape[d])));
      }
    }
    const Index output = Join({many, Cut(shape, depth, shape.size())});
    const auto graph =
        MakeGraph(OpKind::kGatherNd, dice() % 2 == 0 ? DataType::kInt8 : DataType::kUInt8, shape,
                  Join({many, {static_cast<int32_t>(depth)}}), indices, {}, dice() % 2 == 0);
    ExpectMoves(graph, seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
      ASSERT_EQ(graph->tensors[graph->outputs[0]].shape, output);
      ASSERT_EQ(static_cast<int64_t>(out[0].size()), Count(output));
      for (const Index& index : AllIndices(output)) {
        const auto row = static_cast<size_t>(Flat(many, Cut(index, 0, many.size()))) * depth;
        const Index source = Join({Cut(indices, row, row + depth), Cut(index, many.size(), index.size())});
        ASSERT_EQ(out[0][Flat(output, index)], in[0][Flat(shape, source)]) << ShapeString(index);
      }
    });
    if (HasFailure()) return;
  }
}

TEST(GatherTest, ShapeArithmeticIsEvaluated) {
  GraphBuilder b;
  const int dims = b.Constant<int32_t>(DataType::kInt32, {4}, {1, 17, 33, 5});
  const int picked = b.Tensor(DataType::kInt32, {}), one = b.Tensor(DataType::kInt32, {});
  b.Op(OpKind::kGather, {dims, b.Ints({2, 0})}, {picked}, GatherParams{});
  b.Op(OpKind::kGatherNd, {dims, b.Ints({3})}, {one}, NoParams{});
  const auto graph = b.Build({picked, one});
  const InferenceResult result = InferShapes(*graph);
  ASSERT_TRUE(result.evaluated[0] && result.evaluated[1]) << result.errors[0] << result.errors[1];
  std::vector<int32_t> values(3);
  std::memcpy(values.data(), graph->tensors[picked].data.bytes.data(), 8);
  std::memcpy(values.data() + 2, graph->tensors[one].data.bytes.data(), 4);
  EXPECT_EQ(values, (std::vector<int32_t>{33, 1, 5}));
}

TEST(GatherTest, RefusesNonsense) {
  struct Case {
    OpKind kind;
    Index shape, indices_shape, indices;
    GatherParams params = {};
  };
  const std::vector<Case> cases = {
      {OpKind::kGather, {3, 4}, {1}, {3}},
      {OpKind::kGather, {3, 4}, {1}, {-1}},
      {OpKind::kGather, {3, 4}, {1}, {INT32_MAX}},
      {OpKind::kGather, {3, 4}, {1}, {0}, {2, 0}},
      {OpKind::kGather, {3, 4}, {1}, {0}, {INT32_MIN, 0}},
      {OpKind::kGather, {3, 4}, {1}, {0}, {0, 1}},   // batch_dims past the axis
      {OpKind::kGather, {3, 4}, {1}, {0}, {1, -2}},  // batch_dims before the first
      {OpKind::kGather, {3, 4}, {1}, {0}, {1, INT32_MIN}},
      {OpKind::kGather, {3, 4}, {2}, {0, 0}, {1, 1}},  // batches differ
      {OpKind::kGather, {}, {1}, {0}},
      {OpKind::kGatherNd, {3, 4}, {1, 3}, {0, 0, 0}},  // deeper than the data
      {OpKind::kGatherNd, {3, 4}, {1, 2}, {0, 4}},
      {OpKind::kGatherNd, {3, 4}, {1, 2}, {-1, 1}},
      {OpKind::kGatherNd, {3, 4}, {}, {0}},
      {OpKind::kGatherNd, {3, 4}, {1, 0}, {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::Message() << GetOpInfo(c.kind).name << ShapeString(c.indices_shape) << c.params.axis
                                    << " " << c.params.batch_dims);
    const OpParams params = c.kind == OpKind::kGather ? OpParams(c.params) : OpParams(NoParams{});
    const auto graph = MakeGraph(c.kind, DataType::kInt8, c.shape, c.indices_shape, c.indices, params);
    EXPECT_NE(InferError(*graph), "");
    EXPECT_FALSE(CheckFirst(*graph).eligible());
  }
  const auto outside = MakeGraph(OpKind::kGather, DataType::kInt8, {3, 4}, {1}, {3}, GatherParams{});
  EXPECT_TRUE(HasReason(CheckFirst(*outside), ReasonCode::kUnsupportedOperandValue));
  const auto runtime = MakeGraph(OpKind::kGather, DataType::kInt8, {3, 4}, {1}, {2}, GatherParams{});
  runtime->tensors[1].data = {};
  EXPECT_TRUE(HasReason(CheckFirst(*runtime), ReasonCode::kOperandNotConstant));
  const auto narrow = MakeGraph(OpKind::kGather, DataType::kInt32, {3, 4}, {1}, {2}, GatherParams{});
  EXPECT_TRUE(HasReason(CheckFirst(*narrow), ReasonCode::kUnsupportedInputType));
}

}  // namespace
}  // namespace npu::test
