// MEAN: values by hand, OpenCL against the reference over axes and scales, and every reason of Check.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/inference.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"

namespace npu::test {
namespace {

struct Case {
  DataType type = DataType::kInt8;
  std::vector<int32_t> shape = {};
  std::vector<int32_t> axes = {};
  bool keep_dims = false;
  float scale_in = 0.1f, scale_out = 0.1f;
  int64_t zero_point_in = 0, zero_point_out = 0;
};

std::shared_ptr<Graph> MakeGraph(const Case& c) {
  GraphBuilder b;
  const int in = b.Input(c.type, c.shape, c.scale_in, c.zero_point_in);
  const int axes = b.Ints(c.axes);
  const int out = b.Tensor(c.type, {}, c.scale_out, c.zero_point_out);
  b.Op(OpKind::kMean, {in, axes}, {out}, ReducerParams{.keep_dims = c.keep_dims});
  return b.Build({out});
}

template <typename T>
std::vector<int> Compute(const Case& c, const std::vector<T>& values) {
  Bytes input(values.size());
  for (size_t i = 0; i < values.size(); ++i) input[i] = static_cast<std::byte>(values[i]);
  const auto result = RunGraph(*MakeCpuBackend(), MakeGraph(c), {input});
  if (!result) {
    ADD_FAILURE() << result.error().text;
    return {};
  }
  std::vector<int> output;
  for (const std::byte byte : (*result)[0]) output.push_back(static_cast<T>(byte));
  return output;
}

// Values of LiteRT 2.3 BUILTIN_REF. The high multiply rounds halves up (-0.5 to 0, -1.5 to -1), the shift
// after it, which four values need and two do not, rounds them away from zero (-1.5 to -2).
TEST(MeanTest, RoundsTiesTwice) {
  Case c{.shape = {4, 2}, .axes = {1}};
  const std::vector<int8_t> pairs{1, 2, -1, -2, 127, 126, -128, -127};
  EXPECT_EQ(Compute(c, pairs), (std::vector<int>{2, -1, 127, -127}));
  // Zero point 2: the centred sums are -1, -7, 249 and -259.
  c.zero_point_in = c.zero_point_out = 2;
  EXPECT_EQ(Compute(c, pairs), (std::vector<int>{2, -1, 127, -127}));
  const std::vector<int8_t> fours{1, 1, 1, -1, -1, -1, -1, 1, -1, -2, -3, 0, 1, 2, 3, 0};
  EXPECT_EQ(Compute({.shape = {4, 4}, .axes = {1}}, fours), (std::vector<int>{1, -1, -2, 2}));
}

TEST(MeanTest, DividesByThreeWithATruncatedMultiplier) {
  const Case c{.type = DataType::kUInt8, .shape = {3, 3}, .axes = {-1}};
  EXPECT_EQ(Compute<uint8_t>(c, {255, 255, 255, 1, 1, 2, 1, 2, 2}), (std::vector<int>{255, 1, 2}));
}

TEST(MeanTest, RequantizesAndSaturates) {
  Case c{.shape = {2, 2}, .axes = {1}, .scale_in = 0.5f, .scale_out = 0.25f, .zero_point_out = 10};
  EXPECT_EQ(Compute<int8_t>(c, {10, 20, -100, -100}), (std::vector<int>{40, -128}));
  c.scale_out = 2.0f;
  EXPECT_EQ(Compute<int8_t>(c, {10, 20, -100, -100}), (std::vector<int>{14, -15}));
}

TEST(MeanTest, ReducesTheNamedAxes) {
  Case c{.shape = {1, 2, 2, 2}, .axes = {1, 2}};
  const std::vector<int8_t> values{0, 10, 2, 12, 4, 14, 6, 16};
  EXPECT_EQ(Compute(c, values), (std::vector<int>{3, 13}));
  c.axes = {3};
  EXPECT_EQ(Compute(c, values), (std::vector<int>{5, 7, 9, 11}));
  c.axes = {-3, 1, -1};
  EXPECT_EQ(Compute(c, values), (std::vector<int>{7, 9}));
  c.axes = {0, 1, 2, 3};
  EXPECT_EQ(Compute(c, values), (std::vector<int>{8}));
  c.axes = {};
  EXPECT_EQ(Compute(c, values), (std::vector<int>{0, 10, 2, 12, 4, 14, 6, 16}));
}

TEST(MeanTest, InfersShapes) {
  const auto shape = [](std::vector<int32_t> axes, bool keep_dims) {
    const auto graph = MakeGraph({.shape = {2, 3, 4, 5}, .axes = std::move(axes), .keep_dims = keep_dims});
    const auto result = InferShapes(*graph);
    EXPECT_EQ(result.errors[0], "");
    return graph->tensors[2].shape;
  };
  using Shape = std::vector<int32_t>;
  EXPECT_EQ(shape({1, 2}, false), (Shape{2, 5}));
  EXPECT_EQ(shape({1, 2}, true), (Shape{2, 1, 1, 5}));
  EXPECT_EQ(shape({-1, -1, 3}, false), (Shape{2, 3, 4}));
  EXPECT_EQ(shape({0, 1, 2, 3}, false), Shape{});
  EXPECT_EQ(shape({}, true), (Shape{2, 3, 4, 5}));
}

TEST(MeanTest, OpenClMatchesReferenceOverEverySetOfAxes) {
  uint32_t seed = 1;
  const std::vector<std::vector<int32_t>> shapes{{19}, {5, 35}, {3, 4, 17}, {2, 5, 3, 33}, {2, 3, 2, 5, 16}};
  for (const auto& shape : shapes) {
    for (uint32_t set = 0; set < 1u << shape.size(); ++set) {
      Case c{.type = seed % 2 ? DataType::kInt8 : DataType::kUInt8, .shape = shape};
      for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis) {
        if (set >> axis & 1) c.axes.push_back(seed % 3 ? axis : axis - static_cast<int>(shape.size()));
      }
      c.keep_dims = seed % 5 < 2;
      c.zero_point_in = seed % 4 == 0 ? 127 : 3;
      SCOPED_TRACE(testing::Message() << "rank " << shape.size() << " axes set " << set);
      ExpectOpenClMatchesReference(MakeGraph(c), seed++);
      if (testing::Test::IsSkipped()) return;
    }
  }
}

TEST(MeanTest, OpenClMatchesReferenceOverScalesAndZeroPoints) {
  uint32_t seed = 1;
  for (const DataType type : {DataType::kInt8, DataType::kUInt8}) {
    const int64_t low = type == DataType::kInt8 ? -128 : 0;
    for (const float ratio : {1e-6f, 0.01f, 0.37f, 1.0f, 1.9f, 2.0f, 41.0f, 1e6f}) {
      for (const int64_t zero_point_in : {0, 100, 255}) {
        for (const int channels : {1, 3, 16, 17}) {
          ExpectOpenClMatchesReference(MakeGraph({.type = type,
                                                  .shape = {2, 7, 6, channels},
                                                  .axes = {1, 2},
                                                  .scale_in = 0.02f * ratio,
                                                  .scale_out = 0.02f,
                                                  .zero_point_in = zero_point_in + low,
                                                  .zero_point_out = 255 - zero_point_in + low}),
                                       seed++);
          if (testing::Test::IsSkipped()) return;
        }
      }
    }
  }
}

TEST(MeanTest, OpenClMatchesReferenceForLongSums) {
  for (const DataType type : {DataType::kInt8, DataType::kUInt8}) {
    const int64_t zero_point = type == DataType::kInt8 ? -128 : 255;
    // 2^23 values, the most there may be, and a count that 16 does not divide.
    ExpectOpenClMatchesReference(
        MakeGraph({.type = type, .shape = {1 << 23}, .axes = {0}, .zero_point_in = zero_point}));
    ExpectOpenClMatchesReference(
        MakeGraph({.type = type, .shape = {1, 251, 257, 5}, .axes = {1, 2}, .zero_point_in = zero_point}));
  }
}

TEST(MeanTest, CheckNamesEveryFailedRule) {
  const auto checked = [](const Case& c, auto change) {
    const auto graph = MakeGraph(c);
    InferShapes(*graph);
    change(*graph);
    std::vector<ReasonCode> codes;
    const Verdict verdict = CheckNpu(*graph, graph->ops[0]);
    for (const Reason& reason : verdict.reasons()) codes.push_back(reason.code);
    return codes;
  };
  const Case good{.shape = {1, 4, 4, 8}, .axes = {1, 2}};
  using Codes = std::vector<ReasonCode>;
  EXPECT_EQ(checked(good, [](Graph&) {}), Codes{});
  EXPECT_EQ(checked(good, [](Graph& g) { g.tensors[2].shape = {1, 4}; }), Codes{ReasonCode::kShapeMismatch});
  EXPECT_EQ(checked(good, [](Graph& g) { g.tensors[1].data = {}; }), Codes{ReasonCode::kOperandNotConstant});
  EXPECT_EQ(checked(good, [](Graph& g) { g.tensors[0].quantization.scale[0] = 1e6f; }),
            Codes{ReasonCode::kUnsupportedQuantizationParameters});
  EXPECT_EQ(checked(good, [](Graph& g) { g.tensors[0].quantization = {}; }),
            Codes{ReasonCode::kUnsupportedQuantizationType});
  EXPECT_EQ(checked(good, [](Graph& g) { g.ops[0].inputs[1] = kNoTensor; }),
            Codes{ReasonCode::kMissingRequiredOperand});
  EXPECT_EQ(checked({.shape = {1, 1, 1, 1, 1, 1}, .axes = {1}}, [](Graph&) {}),
            Codes{ReasonCode::kUnsupportedOperandRank});
  EXPECT_EQ(checked({.shape = {1 << 12, (1 << 11) + 1}, .axes = {0, 1}}, [](Graph&) {}),
            Codes{ReasonCode::kInvalidArgument});
  EXPECT_EQ(checked({.shape = {0, 4}, .axes = {0}}, [](Graph&) {}),
            Codes{ReasonCode::kUnsupportedOperandSize});
}

TEST(MeanTest, InferRefusesAxesOutsideTheInput) {
  const auto error = [](std::vector<int32_t> axes) {
    const auto graph = MakeGraph({.shape = {2, 3}, .axes = std::move(axes), .keep_dims = false});
    return InferShapes(*graph).errors[0];
  };
  EXPECT_EQ(error({-2, 1}), "");
  EXPECT_NE(error({2}), "");
  EXPECT_NE(error({-3}), "");
  EXPECT_NE(error({0, 2147483647}), "");
  EXPECT_NE(error({-2147483647 - 1}), "");
}

// Integer MEAN of constants reaches Reference at plan time: an error, not a wrong result.
TEST(MeanTest, IntegerConstantsAreLeftAlone) {
  GraphBuilder b;
  const int in = b.Ints({1, 2, 3});
  const int axes = b.Ints({0});
  const int out = b.Tensor(DataType::kInt32, {});
  b.Op(OpKind::kMean, {in, axes}, {out}, ReducerParams{});
  const auto graph = b.Build({out});
  const InferenceResult result = InferShapes(*graph);
  EXPECT_FALSE(result.evaluated[0]);
  EXPECT_FALSE(graph->tensors[out].is_constant());
}

}  // namespace
}  // namespace npu::test
