// FULLY_CONNECTED: values by hand and from both hosts, OpenCL against the reference in both roundings, near
// ties above all, and every reason of Check that CONV_2D does not have.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>

#include "tests/ops/convolution_testing.h"

namespace npu::test {
namespace {

constexpr FcRounding kRoundings[] = {FcRounding::kSingle, FcRounding::kDouble};

std::shared_ptr<Graph> MakeGraph(std::vector<int32_t> input, int32_t depth, int32_t channels,
                                 const LayerQuantization& q, FullyConnectedParams params = {},
                                 uint32_t seed = 1) {
  GraphBuilder b;
  const Layer layer = AddLayer(b, q, std::move(input), {channels, depth}, 0, depth, seed);
  b.Op(OpKind::kFullyConnected, layer.operands, {layer.output}, params);
  return b.Build({layer.output});
}

// Weights are 0, so that the accumulators are the biases; zero points 0 (INT8) or 128 (UINT8).
template <typename T>
std::shared_ptr<Graph> BiasGraph(DataType type, Weights weights, std::array<float, 3> scales,
                                 const std::vector<int32_t>& biases) {
  GraphBuilder b;
  const int64_t zero_point = type == DataType::kInt8 ? 0 : 128;
  const auto channels = static_cast<int32_t>(biases.size());
  const int x = b.Input(type, {1, 4}, scales[0], zero_point);
  const int w =
      b.Constant(type, {channels, 4}, std::vector<T>(size_t{4} * channels, 0),
                 weights == Weights::kPerTensor ? PerTensor(scales[1], 0)
                                                : PerChannel(std::vector<float>(channels, scales[1]), 0));
  const int bias = b.Constant(DataType::kInt32, {channels}, biases, PerTensor(scales[0] * scales[1], 0));
  const int y = b.Tensor(type, {}, scales[2], zero_point);
  b.Op(OpKind::kFullyConnected, {x, w, bias}, {y}, FullyConnectedParams{});
  return b.Build({y});
}

// What the hosts give for accumulators near ties, measured: LiteRT 2.3 BUILTIN_REF (single) and
// tflite-runtime 2.14 BUILTIN_REF (double).
TEST(FullyConnectedTest, RoundsAsTheHostsDo) {
  const ComputeOptions single{.fc_rounding = FcRounding::kSingle}, twice{.fc_rounding = FcRounding::kDouble};
  const std::vector<int8_t> zero(4, 0);
  // acc * 0.25: ties away from zero for both signs, and 3.25 becomes 4 when it is rounded twice.
  const std::vector<int32_t> quarters{2, -2, 6, -6, 13, -13};
  const auto exact = BiasGraph<int8_t>(DataType::kInt8, Weights::kPerChannel, {0.5f, 0.5f, 1.0f}, quarters);
  EXPECT_EQ(RunReference(exact, zero, single), (std::vector<int>{1, -1, 2, -2, 3, -3}));
  EXPECT_EQ(RunReference(exact, zero, twice), (std::vector<int>{1, -1, 2, -2, 4, -3}));

  const std::vector<int32_t> near{-157383, -152159, 152159, 157383};
  const auto fine = BiasGraph<int8_t>(DataType::kInt8, Weights::kPerTensor, {0.0235f, 0.0101f, 0.31f}, near);
  EXPECT_EQ(RunReference(fine, zero, single), (std::vector<int>{-120, -116, 116, 120}));
  EXPECT_EQ(RunReference(fine, zero, twice), (std::vector<int>{-121, -117, 117, 121}));

  // Here the product of scales decides: double rounding takes it in float for weights per tensor.
  const std::array<float, 3> coarse{0.0235f, 0.0101f, 1000.0f};
  const auto run = [&](Weights weights, const ComputeOptions& options) {
    // Two channels: one scale is per tensor, whatever its dimension.
    return RunReference(BiasGraph<int8_t>(DataType::kInt8, weights, coarse, {503475904, 503475904}), zero,
                        options)[1];
  };
  EXPECT_EQ(run(Weights::kPerTensor, single), 119);
  EXPECT_EQ(run(Weights::kPerTensor, twice), 120);
  EXPECT_EQ(run(Weights::kPerChannel, single), 119);
  EXPECT_EQ(run(Weights::kPerChannel, twice), 119);
}

// The device has no doubles: its integers must agree for accumulators at, just below and just above every
// tie, with few and with all significant bits, and where results saturate.
TEST(FullyConnectedTest, OpenClRoundsAsTheReferenceNearTies) {
  for (const std::array<float, 3>& scales :
       std::initializer_list<std::array<float, 3>>{{0.5f, 0.5f, 2.0f},
                                                   {0.5f, 0.0078125f, 64.0f},
                                                   {0.0235f, 0.0101f, 0.31f},
                                                   {0.0235f, 0.0101f, 1000.0f},
                                                   {0.02351f, 0.00101123f, 200.0f},
                                                   {1.0f, 1.0f, 0.3f},
                                                   {3.0f, 7.0f, 1e-6f},
                                                   {1e-20f, 1e-20f, 1.0f},
                                                   {1.0f, 1.0f, 1e-30f},
                                                   {0.1f, 0.1f, 16777215.0f},
                                                   {1.0f, 1.0f, 3.0f},
                                                   {0.3f, 1.0f, 3e7f}}) {
    const double scale =
        static_cast<double>(scales[0]) * static_cast<double>(scales[1]) / static_cast<double>(scales[2]);
    std::vector<int32_t> biases{0, 1, -1, std::numeric_limits<int32_t>::max(),
                                std::numeric_limits<int32_t>::min()};
    for (int n = -130; n <= 130; ++n) {
      const double tie = (n + 0.5) / scale;
      if (std::abs(tie) > 2e9) continue;
      for (int away = -1; away <= 1; ++away) biases.push_back(static_cast<int32_t>(std::llround(tie)) + away);
    }
    for (const FcRounding rounding : kRoundings) {
      for (const Weights weights : {Weights::kPerChannel, Weights::kPerTensor}) {
        SCOPED_TRACE(testing::Message() << "scales " << scales[0] << " " << scales[1] << " " << scales[2]);
        ExpectOpenClMatchesReference(BiasGraph<int8_t>(DataType::kInt8, weights, scales, biases), 1,
                                     {.fc_rounding = rounding});
        if (testing::Test::IsSkipped()) return;
      }
    }
  }
}

TEST(FullyConnectedTest, WeightsPerTensorMayHaveAZeroPoint) {
  GraphBuilder b;
  const int x = b.Input(DataType::kInt8, {1, 2}, 1.0f, 1);
  const int w = b.Constant(DataType::kInt8, {1, 2}, std::vector<int8_t>{5, -3}, PerTensor(1.0f, 2));
  const int y = b.Tensor(DataType::kInt8, {}, 1.0f, 0);
  b.Op(OpKind::kFullyConnected, {x, w}, {y}, FullyConnectedParams{});
  // (11 - 1) * (5 - 2) + (3 - 1) * (-3 - 2)
  EXPECT_EQ(RunReference(b.Build({y}), std::vector<int8_t>{11, 3}), std::vector<int>{20});
}

TEST(FullyConnectedTest, FlattensTheInput) {
  const auto shape = [](std::vector<int32_t> input, int32_t depth, bool keep_num_dims) {
    const auto graph = MakeGraph(std::move(input), depth, 7, {}, {.keep_num_dims = keep_num_dims});
    const std::string error = InferShapes(*graph).errors[0];
    return error.empty() ? ShapeString(graph->tensors[graph->outputs[0]]) : "refused";
  };
  EXPECT_EQ(shape({2, 3, 4}, 4, false), "[6,7]");
  EXPECT_EQ(shape({2, 3, 4}, 4, true), "[2,3,7]");
  EXPECT_EQ(shape({2, 3, 4}, 12, false), "[2,7]");
  EXPECT_EQ(shape({2, 3, 4}, 12, true), "refused");
  EXPECT_EQ(shape({2, 3, 4}, 5, false), "refused");
  EXPECT_EQ(shape({12}, 12, false), "[1,7]");
  EXPECT_EQ(shape({}, 1, false), "[1,7]");
  EXPECT_EQ(shape({}, 1, true), "refused");
}

struct Case {
  std::vector<int32_t> input;
  int32_t depth, channels;
};

TEST(FullyConnectedTest, OpenClMatchesReferenceOverShapes) {
  uint32_t seed = 1;
  for (const Case& c :
       {Case{{1, 1}, 1, 1}, Case{{1, 3}, 3, 17}, Case{{1, 64}, 64, 64}, Case{{1, 130}, 130, 129},
        Case{{2, 5}, 5, 16}, Case{{5, 17}, 17, 33}, Case{{6, 16}, 16, 80}, Case{{13, 33}, 33, 3},
        Case{{2, 3, 8}, 8, 10}, Case{{2, 2, 3, 4}, 12, 5}, Case{{20}, 20, 4}}) {
    for (const FcRounding rounding : kRoundings) {
      for (const LayerQuantization& q :
           {LayerQuantization{.input_zero_point = 7, .output_zero_point = -9},
            LayerQuantization{
                .weights = Weights::kPerTensor, .weights_zero_point = -5, .input_zero_point = 3},
            LayerQuantization{.type = DataType::kUInt8,
            .weights = Weights::kPerTensor,
            .weights_zero_point = 121,
            .input_zero_point = 131,
            .output_zero_point = 119}}) {
        SCOPED_TRACE(testing::Message() << "input " << ShapeString(c.input) << " weights [" << c.channels
                                        << "," << c.depth << "] " << q);
        ExpectOpenClMatchesReference(MakeGraph(c.input, c.depth, c.channels, q, {}, seed), seed,
                                     {.fc_rounding = rounding});
        ++seed;
        if (testing::Test::IsSkipped()) return;
      }
    }
  }
}

TEST(FullyConnectedTest, OpenClMatchesReferenceOverQuantizations) {
  std::vector<LayerQuantization> quantizations;
  for (const int64_t zero_point : {-128, 0, 127}) {
    for (const Weights weights : {Weights::kPerChannel, Weights::kPerTensor}) {
      quantizations.push_back(
          {.weights = weights, .input_zero_point = zero_point, .output_zero_point = -zero_point / 2});
    }
    for (const int64_t weights_zero_point : {0, 128, 255}) {
      quantizations.push_back({.type = DataType::kUInt8,
                               .weights = Weights::kPerTensor,
                               .weights_zero_point = weights_zero_point,
                               .input_zero_point = zero_point + 128,
                               .output_zero_point = 255 - weights_zero_point});
    }
  }
  quantizations.push_back({.bias = false});
  quantizations.push_back({.gain = 300.0f});    // saturates
  quantizations.push_back({.gain = 60000.0f});  // multiplier above 1
  for (const LayerQuantization& q : quantizations) {
    for (const Activation activation :
         {Activation::kNone, Activation::kRelu, Activation::kReluN1To1, Activation::kRelu6}) {
      for (const FcRounding rounding : kRoundings) {
        SCOPED_TRACE(testing::Message() << q << " activation " << static_cast<int>(activation));
        ExpectOpenClMatchesReference(MakeGraph({3, 22}, 22, 19, q, {.activation = activation}), 1,
                                     {.fc_rounding = rounding});
        if (testing::Test::IsSkipped()) return;
      }
    }
  }
}

TEST(FullyConnectedTest, CountsMacs) {
  const auto graph = MakeGraph({2, 3, 8}, 8, 10, {});
  InferShapes(*graph);
  EXPECT_EQ(Macs(*graph, graph->ops[0]), int64_t{6} * 8 * 10);
}

TEST(FullyConnectedTest, CheckNamesEveryFailedRule) {
  using enum ReasonCode;
  using Codes = std::vector<ReasonCode>;
  const auto checked = [](const LayerQuantization& q, auto change) {
    const auto graph = MakeGraph({2, 8}, 8, 4, q);
    InferShapes(*graph);
    change(*graph);
    return NpuCodes(*graph);
  };
  const LayerQuantization per_channel{}, per_tensor{.weights = Weights::kPerTensor};
  const auto input = [](Graph& g) -> Tensor& { return g.tensors[g.ops[0].inputs[0]]; };
  const auto weights = [](Graph& g) -> Tensor& { return g.tensors[g.ops[0].inputs[1]]; };
  const auto bias = [](Graph& g) -> Tensor& { return g.tensors[g.ops[0].inputs[2]]; };
  const auto params = [](Graph& g) -> FullyConnectedParams& {
    return std::get<FullyConnectedParams>(g.ops[0].params);
  };
  EXPECT_EQ(checked(per_channel, [](Graph&) {}), Codes{});
  EXPECT_EQ(checked(per_tensor, [&](Graph& g) { weights(g).quantization.zero_point[0] = 9; }), Codes{});
  EXPECT_EQ(checked(per_channel, [&](Graph& g) { weights(g).quantization.zero_point[3] = 9; }),
            Codes{kUnsupportedQuantizationParameters});
  // TFLite compares the bias scale for weights per tensor only.
  EXPECT_EQ(checked(per_channel, [&](Graph& g) { bias(g).quantization.scale[0] = 9.0f; }), Codes{});
  EXPECT_EQ(checked(per_tensor, [&](Graph& g) { bias(g).quantization.scale[0] = 9.0f; }),
            Codes{kUnsupportedQuantizationParameters});
  EXPECT_EQ(
      checked(per_channel, [&](Graph& g) { params(g).weights_format = WeightsFormat::kShuffled4x16Int8; }),
      Codes{kInvalidArgument});
  EXPECT_EQ(checked(per_channel, [&](Graph& g) { params(g).keep_num_dims = true; }), Codes{});
  EXPECT_EQ(checked(per_channel, [&](Graph& g) { input(g).shape = {2, 2, 4}; }), Codes{});
  EXPECT_EQ(checked(per_channel,
                    [&](Graph& g) {
                      input(g).shape = {2, 2, 4};
                      params(g).keep_num_dims = true;
                    }),
            Codes{kShapeMismatch});
  EXPECT_EQ(checked(per_channel, [&](Graph& g) { input(g).shape = {3, 8}; }), Codes{kShapeMismatch});
  EXPECT_EQ(checked(per_channel, [&](Graph& g) { input(g).shape = {3, 7}; }), Codes{kShapeMismatch});
  EXPECT_EQ(checked(per_channel,
                    [&](Graph& g) {
                      weights(g).shape = {4, 8, 1};
                    }),
            Codes{kUnsupportedOperandRank});
  EXPECT_EQ(checked(per_channel, [&](Graph& g) { input(g).shape = {0, 8}; }), Codes{kUnsupportedOperandSize});
  EXPECT_EQ(checked(per_channel, [](Graph& g) { g.ops[0].inputs[1] = kNoTensor; }),
            Codes{kMissingRequiredOperand});
  EXPECT_EQ(checked(per_tensor,
                    [&](Graph& g) {
                      params(g).activation = Activation::kTanh;
                      params(g).weights_format = WeightsFormat::kShuffled4x16Int8;
                      bias(g).data = {};
                      bias(g).quantization.zero_point[0] = 1;
                    }),
            (Codes{kUnsupportedActivation, kOperandNotConstant, kUnsupportedQuantizationParameters,
                   kInvalidArgument}));
}

}  // namespace
}  // namespace npu::test
