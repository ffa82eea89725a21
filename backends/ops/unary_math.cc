// ABS, NEG, EXP, LOG, SQRT, RSQRT, ELU, GELU: functions of one 8-bit value, as tables.
//   ABS              zp + |x| * input scale / output scale, x = q - zero_point
//   NEG              -q: LiteRT's kernel looks at no scale and no zero point, and -128 stays what it is
//   EXP, LOG, ELU, GELU   in float, rounded with the reciprocal of the output scale
//   SQRT             in float, divided by the output scale and cut off
//   RSQRT            integer: a Newton approximation of 1 / sqrt(x), rescaled
// Source: TFLite's kernels (elementwise.cc, exp.cc, neg.cc, activations.cc of LiteRT 2.3); SQRT was measured.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "backends/ops/elementwise.h"
#include "backends/ops/fixed_point.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

constexpr int kRsqrtShift = 20;  // bits that RSQRT keeps of 1 / sqrt(x)
// RSQRT's last shift, 20 - (shift of the rescale), must be one of 32 bits; a shift left must not overflow.
constexpr double kMinRsqrtRescale = 1.0 / (1 << 12), kMaxRsqrtRescale = 1 << 30;

// --- Tables through float ---

// The float nearest to the answer, before the output's zero point.
using FloatFunction = float (*)(float);

float Elu(float x) { return x < 0.0f ? std::expm1(x) : x; }

float Gelu(float x) { return 0.5f * x * std::erfc(x * static_cast<float>(-M_SQRT1_2)); }

float GeluByTanh(float x) {
  constexpr auto kSqrt2OverPi = static_cast<float>(M_2_SQRTPI * M_SQRT1_2);
  return 0.5f * x * (1.0f + std::tanh(kSqrt2OverPi * (x + 0.044715f * x * x * x)));
}

float Dequantize(const Tensor& input, int32_t q) {
  return input.scale() * static_cast<float>(q - input.zero_point());
}

// Nothing if a result does not fit in an integer: what a host makes of that depends on its processor.
template <typename Function>
std::optional<ByteTable> FloatTable(const Tensor& input, const Tensor& output, Function function) {
  const float inverse_scale = 1.0f / output.scale();
  const auto zero_point = static_cast<float>(output.zero_point());
  bool fits = true;
  const ByteTable table = MakeByteTable(input, output, [&](int32_t q) {
    const float y = std::round(function(Dequantize(input, q)) * inverse_scale) + zero_point;
    if (y >= -0x1p31f && y < 0x1p31f) return static_cast<int32_t>(y);
    fits = false;
    return 0;
  });
  if (!fits) return std::nullopt;
  return table;
}

// What is not positive has no logarithm: the smallest value of the output stands for it.
std::optional<ByteTable> LogTable(const Tensor& input, const Tensor& output) {
  const float smallest = static_cast<float>(TypeMin(output.type) - output.zero_point()) * output.scale();
  return FloatTable(input, output, [&](float x) { return x <= 0.0f ? smallest : std::log(x); });
}

std::optional<ByteTable> SqrtTable(const Tensor& input, const Tensor& output) {
  bool fits = true;
  const ByteTable table = MakeByteTable(input, output, [&](int32_t q) {
    const float y = std::sqrt(std::max(Dequantize(input, q), 0.0f)) / output.scale();
    fits = fits && y < 0x1p30f;
    return output.zero_point() + (y < 0x1p30f ? static_cast<int32_t>(y) : 0);
  });
  if (!fits) return std::nullopt;
  return table;
}

// --- Tables in integers ---

double AbsRescale(const Tensor& input, const Tensor& output) {
  return static_cast<double>(input.scale() / output.scale());
}

ByteTable AbsTable(const Tensor& input, const Tensor& output) {
  const QuantizedMultiplier multiplier = QuantizeMultiplier(AbsRescale(input, output));
  return MakeByteTable(input, output, [&](int32_t q) {
    return output.zero_point() + MultiplyByQuantizedMultiplier(std::abs(q - input.zero_point()), multiplier);
  });
}

ByteTable NegTable(const Tensor& input, const Tensor& output) {
  return MakeByteTable(input, output, [](int32_t q) { return q == -128 ? q : -q; });
}

// The product of root and scale is a float, as in TFLite.
double RsqrtRescale(const Tensor& input, const Tensor& output) {
  return 1.0 / static_cast<double>(std::sqrt(input.scale()) * output.scale());
}

bool CanRescaleRsqrt(double rescale) { return rescale >= kMinRsqrtRescale && rescale < kMaxRsqrtRescale; }

std::optional<ByteTable> RsqrtTable(const Tensor& input, const Tensor& output) {
  if (!CanRescaleRsqrt(RsqrtRescale(input, output))) return std::nullopt;
  QuantizedMultiplier rescale = QuantizeMultiplier(RsqrtRescale(input, output));
  rescale.shift -= kRsqrtShift;
  return MakeByteTable(input, output, [&](int32_t q) {
    const int32_t x = q - input.zero_point();
    if (x <= 0) return TypeMax(output.type);
    QuantizedMultiplier root = InverseSquareRoot(x);
    root.shift += kRsqrtShift;
    return output.zero_point() +
           MultiplyByQuantizedMultiplier(MultiplyByQuantizedMultiplier(1, root), rescale);
  });
}

std::optional<ByteTable> TableOf(const OpView& op) {
  const Tensor& input = *op.input(0);
  const Tensor& output = *op.output(0);
  switch (op.op.kind) {
    case OpKind::kAbs: return AbsTable(input, output);
    case OpKind::kNeg: return NegTable(input, output);
    case OpKind::kExp: return FloatTable(input, output, [](float x) { return std::exp(x); });
    case OpKind::kLog: return LogTable(input, output);
    case OpKind::kSqrt: return SqrtTable(input, output);
    case OpKind::kRsqrt: return RsqrtTable(input, output);
    case OpKind::kElu: return FloatTable(input, output, Elu);
    case OpKind::kGelu:
      return FloatTable(input, output, op.op.as<GeluParams>().approximate ? GeluByTanh : Gelu);
    default: return std::nullopt;
  }
}

// --- Check ---

void CheckQuantization(const OpView& op, Verdict& verdict) {
  const Tensor& input = *op.input(0);
  const Tensor& output = *op.output(0);
  const auto refuse = [&](std::string_view what, std::string actual, std::string allowed) {
    verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, std::string(what), std::move(actual),
                std::move(allowed));
  };
  switch (op.op.kind) {
    case OpKind::kAbs:
      RequireRescale(AbsRescale(input, output), "input scale / output scale", verdict);
      return;
    case OpKind::kNeg:
      RequireSameQuantization(input, "input 0", output, "output 0", verdict);
      if (input.zero_point() == 0) return;
      refuse("input 0 zero point", std::to_string(input.zero_point()),
             "0 (LiteRT negates the stored byte, which is wrong with any other)");
      return;
    case OpKind::kSqrt:
    case OpKind::kRsqrt:
      if (input.zero_point() != TypeMin(input.type)) {
        refuse("input 0 zero point", std::to_string(input.zero_point()),
               fmt::format("{}: no input is negative (LiteRT fails on one)", TypeMin(input.type)));
      }
      if (op.op.kind == OpKind::kRsqrt) {
        const double rescale = RsqrtRescale(input, output);
        if (CanRescaleRsqrt(rescale)) return;
        refuse("1 / (square root of input scale * output scale)", fmt::format("{}", rescale),
               fmt::format("{} to below {}", kMinRsqrtRescale, kMaxRsqrtRescale));
        return;
      }
      break;
    default: break;
  }
  if (TableOf(op)) return;
  refuse("input scale and output scale", fmt::format("{} and {}", input.scale(), output.scale()),
         "the result for every input fits in 32 bits");
}

void Check(const OpView& op, Verdict& verdict) {
  bool typed = RequireSame8BitType(op, verdict);
  RequireElementwiseShapes(op, verdict);
  if (typed && op.input(0)->type == DataType::kUInt8 && op.op.kind != OpKind::kGelu) {
    verdict.Add(ReasonCode::kUnsupportedInputType, "input 0 element type", "UINT8",
                "INT8 (LiteRT has no UINT8 kernel of this operator)");
    typed = false;
  }
  if (typed) CheckQuantization(op, verdict);
}

Status Reference(const ReferenceArgs& args) {
  NPU_RETURN_IF_ERROR(Expect8Bit(args.view));
  const auto table = TableOf(args.view);
  if (!table) return Fail(ErrorCode::kUnsupported, "results do not fit in 32 bits");
  ApplyByteTable(args, *table);
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const auto table = TableOf(op);
  if (!table) return Fail(ErrorCode::kUnsupported, "results do not fit in 32 bits");
  LowerByteTable(op, *table, lowering);
  return {};
}

constexpr std::string_view kRules[] = {
    "Input and output are INT8 (GELU: or UINT8), each quantized per tensor.",
    "The tensor has elements and the output has the input's shape; any rank.",
    "ABS: input scale / output scale below 2^23.",
    "NEG: one quantization with zero point 0; -128 stays -128, as in LiteRT.",
    "SQRT, RSQRT: input zero point -128, so that no input is negative; RSQRT of 0 is 127.",
    "RSQRT: 1 / (square root of input scale * output scale) in [2^-12, 2^30).",
    "EXP, LOG, SQRT, ELU, GELU: the result for every input, divided by the output scale, fits in 32 bits; "
    "LOG "
    "of what is not positive is -128.",
};

}  // namespace

extern const OpRoom kUnaryMathRoom;
const OpRoom kUnaryMathRoom = {
    .name = "unary_math",
    .infer = InferSameShape,
    .check = Check,
    .check_cpu = nullptr,
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
