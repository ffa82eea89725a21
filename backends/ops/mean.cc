// MEAN over any set of axes: out = zp_out + round((sum(q) - n * zp_in) * M), clipped to the type, where n is
// the number of values per mean. The division by n is part of the integer multiplier:
//   s_in / s_out = multiplier * 2^(shift - 31)                 (QuantizeMultiplier)
//   s = min(floor(log2 n), 32, 31 + shift)                     keeps the final shift at or above -31
//   M = (multiplier * 2^s / n, truncated) * 2^(shift - s - 31)
// followed by the rescaling with double rounding (schema/quantization.h): no float arithmetic, and the same
// for INT8, UINT8 and INT16.
// Source: LiteRT 2.3 BUILTIN_REF (QuantizedMeanOrSum); other hosts are up to 1 apart.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "backends/ops/float_form.h"
#include "backends/ops/reduction.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

// s_in / s_out. Beyond it the rescaling's left shift of a sum could leave 32 bits, where hosts disagree.
double MaxScaleRatio(const OpView& op) { return IsInt16(op) ? 1 << 13 : 1 << 20; }

QuantizedMultiplier MeanMultiplier(const OpView& op, int64_t count) {
  QuantizedMultiplier m =
      QuantizeMultiplier(static_cast<double>(op.input(0)->scale()) / op.output(0)->scale());
  const int log2 = 63 - std::countl_zero(static_cast<uint64_t>(count));
  const int shift = std::min({log2, 32, 31 + m.shift});
  m.multiplier = static_cast<int32_t>((static_cast<int64_t>(m.multiplier) << shift) / count);
  m.shift -= shift;
  return m;
}

void Check(const OpView& op, Verdict& verdict) {
  if (!CheckReducer(op, IsInt16(op) ? kMaxSummedInt16 : kMaxSummed, verdict, true)) return;
  const double ratio = static_cast<double>(op.input(0)->scale()) / op.output(0)->scale();
  if (!(ratio <= MaxScaleRatio(op))) {
    verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "scale of input 0 / scale of output 0",
                fmt::format("{}", ratio), fmt::format("at most {}", MaxScaleRatio(op)));
  }
}

// The float form: sums in the order of the input, then one division each.
void MeanOfFloats(const ReferenceArgs& args, const Reduction& reduction) {
  const float* in = args.in<float>(0);
  float* out = args.out<float>(0);
  std::fill_n(out, reduction.outputs, 0.0f);
  ForEachReduced(*args.view.input(0), reduction, [&](int64_t to, int64_t from) { out[to] += in[from]; });
  for (int64_t i = 0; i < reduction.outputs; ++i) out[i] /= static_cast<float>(reduction.count);
}

Status Reference(const ReferenceArgs& args) {
  const auto reduction = MakeReduction(args.view);
  if (reduction && IsFloatForm(args.view)) {
    MeanOfFloats(args, *reduction);
    return {};
  }
  const DataType type = args.view.output(0)->type;
  if (!reduction || (!Is8Bit(type) && type != DataType::kInt16)) {
    return Fail(ErrorCode::kUnsupported, "MEAN computes INT8, UINT8 and INT16 over constant axes only");
  }
  ReduceSums(args, *reduction, MeanMultiplier(args.view, reduction->count));
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const auto reduction = MakeReduction(op);
  if (!reduction) return Fail(ErrorCode::kInternal, "MEAN was lowered without constant axes");
  LowerSums(op, *reduction, MeanMultiplier(op, reduction->count), lowering);
  return {};
}

constexpr std::string_view kRules[] = {
    "input and output INT8, UINT8 or INT16 (zero point 0), the same type, one scale and zero point each "
    "(they may differ)",
    "scale of the input at most 2^20 (INT16: 2^13) times the output's",
    "input of rank 1 to 5 without empty dimensions",
    "axes: constant INT32, each in [-rank, rank)",
    "at most 2^23 (INT16: 2^16 - 1) values per mean",
    "delegate-cpu, between binary operators: FLOAT32",
};

}  // namespace

extern const OpRoom kMeanRoom;
const OpRoom kMeanRoom{
    .name = "mean",
    .infer = InferReduction,
    .check = Check,
    .check_cpu = CheckFloatForm,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 2,
    .max_inputs = 2,
    .rules = kRules,
};

}  // namespace npu
