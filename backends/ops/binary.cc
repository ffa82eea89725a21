// ADD, SUB, MUL of two tensors, broadcast against each other, with a fused activation.
// 8 bit (INT8 and UINT8 alike), x = q - zero_point:
//   ADD, SUB  s_i = x_i * 2^20 * (scale_i / (2 * larger input scale));  q = zp + (s_0 +- s_1) * 2 * larger
//   input
//             scale / (2^20 * output scale). The 20 bits keep what the first rescale would round away.
//   MUL       q = zp + x_0 * x_1 * (scale_0 * scale_1 / output scale)
// 16 bit (INT16, zero points 0): the same, with 2^15 instead of 2^20.
// INT32 and INT64 (shape arithmetic at plan time only): plain, wrapping.
// Source: TFLite's reference kernels (add.cc, sub.cc, mul.cc and reference/ of LiteRT 2.3).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <optional>

#include "backends/ops/binary_operands.h"
#include "backends/ops/float_form.h"
#include "backends/ops/linear_add.h"
#include "backends/ops/rules.h"
#include "schema/quantization.h"

namespace npu {
namespace {

// Of ADD and SUB: 255 * 2^20 * 2 and 65535 * 2^15 stay inside int32.
int LeftShift(const OpView& op) { return IsInt16(op) ? 15 : 20; }

// 255 * 255 * 2^15 is the largest product shifted left that an int32 holds; a product of INT16 is not
// shifted.
double MaxMulMultiplier(const OpView& op) { return IsInt16(op) ? 1 : 1 << 15; }

// --- 8-bit and 16-bit arithmetic ---

struct AddRatios {
  double a, b, output;
};

AddRatios RatiosOfAdd(const OpView& op) {
  const double a = op.input(0)->scale(), b = op.input(1)->scale(), output = op.output(0)->scale();
  const double twice_max = 2 * std::max(a, b);
  return {a / twice_max, b / twice_max, twice_max / (static_cast<double>(1 << LeftShift(op)) * output)};
}

// In float, as TFLite does: the roundings of the product and the division are part of the answer.
double RatioOfMul(const OpView& op) {
  return static_cast<double>(op.input(0)->scale() * op.input(1)->scale() / op.output(0)->scale());
}

struct AddArithmetic {
  int32_t scale;  // 2^LeftShift
  int32_t a_zero, b_zero, zero;
  QuantizedMultiplier a, b, output;
  ActivationRange range;
  bool subtract;

  int32_t operator()(int32_t qa, int32_t qb) const {
    const int32_t sa = MultiplyByQuantizedMultiplier((qa - a_zero) * scale, a);
    const int32_t sb = MultiplyByQuantizedMultiplier((qb - b_zero) * scale, b);
    const int32_t q = zero + MultiplyByQuantizedMultiplier(subtract ? sa - sb : sa + sb, output);
    return std::clamp(q, range.min, range.max);
  }
};

// With the flag pot_scale_int16 and scales that are powers of two, ADD and SUB of INT16 are what the gates of an LSTM
// need: an operand is shifted right to the output's scale, rounded with ties away from zero, and the sum saturates.
constexpr int kMaxPotShift = 15;

struct PotShifts {
  int a = 0, b = 0;  // bits to the right
};

std::optional<int> PowerOfTwo(float scale) {
  constexpr float kTolerance = 1e-3f;  // TFLite's CheckedLog2
  const float log2 = std::log2(scale), rounded = std::round(log2);
  if (!(std::abs(log2 - rounded) < kTolerance)) return std::nullopt;
  return static_cast<int>(rounded);
}

// nullopt: the general arithmetic.
std::optional<PotShifts> PotShiftsOf(const OpView& op) {
  if (op.op.kind == OpKind::kMul || !IsInt16(op) || !op.op.as<BinaryParams>().pot_scale_int16) {
    return std::nullopt;
  }
  const auto a = PowerOfTwo(op.input(0)->scale()), b = PowerOfTwo(op.input(1)->scale());
  const auto output = PowerOfTwo(op.output(0)->scale());
  if (!a || !b || !output) return std::nullopt;
  return PotShifts{*output - *a, *output - *b};
}

AddArithmetic MakeAdd(const OpView& op) {
  if (const auto shifts = PotShiftsOf(op)) {
    // The same steps with multipliers of 1/2: x * 2^15 / 2, then 14 bits more to the right, is x; the sum stays.
    constexpr int32_t kHalf = 1 << 30;
    return {1 << LeftShift(op),
            0,
            0,
            0,
            {kHalf, -(14 + shifts->a)},
            {kHalf, -(14 + shifts->b)},
            {kHalf, 1},
            QuantizedActivationRange(op.op.as<BinaryParams>().activation, *op.output(0)),
            op.op.kind == OpKind::kSub};
  }
  const AddRatios ratios = RatiosOfAdd(op);
  return {1 << LeftShift(op),
          op.input(0)->zero_point(),
          op.input(1)->zero_point(),
          op.output(0)->zero_point(),
          QuantizeMultiplier(ratios.a),
          QuantizeMultiplier(ratios.b),
          QuantizeMultiplier(ratios.output),
          QuantizedActivationRange(op.op.as<BinaryParams>().activation, *op.output(0)),
          op.op.kind == OpKind::kSub};
}

struct MulArithmetic {
  int32_t a_zero, b_zero, zero;
  QuantizedMultiplier output;
  ActivationRange range;

  int32_t operator()(int32_t qa, int32_t qb) const {
    const int32_t q = zero + MultiplyByQuantizedMultiplier((qa - a_zero) * (qb - b_zero), output);
    return std::clamp(q, range.min, range.max);
  }
};

MulArithmetic MakeMul(const OpView& op) {
  return {op.input(0)->zero_point(), op.input(1)->zero_point(), op.output(0)->zero_point(),
          QuantizeMultiplier(RatioOfMul(op)),
          QuantizedActivationRange(op.op.as<BinaryParams>().activation, *op.output(0))};
}

// --- Integers: shape arithmetic ---

template <typename T>
struct IntegerArithmetic {
  OpKind kind;
  T min = std::numeric_limits<T>::min(), max = std::numeric_limits<T>::max();

  T operator()(T a, T b) const {
    using Unsigned = std::make_unsigned_t<T>;  // wraps, where T would overflow
    const auto ua = static_cast<Unsigned>(a), ub = static_cast<Unsigned>(b);
    const Unsigned y = kind == OpKind::kAdd ? ua + ub : kind == OpKind::kSub ? ua - ub : ua * ub;
    return std::clamp(static_cast<T>(y), min, max);
  }
};

template <typename T>
IntegerArithmetic<T> MakeInteger(const OpView& op) {
  IntegerArithmetic<T> arithmetic{op.op.kind};
  switch (op.op.as<BinaryParams>().activation) {
    case Activation::kRelu: arithmetic.min = 0; break;
    case Activation::kRelu6: arithmetic.min = 0, arithmetic.max = 6; break;
    case Activation::kReluN1To1: arithmetic.min = -1, arithmetic.max = 1; break;
    default: break;
  }
  return arithmetic;
}

// --- Check ---

void CheckMultipliers(const OpView& op, Verdict& verdict) {
  if (op.op.kind == OpKind::kMul) {
    const double ratio = RatioOfMul(op);
    const double limit = MaxMulMultiplier(op);
    if (ratio >= 0 && ratio < limit) return;
    verdict.Add(ReasonCode::kUnsupportedQuantizationParameters,
                "input scale 0 * input scale 1 / output scale", fmt::format("{}", ratio),
                fmt::format("0 to below {}", limit));
    return;
  }
  // TFLite aborts (ADD) or computes nonsense (SUB) when the last rescale is not a shift right.
  const double ratio = RatiosOfAdd(op).output;
  if (ratio < 1 && QuantizeMultiplier(ratio).shift <= 0) return;
  verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "2 * larger input scale / output scale",
              fmt::format("{}", ratio * (1 << LeftShift(op))), fmt::format("below {}", 1 << LeftShift(op)));
}

void CheckPotScales(const OpView& op, const PotShifts& shifts, Verdict& verdict) {
  const bool fits = std::min(shifts.a, shifts.b) == 0 && std::max(shifts.a, shifts.b) <= kMaxPotShift;
  if (!fits) {
    verdict.Add(ReasonCode::kUnsupportedQuantizationParameters,
                "input scales / output scale with pot_scale_int16",
                fmt::format("2^{} and 2^{}", -shifts.a, -shifts.b),
                fmt::format("one 2^0, the other 2^-{} to 2^0", kMaxPotShift));
  }
  if (op.input(0)->shape != op.input(1)->shape) {
    verdict.Add(ReasonCode::kShapeMismatch, "input 1 shape with pot_scale_int16", ShapeString(*op.input(1)),
                ShapeString(*op.input(0)) + ", as input 0 (LiteRT does not broadcast these)");
  }
}

void Check(const OpView& op, Verdict& verdict) {
  const bool typed = CheckBinaryOperandsOrInt16(op, verdict);
  RequireQuantizedActivation(op.op.as<BinaryParams>().activation, verdict);
  CheckBroadcast(op, verdict);
  if (!typed) return;
  if (const auto shifts = PotShiftsOf(op)) return CheckPotScales(op, *shifts, verdict);
  CheckMultipliers(op, verdict);
}

// --- Reference ---

Status Reference(const ReferenceArgs& args) {
  const OpView& op = args.view;
  if (IsFloatForm(op)) {
    ComputeFloatBinary(args);
    return {};
  }
  NPU_RETURN_IF_ERROR(ExpectBroadcast(op));
  const bool is_mul = op.op.kind == OpKind::kMul;
  switch (op.input(0)->type) {
    case DataType::kInt8:
      is_mul ? ComputeBroadcast<int8_t>(args, MakeMul(op)) : ComputeBroadcast<int8_t>(args, MakeAdd(op));
      return {};
    case DataType::kUInt8:
      is_mul ? ComputeBroadcast<uint8_t>(args, MakeMul(op)) : ComputeBroadcast<uint8_t>(args, MakeAdd(op));
      return {};
    case DataType::kInt16:
      is_mul ? ComputeBroadcast<int16_t>(args, MakeMul(op)) : ComputeBroadcast<int16_t>(args, MakeAdd(op));
      return {};
    case DataType::kInt32: ComputeBroadcast<int32_t>(args, MakeInteger<int32_t>(op)); return {};
    case DataType::kInt64: ComputeBroadcast<int64_t>(args, MakeInteger<int64_t>(op)); return {};
    default:
      return Fail(ErrorCode::kUnsupported, fmt::format("element type {}", DataTypeName(op.input(0)->type)));
  }
}

// --- Lower ---

// The kernels' last arguments: the arithmetic in the u8 domain, operand 0 and 1 exchanged if `swap`.
std::vector<KernelArg> ArithmeticArgs(const OpView& op, bool swap) {
  const int a = swap ? 1 : 0, b = swap ? 0 : 1;
  const Tensor& output = *op.output(0);
  std::vector<KernelArg> args = {StoredZeroPoint(*op.input(a)), StoredZeroPoint(*op.input(b)),
                                 StoredZeroPoint(output)};
  const auto push = [&](std::initializer_list<int32_t> values) {
    args.insert(args.end(), values.begin(), values.end());
  };
  const int32_t offset = StorageOffset(output.type);
  if (op.op.kind == OpKind::kMul) {
    const MulArithmetic mul = MakeMul(op);
    push({mul.output.multiplier, mul.output.shift, mul.range.min + offset, mul.range.max + offset});
    return args;
  }
  const AddArithmetic add = MakeAdd(op);
  const QuantizedMultiplier ma = swap ? add.b : add.a, mb = swap ? add.a : add.b;
  // -1: the operand is subtracted. Shifts of ADD only go to the right.
  const int32_t negate_a = add.subtract && swap ? -1 : 0, negate_b = add.subtract && !swap ? -1 : 0;
  push({ma.multiplier, -ma.shift, negate_a, mb.multiplier, -mb.shift, negate_b, add.output.multiplier,
        -add.output.shift, add.range.min + offset, add.range.max + offset});
  return args;
}

// Elements from which on it is worth looking for the linear form: it takes 0.1 ms, once, and saves 0.3 ns each.
constexpr int64_t kWorthLinear = 2048;

// ADD and SUB of bytes, in the u8 domain, as kernels have them.
std::optional<LinearAdd> LinearForm(const OpView& op) {
  if (op.op.kind == OpKind::kMul || IsInt16(op)) return std::nullopt;
  if (op.output(0)->element_count().value_or(0) < kWorthLinear) return std::nullopt;
  const AddArithmetic add = MakeAdd(op);
  const int32_t offset = StorageOffset(op.output(0)->type);
  ByteSum sum{{}, {}, add.output, add.zero + offset, add.range.min + offset, add.range.max + offset};
  for (int32_t byte = 0; byte < 256; ++byte) {
    const int32_t q = byte - offset, b = MultiplyByQuantizedMultiplier((q - add.b_zero) * add.scale, add.b);
    sum.x_part[byte] = MultiplyByQuantizedMultiplier((q - add.a_zero) * add.scale, add.a);
    sum.y_part[byte] = add.subtract ? -b : b;
  }
  return FindLinearAdd(sum);
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  if (const auto linear = LinearForm(op)) {
    const auto arguments = [&](bool swap) {
      const ActivationRange range = MakeAdd(op).range;
      const int32_t offset = StorageOffset(op.output(0)->type);
      return std::vector<KernelArg>{swap ? linear->b : linear->a, swap ? linear->a : linear->b, linear->c, linear->shift,
                                    range.min + offset, range.max + offset};
    };
    LowerBroadcast(op, {"npu_linear_flat", "npu_linear_rows"}, arguments, lowering);
    return {};
  }
  const bool is_mul = op.op.kind == OpKind::kMul;
  BinaryKernels kernels =
      is_mul ? BinaryKernels{"npu_mul_flat", "npu_mul_rows"} : BinaryKernels{"npu_add_flat", "npu_add_rows"};
  if (IsInt16(op)) {
    kernels = is_mul ? BinaryKernels{{}, "npu_mul_int16_rows"} : BinaryKernels{{}, "npu_add_int16_rows"};
  }
  LowerBroadcast(
      op, kernels, [&](bool swap) { return ArithmeticArgs(op, swap); }, lowering);
  return {};
}

constexpr std::string_view kRules[] = {
    "Both inputs and the output are INT8, UINT8 or INT16 (zero point 0), of one type, each quantized per "
    "tensor.",
    "Fused activation is NONE, RELU, RELU_N1_TO_1 or RELU6.",
    "Tensors have elements; shapes broadcast as in numpy, over at most 6 dimensions after merging "
    "neighbours.",
    "ADD, SUB: 2 * larger input scale / output scale is below 2^20 (INT16: 2^15). INT16 with pot_scale_int16 and "
    "scales that are powers of two: equal shapes, one input of the output's scale, the other's 2^-15 to 1 of it.",
    "MUL: input scale 0 * input scale 1 / output scale is below 2^15 (INT16: 1).",
    "delegate-cpu, between binary operators: FLOAT32.",
};

}  // namespace

extern const OpRoom kBinaryRoom;
const OpRoom kBinaryRoom = {
    .name = "binary",
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
