// MINIMUM, MAXIMUM, SQUARED_DIFFERENCE, DIV, PRELU of two tensors, broadcast against each other.
// x = q - zero_point:
//   MINIMUM, MAXIMUM    of the stored values, which all have one quantization
//   SQUARED_DIFFERENCE  s_i = x_i * 2^7 * (scale_i / (2 * larger input scale));  q = zp + (s_0 - s_1)^2 * (2
//   *
//                       larger input scale)^2 / (2^14 * output scale)
//   DIV                 q = zp + x_0 * (1 / x_1) * scale_0 / (scale_1 * output scale), the reciprocal in
//   Q0.31 PRELU               q = zp + x_0 * scale_0 / output scale from zero upwards, times x_1 * scale_1
//   below
// All but the first two are tables over the 65536 pairs of bytes, made of the function that is the reference.
// Source: TFLite's reference kernels (squared_difference.cc, div.h, prelu.h of LiteRT 2.3).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "backends/ops/binary_operands.h"
#include "backends/ops/elementwise.h"
#include "backends/ops/fixed_point.h"
#include "backends/ops/float_form.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

constexpr int kLeftShift = 7;  // of SQUARED_DIFFERENCE: (255 * 2^7)^2 stays inside int32
// The shift right after DIV's rescale is 31 bits at most for the largest divisor from this ratio on, and not
// below 0 for the largest dividend below the other one. Beyond, LiteRT shifts by more bits than an integer
// has.
constexpr double kMinDivRescale = 1 << 6, kMaxDivRescale = 1 << 23;
// 255 * 255 * 2^15 is the largest product shifted left that an int32 holds.
constexpr double kMaxPreluRescale = 1 << 15;

// --- SQUARED_DIFFERENCE ---

struct DifferenceRatios {
  double a, b, output;
};

// In float where TFLite has floats: the roundings are part of the answer.
DifferenceRatios RatiosOfDifference(const OpView& op) {
  const float a = op.input(0)->scale(), b = op.input(1)->scale(), output = op.output(0)->scale();
  const double twice_max = 2 * std::max(a, b);
  return {a / twice_max, b / twice_max,
          twice_max * twice_max / (static_cast<float>(1 << (2 * kLeftShift)) * output)};
}

struct SquaredDifference {
  int32_t a_zero, b_zero, zero;
  QuantizedMultiplier a, b, output;

  int32_t operator()(int32_t qa, int32_t qb) const {
    const int32_t difference = MultiplyByQuantizedMultiplier((qa - a_zero) * (1 << kLeftShift), a) -
                               MultiplyByQuantizedMultiplier((qb - b_zero) * (1 << kLeftShift), b);
    return zero + MultiplyByQuantizedMultiplier(difference * difference, output);
  }
};

// --- DIV ---

double RescaleOfDiv(const OpView& op) {
  return static_cast<double>(op.input(0)->scale() / (op.input(1)->scale() * op.output(0)->scale()));
}

// Bits that x can be shifted left without changing its sign; the smallest of a power of two counts as 32
// bits.
int Headroom(int32_t x) {
  const auto bits = x >= 0 ? static_cast<uint32_t>(x) : 2 * (0u - static_cast<uint32_t>(x)) - 1;
  return x >= 0 ? std::countl_zero(bits) - 1 : std::countl_zero(bits);
}

struct Division {
  int32_t a_zero, b_zero, zero;
  QuantizedMultiplier output;
  ActivationRange range;

  int32_t operator()(int32_t qa, int32_t qb) const {
    int32_t dividend = qa - a_zero, divisor = qb - b_zero;
    // LiteRT fails the invocation; a session cannot, so the quotient saturates.
    if (divisor == 0) return dividend >= 0 ? range.max : range.min;
    if (divisor < 0) dividend = -dividend, divisor = -divisor;
    // divisor = (1 + fraction) * 2^(31 - zeros)
    const int zeros = std::countl_zero(static_cast<uint32_t>(divisor));
    const auto fraction = static_cast<int32_t>((static_cast<uint32_t>(divisor) << zeros) - (1u << 31));
    const int headroom = Headroom(dividend);
    const int32_t quotient =
        SaturatingRoundingDoublingHighMul(ShiftLeftWrapping(dividend, headroom), OneOverOnePlus(fraction));
    const int right = 31 - zeros + headroom - output.shift;
    const int32_t scaled = SaturatingRoundingDoublingHighMul(quotient, output.multiplier);
    return std::clamp(zero + RoundingDivideByPowerOfTwo(scaled, right), range.min, range.max);
  }
};

// --- PRELU ---

struct PreluRatios {
  double identity, alpha;
};

PreluRatios RatiosOfPrelu(const OpView& op) {
  const float x = op.input(0)->scale(), alpha = op.input(1)->scale(), output = op.output(0)->scale();
  return {static_cast<double>(x / output), static_cast<double>(x * alpha / output)};
}

struct Prelu {
  int32_t x_zero, alpha_zero, zero;
  QuantizedMultiplier identity, below;

  int32_t operator()(int32_t qx, int32_t qalpha) const {
    const int32_t x = qx - x_zero;
    if (x >= 0) return zero + MultiplyByQuantizedMultiplier(x, identity);
    return zero + MultiplyByQuantizedMultiplier(x * (qalpha - alpha_zero), below);
  }
};

// Whether the arithmetic of DIV and SQUARED_DIFFERENCE stays inside 32 bits.
bool InRange(const OpView& op) {
  if (op.op.kind == OpKind::kDiv) {
    const double rescale = RescaleOfDiv(op);
    return rescale >= kMinDivRescale && rescale < kMaxDivRescale;
  }
  const double ratio = RatiosOfDifference(op).output;
  return ratio > 0 && ratio < 1 && QuantizeMultiplier(ratio).shift <= 0;
}

// Calls use(function of two quantized values), the operator's arithmetic; the result is not clamped yet.
template <typename Use>
void WithArithmetic(const OpView& op, Use use) {
  const int32_t a_zero = op.input(0)->zero_point(), b_zero = op.input(1)->zero_point();
  const Tensor& output = *op.output(0);
  switch (op.op.kind) {
    case OpKind::kMinimum: return use([](int32_t a, int32_t b) { return std::min(a, b); });
    case OpKind::kMaximum: return use([](int32_t a, int32_t b) { return std::max(a, b); });
    case OpKind::kDiv:
      return use(Division{a_zero, b_zero, output.zero_point(), QuantizeMultiplier(RescaleOfDiv(op)),
                          QuantizedActivationRange(op.op.as<BinaryParams>().activation, output)});
    case OpKind::kPrelu: {
      const PreluRatios ratios = RatiosOfPrelu(op);
      return use(Prelu{a_zero, b_zero, output.zero_point(), QuantizeMultiplier(ratios.identity),
                       QuantizeMultiplier(ratios.alpha)});
    }
    default: {
      const DifferenceRatios ratios = RatiosOfDifference(op);
      return use(SquaredDifference{a_zero, b_zero, output.zero_point(), QuantizeMultiplier(ratios.a),
                                   QuantizeMultiplier(ratios.b), QuantizeMultiplier(ratios.output)});
    }
  }
}

// --- Check ---

// MINIMUM, MAXIMUM: the operators that have a 16-bit form.
bool IsExtremum(const OpView& op) { return op.op.kind == OpKind::kMinimum || op.op.kind == OpKind::kMaximum; }

void CheckDiv(const OpView& op, Verdict& verdict) {
  const Tensor& divisor = *op.input(1);
  if (!InRange(op)) {
    verdict.Add(
        ReasonCode::kUnsupportedQuantizationParameters, "input scale 0 / (input scale 1 * output scale)",
        fmt::format("{}", RescaleOfDiv(op)),
        fmt::format("{} to below {} (LiteRT's result is undefined outside)", kMinDivRescale, kMaxDivRescale));
  }
  const auto zero = static_cast<std::byte>(divisor.zero_point());
  if (divisor.is_constant() && std::ranges::find(divisor.data.bytes, zero) != divisor.data.bytes.end()) {
    verdict.Add(ReasonCode::kUnsupportedOperandValue, "input 1 (divisor)", "holds a zero",
                "no zero (LiteRT fails on it)");
  }
}

void CheckPrelu(const OpView& op, Verdict& verdict) {
  const PreluRatios ratios = RatiosOfPrelu(op);
  RequireRescale(ratios.identity, "input scale 0 / output scale", verdict);
  if (ratios.alpha >= 0 && ratios.alpha < kMaxPreluRescale) return;
  verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "input scale 0 * input scale 1 / output scale",
              fmt::format("{}", ratios.alpha), fmt::format("0 to below {}", kMaxPreluRescale));
}

void CheckArithmetic(const OpView& op, Verdict& verdict) {
  switch (op.op.kind) {
    case OpKind::kMinimum:
    case OpKind::kMaximum:
      RequireSameQuantization(*op.input(0), "input 0", *op.input(1), "input 1", verdict);
      RequireSameQuantization(*op.input(0), "input 0", *op.output(0), "output 0", verdict);
      return;
    case OpKind::kDiv: return CheckDiv(op, verdict);
    case OpKind::kPrelu: return CheckPrelu(op, verdict);
    default: break;
  }
  if (op.input(0)->type == DataType::kUInt8) {
    verdict.Add(ReasonCode::kUnsupportedInputType, "input 0 element type", "UINT8",
                "INT8 (LiteRT has no UINT8 kernel of this operator)");
  }
  if (InRange(op)) return;
  verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "(2 * larger input scale)^2 / output scale",
              fmt::format("{}", RatiosOfDifference(op).output * (1 << (2 * kLeftShift))),
              fmt::format("above 0 and below {}", 1 << (2 * kLeftShift)));
}

void Check(const OpView& op, Verdict& verdict) {
  const bool typed =
      IsExtremum(op) ? CheckBinaryOperandsOrInt16(op, verdict) : CheckBinaryOperands(op, verdict);
  if (op.op.kind == OpKind::kDiv) RequireQuantizedActivation(op.op.as<BinaryParams>().activation, verdict);
  CheckBroadcast(op, verdict);
  if (op.op.kind == OpKind::kPrelu) RequireElementwiseShapes(op, verdict);
  if (typed) CheckArithmetic(op, verdict);
}

// --- Reference, Lower ---

Status Reference(const ReferenceArgs& args) {
  const OpView& op = args.view;
  if (IsFloatForm(op)) {
    ComputeFloatBinary(args);
    return {};
  }
  NPU_RETURN_IF_ERROR(ExpectBroadcast(op));
  const auto extremum = [&](int32_t a, int32_t b) {
    return op.op.kind == OpKind::kMaximum ? std::max(a, b) : std::min(a, b);
  };
  if (IsExtremum(op) && IsInt16(op)) {
    ComputeBroadcast<int16_t>(args, extremum);
    return {};
  }
  NPU_RETURN_IF_ERROR(Expect8Bit(op));
  const bool needs_range = op.op.kind == OpKind::kDiv || op.op.kind == OpKind::kSquaredDifference;
  if (needs_range && !InRange(op)) return Fail(ErrorCode::kUnsupported, "scales are out of range");
  const int32_t low = TypeMin(op.output(0)->type), high = TypeMax(op.output(0)->type);
  WithArithmetic(op, [&](const auto& function) {
    const auto clamped = [&](int32_t a, int32_t b) { return std::clamp(function(a, b), low, high); };
    op.output(0)->type == DataType::kInt8 ? ComputeBroadcast<int8_t>(args, clamped)
                                          : ComputeBroadcast<uint8_t>(args, clamped);
  });
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  if (IsExtremum(op)) {
    const int32_t take_larger = op.op.kind == OpKind::kMaximum ? 1 : 0;
    LowerBroadcast(
        op,
        IsInt16(op) ? BinaryKernels{{}, "npu_extremum_int16_rows"}
                    : BinaryKernels{"npu_extremum_flat", "npu_extremum_rows"},
        [&](bool) { return std::vector<KernelArg>{take_larger}; }, lowering);
    return {};
  }
  const DataType type = op.output(0)->type;
  const int32_t offset = StorageOffset(type), low = TypeMin(type), high = TypeMax(type);
  WithArithmetic(op, [&](const auto& function) {
    LowerPairTable(
        op, [&](int a, int b) { return std::clamp(function(a - offset, b - offset), low, high) + offset; },
        lowering);
  });
  return {};
}

constexpr std::string_view kRules[] = {
    "Both inputs and the output are INT8 or UINT8 (SQUARED_DIFFERENCE: INT8; MINIMUM, MAXIMUM: or INT16 with "
    "zero point 0), of one type, each quantized per tensor.",
    "Tensors have elements; shapes broadcast as in numpy, over at most 6 dimensions after merging "
    "neighbours. "
    "PRELU: the output has the shape of input 0.",
    "MINIMUM, MAXIMUM: inputs and output have one scale and zero point.",
    "SQUARED_DIFFERENCE: (2 * larger input scale)^2 / output scale is below 2^14.",
    "DIV: fused activation is NONE, RELU, RELU_N1_TO_1 or RELU6; input scale 0 / (input scale 1 * output "
    "scale) "
    "in [2^6, 2^23); a constant divisor holds no zero. At a zero of another divisor LiteRT fails the "
    "invocation; "
    "here the quotient is the largest value, or the smallest of a negative dividend.",
    "delegate-cpu, between binary operators: PRELU of FLOAT32.",
    "PRELU: input scale 0 / output scale below 2^23; input scale 0 * input scale 1 / output scale below "
    "2^15.",
};

}  // namespace

extern const OpRoom kBinaryPairsRoom;
const OpRoom kBinaryPairsRoom = {
    .name = "binary_pairs",
    .infer = InferBroadcast,
    .check = Check,
    .check_cpu = CheckFloatForm,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .rules = kRules,
};

}  // namespace npu
