// SVDF and LSTM: every rule names what fails, and what an operator's state may be.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "backends/ops/inference.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

using enum ReasonCode;
using List = std::vector<ReasonCode>;
constexpr DataType kType = DataType::kInt8;

// Tensors: 0 input [2, 4], 1 feature weights [6, 4], 2 time weights [6, 3], 3 bias [3], 4 state [2, 18], 5 output.
std::shared_ptr<Graph> SvdfGraph() {
  GraphBuilder b;
  const int x = b.Input(kType, {2, 4}, 0.05f, 3);
  const int feature = b.Constant(kType, {6, 4}, std::vector<int8_t>(24, 1), PerTensor(0.1f, 0));
  const int time = b.Constant(DataType::kInt16, {6, 3}, std::vector<int16_t>(18, 1), PerTensor(0.0001f, 0));
  const int bias = b.Constant(DataType::kInt32, {3}, std::vector<int32_t>(3, 1), PerTensor(1, 0));
  const int state = b.State(DataType::kInt16, {2, 18}, 0.001f);
  const int y = b.Tensor(kType, {2, 3}, 0.05f, -128);
  b.Op(OpKind::kSvdf, {x, feature, time, bias, state}, {y}, SvdfParams{2, Activation::kRelu});
  return b.Build({y});
}

// Of two cells and two inputs. Tensors: 0 input [1, 3, 2], then as they are added.
struct Lstm {
  std::shared_ptr<Graph> graph;
  Op& op() { return graph->ops[0]; }
  Tensor& operand(int slot) { return graph->tensors[op().inputs[slot]]; }
};

Lstm MakeLstm(int32_t time = 3) {
  GraphBuilder b;
  std::vector<int> operands(24, kNoTensor);
  operands[0] = b.Input(kType, {1, time, 2}, 0.05f, 3);
  for (int g = 0; g < 4; ++g) {
    operands[1 + g] = b.Constant(kType, {2, 2}, std::vector<int8_t>(4, 1), PerTensor(0.01f, 0));
    operands[5 + g] = b.Constant(kType, {2, 2}, std::vector<int8_t>(4, 1), PerTensor(0.01f, 0));
    operands[12 + g] = b.Constant(DataType::kInt32, {2}, std::vector<int32_t>(2, 1), PerTensor(1, 0));
  }
  operands[18] = b.State(kType, {1, 2}, 1.0f / 128, 0);
  operands[19] = b.State(DataType::kInt16, {1, 2}, 1.0f / 2048, 0);
  const int y = b.Tensor(kType, {1, time, 2}, 1.0f / 128, 0);
  std::vector<int> intermediates;
  for (int i = 0; i < 5; ++i) intermediates.push_back(b.Tensor(DataType::kInt16, {1}, 1.0f / 4096, 0));
  b.Op(OpKind::kUnidirectionalSequenceLstm, operands, {y}, SequenceLstmParams{Activation::kTanh});
  Lstm lstm{b.Build({y})};
  lstm.op().intermediates = intermediates;
  return lstm;
}

TEST(RecurrentRulesTest, Svdf) {
  const auto codes = [](auto change) {
    const auto graph = SvdfGraph();
    change(*graph);
    return Codes(CheckNpu(*graph, graph->ops[0]));
  };
  const auto params = [](Graph& g) -> SvdfParams& { return *std::get_if<SvdfParams>(&g.ops[0].params); };
  EXPECT_EQ(codes([](Graph&) {}), List{});
  EXPECT_EQ(codes([](Graph& g) { g.ops[0].inputs[3] = kNoTensor; }), List{});
  EXPECT_EQ(codes([&](Graph& g) { params(g).activation = Activation::kNone; }), List{kUnsupportedActivation});
  EXPECT_EQ(codes([&](Graph& g) { params(g).rank = 0; }), List{kInvalidArgument});
  EXPECT_EQ(codes([&](Graph& g) { params(g).rank = 4; }), List{kInvalidArgument});
  EXPECT_EQ(codes([](Graph& g) { g.ops[0].inputs[4] = kNoTensor; }),
            (List{kMissingRequiredOperand, kMissingRequiredOperand}));
  EXPECT_EQ(codes([](Graph& g) { g.tensors[0].type = DataType::kUInt8; }), List{kUnsupportedInputType});
  EXPECT_EQ(codes([](Graph& g) { g.tensors[4].type = DataType::kInt8; }), List{kUnsupportedInputType});
  EXPECT_EQ(codes([](Graph& g) { g.tensors[5].type = DataType::kUInt8; }), List{kUnsupportedOutputType});
  EXPECT_EQ(codes([](Graph& g) { g.tensors[4].shape = {2, 17}; }), List{kShapeMismatch});
  EXPECT_EQ(codes([](Graph& g) { g.tensors[5].shape = {2, 4}; }), List{kShapeMismatch});
  EXPECT_EQ(codes([](Graph& g) { g.tensors[1].data = {}; }), List{kOperandNotConstant});
  EXPECT_EQ(codes([](Graph& g) { g.tensors[2].quantization.zero_point = {1}; }),
            List{kUnsupportedQuantizationParameters});
  EXPECT_EQ(codes([](Graph& g) { g.tensors[4].quantization = {}; }), List{kUnsupportedQuantizationType});
  EXPECT_EQ(codes([](Graph& g) { g.tensors[0].quantization.scale = {1e10f}; }),
            List{kUnsupportedQuantizationParameters});
}

TEST(RecurrentRulesTest, AStateIsAVariableOfOneOperandAlone) {
  const auto graph = SvdfGraph();
  graph->tensors[4].is_variable = false;
  EXPECT_EQ(Codes(CheckNpu(*graph, graph->ops[0])), List{kUnsupportedVariable});
  graph->tensors[4].is_variable = true;
  graph->tensors[0].is_variable = true;  // not an operand that holds state
  EXPECT_EQ(Codes(CheckNpu(*graph, graph->ops[0])), List{kUnsupportedVariable});
  graph->tensors[0].is_variable = false;
  graph->ops.push_back(graph->ops[0]);
  EXPECT_EQ(Codes(CheckNpu(*graph, graph->ops[0])), List{kUnsupportedVariable});
}

TEST(RecurrentRulesTest, Lstm) {
  const auto codes = [](auto change, bool npu = false) {
    Lstm lstm = MakeLstm();
    change(lstm);
    return Codes(npu ? CheckNpu(*lstm.graph, lstm.op()) : CheckCpu(*lstm.graph, lstm.op()));
  };
  const auto params = [](struct Lstm& l) -> SequenceLstmParams& {
    return *std::get_if<SequenceLstmParams>(&l.op().params);
  };
  EXPECT_EQ(codes([](auto&) {}), List{});
  EXPECT_EQ(codes([](auto&) {}, true), List{});
  EXPECT_EQ(codes([&](auto& l) { params(l).activation = Activation::kRelu; }), List{kUnsupportedActivation});
  EXPECT_EQ(codes([&](auto& l) { params(l).cell_clip = -1; }), List{kInvalidArgument});
  EXPECT_EQ(codes([](auto& l) { l.op().inputs[1] = l.op().inputs[5] = kNoTensor; }), List{});  // CIFG
  EXPECT_EQ(codes([](auto& l) { l.op().inputs[1] = kNoTensor; }), List{kMissingRequiredOperand});
  EXPECT_EQ(codes([](auto& l) { l.op().inputs[14] = kNoTensor; }), List{kMissingRequiredOperand});
  EXPECT_EQ(codes([](auto& l) { l.op().inputs[20] = l.op().inputs[12]; }), List{kUnsupportedOperator});
  EXPECT_EQ(codes([](auto& l) { l.op().intermediates.pop_back(); }), List{kMissingRequiredOperand});
  EXPECT_EQ(codes([](auto& l) { l.operand(19).quantization.scale = {0.001f}; }),
            List{kUnsupportedQuantizationParameters});
  EXPECT_EQ(codes([](auto& l) { l.operand(19).quantization.scale = {1.0f / 256}; }),
            List{kUnsupportedQuantizationParameters});
  EXPECT_EQ(codes([](auto& l) { l.operand(18).shape = {1, 3}; }), List{kShapeMismatch});
  EXPECT_EQ(codes([](auto& l) { l.operand(2).quantization.zero_point = {1}; }),
            List{kUnsupportedQuantizationParameters});
  EXPECT_EQ(codes([](auto& l) { l.operand(0).type = DataType::kInt16; }), List{kUnsupportedInputType});
  EXPECT_EQ(codes([](auto& l) { l.operand(18).is_variable = false; }), List{kUnsupportedVariable});

  // A projection from two cells to two outputs: the CPU's alone.
  const auto project = [](auto& l) { l.op().inputs[16] = l.op().inputs[1]; };
  EXPECT_EQ(codes(project), List{});
  EXPECT_EQ(codes(project, true), List{kUnsupportedOperator});
}

TEST(RecurrentRulesTest, ManyTimeStepsAreTheCpus) {
  Lstm lstm = MakeLstm(1025);
  EXPECT_EQ(Codes(CheckCpu(*lstm.graph, lstm.op())), List{});
  EXPECT_EQ(Codes(CheckNpu(*lstm.graph, lstm.op())), List{kInvalidArgument});
  lstm = MakeLstm(1024);
  EXPECT_EQ(Codes(CheckNpu(*lstm.graph, lstm.op())), List{});
  EXPECT_EQ(Macs(*lstm.graph, lstm.op()), 1024 * 4 * 2 * (2 + 2));
}

}  // namespace
}  // namespace npu::test
