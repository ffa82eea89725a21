// SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_PROD over any set of axes.
//   SUM   out = zp_out + round((sum(q) - n * zp_in) * s_in / s_out), clipped to the type; n values per
//   result.
//         One requantization with double rounding of a 32-bit sum (schema/quantization.h).
//   MAX, MIN  the largest or smallest value. Nothing is rescaled: input and output are quantized alike.
//   PROD  p = q_1 - zp_in, then p = R(p * (q_i - zp_in)) for i = 2 .. n in the input's order, and last
//         out = zp_out + R(p), clipped; R(x) = round(x * s_in / s_out^(1/n)), so that the n steps together
//         scale by s_in^n / s_out and p stays small. R rounds once: x * (the multiplier's upper 16 bits,
//         rounded) + half, shifted right in 64 bits; the result keeps its low 32 bits.
// Source: LiteRT 2.3 BUILTIN_REF, bit for bit, except SUM of INT8: hosts' reference kernel reads those bytes
// as
//   UINT8 (measured: the same bytes as its UINT8 kernel, results up to 149 off). INT8 here is its UINT8
//   kernel with values and zero points 128 lower. Hosts do not accept UINT8 for REDUCE_PROD.
// Of INT32 and INT64 constants (shape arithmetic) all four are computed when the plan is made, wrapping.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/ops/reduction.h"
#include "backends/ops/rules.h"
#include "base/checked.h"

namespace npu {
namespace {

// SUM: n * s_in / s_out. Results stay below 255 * 2^22, and the sum's left shift inside 32 bits.
constexpr double kMaxSumRatio = 1 << 22;
// PROD: R's shift is below 8, the largest for which its 64-bit product is defined.
constexpr double kMaxProductStep = 1 << 7;

QuantizedMultiplier SumMultiplier(const OpView& op) {
  return QuantizeMultiplier(static_cast<double>(op.input(0)->scale()) / op.output(0)->scale());
}

double ProductStep(const OpView& op, int64_t count) {
  return op.input(0)->scale() /
         std::pow(static_cast<double>(op.output(0)->scale()), 1.0 / static_cast<double>(count));
}

// R of the formula above: (x * multiplier + 2^(shift - 1)) >> shift.
struct ProductScale {
  int32_t multiplier, shift;

  int32_t Apply(int64_t x) const {
    return static_cast<int32_t>((x * multiplier + (int64_t{1} << (shift - 1))) >> shift);
  }
};

ProductScale MakeProductScale(double step) {
  const QuantizedMultiplier m = QuantizeMultiplier(step);
  // Rounding a multiplier this large would need a 17th bit.
  constexpr int32_t kLargest = 0x7fff;
  const int32_t upper = m.multiplier < (kLargest << 16) ? (m.multiplier + (1 << 15)) >> 16 : kLargest;
  return {upper, 15 - m.shift};
}

template <typename T>
void Extremes(const ReferenceArgs& args, const Reduction& reduction) {
  const bool max = args.view.op.kind == OpKind::kReduceMax;
  const T* in = args.in<T>(0);
  T* out = args.out<T>(0);
  std::fill_n(out, reduction.outputs, max ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max());
  ForEachReduced(*args.view.input(0), reduction, [&](int64_t to, int64_t from) {
    out[to] = max ? std::max(out[to], in[from]) : std::min(out[to], in[from]);
  });
}

void Products(const ReferenceArgs& args, const Reduction& reduction) {
  const Tensor& input = *args.view.input(0);
  const Tensor& output = *args.view.output(0);
  const ProductScale scale = MakeProductScale(ProductStep(args.view, reduction.count));
  const int8_t* in = args.in<int8_t>(0);
  std::vector<int32_t> products(reduction.outputs);
  std::vector<bool> started(reduction.outputs, false);
  ForEachReduced(input, reduction, [&](int64_t to, int64_t from) {
    const int32_t factor = in[from] - input.zero_point();
    products[to] = started[to] ? scale.Apply(int64_t{products[to]} * factor) : factor;
    started[to] = true;
  });
  for (int64_t i = 0; i < reduction.outputs; ++i) {
    const int64_t value = int64_t{scale.Apply(products[i])} + output.zero_point();
    args.out<int8_t>(0)[i] = static_cast<int8_t>(std::clamp<int64_t>(value, -128, 127));
  }
}

// T: unsigned, so that sums and products wrap; comparisons are those of Signed.
template <typename T, typename Signed>
void Integers(const ReferenceArgs& args, const Reduction& reduction) {
  const OpKind kind = args.view.op.kind;
  if (kind == OpKind::kReduceMax || kind == OpKind::kReduceMin) return Extremes<Signed>(args, reduction);
  const T* in = args.in<T>(0);
  T* out = args.out<T>(0);
  std::fill_n(out, reduction.outputs, static_cast<T>(kind == OpKind::kReduceProd));
  ForEachReduced(*args.view.input(0), reduction, [&](int64_t to, int64_t from) {
    out[to] = kind == OpKind::kSum ? out[to] + in[from] : out[to] * in[from];
  });
}

void RequireAtMost(std::string_view what, double value, double most, Verdict& verdict) {
  if (value <= most) return;
  verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, std::string(what), fmt::format("{}", value),
              fmt::format("at most {}", most));
}

void Check(const OpView& op, Verdict& verdict) {
  const OpKind kind = op.op.kind;
  const bool typed = CheckReducer(op, kind == OpKind::kSum ? kMaxSummed : kMaxTensorElements, verdict);
  if (kind == OpKind::kReduceProd && typed) RequireInputType(op, 0, "input", {DataType::kInt8}, verdict);
  if (!typed) return;
  const Tensor& input = *op.input(0);
  const Tensor& output = *op.output(0);
  if (kind == OpKind::kReduceMax || kind == OpKind::kReduceMin) {
    RequireSameQuantization(input, "input 0", output, "output 0", verdict);
    return;
  }
  const auto reduction = MakeReduction(op);
  if (!reduction || reduction->count < 1) return;
  if (kind == OpKind::kSum) {
    const double ratio = static_cast<double>(input.scale()) / output.scale();
    RequireAtMost("values per result * scale of input 0 / scale of output 0",
                  static_cast<double>(reduction->count) * ratio, kMaxSumRatio, verdict);
  } else {
    RequireAtMost("scale of input 0 / (scale of output 0)^(1 / values per result)",
                  ProductStep(op, reduction->count), kMaxProductStep, verdict);
  }
}

Status Reference(const ReferenceArgs& args) {
  const auto reduction = MakeReduction(args.view);
  const DataType type = args.view.input(0)->type;
  if (!reduction || args.view.output(0)->type != type) {
    return Fail(ErrorCode::kUnsupported, "axes are not constant, or input and output types differ");
  }
  const OpKind kind = args.view.op.kind;
  if (type == DataType::kInt32) {
    Integers<uint32_t, int32_t>(args, *reduction);
  } else if (type == DataType::kInt64) {
    Integers<uint64_t, int64_t>(args, *reduction);
  } else if (!Is8Bit(type)) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{} does not compute {}", OpName(args.view.op), DataTypeName(type)));
  } else if (kind == OpKind::kSum) {
    ReduceSums(args, *reduction, SumMultiplier(args.view));
  } else if (kind == OpKind::kReduceProd) {
    Products(args, *reduction);
  } else if (type == DataType::kInt8) {
    Extremes<int8_t>(args, *reduction);
  } else {
    Extremes<uint8_t>(args, *reduction);
  }
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const auto reduction = MakeReduction(op);
  if (!reduction) return Fail(ErrorCode::kInternal, "a reduction was lowered without constant axes");
  const Tensor& input = *op.input(0);
  const OpKind kind = op.op.kind;
  if (kind == OpKind::kSum) {
    LowerSums(op, *reduction, SumMultiplier(op), lowering);
    return {};
  }
  const ReductionExtents extents = CollapseReduction(input, *reduction);
  if (kind == OpKind::kReduceProd) {
    const ProductScale scale = MakeProductScale(ProductStep(op, reduction->count));
    const auto& e = extents;
    lowering.Launch(
        "reduce_product", {static_cast<size_t>(e[4]), static_cast<size_t>(e[2]), static_cast<size_t>(e[0])},
        {TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, e[0], e[1], e[2], e[3], e[4], e[5],
         StoredZeroPoint(input), scale.multiplier, scale.shift, StoredZeroPoint(*op.output(0))});
    return {};
  }
  // The smallest is the largest of the complements.
  const int32_t flip = kind == OpKind::kReduceMin ? 255 : 0;
  LaunchReduction(op, extents, "reduce_extreme_channels", "reduce_extreme_last", {flip}, lowering);
  return {};
}

constexpr std::string_view kRules[] = {
    "input and output INT8 or UINT8, the same type, one scale and zero point each; REDUCE_PROD: INT8",
    "input of rank 1 to 5 without empty dimensions",
    "axes: constant INT32, each in [-rank, rank)",
    "SUM: at most 2^23 values per result; values * scale of the input at most 2^22 times the output's; INT8 "
    "is what UINT8 would be, where LiteRT's reference kernel is wrong (it reads INT8 as UINT8)",
    "REDUCE_MAX, REDUCE_MIN: input and output have the same scale and zero point",
    "REDUCE_PROD: scale of the input at most 2^7 times the n-th root of the output's, n values per result",
    "of INT32 or INT64 constants all are computed when the plan is made",
};

}  // namespace

extern const OpRoom kReduceRoom;
const OpRoom kReduceRoom{
    .name = "reduce",
    .infer = InferReduction,
    .check = Check,
    .check_cpu = Check,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 2,
    .max_inputs = 2,
    .rules = kRules,
};

}  // namespace npu
