// DYNAMIC_UPDATE_SLICE, SCATTER_ND, FILL, RANK: every byte against what its index says, on the CPU and on the
// device; rules; operators that are refused on purpose. Against LiteRT: tests/host/operators_sweep_test.py.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iostream>

#include "backends/ops/refusals.h"
#include "tests/ops/movement_testing.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

class Dice {
 public:
  explicit Dice(uint32_t seed) : engine_(seed) {}
  int32_t Below(int64_t n) { return static_cast<int32_t>(engine_() % static_cast<uint64_t>(n)); }
  Index Shape() {
    Index shape;
    for (int i = 1 + Below(4); i > 0; --i) shape.push_back(1 + Below(i == 1 ? 90 : 7));
    return shape;
  }
  DataType Type() { return Below(2) == 0 ? DataType::kInt8 : DataType::kUInt8; }

 private:
  std::mt19937 engine_;
};

TEST(UpdateTest, UpdateSliceSweep) {
  std::cout << "seeds 1 to 220\n";
  for (uint32_t seed = 1; seed <= 220; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed);
    const Index shape = dice.Shape();
    const DataType type = dice.Type();
    Index part;
    std::vector<int64_t> start, begin;
    for (int32_t size : shape) {
      part.push_back(1 + dice.Below(size));
      start.push_back(dice.Below(3 * size) - size);
      begin.push_back(std::clamp<int64_t>(start.back(), 0, size - part.back()));
    }
    GraphBuilder b;
    const int x = b.Input(type, shape, 0.1f, 3), update = b.Input(type, part, 0.1f, 3);
    const auto rank = static_cast<int32_t>(shape.size());
    const bool wide = dice.Below(2) == 0;
    const std::vector<int32_t> narrow(start.begin(), start.end());
    const int starts =
        wide ? b.Constant(DataType::kInt64, {rank}, start) : b.Constant(DataType::kInt32, {rank}, narrow);
    const int out = b.Tensor(type, {}, 0.1f, 3);
    b.Op(OpKind::kDynamicUpdateSlice, {x, update, starts}, {out});
    ExpectMoves(b.Build({out}), seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& result) {
      for (const Index& index : AllIndices(shape)) {
        Index inside(shape.size());
        bool updated = true;
        for (size_t d = 0; d < shape.size(); ++d) {
          inside[d] = static_cast<int32_t>(index[d] - begin[d]);
          updated = updated && inside[d] >= 0 && inside[d] < part[d];
        }
        ASSERT_EQ(result[0][Flat(shape, index)],
                  updated ? in[1][Flat(part, inside)] : in[0][Flat(shape, index)]);
      }
    });
    if (testing::Test::HasFailure() || testing::Test::IsSkipped()) return;
  }
}

// The start indices as an input: whatever they are, nothing is written outside.
TEST(UpdateTest, StartsThatAreComputed) {
  for (DataType type : {DataType::kInt32, DataType::kInt64}) {
    GraphBuilder b;
    const int x = b.Input(DataType::kInt8, {4, 6, 33}, 0.1f, 3),
              update = b.Input(DataType::kInt8, {2, 1, 20}, 0.1f, 3);
    const int starts = b.Input(type, {3}), out = b.Tensor(DataType::kInt8, {}, 0.1f, 3);
    b.Op(OpKind::kDynamicUpdateSlice, {x, update, starts}, {out});
    const auto graph = b.Build({out});
    for (uint32_t seed = 1; seed <= 20; ++seed) ExpectOpenClMatchesReference(graph, seed);
  }
}

TEST(UpdateTest, ScatterSweep) {
  std::cout << "seeds 1 to 220\n";
  for (uint32_t seed = 1; seed <= 220; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed);
    const Index shape = dice.Shape();
    const DataType type = dice.Type();
    const size_t named = 1 + dice.Below(static_cast<int64_t>(shape.size()));
    const Index front(shape.begin(), shape.begin() + static_cast<int64_t>(named));
    const Index back(shape.begin() + static_cast<int64_t>(named), shape.end());
    std::vector<Index> places = AllIndices(front);
    std::shuffle(places.begin(), places.end(), std::mt19937(seed));
    places.resize(1 + dice.Below(static_cast<int64_t>(places.size())));
    const auto count = static_cast<int32_t>(places.size());
    std::vector<int32_t> indices;
    for (const Index& place : places) indices.insert(indices.end(), place.begin(), place.end());
    Index updates_shape = {count};
    updates_shape.insert(updates_shape.end(), back.begin(), back.end());
    GraphBuilder b;
    const int where = b.Constant(DataType::kInt32, {count, static_cast<int32_t>(named)}, indices);
    const int updates = b.Input(type, updates_shape, 0.1f, 0), out = b.Tensor(type, {}, 0.1f, 0);
    b.Op(OpKind::kScatterNd, {where, updates, b.Ints(shape)}, {out});
    ExpectMoves(b.Build({out}), seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& result) {
      for (const Index& index : AllIndices(shape)) {
        const Index place(index.begin(), index.begin() + static_cast<int64_t>(named));
        Index from(index.begin() + static_cast<int64_t>(named), index.end());
        const auto found = std::find(places.begin(), places.end(), place);
        from.insert(from.begin(), static_cast<int32_t>(found - places.begin()));
        ASSERT_EQ(result[0][Flat(shape, index)],
                  found == places.end() ? std::byte{0} : in[0][Flat(updates_shape, from)]);
      }
    });
    if (testing::Test::HasFailure() || testing::Test::IsSkipped()) return;
  }
}

TEST(UpdateTest, FillRepeatsTheByte) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    Dice dice(seed);
    const Index shape = dice.Shape();
    GraphBuilder b;
    const int value = b.Input(dice.Type(), {}, 0.1f, 3), out = b.Tensor(b.tensor(value).type, {}, 0.1f, 3);
    b.Op(OpKind::kFill, {b.Ints(shape), value}, {out});
    ExpectMoves(b.Build({out}), seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& result) {
      ASSERT_EQ(result[0], Bytes(static_cast<size_t>(Count(shape)), in[0][0]));
    });
    if (testing::Test::HasFailure() || testing::Test::IsSkipped()) return;
  }
}

TEST(UpdateTest, RankIsKnownBeforeTheModelRuns) {
  GraphBuilder b;
  const int x = b.Input(DataType::kInt8, {2, 3, 4}, 0.1f, 3), out = b.Tensor(DataType::kInt32, {7});
  b.Op(OpKind::kRank, {x}, {out});
  const auto graph = b.Build({out});
  EXPECT_TRUE(InferShapes(*graph).evaluated[0]);
  EXPECT_EQ(graph->tensors[out].shape, Index{});
  int32_t rank = 0;
  ASSERT_EQ(graph->tensors[out].data.bytes.size(), sizeof(rank));
  std::memcpy(&rank, graph->tensors[out].data.bytes.data(), sizeof(rank));
  EXPECT_EQ(rank, 3);
}

TEST(UpdateTest, RulesNameWhatFails) {
  using enum ReasonCode;
  const auto update = [](Index operand, Index part, Index start, int zero = 3) {
    GraphBuilder b;
    const int x = b.Input(DataType::kInt8, operand, 0.1f, 3), u = b.Input(DataType::kInt8, part, 0.1f, zero);
    const int out = b.Tensor(DataType::kInt8, operand, 0.1f, 3);
    b.Op(OpKind::kDynamicUpdateSlice, {x, u, b.Input(DataType::kInt32, start)}, {out});
    return Codes(CheckFirst(*b.Build({out})));
  };
  EXPECT_EQ(update({4, 4}, {2, 4}, {2}), std::vector<ReasonCode>{});
  EXPECT_EQ(update({4, 4}, {5, 1}, {2}), std::vector<ReasonCode>{kShapeMismatch});
  EXPECT_EQ(update({4, 4}, {2}, {2}), std::vector<ReasonCode>{kShapeMismatch});
  EXPECT_EQ(update({4, 4}, {2, 2}, {3}), std::vector<ReasonCode>{kShapeMismatch});
  EXPECT_EQ(update({4, 4}, {2, 2}, {2}, 4), std::vector<ReasonCode>{kNotRestrictedScaleCompliant});

  const auto scatter = [](std::vector<int32_t> indices, Index updates, int zero = 0) {
    GraphBuilder b;
    const auto count = static_cast<int32_t>(indices.size());
    const int where = b.Constant(DataType::kInt32, {count, 1}, indices);
    const int u = b.Input(DataType::kInt8, std::move(updates), 0.1f, zero);
    const int out = b.Tensor(DataType::kInt8, {4, 3}, 0.1f, zero);
    b.Op(OpKind::kScatterNd, {where, u, b.Ints({4, 3})}, {out});
    return Codes(CheckFirst(*b.Build({out})));
  };
  EXPECT_EQ(scatter({0, 3}, {2, 3}), std::vector<ReasonCode>{});
  EXPECT_EQ(scatter({0, 4}, {2, 3}), std::vector<ReasonCode>{kInvalidArgument});
  EXPECT_EQ(scatter({1, 1}, {2, 3}), std::vector<ReasonCode>{kUnsupportedOperandValue});
  EXPECT_EQ(scatter({0, 3}, {2, 2}), std::vector<ReasonCode>{kShapeMismatch});
  EXPECT_EQ(scatter({0, 3}, {2, 3}, 1), std::vector<ReasonCode>{kUnsupportedQuantizationParameters});
}

TEST(RefusalTest, EveryRefusedOperatorSaysWhyAndHasNoRoom) {
  int refused = 0;
  for (int code = 0; code < 256; ++code) {
    const auto kind = FindBuiltinOp(code);
    if (!kind || RefusalOf(*kind).empty()) continue;
    ++refused;
    EXPECT_EQ(FindRoom(*kind), nullptr) << GetOpInfo(*kind).name;
  }
  EXPECT_GE(refused, 30);
  GraphBuilder b;
  const int x = b.Input(DataType::kInt8, {1, 4, 4, 2}, 0.1f, 3),
            y = b.Tensor(DataType::kInt8, {1, 2, 2, 2}, 0.1f, 3);
  b.Op(OpKind::kL2Pool2D, {x}, {y});
  const auto graph = b.Build({y});
  const Verdict verdict = CheckNpu(*graph, graph->ops[0]);
  EXPECT_TRUE(HasReason(verdict, ReasonCode::kUnsupportedOperator));
  EXPECT_NE(Reasons(verdict).find("no host has an 8-bit kernel"), std::string::npos) << Reasons(verdict);
}

}  // namespace
}  // namespace npu::test
