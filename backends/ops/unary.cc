// Operators that map each 8-bit (some: each INT16) value to another one: LOGISTIC, TANH, RELU, RELU6,
// RELU_N1_TO_1, RELU_0_TO_1, LEAKY_RELU, HARD_SWISH. INT8 and UINT8 share the arithmetic; only the clamp to
// the type differs. Formulas: TFLite's reference kernels (kernels/activations.cc of LiteRT 2.3), measured
// over all 256 values (tests/data/elementwise_goldens.json).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>

#include "backends/ops/elementwise.h"
#include "backends/ops/float_form.h"
#include "backends/ops/rules.h"
#include "backends/ops/sigmoid_int16.h"

namespace npu {
namespace {

// --- LOGISTIC, TANH: dequantize, the function in float, quantize with the reciprocal of the scale. ---

template <typename Function>
ByteTable FloatTable(const Tensor& input, const Tensor& output, Function function) {
  const float inverse_scale = 1.0f / output.scale();
  const auto zero_point = static_cast<float>(output.zero_point());
  return MakeByteTable(input, output, [&](int32_t q) {
    const float real = input.scale() * static_cast<float>(q - input.zero_point());
    // Both functions are bounded by 1, so the sum is far inside int32.
    return static_cast<int32_t>(std::round(function(real) * inverse_scale) + zero_point);
  });
}

// --- RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1: requantize, clamp to the range of the activation. ---

ActivationRange RangeOf(OpKind kind, const Tensor& output) {
  const auto range = [&](Activation activation) { return QuantizedActivationRange(activation, output); };
  switch (kind) {
    case OpKind::kRelu6: return range(Activation::kRelu6);
    case OpKind::kReluN1To1: return range(Activation::kReluN1To1);
    case OpKind::kRelu0To1: return range(Activation::kRelu0To1);
    default: return range(Activation::kRelu);
  }
}

// Ratios of scales are taken in float, as TFLite does: the rounding of the division is part of the answer.
double ScaleRatio(const Tensor& input, const Tensor& output) {
  return static_cast<double>(input.scale() / output.scale());
}

// make(function of one quantized value): the table of it.
template <typename Make>
auto ReluTable(OpKind kind, const Tensor& input, const Tensor& output, Make make) {
  const QuantizedMultiplier multiplier = QuantizeMultiplier(ScaleRatio(input, output));
  const ActivationRange range = RangeOf(kind, output);
  return make([&](int32_t q) {
    const int32_t scaled = MultiplyByQuantizedMultiplier(q - input.zero_point(), multiplier);
    return std::clamp(output.zero_point() + scaled, range.min, range.max);
  });
}

// --- LEAKY_RELU: one multiplier from zero upwards, another one (times alpha) below. ---

double AlphaRatio(const Tensor& input, const Tensor& output, float alpha) {
  return static_cast<double>(input.scale() * alpha / output.scale());
}

template <typename Make>
auto LeakyReluTable(const Tensor& input, const Tensor& output, float alpha, Make make) {
  const QuantizedMultiplier identity = QuantizeMultiplier(ScaleRatio(input, output));
  // A negative alpha is rescaled by its magnitude and negated afterwards: ties round as for a positive one.
  const double ratio = AlphaRatio(input, output, alpha);
  const QuantizedMultiplier below = QuantizeMultiplier(std::abs(ratio));
  return make([&](int32_t q) {
    const int32_t x = q - input.zero_point();
    if (x >= 0) return output.zero_point() + MultiplyByQuantizedMultiplier(x, identity);
    const int32_t scaled = MultiplyByQuantizedMultiplier(x, below);
    return output.zero_point() + (ratio < 0 ? -scaled : scaled);
  });
}

// --- HARD_SWISH: x * relu6(x + 3) / 6 in 16-bit fixed point. ---
// x is moved to the top of an int16 (hires = x * 2^7). "reluish" is x rescaled so that 3.0 is 2^15,
// saturated: (reluish + 1) / 2 is relu6(x + 3) / 6 in [0, 1). The product with x, on the output's scale but
// for the final shift right, is the answer.

struct HardSwishMultipliers {
  float output;   // input scale / 2^7 / output scale: below 1, TFLite refuses more
  float reluish;  // input scale / 2^7 / (3 / 2^15)
};

HardSwishMultipliers HardSwishRatios(const Tensor& input, const Tensor& output) {
  const float hires_scale = (1.0f / 128.0f) * input.scale();
  return {hires_scale / output.scale(), hires_scale / (3.0f / 32768.0f)};
}

int16_t SaturateInt16(int64_t x) { return static_cast<int16_t>(std::clamp<int64_t>(x, -32768, 32767)); }

// The 32-bit multiplier rounded to its upper 16 bits.
int16_t UpperHalf(int32_t multiplier) {
  return SaturateInt16((static_cast<int64_t>(multiplier) + (1 << 15)) >> 16);
}

// round(a * b / 2^15) as schema/quantization.h has it for 32 bits. Neither factor is -2^15 with the other:
// the multipliers are positive.
int16_t RoundingHighMul16(int16_t a, int16_t b) {
  const int32_t ab = static_cast<int32_t>(a) * b;
  return static_cast<int16_t>((ab + (ab >= 0 ? (1 << 14) : 1 - (1 << 14))) / (1 << 15));
}

ByteTable HardSwishTable(const Tensor& input, const Tensor& output) {
  const HardSwishMultipliers ratios = HardSwishRatios(input, output);
  const QuantizedMultiplier output_multiplier = QuantizeMultiplier(ratios.output);
  const QuantizedMultiplier reluish_multiplier = QuantizeMultiplier(ratios.reluish);
  const int16_t output16 = UpperHalf(output_multiplier.multiplier);
  const int16_t reluish16 = UpperHalf(reluish_multiplier.multiplier);
  const int exponent = reluish_multiplier.shift;
  return MakeByteTable(input, output, [&](int32_t q) {
    const auto hires = static_cast<int16_t>((q - input.zero_point()) * (1 << 7));
    const int16_t on_output_scale = RoundingHighMul16(hires, output16);
    int16_t reluish = hires;
    // The last bit of a left shift comes after the multiplication, so that saturation happens there only.
    if (exponent > 0) reluish = SaturateInt16(static_cast<int64_t>(reluish) * (int64_t{1} << (exponent - 1)));
    reluish = RoundingHighMul16(reluish, reluish16);
    if (exponent > 0) reluish = SaturateInt16(int64_t{reluish} * 2);
    if (exponent < 0) reluish = static_cast<int16_t>(RoundingDivideByPowerOfTwo(reluish, -exponent));
    const int32_t gate = (reluish + (1 << 15)) >> 1;
    // Truncated, not rounded: it cancels the bias of the roundings above.
    const int32_t product = gate * on_output_scale / (1 << 15);
    return output.zero_point() + RoundingDivideByPowerOfTwo(product, -output_multiplier.shift);
  });
}

ByteTable UnaryTable(const OpView& op) {
  const Tensor& input = *op.input(0);
  const Tensor& output = *op.output(0);
  const auto make = [&](auto function) { return MakeByteTable(input, output, function); };
  switch (op.op.kind) {
    case OpKind::kLogistic:
      return FloatTable(input, output, [](float x) { return 1.0f / (1.0f + std::exp(-x)); });
    case OpKind::kTanh: return FloatTable(input, output, [](float x) { return std::tanh(x); });
    case OpKind::kLeakyRelu: return LeakyReluTable(input, output, op.op.as<LeakyReluParams>().alpha, make);
    case OpKind::kHardSwish: return HardSwishTable(input, output);
    default: return ReluTable(op.op.kind, input, output, make);
  }
}

// The operators of which LiteRT has an INT16 kernel.
bool HasInt16Form(OpKind kind) {
  return kind == OpKind::kLogistic || kind == OpKind::kTanh || kind == OpKind::kLeakyRelu ||
         kind == OpKind::kRelu || kind == OpKind::kRelu6;
}

WideTable UnaryWideTable(const OpView& op) {
  const Tensor& input = *op.input(0);
  const Tensor& output = *op.output(0);
  const auto make = [](auto function) { return MakeWideTable(function); };
  switch (op.op.kind) {
    case OpKind::kLogistic: return LogisticInt16Table(input.scale());
    case OpKind::kTanh: return TanhInt16Table(input.scale());
    case OpKind::kLeakyRelu: return LeakyReluTable(input, output, op.op.as<LeakyReluParams>().alpha, make);
    default: return ReluTable(op.op.kind, input, output, make);
  }
}

void RequireMultiplier(float value, std::string_view what, float min, float below, Verdict& verdict) {
  if (value >= min && value < below) return;
  verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, std::string(what), fmt::format("{}", value),
              fmt::format("{} to below {}", min, below));
}

void Check(const OpView& op, Verdict& verdict) {
  const bool typed =
      HasInt16Form(op.op.kind) ? RequireSameQuantizedType(op, verdict) : RequireSame8BitType(op, verdict);
  RequireElementwiseShapes(op, verdict);
  if (!typed) return;
  const Tensor& input = *op.input(0);
  const Tensor& output = *op.output(0);
  const bool is_signed = output.type == DataType::kInt8, wide = output.type == DataType::kInt16;
  switch (op.op.kind) {
    case OpKind::kLogistic:
      RequireQuantization(output, "output 0", wide ? 1.0f / 32768 : 1.0f / 256, is_signed ? -128 : 0,
                          verdict);
      if (wide) RequireSigmoidScale(input, verdict);
      break;
    case OpKind::kTanh:
      RequireQuantization(output, "output 0", wide ? 1.0f / 32768 : 1.0f / 128, is_signed || wide ? 0 : 128,
                          verdict);
      if (wide) RequireSigmoidScale(input, verdict);
      break;
    case OpKind::kLeakyRelu:
      RequireRescale(ScaleRatio(input, output), "input scale / output scale", verdict, input.type);
      RequireRescale(std::abs(AlphaRatio(input, output, op.op.as<LeakyReluParams>().alpha)),
                     "|alpha| * input scale / output scale", verdict, input.type);
      break;
    case OpKind::kHardSwish: {
      // Shifts of 16-bit values: at most 15 to the right, 30 to the left (a multiplier in [2^(n-1), 2^n)
      // has shift n).
      const HardSwishMultipliers ratios = HardSwishRatios(input, output);
      RequireMultiplier(ratios.output, "input scale / output scale / 128", 0x1p-16f, 1.0f, verdict);
      RequireMultiplier(ratios.reluish, "input scale * 256 / 3", 0x1p-16f, 0x1p30f, verdict);
      break;
    }
    default: RequireRescale(ScaleRatio(input, output), "input scale / output scale", verdict, input.type);
  }
}

Status Reference(const ReferenceArgs& args) {
  if (IsFloatForm(args.view)) {
    ComputeFloatUnary(args);
    return {};
  }
  if (IsInt16(args.view) && HasInt16Form(args.view.op.kind)) {
    ApplyWideTable(args, UnaryWideTable(args.view));
    return {};
  }
  NPU_RETURN_IF_ERROR(Expect8Bit(args.view));
  ApplyByteTable(args, UnaryTable(args.view));
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  if (IsInt16(op)) {
    LowerWideTable(op, UnaryWideTable(op), lowering);
  } else {
    LowerByteTable(op, UnaryTable(op), lowering);
  }
  return {};
}

constexpr std::string_view kRules[] = {
    "Input and output are INT8 or UINT8, of the same type, each quantized per tensor; LOGISTIC, TANH, RELU, "
    "RELU6 "
    "and LEAKY_RELU also INT16 with zero point 0 (LiteRT has no INT16 kernel of the others).",
    "The tensor has elements and the output has the input's shape; any rank.",
    "LOGISTIC: output scale 1/256, zero point -128 (INT8) or 0 (UINT8); INT16: 1/32768.",
    "TANH: output scale 1/128, zero point 0 (INT8) or 128 (UINT8); INT16: 1/32768.",
    "LOGISTIC, TANH of INT16: input scale 2^-41 to below 5.",
    "RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1, LEAKY_RELU: input scale / output scale below 2^23 (INT16: "
    "2^15).",
    "LEAKY_RELU: |alpha| * input scale / output scale below 2^23 (INT16: 2^15); alpha may be negative.",
    "HARD_SWISH: input scale / output scale / 128 in [2^-16, 1); input scale * 256 / 3 in [2^-16, 2^30).",
    "delegate-cpu, between binary operators: RELU, RELU6, RELU_N1_TO_1 and RELU_0_TO_1 of FLOAT32.",
};

}  // namespace

extern const OpRoom kUnaryRoom;
const OpRoom kUnaryRoom = {
    .name = "unary",
    .infer = InferSameShape,
    .check = Check,
    .check_cpu = CheckFloatForm,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .rules = kRules,
};

}  // namespace npu
