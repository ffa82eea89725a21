// SPACE_TO_DEPTH, DEPTH_TO_SPACE, SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND: sweeps against the meaning of the
// operators and on the device, and the reasons of Check.
// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

std::shared_ptr<Graph> DepthGraph(OpKind kind, DataType type, const Index& shape, int32_t block) {
  GraphBuilder b;
  const int in = b.Input(type, shape, 0.5f, 3);
  const int out = b.Tensor(type, {}, 0.25f, 7);  // any scale
  b.Op(kind, {in}, {out}, SpaceDepthParams{block});
  return b.Build({out});
}

std::shared_ptr<Graph> BatchGraph(OpKind kind, DataType type, const Index& shape, const Index& block,
                                  const Index& edges) {
  GraphBuilder b;
  const int in = b.Input(type, shape, 0.5f, 3);
  const int edge_tensor =
      b.Constant<int32_t>(DataType::kInt32, {static_cast<int32_t>(edges.size() / 2), 2}, edges);
  const int out = b.Tensor(type, {}, 0.5f, 3);
  b.Op(kind, {in, b.Ints(block), edge_tensor}, {out}, NoParams{});
  return b.Build({out});
}

int32_t Below(std::mt19937& dice, int32_t n) {
  return static_cast<int32_t>(dice() % static_cast<uint32_t>(n));
}

void DepthSweep(OpKind kind) {
  const bool to_depth = kind == OpKind::kSpaceToDepth;
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << GetOpInfo(kind).name << " seed " << seed);
    std::mt19937 dice(seed);
    const int32_t block = 1 + Below(dice, 4), h = 1 + Below(dice, 5), w = 1 + Below(dice, 5);
    const int32_t n = 1 + Below(dice, 3), c = Below(dice, 3) == 0 ? 17 + Below(dice, 20) : 1 + Below(dice, 5);
    const Index space = {n, h * block, w * block, c}, depth = {n, h, w, c * block * block};
    const Index &from = to_depth ? space : depth, &to = to_depth ? depth : space;
    const auto graph =
        DepthGraph(kind, Below(dice, 2) == 0 ? DataType::kInt8 : DataType::kUInt8, from, block);
    ExpectMoves(graph, seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
      ASSERT_EQ(graph->tensors[graph->outputs[0]].shape, to);
      ASSERT_EQ(static_cast<int64_t>(out[0].size()), Count(to));
      for (const Index& p : AllIndices(space)) {
        const int64_t at = Flat(space, p);
        const int64_t other = Flat(
            depth, {p[0], p[1] / block, p[2] / block, ((p[1] % block) * block + p[2] % block) * c + p[3]});
        ASSERT_EQ(out[0][to_depth ? other : at], in[0][to_depth ? at : other]) << ShapeString(p);
      }
    });
    if (testing::Test::HasFailure()) return;
  }
}

TEST(SpaceToDepthTest, Sweep) { DepthSweep(OpKind::kSpaceToDepth); }
TEST(DepthToSpaceTest, Sweep) { DepthSweep(OpKind::kDepthToSpace); }

// The space tensor [n, spatial..., c] and its blocked form; edges are paddings or crops.
struct BatchCase {
  Index space, batches, block, edges;
  DataType type = DataType::kInt8;
};

BatchCase RandomCase(std::mt19937& dice) {
  BatchCase c;
  c.type = Below(dice, 2) == 0 ? DataType::kInt8 : DataType::kUInt8;
  const int32_t n = 1 + Below(dice, 3),
                channels = Below(dice, 3) == 0 ? 17 + Below(dice, 20) : 1 + Below(dice, 5);
  c.space = {n}, c.batches = {n};
  for (int32_t spatial = 1 + Below(dice, 2); spatial > 0; --spatial) {
    const int32_t block = 1 + Below(dice, 3), out = 1 + Below(dice, 4), whole = block * out;
    const int32_t first = Below(dice, whole), last = Below(dice, whole - first);
    c.block.push_back(block);
    c.edges.insert(c.edges.end(), {first, last});
    c.batches[0] *= block;
    c.batches.push_back(out);
    c.space.push_back(whole - first - last);
  }
  c.space.push_back(channels), c.batches.push_back(channels);
  return c;
}

// The index in the space tensor of a position of the blocked one; may lie outside.
Index InSpace(const BatchCase& c, const Index& p) {
  Index at = p;
  int32_t blocks = p[0] / c.space[0];
  at[0] = p[0] % c.space[0];
  for (size_t d = c.block.size(); d-- > 0;) {
    at[d + 1] = p[d + 1] * c.block[d] + blocks % c.block[d] - c.edges[2 * d];
    blocks /= c.block[d];
  }
  return at;
}

bool Inside(const Index& shape, const Index& at) {
  for (size_t d = 0; d < shape.size(); ++d) {
    if (at[d] < 0 || at[d] >= shape[d]) return false;
  }
  return true;
}

void BatchSweep(OpKind kind) {
  const bool from_space = kind == OpKind::kSpaceToBatchNd;
  for (uint32_t seed = 1; seed <= 250; ++seed) {
    SCOPED_TRACE(testing::Message() << GetOpInfo(kind).name << " seed " << seed);
    std::mt19937 dice(seed);
    const BatchCase c = RandomCase(dice);
    const auto graph = BatchGraph(kind, c.type, from_space ? c.space : c.batches, c.block, c.edges);
    ExpectMoves(graph, seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
      ASSERT_EQ(graph->tensors[graph->outputs[0]].shape, from_space ? c.batches : c.space);
      int64_t seen = 0;
      for (const Index& p : AllIndices(c.batches)) {
        const Index at = InSpace(c, p);
        const int64_t other = Flat(c.batches, p);
        if (Inside(c.space, at)) {
          ++seen;
          const int64_t space = Flat(c.space, at);
          ASSERT_EQ(out[0][from_space ? other : space], in[0][from_space ? space : other]) << ShapeString(p);
        } else if (from_space) {
          ASSERT_EQ(out[0][other], std::byte{3}) << ShapeString(p);  // the zero point
        }
      }
      ASSERT_EQ(seen, Count(c.space));
    });
    if (testing::Test::HasFailure()) return;
  }
}

TEST(SpaceToBatchTest, Sweep) { BatchSweep(OpKind::kSpaceToBatchNd); }
TEST(BatchToSpaceTest, Sweep) { BatchSweep(OpKind::kBatchToSpaceNd); }

TEST(SpaceToDepthTest, RefusesNonsense) {
  for (const int32_t block : {0, -2, 3, INT32_MAX, INT32_MIN}) {
    for (const OpKind kind : {OpKind::kSpaceToDepth, OpKind::kDepthToSpace}) {
      const auto graph = DepthGraph(kind, DataType::kInt8, {1, 4, 6, 8}, block);
      EXPECT_NE(InferError(*graph), "") << block;
      EXPECT_FALSE(CheckFirst(*graph).eligible()) << block;
    }
  }
  const auto flat = DepthGraph(OpKind::kSpaceToDepth, DataType::kInt8, {4, 6, 8}, 2);
  EXPECT_TRUE(HasReason(CheckFirst(*flat), ReasonCode::kUnsupportedOperandRank));
  const auto odd = DepthGraph(OpKind::kSpaceToDepth, DataType::kInt8, {1, 4, 5, 8}, 2);
  EXPECT_TRUE(HasReason(CheckFirst(*odd), ReasonCode::kUnsupportedOperandSize));
  const auto huge = DepthGraph(OpKind::kDepthToSpace, DataType::kInt8, {1, 1 << 20, 1 << 20, 4}, 2);
  EXPECT_FALSE(CheckFirst(*huge).eligible());
  const auto narrow = DepthGraph(OpKind::kSpaceToDepth, DataType::kInt32, {1, 4, 6, 8}, 2);
  EXPECT_TRUE(HasReason(CheckFirst(*narrow), ReasonCode::kUnsupportedInputType));
}

TEST(SpaceToBatchTest, RefusesNonsense) {
  struct Case {
    OpKind kind;
    Index shape, block, edges;
  };
  constexpr OpKind kToBatch = OpKind::kSpaceToBatchNd, kToSpace = OpKind::kBatchToSpaceNd;
  const std::vector<Case> cases = {
      {kToBatch, {1, 4, 6, 3}, {0, 1}, {0, 0, 0, 0}},
      {kToBatch, {1, 4, 6, 3}, {-2, 1}, {0, 0, 0, 0}},
      {kToBatch, {1, 4, 6, 3}, {3, 1}, {0, 0, 0, 0}},
      {kToBatch, {1, 4, 6, 3}, {2, 2}, {-2, 0, 0, 0}},
      {kToBatch, {1, 4, 6, 3}, {2, 2}, {INT32_MAX, INT32_MAX, 0, 0}},
      {kToBatch, {1, 4, 6, 3}, {2}, {0, 0}},
      {kToBatch, {1, 4}, {2, 2}, {0, 0, 0, 0}},
      {kToBatch, {1, 1, 1, 4, 6}, {2, 2}, {0, 0, 0, 0}},
      {kToSpace, {4, 4, 6, 3}, {3, 1}, {0, 0, 0, 0}},
      {kToSpace, {4, 4, 6, 3}, {0, 1}, {0, 0, 0, 0}},
      {kToSpace, {4, 4, 6, 3}, {2, 2}, {9, 0, 0, 0}},
      {kToSpace, {4, 4, 6, 3}, {2, 2}, {0, 0, 0, -1}},
      {kToSpace, {4, 4, 6, 3}, {INT32_MAX, INT32_MAX}, {0, 0, 0, 0}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::Message() << GetOpInfo(c.kind).name << ShapeString(c.block)
                                    << ShapeString(c.edges));
    const auto graph = BatchGraph(c.kind, DataType::kInt8, c.shape, c.block, c.edges);
    EXPECT_NE(InferError(*graph), "");
    EXPECT_FALSE(CheckFirst(*graph).eligible());
  }
  const auto scaled = BatchGraph(kToBatch, DataType::kInt8, {1, 4, 6, 3}, {2, 2}, {0, 0, 0, 0});
  scaled->tensors[scaled->outputs[0]].quantization = PerTensor(0.25f, 3);
  EXPECT_TRUE(HasReason(CheckFirst(*scaled), ReasonCode::kNotRestrictedScaleCompliant));
  const auto nothing = BatchGraph(kToSpace, DataType::kInt8, {4, 4, 6, 3}, {2, 2}, {8, 0, 0, 0});
  EXPECT_TRUE(HasReason(CheckFirst(*nothing), ReasonCode::kUnsupportedOperandSize));
  const auto runtime = BatchGraph(kToBatch, DataType::kInt8, {1, 4, 6, 3}, {2, 2}, {0, 0, 0, 0});
  runtime->tensors[runtime->ops[0].inputs[1]].data = {};
  EXPECT_TRUE(HasReason(CheckFirst(*runtime), ReasonCode::kOperandNotConstant));
}

}  // namespace
}  // namespace npu::test
