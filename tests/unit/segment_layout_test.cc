// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/segment_layout.h"

#include <gtest/gtest.h>

#include "tests/support/graph_builder.h"

namespace npu {
namespace {

using test::GraphBuilder;
using Where = Storage::Where;

constexpr DataType kType = DataType::kInt8;

// RESHAPE is a view, everything else one launch over its operands.
Status LowerForTest(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  if (op.op.kind == OpKind::kReshape) {
    lowering.Alias(op.op.outputs[0], op.op.inputs[0]);
    return {};
  }
  std::vector<KernelArg> args;
  for (int t : op.op.inputs) args.push_back(TensorArg{t});
  for (int t : op.op.outputs) args.push_back(TensorArg{t});
  args.push_back(lowering.AddConstant(std::vector<std::byte>(3)));
  args.push_back(lowering.AddScratch(100));
  args.push_back(int32_t{5});
  lowering.Launch("any", {1, 1, 1}, std::move(args));
  return {};
}

SegmentOps WholeGraph(const Graph& graph) {
  SegmentOps segment;
  for (size_t i = 0; i < graph.ops.size(); ++i) segment.ops.push_back(static_cast<int>(i));
  segment.inputs = graph.inputs;
  segment.outputs = graph.outputs;
  return segment;
}

Result<SegmentLayout> LayOut(const Graph& graph, const LowerFunction& lower = LowerForTest) {
  return LayOutSegment(graph, WholeGraph(graph), {}, {.lower = lower});
}

TEST(SegmentLayout, BlocksLiveFromWriterToLastReader) {
  GraphBuilder b;
  const int x = b.Input(kType, {8}, 1.0f);
  const int y = b.Tensor(kType, {8}, 1.0f), z = b.Tensor(kType, {8}, 1.0f), w = b.Tensor(kType, {8}, 1.0f);
  b.Op(OpKind::kRelu, {x}, {y});
  b.Op(OpKind::kRelu, {y}, {z});
  b.Op(OpKind::kAdd, {y, z}, {w}, BinaryParams{});
  const auto graph = b.Build({w});
  const auto layout = LayOut(*graph);
  ASSERT_TRUE(layout) << layout.error().text;
  const auto life = [&](int tensor) {
    const MemoryRequest& block = layout->arena[layout->tensors[tensor].block];
    return std::pair(block.first, block.last);
  };
  EXPECT_EQ(life(x), std::pair(0, 1));
  EXPECT_EQ(life(y), std::pair(1, 3));
  EXPECT_EQ(life(z), std::pair(2, 3));
  EXPECT_EQ(life(w), std::pair(3, 4));
  const Storage scratch = layout->ops[1].scratch[0];
  EXPECT_EQ(layout->arena[scratch.block].bytes, 100);
  EXPECT_EQ(layout->arena[scratch.block].first, 2);
  EXPECT_EQ(layout->arena[scratch.block].last, 2);
}

TEST(SegmentLayout, KernelsAreNeededOnceWithThePartsOfAllLaunches) {
  GraphBuilder b;
  const int x = b.Input(kType, {8}, 1.0f);
  const int y = b.Tensor(kType, {8}, 1.0f), z = b.Tensor(kType, {8}, 1.0f), w = b.Tensor(kType, {8}, 1.0f);
  b.Op(OpKind::kRelu, {x}, {y});
  b.Op(OpKind::kRelu, {y}, {z});
  b.Op(OpKind::kAdd, {y, z}, {w}, BinaryParams{});
  const auto graph = b.Build({w});
  uint32_t parts = 1;
  const auto layout = LayOut(*graph, [&parts](const OpView& op, const ComputeOptions&, Lowering& lowering) -> Status {
    if (op.op.kind == OpKind::kAdd) {
      lowering.Launch("sum", {1, 1, 1}, {});
    } else {
      lowering.Launch("rectify", {1, 1, 1}, {}, parts);
      parts = 4;
    }
    return {};
  });
  ASSERT_TRUE(layout) << layout.error().text;
  const std::vector<KernelNeed> needs = KernelNeeds(*layout);
  ASSERT_EQ(needs.size(), 2u);
  EXPECT_EQ(needs[0].kernel, "rectify");
  EXPECT_EQ(needs[0].parts, 5u);
  EXPECT_EQ(needs[1].kernel, "sum");
  EXPECT_EQ(needs[1].parts, kAllParts);
}

TEST(SegmentLayout, ChainOfAliasesKeepsTheViewedBlockAlive) {
  GraphBuilder b;
  const int x = b.Input(kType, {8}, 1.0f);
  const int y = b.Tensor(kType, {2, 4}, 1.0f), z = b.Tensor(kType, {4, 2}, 1.0f),
            w = b.Tensor(kType, {4, 2}, 1.0f);
  b.Op(OpKind::kReshape, {x}, {y}, ReshapeParams{});
  b.Op(OpKind::kReshape, {y}, {z}, ReshapeParams{});
  b.Op(OpKind::kRelu, {z}, {w});
  const auto graph = b.Build({w, y});
  const auto layout = LayOut(*graph);
  ASSERT_TRUE(layout) << layout.error().text;
  EXPECT_EQ(layout->tensors[y].block, layout->tensors[x].block);
  EXPECT_EQ(layout->tensors[z].block, layout->tensors[x].block);
  EXPECT_NE(layout->tensors[w].block, layout->tensors[x].block);
  EXPECT_EQ(layout->arena[layout->tensors[x].block].last, 4);  // read back as output y
}

TEST(SegmentLayout, ConstantTensorsAreStoredOnceInTheU8Domain) {
  GraphBuilder b;
  const int x = b.Input(kType, {4}, 1.0f);
  const int c = b.Constant<int8_t>(kType, {4}, {1, 2, 3, 4}, test::PerTensor(1.0f, 0));
  const int u = b.Constant<uint8_t>(DataType::kUInt8, {4}, {1, 2, 3, 4}, test::PerTensor(1.0f, 0));
  const int v = b.Tensor(kType, {2, 2}, 1.0f);
  const int y = b.Tensor(kType, {4}, 1.0f), z = b.Tensor(kType, {4}, 1.0f);
  b.Op(OpKind::kReshape, {c}, {v}, ReshapeParams{});
  b.Op(OpKind::kAdd, {x, c}, {y}, BinaryParams{});
  b.Op(OpKind::kAdd, {y, u}, {z}, BinaryParams{});
  const auto graph = b.Build({z, v});
  const auto layout = LayOut(*graph);
  ASSERT_TRUE(layout) << layout.error().text;
  EXPECT_EQ(layout->tensors[c].where, Where::kConstant);
  EXPECT_EQ(layout->tensors[v].where, Where::kConstant);
  EXPECT_EQ(layout->tensors[v].block, layout->tensors[c].block);
  EXPECT_TRUE(layout->constants[layout->tensors[c].block].flip_sign_bit);
  EXPECT_FALSE(layout->constants[layout->tensors[u].block].flip_sign_bit);
  EXPECT_EQ(layout->constants.size(), 4u);  // c, u and one per launch
}

TEST(SegmentLayout, ReadingWhatNobodyWroteIsAnError) {
  GraphBuilder b;
  const int x = b.Tensor(kType, {4}, 1.0f), y = b.Tensor(kType, {4}, 1.0f);
  b.Op(OpKind::kRelu, {x}, {y});
  const auto graph = b.Build({y});
  const auto layout = LayOut(*graph);
  ASSERT_FALSE(layout);
  EXPECT_EQ(layout.error().code, ErrorCode::kInternal);
  EXPECT_NE(layout.error().text.find("RELU"), std::string::npos) << layout.error().text;
}

TEST(SegmentLayout, NoFloatTensorsAreMade) {
  GraphBuilder b;
  const int x = b.Input(kType, {4}, 1.0f), y = b.Tensor(DataType::kFloat32, {4});
  b.Op(OpKind::kRelu, {x}, {y});
  const auto graph = b.Build({y});
  const auto layout = LayOut(*graph);
  ASSERT_FALSE(layout);
  EXPECT_EQ(layout.error().code, ErrorCode::kUnsupported);
}

TEST(SegmentLayout, WrongLoweringsAreErrors) {
  GraphBuilder b;
  const int x = b.Input(kType, {4}, 1.0f), y = b.Tensor(kType, {4}, 1.0f), z = b.Tensor(kType, {8}, 1.0f);
  b.Op(OpKind::kRelu, {x}, {y});
  const auto graph = b.Build({y});
  const std::vector<std::function<void(Lowering&)>> wrong = {
      [&](Lowering& l) {
        l.Launch("k", {1, 1, 1}, {ConstantArg{0}});
      },
      [&](Lowering& l) {
        l.Launch("k", {1, 1, 1}, {ScratchArg{-1}});
      },
      [&](Lowering& l) {
        l.Launch("k", {1, 1, 1}, {TensorArg{99}});
      },
      [&](Lowering& l) {
        l.Launch("k", {1, 1, 1}, {TensorArg{z}});
      },
      [&](Lowering& l) { l.Alias(z, x); },
      [&](Lowering& l) { l.Alias(y, z); },
  };
  for (size_t i = 0; i < wrong.size(); ++i) {
    const auto layout =
        LayOut(*graph, [&](const OpView&, const ComputeOptions&, Lowering& lowering) -> Status {
          wrong[i](lowering);
          return {};
        });
    ASSERT_FALSE(layout) << i;
    EXPECT_EQ(layout.error().code, ErrorCode::kInternal) << i;
  }
}

}  // namespace
}  // namespace npu
