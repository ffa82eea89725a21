// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

struct PadCase {
  Index shape;
  Index paddings;  // before, after per dimension
  DataType type = DataType::kInt8;
  int64_t zero_point = 0;
  std::optional<int> value = std::nullopt;
  bool wide = false;
};

std::shared_ptr<Graph> PadGraph(const PadCase& c) {
  GraphBuilder b;
  const int in = b.Input(c.type, c.shape, 0.5f, c.zero_point);
  const Index matrix = {static_cast<int32_t>(c.shape.size()), 2};
  const std::vector<int64_t> wide(c.paddings.begin(), c.paddings.end());
  const int paddings =
      c.wide ? b.Constant(DataType::kInt64, matrix, wide) : b.Constant(DataType::kInt32, matrix, c.paddings);
  std::vector<int> inputs = {in, paddings};
  if (c.value) {
    inputs.push_back(
        b.Constant<int8_t>(c.type, {}, {static_cast<int8_t>(*c.value)}, PerTensor(0.5f, c.zero_point)));
  }
  const int out = b.Tensor(c.type, {}, 0.5f, c.zero_point);
  b.Op(c.value ? OpKind::kPadv2 : OpKind::kPad, inputs, {out}, NoParams{});
  return b.Build({out});
}

void ExpectPadded(const PadCase& c) {
  SCOPED_TRACE(ShapeString(c.shape) + " by " + ShapeString(c.paddings));
  const auto graph = PadGraph(c);
  ExpectMoves(graph, 3, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
    Index shape = c.shape;
    for (size_t d = 0; d < shape.size(); ++d) shape[d] += c.paddings[2 * d] + c.paddings[2 * d + 1];
    ASSERT_EQ(graph->tensors[graph->outputs[0]].shape, shape);
    const auto frame = static_cast<std::byte>(c.value ? *c.value : static_cast<int>(c.zero_point));
    for (const Index& index : AllIndices(shape)) {
      Index source = index;
      bool inside = true;
      for (size_t d = 0; d < shape.size(); ++d) {
        source[d] -= c.paddings[2 * d];
        inside = inside && source[d] >= 0 && source[d] < c.shape[d];
      }
      ASSERT_EQ(out[0][Flat(shape, index)], inside ? in[0][Flat(c.shape, source)] : frame)
          << ShapeString(index);
    }
  });
}

TEST(PadTest, ImageStyle) {
  for (const int32_t channels : {1, 3, 17, 33}) {
    ExpectPadded({{1, 7, 9, channels}, {0, 0, 0, 1, 0, 1, 0, 0}, DataType::kInt8, -128});
    ExpectPadded({{2, 5, 3, channels}, {0, 0, 1, 1, 2, 0, 0, 0}, DataType::kUInt8, 255});
  }
}

TEST(PadTest, EveryRankAndDimension) {
  ExpectPadded({{17}, {3, 5}, DataType::kInt8, 127});
  ExpectPadded({{3, 17}, {1, 0, 0, 2}, DataType::kInt8, -1});
  ExpectPadded({{3, 1, 5}, {0, 2, 1, 1, 3, 0}, DataType::kUInt8, 0});
  ExpectPadded({{2, 3, 5, 3}, {1, 1, 2, 2, 1, 0, 0, 1}, DataType::kInt8, 5});
  ExpectPadded({{2, 3, 2, 3, 5}, {1, 0, 0, 1, 2, 1, 1, 2, 3, 1}, DataType::kInt8, -7});
}

TEST(PadTest, ZeroPaddingIsACopy) { ExpectPadded({{1, 4, 5, 3}, {0, 0, 0, 0, 0, 0, 0, 0}}); }

TEST(PadTest, Int64Paddings) { ExpectPadded({{3, 5}, {1, 2, 3, 4}, DataType::kInt8, 9, std::nullopt, true}); }

TEST(PadTest, Padv2UsesItsValueAsItIs) {
  for (const int value : {-128, -1, 0, 127}) {
    ExpectPadded({{1, 3, 5, 3}, {0, 0, 1, 2, 2, 1, 0, 1}, DataType::kInt8, 4, value});
  }
  ExpectPadded({{1, 3, 5, 3}, {0, 0, 1, 2, 2, 1, 0, 1}, DataType::kUInt8, 4, 255});
}

TEST(PadTest, LargeEnoughForManyWorkItems) {
  ExpectPadded({{1, 63, 65, 35}, {0, 0, 0, 1, 1, 0, 0, 0}, DataType::kInt8, -128});
}

TEST(PadTest, RefusesHostilePaddings) {
  for (const Index& paddings :
       {Index{0, 0, -1, 0}, Index{0, 0, 0, INT32_MIN}, Index{INT32_MAX, INT32_MAX, 0, 0},
        Index{0, INT32_MAX, 0, 0}, Index{100000, 0, 100000, 0}}) {
    auto graph = PadGraph({{3, 5}, paddings});
    EXPECT_NE(InferError(*graph), "") << ShapeString(paddings);
    EXPECT_FALSE(CheckFirst(*graph).eligible()) << ShapeString(paddings);
  }
  auto rank6 = PadGraph({{1, 1, 1, 1, 1, 2}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}});
  EXPECT_TRUE(HasReason(CheckFirst(*rank6), ReasonCode::kUnsupportedOperandRank));
  auto short_matrix = PadGraph({{3, 5}, {0, 0, 0, 0}});
  short_matrix->tensors[1].shape = {4, 1};
  EXPECT_NE(InferError(*short_matrix), "");
}

TEST(PadTest, ValueMustHaveTheOutputsQuantization) {
  auto graph = PadGraph({{3, 5}, {0, 1, 0, 1}, DataType::kInt8, 4, 7});
  graph->tensors[2].quantization = PerTensor(0.25f, 4);
  EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kNotRestrictedScaleCompliant));
  graph->tensors[2].quantization = PerTensor(0.5f, 4);
  EXPECT_TRUE(CheckFirst(*graph).eligible()) << Reasons(CheckFirst(*graph));
  graph->tensors[2].data = {};
  EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kOperandNotConstant));
}

TEST(PadTest, SaysEveryFailedRule) {
  auto graph = PadGraph({{3, 5}, {0, 1, -2, 1}});
  graph->tensors[0].type = DataType::kFloat32;
  const Verdict verdict = CheckFirst(*graph);
  EXPECT_TRUE(HasReason(verdict, ReasonCode::kInvalidArgument)) << Reasons(verdict);
  EXPECT_TRUE(HasReason(verdict, ReasonCode::kUnsupportedInputType)) << Reasons(verdict);
}

}  // namespace
}  // namespace npu::test
