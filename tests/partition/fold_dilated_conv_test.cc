// dilated-conv: each condition alone, and random nets of every block, padding, crop and window.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/ops/convolution_testing.h"
#include "tests/partition/fold_testing.h"

namespace npu {
namespace {

using test::FoldsOf;
using test::GraphBuilder;

// SPACE_TO_BATCH_ND -> convolution -> BATCH_TO_SPACE_ND, every part of which a test may change.
struct BlockNet {
  bool depthwise = false;
  DataType type = DataType::kInt8;
  std::vector<int32_t> shape = {1, 9, 10, 3};
  std::vector<int32_t> block = {2, 3}, block_back{};  // block_back: as block when empty
  std::vector<int32_t> paddings = {3, 4, 4, 4}, crops = {0, 0, 1, 0};
  Padding padding = Padding::kValid;
  int stride = 1, dilation = 1, filter_h = 3, filter_w = 2;
  float scale_behind = 1.0f;  // times the convolution's output scale
  bool blocks_is_output = false, result_is_output = false;
  uint32_t seed = 1;

  std::shared_ptr<Graph> Build() const {
    GraphBuilder b;
    const int64_t zero_point = type == DataType::kInt8 ? -5 : 140;
    const int input = b.Input(type, shape, test::kInputScale, zero_point);
    const int blocks = b.Tensor(type, {}, test::kInputScale, zero_point);
    const auto pairs = [&](const std::vector<int32_t>& values) {
      return b.Constant<int32_t>(DataType::kInt32, {2, 2}, values);
    };
    b.Op(OpKind::kSpaceToBatchNd, {input, b.Ints(block), pairs(paddings)}, {blocks});
    test::LayerQuantization q{.type = type, .output_zero_point = zero_point};
    if (type == DataType::kUInt8) {
      q.weights = test::Weights::kPerTensor;
      q.weights_zero_point = 125;
    }
    const int32_t channels = shape[3];
    const test::Layer layer =
        depthwise ? test::AddLayerBehind(b, q, blocks, {1, filter_h, filter_w, channels}, 3, filter_h * filter_w, seed)
                  : test::AddLayerBehind(b, q, blocks, {4, filter_h, filter_w, channels}, 0,
                                         filter_h * filter_w * channels, seed);
    if (depthwise) {
      b.Op(OpKind::kDepthwiseConv2D, layer.operands, {layer.output},
           DepthwiseConv2DParams{.padding = padding, .stride_h = stride, .stride_w = stride, .dilation_h = dilation,
                                 .dilation_w = dilation});
    } else {
      b.Op(OpKind::kConv2D, layer.operands, {layer.output},
           Conv2DParams{.padding = padding, .stride_h = stride, .stride_w = stride, .dilation_h = dilation,
                        .dilation_w = dilation});
    }
    const int output = b.Tensor(type, {}, b.tensor(layer.output).scale() * scale_behind, zero_point);
    b.Op(OpKind::kBatchToSpaceNd, {layer.output, b.Ints(block_back.empty() ? block : block_back), pairs(crops)},
         {output});
    std::vector<int> outputs = {output};
    if (blocks_is_output) outputs.push_back(blocks);
    if (result_is_output) outputs.push_back(layer.output);
    return b.Build(outputs);
  }
};

constexpr char kFolded[] = "dilated-conv(0,2>1)";

TEST(FoldDilatedConv, BecomesOneConvolution) {
  EXPECT_EQ(FoldsOf(BlockNet{}.Build()), kFolded);
  EXPECT_EQ(FoldsOf(BlockNet{.depthwise = true}.Build()), kFolded);
  EXPECT_EQ(FoldsOf(BlockNet{.padding = Padding::kSame}.Build()), kFolded);
  const Plan plan = test::PlanOf(BlockNet{.dilation = 2}.Build());
  ASSERT_EQ(test::Folds(plan), kFolded);
  const auto& params = plan.compute_graph->ops[1].as<Conv2DParams>();
  EXPECT_EQ(params.dilation_h, 4);
  EXPECT_EQ(params.dilation_w, 6);
  EXPECT_EQ((std::vector{params.edges.top, params.edges.bottom, params.edges.left, params.edges.right}),
            (std::vector{3, 4, 3, 4}));
  EXPECT_EQ(plan.ops[0].folded_into, 1);
  EXPECT_EQ(plan.ops[2].folded_into, 1);
}

// As converters write a SAME convolution of dilation 2: padded to blocks, VALID, the surplus cropped.
TEST(FoldDilatedConv, TheFormThatConvertersWrite) {
  BlockNet net{.shape = {1, 7, 7, 4}, .block = {2, 2}, .paddings = {2, 3, 2, 3}, .crops = {0, 1, 0, 1}};
  net.filter_w = 3;
  test::ExpectFoldedEqualsUnfolded(net.Build(), kFolded, 3);
  const auto graph = net.Build();
  const Plan plan = test::PlanOf(graph);
  EXPECT_EQ(plan.graph->tensors[plan.graph->outputs[0]].shape, (std::vector<int32_t>{1, 7, 7, 4}));
}

TEST(FoldDilatedConv, NotWithAStride) {
  EXPECT_EQ(FoldsOf(BlockNet{.crops = {0, 0, 0, 0}, .stride = 2}.Build()), "");
}

TEST(FoldDilatedConv, NotWithAnotherBlockBehind) {
  EXPECT_EQ(FoldsOf(BlockNet{.block_back = {3, 2}, .crops = {0, 0, 0, 0}}.Build()), "");
}

TEST(FoldDilatedConv, NotWhenACropTakesMoreThanPaddingBrought) {
  EXPECT_EQ(FoldsOf(BlockNet{.crops = {3, 0, 0, 0}}.Build()), kFolded);
  EXPECT_EQ(FoldsOf(BlockNet{.crops = {4, 0, 0, 0}}.Build()), "");
  EXPECT_EQ(FoldsOf(BlockNet{.crops = {0, 4, 0, 0}}.Build()), kFolded);
  EXPECT_EQ(FoldsOf(BlockNet{.crops = {0, 5, 0, 0}}.Build()), "");
  EXPECT_EQ(FoldsOf(BlockNet{.crops = {0, 0, 5, 0}}.Build()), "");
  EXPECT_EQ(FoldsOf(BlockNet{.crops = {0, 0, 0, 5}}.Build()), "");
}

TEST(FoldDilatedConv, NotWhenBatchToSpaceChangesTheScale) {
  EXPECT_EQ(FoldsOf(BlockNet{.scale_behind = 1.5f}.Build()), "");
}

TEST(FoldDilatedConv, NotWhenSomebodyElseReadsWhatIsBetween) {
  EXPECT_EQ(FoldsOf(BlockNet{.blocks_is_output = true}.Build()), "");
  EXPECT_EQ(FoldsOf(BlockNet{.result_is_output = true}.Build()), "");
}

TEST(FoldDilatedConv, TogetherWithAPadBeforeAndAnActivationBehind) {
  GraphBuilder b;
  const int input = b.Input(DataType::kInt8, {1, 6, 5, 2}, test::kInputScale, 4);
  const int padded = b.Tensor(DataType::kInt8, {}, test::kInputScale, 4);
  const int blocks = b.Tensor(DataType::kInt8, {}, test::kInputScale, 4);
  b.Op(OpKind::kPad, {input, b.Constant<int32_t>(DataType::kInt32, {4, 2}, {0, 0, 2, 0, 1, 2, 0, 0})}, {padded});
  const int pads = b.Constant<int32_t>(DataType::kInt32, {2, 2}, {2, 2, 2, 2});
  b.Op(OpKind::kSpaceToBatchNd, {padded, b.Ints({2, 2}), pads}, {blocks});
  const test::Layer layer = test::AddLayerBehind(b, {}, blocks, {3, 3, 3, 2}, 0, 18, 9);
  b.Op(OpKind::kConv2D, layer.operands, {layer.output}, Conv2DParams{.padding = Padding::kValid});
  const int space = b.Tensor(DataType::kInt8, {}, b.tensor(layer.output).scale(), 0);
  const int clamped = b.Tensor(DataType::kInt8, {}, b.tensor(layer.output).scale(), 0);
  const int crops = b.Constant<int32_t>(DataType::kInt32, {2, 2}, {0, 0, 0, 0});
  b.Op(OpKind::kBatchToSpaceNd, {layer.output, b.Ints({2, 2}), crops}, {space});
  b.Op(OpKind::kRelu, {space}, {clamped});
  test::ExpectFoldedEqualsUnfolded(b.Build({clamped}), "dilated-conv(1,3>2) pad-into-window(0>2) activation(4>2)", 2);
}

TEST(FoldDilatedConv, RandomNetsGiveTheSameBytes) {
  std::mt19937 engine(99);
  const auto below = [&](int n) { return static_cast<int>(engine() % static_cast<uint32_t>(n)); };
  int folded = 0;
  for (uint32_t seed = 1; folded < 220 && !HasFatalFailure(); ++seed) {
    ASSERT_LT(seed, 4000u);
    BlockNet net{.depthwise = below(2) == 0, .type = below(2) == 0 ? DataType::kInt8 : DataType::kUInt8};
    net.shape = {1 + below(2), 1 + below(10), 1 + below(10), 1 + below(18)};
    net.block = {1 + below(4), 1 + below(4)};
    for (int d = 0; d < 2; ++d) {
      const int before = below(5);
      int after = below(5);
      while ((net.shape[d + 1] + before + after) % net.block[d] != 0) ++after;
      net.paddings[2 * d] = before;
      net.paddings[2 * d + 1] = after;
      net.crops[2 * d] = below(before + 2);
      net.crops[2 * d + 1] = below(after + 1);
    }
    net.padding = below(2) == 0 ? Padding::kValid : Padding::kSame;
    net.dilation = 1 + below(2);
    net.filter_h = 1 + below(3);
    net.filter_w = 1 + below(3);
    net.seed = seed;
    const auto graph = net.Build();
    if (FoldsOf(graph).empty()) continue;
    ++folded;
    SCOPED_TRACE(fmt::format("seed {}", seed));
    test::ExpectFoldedEqualsUnfolded(graph, kFolded, seed);
  }
  std::printf("folded nets compared: %d\n", folded);
}

}  // namespace
}  // namespace npu
