// AVERAGE_POOL_2D and MAX_POOL_2D: values by hand, OpenCL against the reference, and every reason of Check.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/inference.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"

namespace npu::test {
namespace {

constexpr float kScale = 0.05f;

struct Case {
  DataType type = DataType::kInt8;
  std::vector<int32_t> shape;
  Pool2DParams params;
  int64_t zero_point = 0;
};

std::shared_ptr<Graph> MakeGraph(OpKind kind, const Case& c) {
  GraphBuilder b;
  const int in = b.Input(c.type, c.shape, kScale, c.zero_point);
  const int out = b.Tensor(c.type, {}, kScale, c.zero_point);
  b.Op(kind, {in}, {out}, c.params);
  return b.Build({out});
}

template <typename T>
std::vector<int> Compute(OpKind kind, const Case& c, const std::vector<T>& values) {
  Bytes input(values.size());
  for (size_t i = 0; i < values.size(); ++i) input[i] = static_cast<std::byte>(values[i]);
  const auto result = RunGraph(*MakeCpuBackend(), MakeGraph(kind, c), {input});
  if (!result) {
    ADD_FAILURE() << result.error().text;
    return {};
  }
  std::vector<int> output;
  for (const std::byte byte : (*result)[0]) output.push_back(static_cast<T>(byte));
  return output;
}

Case Window(DataType type, std::vector<int32_t> shape, Padding padding, int filter_h, int filter_w,
            int stride, Activation activation = Activation::kNone, int64_t zero_point = 0) {
  return {type,
          std::move(shape),
          {.padding = padding,
           .stride_h = stride,
           .stride_w = stride,
           .filter_h = filter_h,
           .filter_w = filter_w,
           .activation = activation},
          zero_point};
}

TEST(PoolTest, AverageRoundsTiesAwayFromZero) {
  const Case pairs = Window(DataType::kInt8, {1, 1, 12, 1}, Padding::kValid, 1, 2, 2);
  // Sums -3, -1, 1, 3, 0 and -255 of two: -1.5, -0.5, 0.5, 1.5, 0, -127.5.
  EXPECT_EQ(Compute<int8_t>(OpKind::kAveragePool2D, pairs, {-1, -2, -1, 0, 1, 0, 1, 2, 5, -5, -128, -127}),
            (std::vector<int>{-2, -1, 1, 2, 0, -128}));
  const Case fours = Window(DataType::kInt8, {1, 2, 2, 1}, Padding::kValid, 2, 2, 2);
  EXPECT_EQ(Compute<int8_t>(OpKind::kAveragePool2D, fours, {-1, -2, -3, 0}), (std::vector<int>{-2}));  // -1.5
  EXPECT_EQ(Compute<int8_t>(OpKind::kAveragePool2D, fours, {-1, -2, -2, 0}),
            (std::vector<int>{-1}));  // -1.25
  EXPECT_EQ(Compute<uint8_t>(OpKind::kAveragePool2D,
                             Window(DataType::kUInt8, {1, 1, 4, 1}, Padding::kValid, 1, 2, 2),
                             {127, 126, 255, 254}),
            (std::vector<int>{127, 255}));  // 126.5, 254.5
}

TEST(PoolTest, PaddingIsNotCounted) {
  const Case same = Window(DataType::kInt8, {1, 3, 3, 1}, Padding::kSame, 3, 3, 2);
  // Corners of 3x3 with stride 2: four windows of 2x2 values.
  EXPECT_EQ(Compute<int8_t>(OpKind::kAveragePool2D, same, {10, 20, 30, 40, 50, 60, 70, 80, 90}),
            (std::vector<int>{30, 40, 60, 70}));
  EXPECT_EQ(Compute<int8_t>(OpKind::kMaxPool2D, same, {-10, -20, -30, -40, -50, -60, -70, -80, -90}),
            (std::vector<int>{-10, -20, -40, -50}));
}

TEST(PoolTest, SamePaddingPutsTheOddPixelBehind) {
  // 4 wide, filter 3, stride 2: one pixel of padding in all, floor(1 / 2) = 0 of it before.
  const Case same = Window(DataType::kInt8, {1, 1, 4, 1}, Padding::kSame, 1, 3, 2);
  EXPECT_EQ(Compute<int8_t>(OpKind::kAveragePool2D, same, {3, 6, 9, 20}), (std::vector<int>{6, 15}));
}

TEST(PoolTest, ActivationClampsInQuantizedValues) {
  // scale 0.05, zero point -10: 0 is -10, 6 is 110, -1 is -30, 1 is 10.
  const std::vector<int8_t> values{-128, -20, 0, 127};
  const auto run = [&](OpKind kind, Activation activation) {
    return Compute<int8_t>(
        kind, Window(DataType::kInt8, {1, 1, 4, 1}, Padding::kValid, 1, 1, 1, activation, -10), values);
  };
  for (const OpKind kind : {OpKind::kAveragePool2D, OpKind::kMaxPool2D}) {
    EXPECT_EQ(run(kind, Activation::kNone), (std::vector<int>{-128, -20, 0, 127}));
    EXPECT_EQ(run(kind, Activation::kRelu), (std::vector<int>{-10, -10, 0, 127}));
    EXPECT_EQ(run(kind, Activation::kRelu6), (std::vector<int>{-10, -10, 0, 110}));
    EXPECT_EQ(run(kind, Activation::kReluN1To1), (std::vector<int>{-30, -20, 0, 10}));
  }
}

TEST(PoolTest, OpenClMatchesReferenceOverWindows) {
  uint32_t seed = 1;
  for (const OpKind kind : {OpKind::kAveragePool2D, OpKind::kMaxPool2D}) {
    for (const DataType type : {DataType::kInt8, DataType::kUInt8}) {
      for (const int channels : {1, 3, 16, 17, 33}) {
        for (const Padding padding : {Padding::kSame, Padding::kValid}) {
          const auto [filter_h, filter_w, stride] =
              std::array<std::array<int, 3>, 4>{{{2, 2, 2}, {3, 3, 1}, {1, 5, 3}, {5, 4, 2}}}[seed % 4];
          Case c = Window(type, {2, 9, 7, channels}, padding, filter_h, filter_w, stride);
          c.params.stride_w = 1 + static_cast<int>(seed % 3);
          SCOPED_TRACE(testing::Message()
                       << GetOpInfo(kind).name << " channels " << channels << " seed " << seed);
          ExpectOpenClMatchesReference(MakeGraph(kind, c), seed++);
          if (testing::Test::IsSkipped()) return;
        }
      }
    }
  }
}

TEST(PoolTest, OpenClMatchesReferenceWithActivationsAndZeroPoints) {
  for (const OpKind kind : {OpKind::kAveragePool2D, OpKind::kMaxPool2D}) {
    for (const DataType type : {DataType::kInt8, DataType::kUInt8}) {
      for (const Activation activation :
           {Activation::kNone, Activation::kRelu, Activation::kReluN1To1, Activation::kRelu6}) {
        for (const int zero_point : {0, 128, 255}) {
          const int shift = type == DataType::kInt8 ? -128 : 0;
          ExpectOpenClMatchesReference(MakeGraph(
              kind, Window(type, {1, 5, 5, 19}, Padding::kSame, 3, 3, 1, activation, zero_point + shift)));
          if (testing::Test::IsSkipped()) return;
        }
      }
    }
  }
}

TEST(PoolTest, OpenClMatchesReferenceForWindowsLargerThanTheImage) {
  for (const OpKind kind : {OpKind::kAveragePool2D, OpKind::kMaxPool2D}) {
    for (const DataType type : {DataType::kInt8, DataType::kUInt8}) {
      for (const int channels : {2, 20}) {
        // The whole image, more than it, strides past it; 13x13 and 14x13 lie on both sides of the
        // reciprocal.
        ExpectOpenClMatchesReference(
            MakeGraph(kind, Window(type, {1, 7, 7, channels}, Padding::kValid, 7, 7, 1)));
        ExpectOpenClMatchesReference(
            MakeGraph(kind, Window(type, {2, 3, 4, channels}, Padding::kSame, 9, 11, 2)));
        ExpectOpenClMatchesReference(
            MakeGraph(kind, Window(type, {1, 3, 3, channels}, Padding::kSame, 1, 1, 100)));
        ExpectOpenClMatchesReference(
            MakeGraph(kind, Window(type, {1, 15, 14, channels}, Padding::kValid, 13, 13, 1)));
        ExpectOpenClMatchesReference(
            MakeGraph(kind, Window(type, {1, 16, 14, channels}, Padding::kValid, 14, 13, 1)));
        ExpectOpenClMatchesReference(
            MakeGraph(kind, Window(type, {1, 40, 41, channels}, Padding::kSame, 39, 40, 17)));
        ExpectOpenClMatchesReference(
            MakeGraph(kind, Window(type, {1, 1, 70000, channels}, Padding::kSame, 1, 65535, 65535)));
        if (testing::Test::IsSkipped()) return;
      }
    }
  }
}

// Every int8 tie of a 2x1 window: the vector path's reciprocal and sign handling, all 256 x 256 sums of two.
TEST(PoolTest, OpenClAverageIsExactForEveryPairOfValues) {
  Backend* device = TestDevice();
  if (device == nullptr) GTEST_SKIP() << "no OpenCL device";
  for (const DataType type : {DataType::kInt8, DataType::kUInt8}) {
    const auto graph =
        MakeGraph(OpKind::kAveragePool2D, Window(type, {1, 2, 256, 256}, Padding::kValid, 2, 1, 1));
    Bytes input(2 * 256 * 256);
    for (size_t i = 0; i < 256 * 256; ++i) {
      input[i] = static_cast<std::byte>(i);
      input[256 * 256 + i] = static_cast<std::byte>(i >> 8);
    }
    const auto actual = RunGraph(*device, graph, {input});
    ASSERT_TRUE(actual) << actual.error().text;
    int differing = 0;
    for (int i = 0; i < 256 * 256; ++i) {
      const auto value = [&](int byte) { return type == DataType::kInt8 ? int8_t(byte) : uint8_t(byte); };
      const int sum = value(i & 255) + value(i >> 8);
      const int expected = (sum + (sum > 0) - (sum < 0)) / 2;
      differing += expected != value(std::to_integer<int>((*actual)[0][i]));
    }
    EXPECT_EQ(differing, 0);
  }
}

std::vector<ReasonCode> Reasons(const std::shared_ptr<Graph>& graph) {
  std::vector<ReasonCode> codes;
  const Verdict verdict = CheckNpu(*graph, graph->ops[0]);
  for (const Reason& reason : verdict.reasons()) codes.push_back(reason.code);
  return codes;
}

TEST(PoolTest, CheckNamesEveryFailedRule) {
  const auto checked = [](const Case& c, auto change) {
    const auto graph = MakeGraph(OpKind::kAveragePool2D, c);
    InferShapes(*graph);
    change(*graph);
    return Reasons(graph);
  };
  const Case good = Window(DataType::kInt8, {1, 4, 4, 8}, Padding::kSame, 2, 2, 2);
  using Codes = std::vector<ReasonCode>;
  EXPECT_EQ(checked(good, [](Graph&) {}), Codes{});
  EXPECT_EQ(checked(good, [](Graph& g) { g.tensors[1].quantization.scale[0] = 0.06f; }),
            Codes{ReasonCode::kNotRestrictedScaleCompliant});
  EXPECT_EQ(checked(good, [](Graph& g) { g.tensors[0].type = g.tensors[1].type = DataType::kInt32; }),
            (Codes{ReasonCode::kUnsupportedInputType, ReasonCode::kUnsupportedOutputType}));
  EXPECT_EQ(checked(good, [](Graph& g) { g.tensors[1].shape[1] = 3; }), Codes{ReasonCode::kShapeMismatch});
  EXPECT_EQ(checked(good,
                    [](Graph& g) {
                      g.tensors[0].shape = {4, 4, 8};
                    }),
            Codes{ReasonCode::kUnsupportedOperandRank});
  EXPECT_EQ(checked(good, [](Graph& g) { g.tensors[0].shape[3] = 0; }),
            Codes{ReasonCode::kUnsupportedOperandSize});
  // Several at once: all of them are told.
  EXPECT_EQ(checked(good,
                    [](Graph& g) {
                      auto& params = std::get<Pool2DParams>(g.ops[0].params);
                      params.stride_h = 0;
                      params.filter_w = -3;
                      params.activation = Activation::kTanh;
                      g.tensors[1].quantization.zero_point[0] = 5;
                    }),
            (Codes{ReasonCode::kNotRestrictedScaleCompliant, ReasonCode::kInvalidArgument,
                   ReasonCode::kInvalidArgument, ReasonCode::kUnsupportedActivation}));
}

TEST(PoolTest, InferRefusesWhatHasNoOutput) {
  const auto error = [](Padding padding, std::vector<int32_t> shape, int filter, int stride) {
    const auto graph = MakeGraph(OpKind::kMaxPool2D,
                                 Window(DataType::kInt8, std::move(shape), padding, filter, filter, stride));
    return InferShapes(*graph).errors[0];
  };
  EXPECT_EQ(error(Padding::kValid, {1, 4, 4, 1}, 4, 1), "");
  EXPECT_NE(error(Padding::kValid, {1, 4, 4, 1}, 5, 1), "");
  EXPECT_NE(error(Padding::kValid, {1, 4, 4, 1}, 2147483647, 2147483647), "");
  EXPECT_NE(error(Padding::kSame, {1, 0, 4, 1}, 2, 1), "");
  EXPECT_NE(error(Padding::kSame, {1, 4, 4, 1}, 0, 1), "");
  EXPECT_NE(error(Padding::kSame, {1, 4, 4, 1}, 2, -2147483647 - 1), "");
  EXPECT_NE(error(Padding::kSame, {4, 4}, 2, 1), "");
}

}  // namespace
}  // namespace npu::test
