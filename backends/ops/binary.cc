// ADD, SUB, MUL of two tensors, broadcast against each other, with a fused activation.
// 8 bit (INT8 and UINT8 alike), x = q - zero_point:
//   ADD, SUB  s_i = x_i * 2^20 * (scale_i / (2 * larger input scale));  q = zp + (s_0 +- s_1) * 2 * larger
//   input
//             scale / (2^20 * output scale). The 20 bits keep what the first rescale would round away.
//   MUL       q = zp + x_0 * x_1 * (scale_0 * scale_1 / output scale)
// INT32 and INT64 (shape arithmetic at plan time only): plain, wrapping.
// Source: TFLite's reference kernels (add.cc, sub.cc, mul.cc and reference/ of LiteRT 2.3).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <limits>

#include "backends/ops/binary_operands.h"
#include "backends/ops/rules.h"
#include "schema/quantization.h"

namespace npu {
namespace {

constexpr int kLeftShift = 20;  // of ADD and SUB, 8 bit: 255 * 2^20 * 2 stays inside int32
// 255 * 255 * 2^15 is the largest product shifted left that an int32 holds.
constexpr double kMaxMulMultiplier = 1 << 15;

// --- 8-bit arithmetic ---

struct AddRatios {
  double a, b, output;
};

AddRatios RatiosOfAdd(const OpView& op) {
  const double a = op.input(0)->scale(), b = op.input(1)->scale(), output = op.output(0)->scale();
  const double twice_max = 2 * std::max(a, b);
  return {a / twice_max, b / twice_max, twice_max / (static_cast<double>(1 << kLeftShift) * output)};
}

// In float, as TFLite does: the roundings of the product and the division are part of the answer.
double RatioOfMul(const OpView& op) {
  return static_cast<double>(op.input(0)->scale() * op.input(1)->scale() / op.output(0)->scale());
}

struct AddArithmetic {
  int32_t a_zero, b_zero, zero;
  QuantizedMultiplier a, b, output;
  ActivationRange range;
  bool subtract;

  int32_t operator()(int32_t qa, int32_t qb) const {
    const int32_t sa = MultiplyByQuantizedMultiplier((qa - a_zero) * (1 << kLeftShift), a);
    const int32_t sb = MultiplyByQuantizedMultiplier((qb - b_zero) * (1 << kLeftShift), b);
    const int32_t q = zero + MultiplyByQuantizedMultiplier(subtract ? sa - sb : sa + sb, output);
    return std::clamp(q, range.min, range.max);
  }
};

AddArithmetic MakeAdd(const OpView& op) {
  const AddRatios ratios = RatiosOfAdd(op);
  return {op.input(0)->zero_point(),
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
    if (ratio >= 0 && ratio < kMaxMulMultiplier) return;
    verdict.Add(ReasonCode::kUnsupportedQuantizationParameters,
                "input scale 0 * input scale 1 / output scale", fmt::format("{}", ratio),
                fmt::format("0 to below {}", kMaxMulMultiplier));
    return;
  }
  // TFLite aborts (ADD) or computes nonsense (SUB) when the last rescale is not a shift right.
  const double ratio = RatiosOfAdd(op).output;
  if (ratio < 1 && QuantizeMultiplier(ratio).shift <= 0) return;
  verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "2 * larger input scale / output scale",
              fmt::format("{}", ratio * (1 << kLeftShift)), fmt::format("below {}", 1 << kLeftShift));
}

void Check(const OpView& op, Verdict& verdict) {
  const bool typed = CheckBinaryOperands(op, verdict);
  RequireQuantizedActivation(op.op.as<BinaryParams>().activation, verdict);
  CheckBroadcast(op, verdict);
  if (typed) CheckMultipliers(op, verdict);
}

// --- Reference ---

Status Reference(const ReferenceArgs& args) {
  const OpView& op = args.view;
  NPU_RETURN_IF_ERROR(ExpectBroadcast(op));
  const bool is_mul = op.op.kind == OpKind::kMul;
  switch (op.input(0)->type) {
    case DataType::kInt8:
      is_mul ? ComputeBroadcast<int8_t>(args, MakeMul(op)) : ComputeBroadcast<int8_t>(args, MakeAdd(op));
      return {};
    case DataType::kUInt8:
      is_mul ? ComputeBroadcast<uint8_t>(args, MakeMul(op)) : ComputeBroadcast<uint8_t>(args, MakeAdd(op));
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

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const bool is_mul = op.op.kind == OpKind::kMul;
  const BinaryKernels kernels =
      is_mul ? BinaryKernels{"npu_mul_flat", "npu_mul_rows"} : BinaryKernels{"npu_add_flat", "npu_add_rows"};
  LowerBroadcast(
      op, kernels, [&](bool swap) { return ArithmeticArgs(op, swap); }, lowering);
  return {};
}

constexpr std::string_view kRules[] = {
    "Both inputs and the output are INT8 or UINT8, of one type, each quantized per tensor.",
    "Fused activation is NONE, RELU, RELU_N1_TO_1 or RELU6.",
    "Tensors have elements; shapes broadcast as in numpy, over at most 6 dimensions after merging "
    "neighbours.",
    "ADD, SUB: 2 * larger input scale / output scale is below 2^20.",
    "MUL: input scale 0 * input scale 1 / output scale is below 2^15.",
};

}  // namespace

extern const OpRoom kBinaryRoom;
const OpRoom kBinaryRoom = {
    .name = "binary",
    .infer = InferBroadcast,
    .check = Check,
    .check_cpu = nullptr,
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
