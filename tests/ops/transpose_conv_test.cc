// TRANSPOSE_CONV: values by hand, OpenCL against the reference over drawn shapes and quantizations, and the
// reasons of Check.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>

#include "tests/ops/convolution_testing.h"

namespace npu::test {
namespace {

struct Case {
  std::vector<int32_t> input;  // NHWC
  int32_t channels, filter_h, filter_w;
  int32_t out_h, out_w;
  TransposeConvParams params;
};

std::shared_ptr<Graph> MakeGraph(const Case& c, const LayerQuantization& q, uint32_t seed = 1) {
  GraphBuilder b;
  const int32_t depth = c.input[3];
  const int shape = b.Ints({c.input[0], c.out_h, c.out_w, c.channels});
  const Layer layer = AddLayer(b, q, c.input, {c.channels, c.filter_h, c.filter_w, depth}, 0,
                               int64_t{c.filter_h} * c.filter_w * depth, seed);
  std::vector<int> operands{shape, layer.operands[1], layer.operands[0]};
  if (q.bias) operands.push_back(layer.operands[2]);
  b.Op(OpKind::kTransposeConv, operands, {layer.output}, c.params);
  return b.Build({layer.output});
}

// One 2x2 filter 1 2 / 3 4, scales 0.5 * 0.5 / 0.25: outputs are the accumulators.
std::shared_ptr<Graph> SmallGraph(Padding padding, int32_t stride, int32_t size, Activation activation) {
  GraphBuilder b;
  const int shape = b.Ints({1, size, size, 1});
  const int x = b.Input(DataType::kInt8, {1, 2, 2, 1}, 0.5f, -1);
  const int w =
      b.Constant(DataType::kInt8, {1, 2, 2, 1}, std::vector<int8_t>{1, 2, 3, 4}, PerChannel({0.5f}, 0));
  const int y = b.Tensor(DataType::kInt8, {}, 0.25f, 5);
  b.Op(OpKind::kTransposeConv, {shape, w, x}, {y}, TransposeConvParams{padding, stride, stride, activation});
  return b.Build({y});
}

TEST(TransposeConvTest, ComputesValuesByHand) {
  // Input minus its zero point: 1 2 / 3 4. Zero point of the output: 5.
  const std::vector<int8_t> input{0, 1, 2, 3};
  EXPECT_EQ(RunReference(SmallGraph(Padding::kValid, 2, 4, Activation::kNone), input),
            (std::vector<int>{6, 7, 7, 9, 8, 9, 11, 13, 8, 11, 9, 13, 14, 17, 17, 21}));
  // Windows overlap: 1 4 4 / 6 20 16 / 9 24 16.
  EXPECT_EQ(RunReference(SmallGraph(Padding::kValid, 1, 3, Activation::kNone), input),
            (std::vector<int>{6, 9, 9, 11, 25, 21, 14, 29, 21}));
  // SAME with stride 1 pads floor(1 / 2) = 0 before, so that the last row and column are cut off.
  EXPECT_EQ(RunReference(SmallGraph(Padding::kSame, 1, 2, Activation::kNone), input),
            (std::vector<int>{6, 9, 11, 25}));
  // 6 / 0.25 = 24 steps above the zero point.
  const std::vector<int8_t> wide{-2, 1, 2, 20};
  EXPECT_EQ(RunReference(SmallGraph(Padding::kSame, 1, 2, Activation::kRelu6), wide),
            (std::vector<int>{5, 5, 5, 29}));
  // Larger than the windows reach: nothing there but the bias, which is absent.
  EXPECT_EQ(RunReference(SmallGraph(Padding::kValid, 1, 4, Activation::kNone), input),
            (std::vector<int>{6, 9, 9, 5, 11, 25, 21, 5, 14, 29, 21, 5, 5, 5, 5, 5}));
}

TEST(TransposeConvTest, OpenClMatchesReferenceOverDrawnCases) {
  constexpr uint32_t kFirstSeed = 1, kCases = 240;
  for (uint32_t seed = kFirstSeed; seed < kFirstSeed + kCases; ++seed) {
    std::mt19937 engine(seed);
    const auto draw = [&](int low, int high) {
      return static_cast<int32_t>(low + engine() % static_cast<uint32_t>(high - low + 1));
    };
    const auto one_of = [&](std::vector<int32_t> values) { return values[engine() % values.size()]; };
    Case c;
    c.input = {draw(1, 2), draw(1, 6), draw(1, 6), one_of({1, 2, 3, 4, 5, 7, 8, 16, 17})};
    c.channels = one_of({1, 2, 3, 8, 15, 16, 17, 32, 33, 49});
    c.filter_h = draw(1, 5);
    c.filter_w = draw(1, 5);
    c.params = {draw(0, 1) == 0 ? Padding::kSame : Padding::kValid, draw(1, 3), draw(1, 3),
                static_cast<Activation>(draw(0, 3))};
    // Mostly the size that converters write; sometimes more or fewer pixels, which hosts accept, too.
    const bool same = c.params.padding == Padding::kSame;
    const auto size = [&](int32_t in, int32_t filter, int32_t stride) {
      const int32_t usual = same ? in * stride : (in - 1) * stride + filter;
      return draw(0, 3) == 0 ? std::max(1, usual + draw(-3, 3)) : usual;
    };
    c.out_h = size(c.input[1], c.filter_h, c.params.stride_h);
    c.out_w = size(c.input[2], c.filter_w, c.params.stride_w);
    LayerQuantization q{.weights = draw(0, 2) == 0 ? Weights::kPerTensor : Weights::kPerChannel,
                        .input_zero_point = draw(-128, 127),
                        .output_zero_point = draw(-128, 127),
                        .bias = draw(0, 2) != 0,
                        .gain = draw(0, 4) == 0 ? 300.0f : 1.0f};
    if (draw(0, 2) == 0) {
      q.type = DataType::kUInt8;
      q.weights = Weights::kPerTensor;
      q.weights_zero_point = one_of({0, 121, 128, 255});
      q.input_zero_point += 128;
      q.output_zero_point += 128;
      q.gain = 1.0f;  // above it the bias scale is out of TFLite's tolerance
    }
    SCOPED_TRACE(testing::Message() << "seed " << seed << " input " << ShapeString(c.input) << " channels "
                                    << c.channels << " filter " << c.filter_h << "x" << c.filter_w
                                    << " output " << c.out_h << "x" << c.out_w << " strides "
                                    << c.params.stride_h << " " << c.params.stride_w << " same " << same
                                    << " " << q);
    ExpectOpenClMatchesReference(MakeGraph(c, q, seed), seed);
    if (testing::Test::IsSkipped() || testing::Test::HasFailure()) return;
  }
}

// A graph that passes, changed by `change` after its shapes are known: the codes of Check.
template <typename Change>
std::vector<ReasonCode> Checked(Change change) {
  const auto graph = MakeGraph({{1, 4, 4, 4}, 6, 3, 3, 8, 8, {Padding::kSame, 2, 2, Activation::kNone}}, {});
  InferShapes(*graph);
  change(*graph);
  return NpuCodes(*graph);
}

TEST(TransposeConvTest, CheckNamesEveryFailedRule) {
  using enum ReasonCode;
  using Codes = std::vector<ReasonCode>;
  const auto operand = [](Graph& g, int i) -> Tensor& { return g.tensors[g.ops[0].inputs[i]]; };
  const auto output = [](Graph& g) -> Tensor& { return g.tensors[g.ops[0].outputs[0]]; };
  const auto params = [](Graph& g) -> TransposeConvParams& {
    return std::get<TransposeConvParams>(g.ops[0].params);
  };
  EXPECT_EQ(Checked([](Graph&) {}), Codes{});
  EXPECT_EQ(Checked([&](Graph& g) { operand(g, 2).type = DataType::kFloat32; }), Codes{kHybridOperator});
  EXPECT_EQ(Checked([&](Graph& g) { output(g).type = DataType::kUInt8; }), Codes{kUnsupportedOutputType});
  EXPECT_EQ(Checked([&](Graph& g) { params(g).activation = Activation::kTanh; }),
            Codes{kUnsupportedActivation});
  EXPECT_EQ(Checked([&](Graph& g) { operand(g, 1).data = {}; }), Codes{kOperandNotConstant});
  EXPECT_EQ(Checked([&](Graph& g) { operand(g, 1).quantization.zero_point[2] = 1; }),
            Codes{kUnsupportedQuantizationParameters});
  EXPECT_EQ(Checked([&](Graph& g) { operand(g, 3).type = DataType::kUInt32; }), Codes{kUnsupportedInputType});
  EXPECT_EQ(Checked([&](Graph& g) { operand(g, 0).data = {}; }), Codes{kShapeMismatch});
  EXPECT_EQ(Checked([&](Graph& g) { output(g).shape[1] = 9; }), Codes{kShapeMismatch});
  EXPECT_EQ(Checked([&](Graph& g) { params(g).stride_h = 0; }), Codes{kInvalidArgument});
  EXPECT_EQ(Checked([&](Graph& g) { params(g).stride_w = 65; }), Codes{kInvalidArgument});
  EXPECT_EQ(Checked([&](Graph& g) { operand(g, 2).shape = {4, 4, 4}; }), Codes{kUnsupportedOperandRank});
  EXPECT_EQ(Checked([&](Graph& g) { operand(g, 2).shape[3] = 5; }), Codes{kShapeMismatch});
  EXPECT_EQ(Checked([&](Graph& g) { operand(g, 2).shape[0] = 2; }), Codes{kShapeMismatch});
  EXPECT_EQ(Checked([&](Graph& g) { operand(g, 2).shape[1] = 0; }), Codes{kUnsupportedOperandSize});
  EXPECT_EQ(Checked([](Graph& g) { g.ops[0].inputs[0] = kNoTensor; }), Codes{kMissingRequiredOperand});
  EXPECT_EQ(Checked([](Graph& g) { g.ops[0].inputs[1] = kNoTensor; }), Codes{kMissingRequiredOperand});
}

TEST(TransposeConvTest, InferRefusesWhatIsNoShape) {
  const auto infer = [](const std::vector<int32_t>& shape) {
    const auto graph = MakeGraph({{1, 4, 4, 4}, 6, 3, 3, 8, 8, {}}, {});
    Tensor& tensor = graph->tensors[graph->ops[0].inputs[0]];
    tensor.shape = {static_cast<int32_t>(shape.size())};
    tensor.data = {std::as_bytes(std::span(shape)), nullptr};
    return InferShapes(*graph).errors[0];
  };
  EXPECT_EQ(infer({1, 8, 8, 6}), "");
  EXPECT_NE(infer({1, 8, 8}), "");
  EXPECT_NE(infer({1, -8, 8, 6}), "");
  EXPECT_NE(infer({65536, 65536, 65536, 6}), "");
}

TEST(TransposeConvTest, CountsMacs) {
  const auto graph = MakeGraph({{2, 4, 5, 3}, 6, 3, 2, 8, 10, {Padding::kSame, 2, 2, {}}}, {});
  InferShapes(*graph);
  EXPECT_EQ(Macs(*graph, graph->ops[0]), int64_t{2} * 4 * 5 * 3 * 6 * 3 * 2);
}

}  // namespace
}  // namespace npu::test
