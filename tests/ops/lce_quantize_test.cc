// LceQuantize, LceDequantize and LceBMaxPool2d against signs that are compared one by one, and their rules.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/inference.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

constexpr int32_t kChannels[] = {1, 3, 31, 32, 33, 64, 100, 255};

template <typename T>
Bytes ToBytes(const std::vector<T>& values) {
  Bytes bytes(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

template <typename T>
std::vector<T> Values(const Bytes& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

Bytes RunOp(const std::shared_ptr<Graph>& graph, const Bytes& input) {
  const InferenceResult inferred = InferShapes(*graph);
  EXPECT_EQ(inferred.errors[0], "");
  const Verdict verdict = CheckCpu(*graph, graph->ops[0]);
  EXPECT_TRUE(verdict.eligible()) << verdict.reasons()[0].text << " " << verdict.reasons()[0].actual;
  const auto outputs = RunGraph(*MakeCpuBackend(), graph, {input});
  EXPECT_TRUE(outputs) << outputs.error().text;
  const auto fast = RunGraph(*MakeFastCpuBackend(), graph, {input}, {.threads = 3});
  EXPECT_TRUE(fast);
  if (!outputs || !fast) return {};
  EXPECT_EQ(outputs->at(0), fast->at(0));
  return outputs->at(0);
}

// Checks each bit of a packed tensor of [rows, channels].
template <typename Negative>
void ExpectBits(const Bytes& packed, int32_t rows, int32_t channels, Negative negative) {
  const auto words = Values<uint32_t>(packed);
  const int32_t row_words = (channels + 31) / 32;
  ASSERT_EQ(words.size(), static_cast<size_t>(rows * row_words));
  for (int32_t r = 0; r < rows; ++r) {
    for (int32_t c = 0; c < row_words * 32; ++c) {
      const bool bit = (words[r * row_words + c / 32] >> (c % 32) & 1) != 0;
      ASSERT_EQ(bit, c < channels && negative(r * channels + c)) << "row " << r << " channel " << c;
    }
  }
}

std::shared_ptr<Graph> QuantizeOp(DataType type, std::vector<int32_t> shape, int zero_point = 0) {
  GraphBuilder b;
  const int x = type == DataType::kInt8 ? b.Input(type, shape, 0.5f, zero_point) : b.Input(type, shape);
  const int y = b.Tensor(DataType::kInt32, {});
  b.Op(OpKind::kLceQuantize, {x}, {y});
  return b.Build({y});
}

TEST(LceQuantizeTest, FloatsBelowZero) {
  for (int32_t channels : kChannels) {
    std::vector<float> x;
    for (int v : RandomValues<int>(static_cast<size_t>(6 * channels), 1, -3, 3)) x.push_back(static_cast<float>(v));
    x[0] = -0.0f;
    x[x.size() / 2] = std::numeric_limits<float>::quiet_NaN();
    x[x.size() - 1] = -std::numeric_limits<float>::denorm_min();
    const Bytes bits = RunOp(QuantizeOp(DataType::kFloat32, {2, 3, channels}), ToBytes(x));
    ExpectBits(bits, 6, channels, [&](int32_t i) { return x[i] < 0; });
  }
}

TEST(LceQuantizeTest, Int8BelowItsZeroPoint) {
  for (int32_t channels : kChannels) {
    for (int zero_point : {-128, -1, 0, 5, 127}) {
      const auto x = RandomValues<int8_t>(static_cast<size_t>(4 * channels), 2, -128, 127);
      const Bytes bits = RunOp(QuantizeOp(DataType::kInt8, {4, channels}, zero_point), ToBytes(x));
      ExpectBits(bits, 4, channels, [&](int32_t i) { return x[i] < zero_point; });
    }
  }
}

TEST(LceQuantizeTest, FalseIsMinusOne) {
  for (int32_t channels : kChannels) {
    const auto x = RandomValues<uint8_t>(static_cast<size_t>(5 * channels), 3, 0, 1);
    const Bytes bits = RunOp(QuantizeOp(DataType::kBool, {5, channels}), ToBytes(x));
    ExpectBits(bits, 5, channels, [&](int32_t i) { return x[i] == 0; });
  }
}

std::shared_ptr<Graph> DequantizeOp(DataType type, int32_t channels, float scale = 0, int zero_point = 0) {
  GraphBuilder b;
  const int x = b.Input(DataType::kInt32, {3, (channels + 31) / 32});
  const int y = b.Tensor(type, {3, channels}, scale, zero_point);
  b.Op(OpKind::kLceDequantize, {x}, {y});
  return b.Build({y});
}

template <typename T>
void ExpectDequantized(DataType type, T plus, T minus, float scale = 0, int zero_point = 0) {
  for (int32_t channels : kChannels) {
    const int32_t words = (channels + 31) / 32;
    const auto bits = RandomValues<int32_t>(static_cast<size_t>(3 * words), 4, -2147483647 - 1, 2147483647);
    const auto out = Values<T>(RunOp(DequantizeOp(type, channels, scale, zero_point), ToBytes(bits)));
    ASSERT_EQ(out.size(), static_cast<size_t>(3 * channels));
    for (int32_t i = 0; i < 3 * channels; ++i) {
      const int32_t c = i % channels;
      const auto word = static_cast<uint32_t>(bits[i / channels * words + c / 32]);
      ASSERT_EQ(out[i], (word >> (c % 32) & 1) != 0 ? minus : plus) << i;
    }
  }
}

TEST(LceDequantizeTest, EveryOutputType) {
  ExpectDequantized<float>(DataType::kFloat32, 1.0f, -1.0f);
  ExpectDequantized<uint8_t>(DataType::kBool, 1, 0);
  ExpectDequantized<int8_t>(DataType::kInt8, 44, -42, 0.0235294f, 1);  // round(42.50001) = 43
  ExpectDequantized<int8_t>(DataType::kInt8, 127, -128, 0.001f, 0);    // saturates
  ExpectDequantized<int8_t>(DataType::kInt8, 127, -128, 1e-38f, 5);   // 1 / scale is past every integer
  ExpectDequantized<int8_t>(DataType::kInt8, -7, -7, 3.0f, -7);      // 1 is nothing at that scale
}

std::shared_ptr<Graph> PoolOp(const LceBMaxPool2dParams& params, std::vector<int32_t> shape) {
  GraphBuilder b;
  const int x = b.Input(DataType::kInt32, std::move(shape));
  const int y = b.Tensor(DataType::kInt32, {});
  b.Op(OpKind::kLceBMaxPool2d, {x}, {y}, params);
  return b.Build({y});
}

// The largest sign of a window, bit by bit: -1 only where every pixel inside the image is -1.
TEST(LceBMaxPool2dTest, LargestSignOfEachWindow) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    const auto r = RandomValues<int32_t>(8, seed, 1, 4);
    const LceBMaxPool2dParams params{.filter_h = r[0],
                                     .filter_w = r[1],
                                     .stride_h = r[2],
                                     .stride_w = r[3],
                                     .padding = seed % 2 ? Padding::kSame : Padding::kValid};
    const int32_t n = r[4] % 2 + 1, h = r[5] + 4, w = r[6] + 5, words = r[7];
    const auto graph = PoolOp(params, {n, h, w, words});
    const auto x = RandomValues<int32_t>(static_cast<size_t>(n * h * w * words), seed + 99, -2147483647 - 1, 2147483647);
    const auto out = Values<uint32_t>(RunOp(graph, ToBytes(x)));
    const auto size = [&](int32_t in, int32_t filter, int32_t stride) {
      return seed % 2 ? (in + stride - 1) / stride : (in - filter) / stride + 1;
    };
    const int32_t oh = size(h, params.filter_h, params.stride_h), ow = size(w, params.filter_w, params.stride_w);
    EXPECT_EQ(graph->tensors[1].shape, (std::vector<int32_t>{n, oh, ow, words}));
    const auto before = [&](int32_t out_size, int32_t in, int32_t filter, int32_t stride) {
      return seed % 2 ? std::max((out_size - 1) * stride + filter - in, 0) / 2 : 0;
    };
    const int32_t top = before(oh, h, params.filter_h, params.stride_h);
    const int32_t left = before(ow, w, params.filter_w, params.stride_w);
    for (int32_t i = 0; i < n * oh * ow * words; ++i) {
      const int32_t word = i % words, ox = i / words % ow, oy = i / words / ow % oh, b = i / words / ow / oh;
      for (int bit = 0; bit < 32; ++bit) {
        bool all_negative = true;
        for (int32_t ky = 0; ky < params.filter_h; ++ky) {
          for (int32_t kx = 0; kx < params.filter_w; ++kx) {
            const int32_t y = oy * params.stride_h - top + ky, xx = ox * params.stride_w - left + kx;
            if (y < 0 || y >= h || xx < 0 || xx >= w) continue;
            all_negative = all_negative && (static_cast<uint32_t>(x[((b * h + y) * w + xx) * words + word]) >> bit & 1);
          }
        }
        ASSERT_EQ((out[i] >> bit & 1) != 0, all_negative) << "seed " << seed << " output " << i << " bit " << bit;
      }
    }
  }
}

// A host's kernel forgets all shapes that follow from others and infers them again: this one's channels stay.
TEST(LceDequantizeTest, KeepsItsChannelsWhenShapesAreInferredAnew) {
  const auto graph = DequantizeOp(DataType::kFloat32, 40);
  graph->tensors[0].shape = {7, 2};
  graph->tensors[1].shape_known = false;
  EXPECT_EQ(InferShapes(*graph).errors[0], "");
  EXPECT_EQ(graph->tensors[1].shape, (std::vector<int32_t>{7, 40}));
}

using List = std::vector<ReasonCode>;

TEST(LceRulesTest, NamedByOperand) {
  using enum ReasonCode;
  const auto codes = [](const std::shared_ptr<Graph>& graph) {
    InferShapes(*graph);
    return Codes(CheckCpu(*graph, graph->ops[0]));
  };
  EXPECT_EQ(codes(QuantizeOp(DataType::kInt16, {2, 8})), List{kUnsupportedInputType});
  EXPECT_EQ(codes(DequantizeOp(DataType::kInt8, 40)), List{kUnsupportedQuantizationType});
  const auto wrong_channels = DequantizeOp(DataType::kFloat32, 40);
  wrong_channels->tensors[1].shape = {3, 65};
  EXPECT_NE(InferShapes(*wrong_channels).errors[0], "");
  EXPECT_EQ(Codes(CheckCpu(*wrong_channels, wrong_channels->ops[0])), List{kShapeMismatch});
  for (const LceBMaxPool2dParams& params :
       {LceBMaxPool2dParams{.filter_h = 0}, LceBMaxPool2dParams{.stride_w = 0}, LceBMaxPool2dParams{.stride_h = -1},
        LceBMaxPool2dParams{.filter_w = 1 << 30}}) {
    EXPECT_EQ(codes(PoolOp(params, {1, 4, 4, 1})), List{kInvalidArgument});
  }
  EXPECT_NE(InferShapes(*PoolOp({.filter_h = 9, .padding = Padding::kValid}, {1, 4, 4, 1})).errors[0], "");
  // Never on the NPU, and said so.
  const auto graph = QuantizeOp(DataType::kFloat32, {2, 8});
  InferShapes(*graph);
  EXPECT_EQ(Codes(CheckNpu(*graph, graph->ops[0])), List{kUnsupportedOperator});
}

}  // namespace
}  // namespace npu::test
