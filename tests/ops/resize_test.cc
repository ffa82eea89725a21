// RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR: values by hand, OpenCL against the reference, Check's reasons.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/inference.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"

namespace npu::test {
namespace {

constexpr ResizeParams kCorner{};
constexpr ResizeParams kAlign{.align_corners = true};
constexpr ResizeParams kHalfPixel{.half_pixel_centers = true};

std::shared_ptr<Graph> MakeGraph(OpKind kind, DataType type, std::vector<int32_t> shape,
                                 std::vector<int32_t> size, ResizeParams params) {
  GraphBuilder b;
  const int in = b.Input(type, std::move(shape), 0.1f, 3);
  const int size_tensor = b.Ints(size);
  const int out = b.Tensor(type, {}, 0.1f, 3);
  b.Op(kind, {in, size_tensor}, {out}, params);
  return b.Build({out});
}

// Resizes one row of pixels to `width`.
template <typename T>
std::vector<int> Row(OpKind kind, const std::vector<T>& values, int32_t width, ResizeParams params) {
  Bytes input(values.size());
  for (size_t i = 0; i < values.size(); ++i) input[i] = static_cast<std::byte>(values[i]);
  const DataType type = std::is_signed_v<T> ? DataType::kInt8 : DataType::kUInt8;
  const auto result = RunGraph(
      *MakeCpuBackend(),
      MakeGraph(kind, type, {1, 1, static_cast<int32_t>(values.size()), 1}, {1, width}, params), {input});
  if (!result) {
    ADD_FAILURE() << result.error().text;
    return {};
  }
  std::vector<int> output;
  for (const std::byte byte : (*result)[0]) output.push_back(static_cast<T>(byte));
  return output;
}

TEST(ResizeTest, NearestPicksFloorOrRoundOfThePosition) {
  const std::vector<int8_t> in{-1, -2, -3, -4};
  const auto run = [&](int width, ResizeParams params) {
    return Row(OpKind::kResizeNearestNeighbor, in, width, params);
  };
  EXPECT_EQ(run(8, kCorner), (std::vector<int>{-1, -1, -2, -2, -3, -3, -4, -4}));
  EXPECT_EQ(run(2, kCorner), (std::vector<int>{-1, -3}));
  EXPECT_EQ(run(2, kHalfPixel), (std::vector<int>{-2, -4}));
  EXPECT_EQ(run(2, kAlign), (std::vector<int>{-1, -4}));
  EXPECT_EQ(run(1, kAlign), (std::vector<int>{-1}));
  // Positions 0, 0.5, 1, ... 3: halves round up.
  EXPECT_EQ(run(7, kAlign), (std::vector<int>{-1, -2, -2, -3, -3, -4, -4}));
}

TEST(ResizeTest, BilinearInt8RoundsHalvesAwayFromZero) {
  const auto run = [](std::vector<int8_t> in, int width, ResizeParams params) {
    return Row(OpKind::kResizeBilinear, in, width, params);
  };
  EXPECT_EQ(run({0, 1}, 3, kAlign), (std::vector<int>{0, 1, 1}));
  EXPECT_EQ(run({0, -1}, 3, kAlign), (std::vector<int>{0, -1, -1}));
  EXPECT_EQ(run({-128, 127}, 4, kCorner), (std::vector<int>{-128, -1, 127, 127}));  // -0.5 in the middle
  // Half pixels: positions -0.25, 0.25, 0.75, 1.25; the outer ones repeat the edge.
  EXPECT_EQ(run({-100, 100}, 4, kHalfPixel), (std::vector<int>{-100, -50, 50, 100}));
}

TEST(ResizeTest, BilinearInt8UsesScalesOfTenBits) {
  // 3 -> 7: scale 439 / 1024, not 3 / 7; position 5 is 2195 / 1024 = 2.14, past the last pixel.
  EXPECT_EQ(Row<int8_t>(OpKind::kResizeBilinear, {0, 100, -100}, 7, kCorner),
            (std::vector<int>{0, 43, 86, 43, -43, -100, -100}));
}

TEST(ResizeTest, BilinearUInt8RoundsHalvesUp) {
  const auto run = [](std::vector<uint8_t> in, int width, ResizeParams params) {
    return Row(OpKind::kResizeBilinear, in, width, params);
  };
  EXPECT_EQ(run({0, 1}, 3, kAlign), (std::vector<int>{0, 1, 1}));
  EXPECT_EQ(run({0, 255}, 4, kCorner), (std::vector<int>{0, 128, 255, 255}));
  EXPECT_EQ(run({255, 255, 255}, 7, kHalfPixel), (std::vector<int>(7, 255)));
  EXPECT_EQ(run({10, 20, 40}, 2, kHalfPixel), (std::vector<int>{13, 35}));  // 0.25 and 1.75
}

TEST(ResizeTest, OpenClMatchesReference) {
  const std::vector<std::array<int32_t, 4>> sizes{{6, 5, 12, 10},  {7, 3, 3, 7}, {1, 1, 4, 5},
                                                  {8, 9, 1, 1},    {4, 4, 4, 4}, {5, 3, 40, 2},
                                                  {13, 11, 37, 29}};
  uint32_t seed = 1;
  for (const OpKind kind : {OpKind::kResizeBilinear, OpKind::kResizeNearestNeighbor}) {
    for (const DataType type : {DataType::kInt8, DataType::kUInt8}) {
      for (const ResizeParams& params : {kCorner, kAlign, kHalfPixel}) {
        for (const auto& [in_h, in_w, out_h, out_w] : sizes) {
          const int channels = std::array{1, 3, 16, 17, 33}[seed % 5];
          SCOPED_TRACE(testing::Message()
                       << GetOpInfo(kind).name << " " << DataTypeName(type) << " " << in_h << "x" << in_w
                       << " to " << out_h << "x" << out_w << " channels " << channels);
          ExpectOpenClMatchesReference(
              MakeGraph(kind, type, {1 + static_cast<int32_t>(seed % 2), in_h, in_w, channels},
                        {out_h, out_w}, params),
              seed);
          ++seed;
          if (testing::Test::IsSkipped()) return;
        }
      }
    }
  }
}

TEST(ResizeTest, CheckNamesEveryFailedRule) {
  const auto checked = [](ResizeParams params, auto change) {
    const auto graph = MakeGraph(OpKind::kResizeBilinear, DataType::kInt8, {1, 4, 4, 8}, {8, 8}, params);
    InferShapes(*graph);
    change(*graph);
    std::vector<ReasonCode> codes;
    const Verdict verdict = CheckNpu(*graph, graph->ops[0]);
    for (const Reason& reason : verdict.reasons()) codes.push_back(reason.code);
    return codes;
  };
  using Codes = std::vector<ReasonCode>;
  EXPECT_EQ(checked(kCorner, [](Graph&) {}), Codes{});
  EXPECT_EQ(checked({.align_corners = true, .half_pixel_centers = true}, [](Graph&) {}),
            Codes{ReasonCode::kInvalidArgument});
  EXPECT_EQ(checked(kCorner, [](Graph& g) { g.tensors[1].data = {}; }),
            Codes{ReasonCode::kOperandNotConstant});
  EXPECT_EQ(checked(kCorner, [](Graph& g) { g.ops[0].inputs[1] = kNoTensor; }),
            Codes{ReasonCode::kMissingRequiredOperand});
  EXPECT_EQ(checked(kCorner, [](Graph& g) { g.tensors[2].quantization.zero_point[0] = 4; }),
            Codes{ReasonCode::kNotRestrictedScaleCompliant});
  EXPECT_EQ(checked(kCorner, [](Graph& g) { g.tensors[2].shape[1] = 9; }), Codes{ReasonCode::kShapeMismatch});
  EXPECT_EQ(checked(kCorner,
                    [](Graph& g) {
                      g.tensors[0].shape = {4, 4, 8};
                      g.tensors[2].quantization.scale[0] = 0.2f;
                    }),
            (Codes{ReasonCode::kNotRestrictedScaleCompliant, ReasonCode::kUnsupportedOperandRank}));
}

// 5 -> 3413: the scale 1.5002 / 1024 becomes 2 / 1024, and TFLite reads pixel 6 of 5.
TEST(ResizeTest, CheckRefusesPositionsBeyondTheImage) {
  const auto reasons = [](DataType type, int32_t width) {
    const auto graph = MakeGraph(OpKind::kResizeBilinear, type, {1, 1, 5, 1}, {1, width}, kCorner);
    EXPECT_EQ(InferShapes(*graph).errors[0], "");
    return CheckNpu(*graph, graph->ops[0]).reasons().size();
  };
  EXPECT_EQ(reasons(DataType::kInt8, 3413), 1u);
  EXPECT_EQ(reasons(DataType::kUInt8, 3413), 0u);
  EXPECT_EQ(reasons(DataType::kInt8, 2560), 0u);
}

TEST(ResizeTest, InferRefusesSizesThatAreNone) {
  const auto error = [](std::vector<int32_t> size, std::vector<int32_t> shape = {1, 4, 4, 1}) {
    const auto graph =
        MakeGraph(OpKind::kResizeNearestNeighbor, DataType::kInt8, std::move(shape), std::move(size), {});
    return InferShapes(*graph).errors[0];
  };
  EXPECT_EQ(error({2, 3}), "");
  EXPECT_NE(error({0, 3}), "");
  EXPECT_NE(error({2, -1}), "");
  EXPECT_NE(error({2}), "");
  EXPECT_NE(error({2, 3, 4}), "");
  EXPECT_NE(error({2, 3}, {4, 4, 1}), "");
  EXPECT_NE(error({2147483647, 2147483647}), "");
}

}  // namespace
}  // namespace npu::test
