// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

struct Part {
  int32_t size;  // along the axis
  float scale = 0.5f;
  int64_t zero_point = 3;
  bool constant = false;
};

// shape[axis] is replaced by each part's size.
std::shared_ptr<Graph> ConcatGraph(Index shape, int32_t axis, const std::vector<Part>& parts, DataType type,
                                   float out_scale = 0.5f, int64_t out_zero_point = 3) {
  GraphBuilder b;
  std::vector<int> inputs;
  const int at = axis < 0 ? axis + static_cast<int>(shape.size()) : axis;
  for (const Part& part : parts) {
    shape[at] = part.size;
    if (part.constant) {
      const auto values = RandomValues<uint8_t>(static_cast<size_t>(Count(shape)), 99, 0, 255);
      inputs.push_back(b.Constant(type, shape, values, PerTensor(part.scale, part.zero_point)));
    } else {
      inputs.push_back(b.Input(type, shape, part.scale, part.zero_point));
    }
  }
  const int out = b.Tensor(type, {}, out_scale, out_zero_point);
  b.Op(OpKind::kConcatenation, inputs, {out}, ConcatenationParams{axis, Activation::kNone});
  return b.Build({out});
}

// real = scale * (q - zero_point), rounded to the output: what a reader of the format expects, within the
// one step that TFLite's float arithmetic may differ by on a tie.
int Requantized(int q, const Tensor& in, const Tensor& out) {
  const double real = static_cast<double>(in.scale()) * (q - in.zero_point());
  const double value = std::round(real / static_cast<double>(out.scale())) + out.zero_point();
  return static_cast<int>(std::min(255.0, std::max(0.0, value)));
}

void ExpectConcatenated(const Index& shape, int32_t axis, const std::vector<Part>& parts,
                        DataType type = DataType::kInt8, float out_scale = 0.5f, int64_t out_zero_point = 3) {
  SCOPED_TRACE(ShapeString(shape) + " axis " + std::to_string(axis));
  const auto graph = ConcatGraph(shape, axis, parts, type, out_scale, out_zero_point);
  ExpectMoves(graph, 11, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
    const int at = axis < 0 ? axis + static_cast<int>(shape.size()) : axis;
    const Tensor& output = graph->tensors[graph->outputs[0]];
    int32_t begin = 0;
    size_t next = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      const Tensor& input = graph->tensors[graph->ops[0].inputs[i]];
      const std::byte* data = parts[i].constant ? input.data.bytes.data() : in[next++].data();
      const bool same = parts[i].scale == out_scale && parts[i].zero_point == out_zero_point;
      for (const Index& index : AllIndices(input.shape)) {
        Index target = index;
        target[at] += begin;
        const int actual = std::to_integer<int>(out[0][Flat(output.shape, target)]);
        const int q = std::to_integer<int>(data[Flat(input.shape, index)]);
        if (same) {
          ASSERT_EQ(actual, q);
        } else {
          ASSERT_NEAR(actual, Requantized(q, input, output), 1);
        }
      }
      begin += parts[i].size;
    }
    ASSERT_EQ(output.shape[at], begin);
  });
}

TEST(ConcatenationTest, EveryAxisOfEveryRank) {
  const Index full = {2, 3, 5, 3, 2, 3};
  for (int rank = 1; rank <= 6; ++rank) {
    const Index shape(full.begin(), full.begin() + rank);
    for (int axis = -rank; axis < rank; ++axis) {
      ExpectConcatenated(shape, axis, {{3}, {1}, {17}}, axis % 2 != 0 ? DataType::kInt8 : DataType::kUInt8);
      if (HasFailure()) return;
    }
  }
}

TEST(ConcatenationTest, ChannelsOfEveryAlignment) {
  for (const int32_t a : {1, 3, 4, 8, 15, 16, 17, 33, 64}) {
    ExpectConcatenated({1, 5, 7, 0}, 3, {{a}, {33 - a % 32}});
    if (HasFailure()) return;
  }
}

TEST(ConcatenationTest, ManyInputsAndConstants) {
  ExpectConcatenated({1, 3, 5, 0}, 3,
                     {{1}, {2, 0.5f, 3, true}, {3}, {4}, {5, 0.5f, 3, true}, {6}, {7}, {1}, {9}});
  ExpectConcatenated({2, 0, 3}, 1, {{4}});
}

TEST(ConcatenationTest, Uint8RequantizesOtherScales) {
  ExpectConcatenated({1, 16, 16, 0}, 3,
                     {{3}, {5, 0.25f, 128}, {7, 1.7f, 0}, {2, 0.5f, 4}, {1, 0.013f, 255, true}},
                     DataType::kUInt8, 0.5f, 3);
}

// Ties and saturation by TFLite's own float steps: worked out by hand for q = 0..7.
TEST(ConcatenationTest, Uint8RoundsHalfAwayFromZero) {
  GraphBuilder b;
  const int in = b.Input(DataType::kUInt8, {1, 8}, 0.25f, 4);
  const int out = b.Tensor(DataType::kUInt8, {}, 0.5f, 1);
  b.Op(OpKind::kConcatenation, {in}, {out}, ConcatenationParams{1, Activation::kNone});
  const auto graph = b.Build({out});
  Bytes values;
  for (int q = 0; q < 8; ++q) values.push_back(static_cast<std::byte>(q));
  const auto result = RunGraph(*MakeCpuBackend(), graph, {values});
  ASSERT_TRUE(result) << result.error().text;
  // (q - 4) / 2 = -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5 -> -2, -2, -1, -1, 0, 1, 1, 2; plus 1, at least 0.
  const int expected[] = {0, 0, 0, 0, 1, 2, 2, 3};
  for (int q = 0; q < 8; ++q) EXPECT_EQ(std::to_integer<int>((*result)[0][q]), expected[q]) << q;
}

TEST(ConcatenationTest, EvaluatedWhenThePlanIsMade) {
  GraphBuilder b;
  const int out = b.Tensor(DataType::kInt32, {});
  b.Op(OpKind::kConcatenation, {b.Ints({1, 2}), b.Ints({-1})}, {out}, ConcatenationParams{});
  const auto graph = b.Build({out});
  EXPECT_TRUE(InferShapes(*graph).evaluated.at(0));
  const int32_t expected[] = {1, 2, -1};
  ASSERT_EQ(graph->tensors[out].data.bytes.size(), sizeof(expected));
  EXPECT_EQ(std::memcmp(graph->tensors[out].data.bytes.data(), expected, sizeof(expected)), 0);
}

TEST(ConcatenationTest, Int8RefusesOtherScalesAndFusedActivations) {
  auto graph = ConcatGraph({1, 2, 0}, 2, {{3}, {5, 0.25f}}, DataType::kInt8);
  EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kNotRestrictedScaleCompliant));
  graph = ConcatGraph({1, 2, 0}, 2, {{3}, {5}}, DataType::kInt8);
  EXPECT_TRUE(CheckFirst(*graph).eligible()) << Reasons(CheckFirst(*graph));
  graph->ops[0].params = ConcatenationParams{2, Activation::kRelu6};
  EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kUnsupportedActivation));
}

TEST(ConcatenationTest, RefusesNonsense) {
  for (const int32_t axis : {2, -3, INT32_MAX, INT32_MIN}) {
    auto graph = ConcatGraph({2, 0}, 1, {{3}, {5}}, DataType::kInt8);
    graph->ops[0].params = ConcatenationParams{axis, Activation::kNone};
    EXPECT_NE(InferError(*graph), "") << axis;
    EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kInvalidArgument)) << axis;
  }
  auto graph = ConcatGraph({2, 0}, 1, {{3}, {5}}, DataType::kInt8);
  graph->tensors[1].shape = {3, 5};
  EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kShapeMismatch));
  graph->tensors[1].shape = {2, 5, 1};
  EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kShapeMismatch));
  graph->tensors[1].shape = {2, INT32_MAX};
  EXPECT_NE(InferError(*graph), "");
  graph->ops[0].inputs[1] = kNoTensor;
  EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kMissingRequiredOperand));
  auto ratio = ConcatGraph({2, 0}, 1, {{3}, {5, 1e9f}}, DataType::kUInt8);
  EXPECT_TRUE(HasReason(CheckFirst(*ratio), ReasonCode::kUnsupportedQuantizationParameters));
}

TEST(ConcatenationTest, MixedTypesAreNamed) {
  auto graph = ConcatGraph({2, 0}, 1, {{3}, {5}}, DataType::kInt8);
  graph->tensors[0].type = DataType::kUInt8;
  graph->tensors[1].type = DataType::kFloat32;
  const Verdict verdict = CheckFirst(*graph);
  EXPECT_TRUE(HasReason(verdict, ReasonCode::kUnsupportedInputType)) << Reasons(verdict);
  EXPECT_TRUE(HasReason(verdict, ReasonCode::kUnsupportedOutputType)) << Reasons(verdict);
}

}  // namespace
}  // namespace npu::test
