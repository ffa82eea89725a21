// TILE, BROADCAST_TO, MIRROR_PAD, REVERSE_V2: sweeps against the meaning of each operator and on the device,
// and the reasons of Check.
// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

std::shared_ptr<Graph> MakeGraph(OpKind kind, DataType type, const Index& shape, const Index& operand_shape,
                                 const Index& operand, OpParams params = {}, bool wide = false) {
  GraphBuilder b;
  const int in = b.Input(type, shape, 0.5f, 3);
  const int second =
      wide ? b.Constant<int64_t>(DataType::kInt64, operand_shape, {operand.begin(), operand.end()})
           : b.Constant<int32_t>(DataType::kInt32, operand_shape, operand);
  const int out = b.Tensor(type, {}, 0.5f, 3);
  b.Op(kind, {in, second}, {out}, std::move(params));
  return b.Build({out});
}

Index Vector(const Index& values) { return {static_cast<int32_t>(values.size())}; }

// Every output element is the input's at pick(output index).
void ExpectPicked(const std::shared_ptr<Graph>& graph, const Index& input, const Index& output, uint32_t seed,
                  const std::function<Index(const Index&)>& pick) {
  ExpectMoves(graph, seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
    ASSERT_EQ(graph->tensors[graph->outputs[0]].shape, output);
    ASSERT_EQ(static_cast<int64_t>(out[0].size()), Count(output));
    for (const Index& index : AllIndices(output)) {
      ASSERT_EQ(out[0][Flat(output, index)], in[0][Flat(input, pick(index))]) << ShapeString(index);
    }
  });
}

struct Dice {
  explicit Dice(uint32_t seed) : engine(seed) {}
  int32_t Below(int32_t n) { return static_cast<int32_t>(engine() % static_cast<uint32_t>(n)); }
  DataType Type() { return Below(2) == 0 ? DataType::kInt8 : DataType::kUInt8; }
  Index Shape() {
    constexpr int32_t kSizes[] = {1, 1, 2, 3, 5, 7};
    Index shape;
    for (int32_t d = Below(5) + 1; d > 0; --d) shape.push_back(kSizes[Below(6)]);
    if (Below(3) == 0) shape.back() = 17 + Below(30);
    return shape;
  }
  std::mt19937 engine;
};

constexpr uint32_t kCases = 200;

TEST(TileTest, Sweep) {
  for (uint32_t seed = 1; seed <= kCases; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed);
    const Index shape = dice.Shape();
    Index multiples, output;
    for (const int32_t dim : shape) {
      multiples.push_back(1 + dice.Below(3));
      output.push_back(dim * multiples.back());
    }
    const auto graph =
        MakeGraph(OpKind::kTile, dice.Type(), shape, Vector(multiples), multiples, {}, seed % 2 == 0);
    ExpectPicked(graph, shape, output, seed, [&](Index index) {
      for (size_t d = 0; d < index.size(); ++d) index[d] %= shape[d];
      return index;
    });
    if (HasFailure()) return;
  }
}

TEST(BroadcastToTest, Sweep) {
  for (uint32_t seed = 1; seed <= kCases; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed);
    const Index output = dice.Shape();
    const size_t dropped = static_cast<size_t>(dice.Below(static_cast<int32_t>(output.size()) + 1));
    Index shape(output.begin() + static_cast<std::ptrdiff_t>(dropped), output.end());
    for (int32_t& dim : shape) dim = dice.Below(2) == 0 ? 1 : dim;
    const auto graph =
        MakeGraph(OpKind::kBroadcastTo, dice.Type(), shape, Vector(output), output, {}, seed % 2 == 0);
    ExpectPicked(graph, shape, output, seed, [&](Index index) {
      index.erase(index.begin(), index.begin() + static_cast<std::ptrdiff_t>(dropped));
      for (size_t d = 0; d < index.size(); ++d) index[d] = shape[d] == 1 ? 0 : index[d];
      return index;
    });
    if (HasFailure()) return;
  }
}

TEST(MirrorPadTest, Sweep) {
  for (uint32_t seed = 1; seed <= kCases; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed);
    const Index shape = dice.Shape();
    const bool reflect = dice.Below(2) == 0;
    Index paddings, output;
    for (const int32_t dim : shape) {
      const int32_t most = std::min(reflect ? dim - 1 : dim, 4);
      paddings.push_back(dice.Below(most + 1));
      paddings.push_back(dice.Below(most + 1));
      output.push_back(dim + paddings[paddings.size() - 2] + paddings.back());
    }
    const auto graph =
        MakeGraph(OpKind::kMirrorPad, dice.Type(), shape, {static_cast<int32_t>(shape.size()), 2}, paddings,
                  MirrorPadParams{reflect ? MirrorMode::kReflect : MirrorMode::kSymmetric}, seed % 2 == 0);
    ExpectPicked(graph, shape, output, seed, [&](Index index) {
      for (size_t d = 0; d < index.size(); ++d) {
        // Walks back and forth over the dimension, which repeats the edge or not.
        int32_t at = index[d] - paddings[2 * d];
        if (at < 0) at = reflect ? -at : -at - 1;
        if (at >= shape[d]) at = reflect ? 2 * (shape[d] - 1) - at : 2 * shape[d] - 1 - at;
        index[d] = at;
      }
      return index;
    });
    if (HasFailure()) return;
  }
}

TEST(MirrorPadTest, ByHand) {
  for (const bool reflect : {true, false}) {
    const auto graph = MakeGraph(OpKind::kMirrorPad, DataType::kUInt8, {3}, {1, 2}, {2, 2},
                                 MirrorPadParams{reflect ? MirrorMode::kReflect : MirrorMode::kSymmetric});
    const Bytes input = {std::byte{1}, std::byte{2}, std::byte{3}};
    const auto result = RunGraph(*MakeCpuBackend(), graph, {input});
    ASSERT_TRUE(result) << result.error().text;
    std::string text;
    for (const std::byte byte : (*result)[0]) text += static_cast<char>('0' + static_cast<int>(byte));
    EXPECT_EQ(text, reflect ? "3212321" : "2112332");
  }
}

TEST(ReverseTest, Sweep) {
  for (uint32_t seed = 1; seed <= kCases; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed);
    const Index shape = dice.Shape();
    const int32_t rank = static_cast<int32_t>(shape.size());
    const int32_t first = dice.Below(rank), last = first + dice.Below(rank - first);
    Index axes;
    for (int32_t axis = last; axis >= first; --axis) axes.push_back(dice.Below(2) == 0 ? axis : axis - rank);
    const auto graph = MakeGraph(OpKind::kReverseV2, dice.Type(), shape, Vector(axes), axes);
    ExpectPicked(graph, shape, shape, seed, [&](Index index) {
      for (int32_t d = first; d <= last; ++d) index[d] = shape[d] - 1 - index[d];
      return index;
    });
    if (HasFailure()) return;
  }
}

TEST(PickTest, ScalesDoNotMatterButToMirrorPad) {
  const auto scaled = [](OpKind kind, const Index& operand_shape, const Index& operand, OpParams params) {
    const auto graph = MakeGraph(kind, DataType::kInt8, {3, 4}, operand_shape, operand, std::move(params));
    graph->tensors[graph->outputs[0]].quantization = PerTensor(0.25f, -7);
    return CheckFirst(*graph);
  };
  EXPECT_TRUE(scaled(OpKind::kTile, {2}, {2, 1}, NoParams{}).eligible());
  EXPECT_TRUE(scaled(OpKind::kBroadcastTo, {3}, {2, 3, 4}, NoParams{}).eligible());
  EXPECT_TRUE(scaled(OpKind::kReverseV2, {1}, {1}, NoParams{}).eligible());
  EXPECT_TRUE(HasReason(scaled(OpKind::kMirrorPad, {2, 2}, {1, 1, 0, 0}, MirrorPadParams{}),
                        ReasonCode::kNotRestrictedScaleCompliant));
}

TEST(PickTest, ManyDimensionsAndLongRows) {
  const Index shape = {2, 1, 3, 1, 2, 1, 3, 2};
  const Index output = {2, 3, 3, 2, 2, 3, 3, 2};
  ExpectPicked(MakeGraph(OpKind::kBroadcastTo, DataType::kInt8, shape, {8}, output), shape, output, 3,
               [&](Index index) {
                 for (size_t d = 0; d < 8; ++d) index[d] %= shape[d];
                 return index;
               });
  ExpectPicked(MakeGraph(OpKind::kTile, DataType::kUInt8, {3, 20001}, {2}, {2, 1}), {3, 20001}, {6, 20001}, 3,
               [](const Index& index) {
                 return Index{index[0] % 3, index[1]};
               });
  ExpectPicked(MakeGraph(OpKind::kBroadcastTo, DataType::kInt8, {}, {1}, {5001}), {}, {5001}, 3,
               [](const Index&) { return Index{}; });
}

TEST(PickTest, RefusesNonsense) {
  struct Case {
    OpKind kind;
    Index operand_shape, operand;
    OpParams params = NoParams{};
  };
  const std::vector<Case> cases = {
      {OpKind::kTile, {1}, {2}},
      {OpKind::kTile, {2}, {-1, 1}},
      {OpKind::kTile, {2}, {INT32_MAX, 1}},
      {OpKind::kTile, {2}, {1 << 20, 1 << 20}},
      {OpKind::kBroadcastTo, {1}, {4}},
      {OpKind::kBroadcastTo, {2}, {3, 5}},
      {OpKind::kBroadcastTo, {3}, {-1, 3, 4}},
      {OpKind::kBroadcastTo, {3}, {INT32_MAX, 3, 4}},
      {OpKind::kBroadcastTo, {9}, {1, 1, 1, 1, 1, 1, 1, 3, 4}},
      {OpKind::kMirrorPad, {2, 2}, {3, 0, 0, 0}, MirrorPadParams{MirrorMode::kReflect}},
      {OpKind::kMirrorPad, {2, 2}, {0, 0, 0, 5}, MirrorPadParams{MirrorMode::kSymmetric}},
      {OpKind::kMirrorPad, {2, 2}, {0, -1, 0, 0}, MirrorPadParams{}},
      {OpKind::kMirrorPad, {1, 2}, {0, 1}, MirrorPadParams{}},
      {OpKind::kMirrorPad, {4}, {0, 1, 0, 0}, MirrorPadParams{}},
      {OpKind::kReverseV2, {1}, {2}},
      {OpKind::kReverseV2, {1}, {INT32_MIN}},
      {OpKind::kReverseV2, {2}, {1, -1}},
      {OpKind::kReverseV2, {3}, {0, 1, 0}},
      {OpKind::kReverseV2, {}, {0}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::Message() << GetOpInfo(c.kind).name << " " << ShapeString(c.operand));
    const auto graph = MakeGraph(c.kind, DataType::kInt8, {3, 4}, c.operand_shape, c.operand, c.params);
    EXPECT_NE(InferError(*graph), "");
    EXPECT_FALSE(CheckFirst(*graph).eligible());
  }
  const auto apart = MakeGraph(OpKind::kReverseV2, DataType::kInt8, {3, 4, 5}, {2}, {0, 2});
  EXPECT_TRUE(HasReason(CheckFirst(*apart), ReasonCode::kUnsupportedOperandValue));
  const auto wide = MakeGraph(OpKind::kReverseV2, DataType::kInt8, {3, 4}, {1}, {0}, {}, true);
  EXPECT_TRUE(HasReason(CheckFirst(*wide), ReasonCode::kUnsupportedInputType));
  const auto empty = MakeGraph(OpKind::kTile, DataType::kInt8, {3, 4}, {2}, {0, 1});
  EXPECT_EQ(InferError(*empty), "");
  EXPECT_TRUE(HasReason(CheckFirst(*empty), ReasonCode::kUnsupportedOperandSize));
  const auto huge = MakeGraph(OpKind::kBroadcastTo, DataType::kInt8, {1}, {1}, {1 << 25});
  EXPECT_TRUE(HasReason(CheckFirst(*huge), ReasonCode::kInvalidArgument));
  const auto floats = MakeGraph(OpKind::kTile, DataType::kFloat32, {3, 4}, {2}, {2, 1});
  EXPECT_TRUE(HasReason(CheckFirst(*floats), ReasonCode::kUnsupportedInputType));
}

}  // namespace
}  // namespace npu::test
