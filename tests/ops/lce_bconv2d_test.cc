// LceBconv2d: the room's reference and every XOR+popcount form of this CPU against a convolution of +1 and -1 that is
// written down plainly here, on random shapes, and the rules.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "backends/cpu/bconv2d_kernel.h"
#include "backends/cpu/cpu_backend.h"
#include "backends/ops/inference.h"
#include "backends/threads/thread_pool.h"
#include "tests/support/graph_builder.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

struct Case {
  LceBconv2dParams params{};
  DataType output = DataType::kFloat32;
  int32_t batches = 1, height = 5, width = 6, filter_h = 3, filter_w = 3, outputs = 8, groups = 1;
  int seed = 1;
  bool drop_absent = false;  // as LiteRT's compiled models hand operands over

  int32_t words() const { return (params.channels_in + 31) / 32; }
  int32_t group_words() const { return groups == 1 ? words() : params.channels_in / groups / 32; }
};

struct Model {
  std::shared_ptr<Graph> graph;
  std::vector<uint32_t> input, filter;
  std::vector<float> multiplier, bias;
  std::vector<int32_t> thresholds;
  float scale = 0.037f;
  int zero_point = -3;
};

// Packed signs of rows of `channels`; bits past the last are 0, as every maker of such tensors leaves them.
std::vector<uint32_t> RandomSigns(int64_t rows, int32_t channels, uint32_t seed) {
  std::mt19937 engine(seed);
  const int32_t words = (channels + 31) / 32;
  std::vector<uint32_t> signs(static_cast<size_t>(rows * words));
  for (size_t i = 0; i < signs.size(); ++i) {
    signs[i] = static_cast<uint32_t>(engine());
    if (i % words == static_cast<size_t>(words - 1) && channels % 32 != 0) signs[i] &= (1u << channels % 32) - 1;
  }
  return signs;
}

Model MakeModel(const Case& c) {
  Model m;
  m.input = RandomSigns(int64_t{c.batches} * c.height * c.width, c.params.channels_in, c.seed);
  m.filter = RandomSigns(int64_t{c.outputs} * c.filter_h * c.filter_w, c.params.channels_in / c.groups, c.seed + 1);
  std::mt19937 engine(c.seed + 2);
  const int32_t k = c.filter_h * c.filter_w * c.params.channels_in / c.groups;
  std::uniform_real_distribution<float> factor(-0.3f, 0.3f), offset(-4, 4);
  std::uniform_int_distribution<int32_t> threshold(-2, k + 2);
  for (int32_t o = 0; o < c.outputs; ++o) {
    m.multiplier.push_back(factor(engine));
    m.bias.push_back(offset(engine));
    m.thresholds.push_back(o == 0   ? std::numeric_limits<int32_t>::min()
                           : o == 1 ? std::numeric_limits<int32_t>::max()
                                    : threshold(engine));
  }
  GraphBuilder b;
  const int x = b.Input(DataType::kInt32, {c.batches, c.height, c.width, c.words()});
  const int f = b.Constant(DataType::kInt32, {c.outputs, c.filter_h, c.filter_w, c.group_words()}, m.filter);
  const bool quantized = c.output == DataType::kInt8;
  const int y = b.Tensor(c.output, {}, quantized ? m.scale : 0, quantized ? m.zero_point : 0);
  std::vector<int> operands = {x, f};
  if (c.output == DataType::kInt32) {
    const int t = b.Constant(DataType::kInt32, {c.outputs}, m.thresholds);
    operands.insert(operands.end(), {kNoTensor, kNoTensor, t});
  } else {
    operands.push_back(b.Constant(DataType::kFloat32, {c.outputs}, m.multiplier));
    operands.push_back(b.Constant(DataType::kFloat32, {c.outputs}, m.bias));
    operands.push_back(kNoTensor);
  }
  if (c.drop_absent) std::erase(operands, kNoTensor);
  b.Op(OpKind::kLceBconv2d, operands, {y}, c.params);
  m.graph = b.Build({y});
  return m;
}

int Sign(const std::vector<uint32_t>& signs, int64_t word, int32_t channel) {
  return signs[static_cast<size_t>(word + channel / 32)] >> (channel % 32) & 1 ? -1 : 1;
}

struct Axis {
  int32_t out, before;
};

Axis MakeAxis(Padding padding, int32_t in, int32_t filter, int32_t stride, int32_t dilation) {
  const int32_t extent = (filter - 1) * dilation + 1;
  if (padding == Padding::kValid) return {(in - extent) / stride + 1, 0};
  const int32_t out = (in + stride - 1) / stride;
  return {out, std::max((out - 1) * stride + extent - in, 0) / 2};
}

// The sum of products of signs, from which everything follows.
Bytes Plain(const Case& c, const Model& m) {
  const LceBconv2dParams& p = c.params;
  const Axis rows = MakeAxis(p.padding, c.height, c.filter_h, p.stride_h, p.dilation_h);
  const Axis columns = MakeAxis(p.padding, c.width, c.filter_w, p.stride_w, p.dilation_w);
  const int32_t group_channels = p.channels_in / c.groups, k = c.filter_h * c.filter_w * group_channels;
  std::vector<float> floats;
  std::vector<int8_t> bytes;
  std::vector<uint32_t> packed(static_cast<size_t>(c.batches * rows.out * columns.out * ((c.outputs + 31) / 32)));
  for (int32_t pixel = 0; pixel < c.batches * rows.out * columns.out; ++pixel) {
    const int32_t batch = pixel / (rows.out * columns.out), oy = pixel / columns.out % rows.out, ox = pixel % columns.out;
    for (int32_t o = 0; o < c.outputs; ++o) {
      const int32_t group = o / (c.outputs / c.groups);
      int32_t sum = 0;
      for (int32_t ky = 0; ky < c.filter_h; ++ky) {
        for (int32_t kx = 0; kx < c.filter_w; ++kx) {
          const int32_t y = oy * p.stride_h - rows.before + ky * p.dilation_h;
          const int32_t x = ox * p.stride_w - columns.before + kx * p.dilation_w;
          const bool inside = y >= 0 && y < c.height && x >= 0 && x < c.width;
          if (!inside && p.pad_values == 0) continue;
          for (int32_t i = 0; i < group_channels; ++i) {
            const int64_t pixel_word = (int64_t{batch} * c.height + y) * c.width + x;
            const int in = inside ? Sign(m.input, pixel_word * c.words() + group * c.group_words(), i) : 1;
            sum += in * Sign(m.filter, ((int64_t{o} * c.filter_h + ky) * c.filter_w + kx) * c.group_words(), i);
          }
        }
      }
      if (c.output == DataType::kInt32) {
        // accum > threshold, accum = (K - sum) / 2.
        const bool bit = k - sum > 2 * int64_t{m.thresholds[o]};
        packed[static_cast<size_t>(pixel) * ((c.outputs + 31) / 32) + o / 32] |= uint32_t{bit} << (o % 32);
        continue;
      }
      if (p.activation == Activation::kRelu) sum = std::max(sum, 0);
      if (p.activation == Activation::kRelu6) sum = std::clamp(sum, 0, 6);
      if (p.activation == Activation::kReluN1To1) sum = std::clamp(sum, -1, 1);
      const bool quantized = c.output == DataType::kInt8;
      const double scale = quantized ? m.scale : 1, zero_point = quantized ? m.zero_point : 0;
      const auto multiplier = static_cast<float>(-double{m.multiplier[o]} / scale);
      const auto bias = static_cast<float>((double{m.bias[o]} + double{m.multiplier[o]} * k) / scale + zero_point);
      const float product = static_cast<float>(k - sum) * multiplier;
      const float value = product + bias;
      floats.push_back(value);
      bytes.push_back(static_cast<int8_t>(std::clamp(std::round(value), -128.0f, 127.0f)));
    }
  }
  const void* from = c.output == DataType::kFloat32 ? static_cast<const void*>(floats.data())
                     : c.output == DataType::kInt8  ? static_cast<const void*>(bytes.data())
                                                    : static_cast<const void*>(packed.data());
  Bytes out(c.output == DataType::kFloat32 ? floats.size() * 4
            : c.output == DataType::kInt8  ? bytes.size()
                                           : packed.size() * 4);
  std::memcpy(out.data(), from, out.size());
  return out;
}

Bytes InputBytes(const Model& m) {
  Bytes bytes(m.input.size() * 4);
  std::memcpy(bytes.data(), m.input.data(), bytes.size());
  return bytes;
}

void ExpectExact(const Case& c) {
  const Model m = MakeModel(c);
  const InferenceResult inferred = InferShapes(*m.graph);
  ASSERT_EQ(inferred.errors[0], "");
  const Verdict verdict = CheckCpu(*m.graph, m.graph->ops[0]);
  ASSERT_TRUE(verdict.eligible()) << verdict.reasons()[0].text << ": " << verdict.reasons()[0].actual;
  const Bytes expected = Plain(c, m);
  const auto reference = RunGraph(*MakeCpuBackend(), m.graph, {InputBytes(m)});
  ASSERT_TRUE(reference) << reference.error().text;
  ASSERT_EQ(reference->at(0), expected) << "reference";

  const OpView op{*m.graph, m.graph->ops[0]};
  const std::byte* input = reinterpret_cast<const std::byte*>(m.input.data());
  const std::byte* const inputs[] = {input, nullptr, nullptr, nullptr, nullptr};
  const ComputeOptions options;
  for (const XorPopcount& form : XorPopcountForms()) {
    for (int threads : {1, 3}) {
      const auto kernel = MakeBconv2dKernel(op, threads, form);
      ASSERT_NE(kernel, nullptr);
      ThreadPool pool(threads);
      Bytes out(expected.size());
      std::byte* const outputs[] = {out.data()};
      kernel->Run({op, inputs, outputs, options, {}, &pool});
      ASSERT_EQ(out, expected) << form.name << " with " << threads << " threads";
    }
  }
}

TEST(LceBconv2dTest, RandomShapes) {
  constexpr DataType kOutputs[] = {DataType::kFloat32, DataType::kInt8, DataType::kInt32};
  constexpr Activation kActivations[] = {Activation::kNone, Activation::kRelu, Activation::kReluN1To1,
                                         Activation::kRelu6};
  for (int seed = 0; seed < 400; ++seed) {
    std::mt19937 engine(seed);
    const auto pick = [&](int min, int max) { return std::uniform_int_distribution<int>(min, max)(engine); };
    Case c;
    c.seed = seed;
    c.output = kOutputs[seed % 3];
    c.groups = pick(0, 3) == 0 ? pick(2, 3) : 1;
    c.params.channels_in = c.groups > 1 ? 32 * c.groups * pick(1, 2) : pick(1, 200);
    c.outputs = c.groups * pick(1, 80 / c.groups);
    c.params.stride_h = pick(1, 3);
    c.params.stride_w = pick(1, 3);
    c.params.dilation_h = pick(1, 2);
    c.params.dilation_w = pick(1, 3);
    c.params.padding = pick(0, 1) ? Padding::kSame : Padding::kValid;
    c.params.pad_values = pick(0, 1);
    c.params.activation = kActivations[pick(0, 3)];
    c.batches = pick(1, 2);
    c.filter_h = pick(1, 4);
    c.filter_w = pick(1, 4);
    c.height = pick(1, 9);
    c.width = pick(1, 11);
    c.drop_absent = pick(0, 1) != 0;
    if (c.params.padding == Padding::kValid) {
      c.height += (c.filter_h - 1) * c.params.dilation_h;
      c.width += (c.filter_w - 1) * c.params.dilation_w;
    }
    const bool zero_padding = c.params.padding == Padding::kSame && c.params.pad_values == 0;
    if (zero_padding && c.params.channels_in % 2 != 0) {
      c.output = DataType::kFloat32;
      c.params.activation = Activation::kNone;
    }
    ExpectExact(c);
    if (HasFatalFailure()) FAIL() << "seed " << seed;
  }
}

// More pixels, channels and outputs than one tile, one block and one byte counter hold.
TEST(LceBconv2dTest, ManyOfEach) {
  for (DataType output : {DataType::kFloat32, DataType::kInt8, DataType::kInt32}) {
    ExpectExact({.params = {.channels_in = 256, .pad_values = 1},
                 .output = output,
                 .batches = 2,
                 .height = 19,
                 .width = 17,
                 .outputs = 131});
  }
}

TEST(LceBconv2dTest, RoundsHalfAwayAndSaturates) {
  Case c{.params = {.channels_in = 32, .padding = Padding::kValid}, .output = DataType::kInt8,
         .height = 1, .width = 1, .filter_h = 1, .filter_w = 1, .outputs = 6};
  Model m = MakeModel(c);
  // Multiplier 0: the bias alone is the result. Scale 1, zero point 0.
  m.graph->tensors[2].quantization = PerTensor(1.0f, 0);
  const std::vector<float> zeros(6), bias = {0.5f, -0.5f, 2.5f, -2.49f, 1e30f, -1e30f};
  std::vector<std::byte> zero_bytes(24), bias_bytes(24);
  std::memcpy(bias_bytes.data(), bias.data(), 24);
  m.graph->tensors[3].data.bytes = zero_bytes;
  m.graph->tensors[4].data.bytes = bias_bytes;
  InferShapes(*m.graph);
  const OpView op{*m.graph, m.graph->ops[0]};
  const std::byte* const inputs[] = {reinterpret_cast<const std::byte*>(m.input.data())};
  const ComputeOptions options;
  const auto reference = RunGraph(*MakeCpuBackend(), m.graph, {InputBytes(m)});
  ASSERT_TRUE(reference);
  const std::vector<int> expected = {1, -1, 3, -2, 127, -128};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(static_cast<int8_t>(reference->at(0)[i]), expected[i]);
  for (const XorPopcount& form : XorPopcountForms()) {
    Bytes out(6);
    std::byte* const outputs[] = {out.data()};
    MakeBconv2dKernel(op, 1, form)->Run({op, inputs, outputs, options});
    EXPECT_EQ(out, reference->at(0)) << form.name;
  }
}

// Every float near a half, and random ones, through each form's rounding.
TEST(LceBconv2dTest, EveryFormRoundsAlike) {
  std::vector<float> values = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                               -std::numeric_limits<float>::infinity(), 0.49999997f, -0.49999997f};
  for (int half = -260; half <= 260; ++half) {
    const float y = static_cast<float>(half) / 2;
    values.insert(values.end(), {y, std::nextafter(y, 1e9f), std::nextafter(y, -1e9f)});
  }
  values.resize((values.size() + 31) / 32 * 32);
  const std::vector<int32_t> accum(values.size());
  const std::vector<float> zeros(values.size());
  const AccumTransform transform{.clamp_min = 0, .clamp_max = 0, .multiplier = zeros.data(), .bias = values.data()};
  for (const XorPopcount& form : XorPopcountForms()) {
    std::vector<int8_t> out(values.size());
    form.to_int8(accum.data(), static_cast<int64_t>(out.size()), 0, transform, out.data());
    for (size_t i = 0; i < values.size(); ++i) {
      const float rounded = std::round(values[i]);
      const int expected = !(rounded > -128) ? -128 : rounded > 127 ? 127 : static_cast<int>(rounded);
      ASSERT_EQ(out[i], expected) << form.name << ": " << values[i];
    }
  }
}

// What each broken operand or parameter is called.
TEST(LceBconv2dTest, RulesNameWhatFails) {
  using enum ReasonCode;
  using List = std::vector<ReasonCode>;
  const auto check = [](const Case& c, auto change) {
    const Model m = MakeModel(c);
    InferShapes(*m.graph);
    change(*m.graph);
    return CheckCpu(*m.graph, m.graph->ops[0]);
  };
  const auto codes = [&](const Case& c, auto change) { return Codes(check(c, change)); };
  const auto nothing = [](Graph&) {};
  const auto params = [](Graph& g) -> LceBconv2dParams& { return std::get<LceBconv2dParams>(g.ops[0].params); };
  const Case good{.params = {.channels_in = 40}};
  EXPECT_EQ(codes(good, nothing), List{});
  const Verdict stride = check(good, [&](Graph& g) { params(g).stride_h = 0; });
  EXPECT_EQ(Codes(stride), List{kInvalidArgument});
  EXPECT_EQ(stride.reasons()[0].text, "\"stride_height\"");
  EXPECT_EQ(codes(good, [&](Graph& g) { params(g).dilation_w = -1; }), List{kInvalidArgument});
  EXPECT_EQ(codes(good, [&](Graph& g) { params(g).channels_in = 0; }), List{kInvalidArgument});
  EXPECT_EQ(codes(good, [&](Graph& g) { params(g).channels_in = 2147483647; }), List{kInvalidArgument});
  EXPECT_EQ(codes(good, [&](Graph& g) { params(g).channels_in = 65; }), List{kShapeMismatch});
  EXPECT_EQ(codes(good, [&](Graph& g) { params(g).pad_values = 2; }), List{kInvalidArgument});
  EXPECT_EQ(codes(good, [&](Graph& g) { params(g).activation = Activation::kTanh; }), List{kUnsupportedActivation});
  EXPECT_EQ(codes(good, [](Graph& g) { g.ops[0].inputs[3] = kNoTensor; }), List{kMissingRequiredOperand});
  EXPECT_EQ(codes(good, [](Graph& g) { g.tensors[3].shape = {7}; g.tensors[3].data.bytes = g.tensors[3].data.bytes.first(28); }),
            List{kShapeMismatch});
  EXPECT_EQ(codes(good, [](Graph& g) { g.tensors[1].data = {}; }), List{kOperandNotConstant});
  EXPECT_EQ(codes(good, [](Graph& g) { g.tensors[2].type = DataType::kInt16; }), List{kUnsupportedOutputType});
  // Odd channels and zero padding have no half to count for packed and quantized outputs.
  Case odd{.params = {.channels_in = 5}, .output = DataType::kInt32};
  EXPECT_EQ(codes(odd, nothing), List{kInvalidArgument});
  odd.params.pad_values = 1;
  EXPECT_EQ(codes(odd, nothing), List{});
  // Groups of 48 channels are no whole words; three groups do not divide 8 outputs.
  Case groups{.params = {.channels_in = 96}, .outputs = 9, .groups = 3};
  EXPECT_EQ(codes(groups, nothing), List{});
  groups.outputs = 8;
  const Model m = MakeModel(groups);
  EXPECT_NE(InferShapes(*m.graph).errors[0], "");
}

}  // namespace
}  // namespace npu::test
