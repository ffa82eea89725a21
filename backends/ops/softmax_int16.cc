// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/softmax_int16.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "backends/ops/int16_arithmetic.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

constexpr int64_t kMaxDepth = 65536;     // sums of Q0.15 values stay inside 31 bits
constexpr double kMaxBetaScale = 4;      // the difference's rescale shifts left by at most 15 bits
constexpr double kRange = 10.0 / 65535;  // one step of a rescaled difference

// In the mix of float and double that TFLite has: the product is rounded to float.
double Rescale(const OpView& op) {
  return static_cast<double>(op.input(0)->scale() * op.op.as<SoftmaxParams>().beta) / kRange;
}

// exp by difference, Q0.15.
std::vector<int16_t> ExpTable(const OpView& op) {
  const InterpolationTable points = MakeInterpolationTable(
      kRange * -65535, 0, 2.0 / 65535 * -32768, 2.0 / 65535 * 32767, [](double x) { return std::exp(x); });
  const QuantizedMultiplier rescale = QuantizeMultiplier(Rescale(op));
  std::vector<int16_t> table(65536);
  for (int32_t d = 0; d < 65536; ++d) {
    const int32_t x = MultiplyByQuantizedMultiplier(-d, rescale) + 32767;
    table[d] = Interpolate(static_cast<int16_t>(std::clamp(x, -32768, 32767)), points);
  }
  return table;
}

// 1 / (1 + x) for x in [0, 1] from -2^15 to 2^15 - 1, Q0.15.
InterpolationTable ReciprocalPoints() {
  return MakeInterpolationTable(0, 1.0 / 65535 * 65535, 2.0 / 65535 * -32768, 2.0 / 65535 * 32767,
                                [](double x) { return 1.0 / (1.0 + x); });
}

void SoftmaxRow(const int16_t* x, int64_t depth, const std::vector<int16_t>& exp_table,
                const InterpolationTable& reciprocals, int16_t* y) {
  const int32_t largest = *std::max_element(x, x + depth);
  int32_t sum = 0;
  for (int64_t i = 0; i < depth; ++i) sum += exp_table[largest - x[i]];
  const int zeros = std::countl_zero(static_cast<uint32_t>(sum));
  const auto shifted = static_cast<int32_t>(((int64_t{sum} << (zeros - 1)) + (1 << 13)) >> 14);
  const int32_t fraction = std::clamp(shifted - (1 << 15) - (1 << 16), -32768, 32767);
  const int32_t reciprocal = Interpolate(static_cast<int16_t>(fraction), reciprocals);
  const int right = 31 - zeros;
  for (int64_t i = 0; i < depth; ++i) {
    const int64_t product = int64_t{exp_table[largest - x[i]]} * reciprocal + (int64_t{1} << (right - 1));
    y[i] = static_cast<int16_t>(std::clamp<int64_t>(product >> right, 0, 32767));
  }
}

}  // namespace

void CheckSoftmaxInt16(const OpView& op, Verdict& verdict) {
  const double scale =
      static_cast<double>(op.op.as<SoftmaxParams>().beta) * static_cast<double>(op.input(0)->scale());
  if (!(scale < kMaxBetaScale)) {
    verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "beta * input scale",
                fmt::format("{}", scale), fmt::format("below {}", kMaxBetaScale));
  }
  const Tensor& input = *op.input(0);
  if (!input.shape.empty()) RequireRange("values per row", input.shape.back(), 1, kMaxDepth, verdict);
}

Status ComputeSoftmaxInt16(const ReferenceArgs& args) {
  const Tensor& input = *args.view.input(0);
  const std::vector<int16_t> exp_table = ExpTable(args.view);
  const InterpolationTable reciprocals = ReciprocalPoints();
  const int64_t depth = input.shape.empty() ? 1 : input.shape.back();
  const int64_t count = input.element_count().value_or(0);
  for (int64_t i = 0; i + depth <= count && depth > 0; i += depth) {
    SoftmaxRow(args.in<int16_t>(0) + i, depth, exp_table, reciprocals, args.out<int16_t>(0) + i);
  }
  return {};
}

Status LowerSoftmaxInt16(const OpView& op, Lowering& lowering) {
  const InterpolationTable reciprocals = ReciprocalPoints();
  const int32_t depth = op.input(0)->shape.back();
  const auto rows = static_cast<int32_t>(*op.input(0)->element_count() / depth);
  lowering.Launch(
      "npu_softmax_int16", {static_cast<size_t>(rows), 1, 1},
      {TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, lowering.AddConstant(ExpTable(op)),
       lowering.AddConstant(std::span<const int16_t>(reciprocals)), rows, depth});
  return {};
}

}  // namespace npu
