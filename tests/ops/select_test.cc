// SELECT, SELECT_V2: every element against what its index says, on the CPU and on the device; shapes and
// rules. Against LiteRT: tests/host/operators_sweep_test.py.
// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "backends/ops/broadcast.h"
#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

std::shared_ptr<Graph> MakeGraph(OpKind kind, DataType type, const Index& condition, const Index& then,
                                 const Index& otherwise, const Index& output = {}) {
  GraphBuilder b;
  const int c = b.Input(DataType::kBool, condition);
  const int x = b.Input(type, then, 0.1f, 3), y = b.Input(type, otherwise, 0.1f, 3);
  const int out = b.Tensor(type, output, 0.1f, 3);
  b.Op(kind, {c, x, y}, {out});
  return b.Build({out});
}

// The element of an operand that broadcasts to the output's index.
int64_t Source(const Index& shape, const Index& output_index) {
  Index index(shape.size());
  for (size_t d = 0; d < shape.size(); ++d) {
    index[d] = shape[d] == 1 ? 0 : output_index[output_index.size() - shape.size() + d];
  }
  return Flat(shape, index);
}

TEST(SelectTest, SweepOfShapes) {
  std::cout << "seeds 1 to 300\n";
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 dice(seed);
    const auto below = [&](uint32_t n) { return static_cast<int>(dice() % n); };
    const DataType type = below(2) == 0 ? DataType::kInt8 : DataType::kUInt8;
    Index shape;
    for (int i = 1 + below(5); i > 0; --i) shape.push_back(below(3) == 0 ? 1 : 1 + below(i == 1 ? 40 : 7));
    shape[below(shape.size())] = 2 + below(5);  // the output keeps no shape of its own then
    const OpKind kind = below(2) == 0 ? OpKind::kSelect : OpKind::kSelectV2;
    Index operands[] = {shape, shape, shape};
    Index condition_as_broadcast;
    if (kind == OpKind::kSelect) {
      const Index conditions[] = {shape, {}, {shape[0]}};
      operands[0] = conditions[below(3)];
      condition_as_broadcast = operands[0];
      if (operands[0].size() == 1) condition_as_broadcast.resize(shape.size(), 1);
    } else {
      for (Index& operand : operands) {
        for (int32_t& size : operand) size = below(3) == 0 ? 1 : size;
        if (below(4) == 0) operand.erase(operand.begin(), operand.begin() + below(operand.size() + 1));
      }
      operands[below(3)] = shape;
      condition_as_broadcast = operands[0];
    }
    const auto graph = MakeGraph(kind, type, operands[0], operands[1], operands[2]);
    ExpectMoves(graph, seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
      ASSERT_EQ(graph->tensors[graph->outputs[0]].shape, shape);
      for (const Index& index : AllIndices(shape)) {
        const bool condition = in[0][Source(condition_as_broadcast, index)] != std::byte{0};
        const int from = condition ? 1 : 2;
        ASSERT_EQ(out[0][Flat(shape, index)], in[from][Source(operands[from], index)]);
      }
    });
    if (testing::Test::HasFailure() || testing::Test::IsSkipped()) return;
  }
}

TEST(SelectTest, OneElementKeepsTheOutputsShape) {
  const auto own = MakeGraph(OpKind::kSelectV2, DataType::kInt8, {1, 1}, {}, {1}, {1, 1, 1});
  EXPECT_EQ(InferError(*own), "");
  EXPECT_EQ(own->tensors[own->outputs[0]].shape, (Index{1, 1, 1}));
  EXPECT_TRUE(HasReason(CheckNpu(*own, own->ops[0]), ReasonCode::kShapeMismatch));
  const auto graph = MakeGraph(OpKind::kSelectV2, DataType::kInt8, {1, 1}, {}, {1}, {1, 1});
  graph->tensors[graph->outputs[0]].shape_known = false;
  EXPECT_EQ(InferError(*graph), "");
  EXPECT_EQ(graph->tensors[graph->outputs[0]].shape, (Index{1, 1}));
  ExpectOpenClMatchesReference(graph);
}

TEST(SelectTest, RulesNameWhatFails) {
  const auto checked = [](
                           OpKind kind, const Index& condition, const Index& then, const Index& otherwise,
                           const std::function<void(Graph&)>& change = [](Graph&) {}) {
    const auto graph = MakeGraph(kind, DataType::kInt8, condition, then, otherwise);
    InferShapes(*graph);
    change(*graph);
    std::vector<ReasonCode> codes;
    const Verdict verdict = CheckNpu(*graph, graph->ops[0]);
    for (const Reason& reason : verdict.reasons()) codes.push_back(reason.code);
    return codes;
  };
  using Codes = std::vector<ReasonCode>;
  EXPECT_EQ(checked(OpKind::kSelect, {2}, {2, 3}, {2, 3}), Codes{});
  EXPECT_EQ(checked(OpKind::kSelect, {3}, {2, 3}, {2, 3}), Codes{ReasonCode::kShapeMismatch});
  EXPECT_EQ(checked(OpKind::kSelect, {2, 1}, {2, 3}, {2, 3}), Codes{ReasonCode::kShapeMismatch});
  EXPECT_EQ(checked(OpKind::kSelect, {}, {2, 3}, {2, 1}), Codes{ReasonCode::kShapeMismatch});
  EXPECT_EQ(checked(OpKind::kSelectV2, {3}, {2, 3}, {2, 1}), Codes{});
  EXPECT_EQ(checked(OpKind::kSelectV2, {2}, {2, 3}, {2, 3}), Codes{ReasonCode::kShapeMismatch});
  const auto first = [](Graph& g) { g.tensors[0].type = DataType::kInt8; };
  EXPECT_EQ(checked(OpKind::kSelectV2, {3}, {2, 3}, {3}, first), Codes{ReasonCode::kUnsupportedInputType});
  const auto zero_point = [](Graph& g) { g.tensors[2].quantization.zero_point[0] = 4; };
  EXPECT_EQ(checked(OpKind::kSelectV2, {3}, {2, 3}, {3}, zero_point),
            Codes{ReasonCode::kNotRestrictedScaleCompliant});
}

}  // namespace
}  // namespace npu::test
