// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <random>

#include "backends/ops/broadcast.h"
#include "backends/ops/lowering.h"
#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

constexpr DataType kInt8 = DataType::kInt8, kUInt8 = DataType::kUInt8;

int AddTable(GraphBuilder& b, std::vector<int32_t> shape, uint32_t seed) {
  const auto values = RandomValues<uint8_t>(static_cast<size_t>(Count(shape)), seed, 0, 255);
  return b.Constant(kUInt8, std::move(shape), values);
}

// A byte of a tensor as the table counts it: q + 128 for INT8.
int Stored(DataType type, std::byte byte) { return std::to_integer<int>(byte) ^ (type == kInt8 ? 128 : 0); }

int TableEntry(const Graph& graph, int tensor, int64_t index) {
  return std::to_integer<int>(graph.tensors[tensor].data.bytes[static_cast<size_t>(index)]);
}

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  int Pick(int count) { return static_cast<int>(engine_() % static_cast<uint32_t>(count)); }
  DataType Type() { return Pick(2) == 0 ? kInt8 : kUInt8; }
  Index Shape() {
    Index shape(1 + Pick(4));
    for (int32_t& dim : shape) dim = 1 + Pick(Pick(4) == 0 ? 40 : 6);
    return shape;
  }

 private:
  std::mt19937 engine_;
};

TEST(TableTest, EveryByteIsLookedUp) {
  for (uint32_t seed = 1; seed <= 80; ++seed) {
    Random random(seed);
    GraphBuilder b;
    const Index shape = seed == 1 ? Index{256} : random.Shape();
    const DataType from = random.Type(), to = random.Type();
    const int x = b.Input(from, shape, 0.5f, 3), table = AddTable(b, {256}, seed);
    // The same elements under another shape: what a RESHAPE inside a chain leaves.
    const Index out_shape = random.Pick(3) == 0 ? Index{static_cast<int32_t>(Count(shape))} : shape;
    const int y = b.Tensor(to, out_shape, 0.25f, 1);
    b.Op(OpKind::kTable, {x, table}, {y});
    const auto graph = b.Build({y});
    SCOPED_TRACE(seed);
    ExpectMoves(graph, seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
      ASSERT_EQ(graph->tensors[y].shape, out_shape);
      for (size_t i = 0; i < in[0].size(); ++i) {
        ASSERT_EQ(Stored(to, out[0][i]), TableEntry(*graph, table, Stored(from, in[0][i])));
      }
    });
    if (HasFailure()) return;
  }
}

TEST(TableTest, EveryPairOfBytesIsLookedUp) {
  for (uint32_t seed = 1; seed <= 100; ++seed) {
    Random random(seed);
    GraphBuilder b;
    Index shape_a = random.Shape(), shape_b = shape_a;
    if (seed > 30) {  // broadcasts
      for (size_t d = 0; d < shape_a.size(); ++d) {
        if (const int who = random.Pick(4); who < 2) (who == 0 ? shape_a : shape_b)[d] = 1;
      }
      if (random.Pick(4) == 0) shape_b.erase(shape_b.begin(), shape_b.begin() + random.Pick(shape_b.size()));
      if (random.Pick(2) == 0) std::swap(shape_a, shape_b);
    }
    const DataType type_a = random.Type(), type_b = random.Type(), to = random.Type();
    const int a = b.Input(type_a, shape_a, 0.5f, 3), c = b.Input(type_b, shape_b, 0.25f, 1);
    const int table = AddTable(b, {256, 256}, seed);
    const int y = b.Tensor(to, {}, 0.25f, 1);
    b.Op(OpKind::kTablePair, {a, c, table}, {y});
    const auto graph = b.Build({y});
    SCOPED_TRACE(seed);
    ExpectMoves(graph, seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
      const Index& shape = graph->tensors[y].shape;
      const auto source = [&](const Index& from, const Index& index) {
        Index at(index.end() - static_cast<std::ptrdiff_t>(from.size()), index.end());
        for (size_t d = 0; d < at.size(); ++d) at[d] = from[d] == 1 ? 0 : at[d];
        return static_cast<size_t>(Flat(from, at));
      };
      for (const Index& index : AllIndices(shape)) {
        const int qa = Stored(type_a, in[0][source(shape_a, index)]);
        const int qb = Stored(type_b, in[1][source(shape_b, index)]);
        ASSERT_EQ(Stored(to, out[0][static_cast<size_t>(Flat(shape, index))]),
                  TableEntry(*graph, table, qa * 256 + qb));
      }
    });
    if (HasFailure()) return;
  }
}

TEST(TableTest, PartsAreLookedUpAndConcatenated) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    GraphBuilder b;
    const Index shape = random.Shape();
    const int axis = random.Pick(static_cast<int>(shape.size())), parts = 1 + random.Pick(4);
    std::vector<int> inputs;
    std::vector<DataType> types;
    for (int i = 0; i < parts; ++i) {
      Index part = shape;
      part[axis] = 1 + random.Pick(5);
      types.push_back(random.Type());
      inputs.push_back(b.Input(types.back(), part, 0.5f, i));
    }
    const DataType to = random.Type();
    auto values = RandomValues<uint8_t>(static_cast<size_t>(256 * parts), seed, 0, 255);
    // An identity row is a plain copy.
    for (int q = 0; random.Pick(2) == 0 && q < 256; ++q) values[q] = static_cast<uint8_t>(q);
    const int table = b.Constant(kUInt8, {parts, 256}, values);
    const int y = b.Tensor(to, {}, 0.25f, 1);
    std::vector<int> operands = inputs;
    operands.push_back(table);
    b.Op(OpKind::kTableConcatenation, operands, {y}, ConcatenationParams{axis, Activation::kNone});
    const auto graph = b.Build({y});
    SCOPED_TRACE(seed);
    ExpectMoves(graph, seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
      int32_t begin = 0;
      for (int i = 0; i < parts; ++i) {
        const Index& part = graph->tensors[inputs[i]].shape;
        for (const Index& index : AllIndices(part)) {
          Index target = index;
          target[axis] += begin;
          ASSERT_EQ(Stored(to, out[0][static_cast<size_t>(Flat(graph->tensors[y].shape, target))]),
                    TableEntry(*graph, table,
                               256 * i + Stored(types[i], in[i][static_cast<size_t>(Flat(part, index))])));
        }
        begin += part[axis];
      }
    });
    if (HasFailure()) return;
  }
}

TEST(TableTest, AnIdentityMovesNoBytes) {
  GraphBuilder b;
  std::vector<uint8_t> identity(256);
  for (int i = 0; i < 256; ++i) identity[i] = static_cast<uint8_t>(i);
  const int x = b.Input(kInt8, {8}, 0.5f, 3), y = b.Tensor(kUInt8, {2, 4}, 0.5f, 131);
  b.Op(OpKind::kTable, {x, b.Constant(kUInt8, {256}, identity)}, {y});
  const auto graph = b.Build({y});
  Lowering lowering;
  ASSERT_TRUE(FindRoom(OpKind::kTable)->lower({*graph, graph->ops[0]}, {}, lowering));
  EXPECT_TRUE(lowering.launches().empty());
  EXPECT_EQ(lowering.aliases().size(), 1u);
}

TEST(TableTest, RefusesNonsense) {
  const auto graph_of = [](OpKind kind, const Index& shape_b, DataType type, int32_t entries, bool constant) {
    GraphBuilder b;
    const int a = b.Input(type, {2, 3}, 0.5f, 3), c = b.Input(kInt8, shape_b, 0.5f, 3);
    const int table = constant ? AddTable(b, {entries}, 1) : b.Input(kUInt8, {entries});
    const int y = b.Tensor(kInt8, {2, 3}, 0.5f, 3);
    std::vector<int> inputs = {a};
    if (kind == OpKind::kTablePair) inputs.push_back(c);
    inputs.push_back(table);
    b.Op(kind, inputs, {y}, kind == OpKind::kTableConcatenation ? OpParams(ConcatenationParams{}) : OpParams());
    return b.Build({y});
  };
  for (const OpKind kind : {OpKind::kTable, OpKind::kTablePair, OpKind::kTableConcatenation}) {
    const int entries = kind == OpKind::kTablePair ? 65536 : 256;
    SCOPED_TRACE(GetOpInfo(kind).name);
    EXPECT_TRUE(CheckFirst(*graph_of(kind, {2, 3}, kInt8, entries, true)).eligible());
    EXPECT_TRUE(HasReason(CheckFirst(*graph_of(kind, {2, 3}, kInt8, entries - 1, true)),
                          ReasonCode::kInvalidArgument));
    EXPECT_TRUE(HasReason(CheckFirst(*graph_of(kind, {2, 3}, kInt8, entries, false)),
                          ReasonCode::kOperandNotConstant));
    EXPECT_TRUE(HasReason(CheckFirst(*graph_of(kind, {2, 3}, DataType::kInt16, entries, true)),
                          ReasonCode::kUnsupportedInputType));
  }
  EXPECT_TRUE(HasReason(CheckFirst(*graph_of(OpKind::kTablePair, {2, 2}, kInt8, 65536, true)),
                        ReasonCode::kShapeMismatch));
}

TEST(TableTest, NoModelHasOne) {
  for (const char* name : {"TABLE", "TABLE_PAIR", "TABLE_CONCATENATION"}) {
    EXPECT_FALSE(FindOpByName(name)) << name;
    EXPECT_FALSE(FindCustomOp(name)) << name;
  }
  EXPECT_FALSE(FindBuiltinOp(kFoldedCode));
  for (const OpKind kind : {OpKind::kTable, OpKind::kTablePair, OpKind::kTableConcatenation}) {
    EXPECT_FALSE(FindBuiltinOp(static_cast<int>(kind)));
  }
}

}  // namespace
}  // namespace npu::test
