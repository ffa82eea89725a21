// SOFTMAX over the last dimension: y_i = exp(beta * x_i) / sum_k exp(beta * x_k), in the fixed-point
// arithmetic of TFLite's reference kernel (reference/softmax.h on gemmlowp's fixedpoint.h).
// Qm.n: as in fixed_point.h.
//   d   = row maximum - x, 0 to 255: all that exp depends on, so exp is a table of 256 entries
//   e_d = exp(-beta * scale * d) in Q0.31; 0 when d is so large that the Q5.26 argument would overflow
//   sum = total of e_d in Q12.19;  1 / sum by three Newton steps in Q2.29
//   y   = e_d / sum in units of the output scale, 1/256
// INT16 has its own arithmetic: softmax_int16.h.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <bit>
#include <cmath>

#include "backends/ops/elementwise.h"
#include "backends/ops/fixed_point.h"
#include "backends/ops/rules.h"
#include "backends/ops/softmax_int16.h"

namespace npu {
namespace {

constexpr int kSumIntegerBits = 12;

// From here on every y is below half a unit: TFLite aborts the process, this answers the zeros that are
// right.
constexpr uint32_t kLargestSum = (512u << (31 - kSumIntegerBits)) - 1;

double ScaleOf(const OpView& op) {
  return static_cast<double>(op.op.as<SoftmaxParams>().beta) * static_cast<double>(op.input(0)->scale());
}

// One row, in stored bytes (lowering.h): INT8 and UINT8 are the same there, for input and output.
void SoftmaxRow(const uint8_t* x, uint8_t offset, int64_t depth, const std::array<int32_t, 256>& exp_table,
                uint8_t* y) {
  int max = 0;
  for (int64_t i = 0; i < depth; ++i) max = std::max<int>(max, x[i] ^ offset);
  uint64_t sum = 0;
  for (int64_t i = 0; i < depth; ++i) {
    sum +=
        static_cast<uint64_t>(RoundingDivideByPowerOfTwo(exp_table[max - (x[i] ^ offset)], kSumIntegerBits));
  }
  if (sum > kLargestSum) {
    std::fill(y, y + depth, offset);
    return;
  }
  const int leading_zeros = std::countl_zero(static_cast<uint32_t>(sum));
  // sum = (1 + fraction) * 2^bits_over_unit
  const auto fraction = static_cast<int32_t>((static_cast<uint32_t>(sum) << leading_zeros) - (1u << 31));
  const int bits_over_unit = kSumIntegerBits - leading_zeros;
  const int32_t reciprocal = OneOverOnePlus(fraction);
  const int exponent = bits_over_unit + 31 - 8;  // from Q0.31 to units of 1/256
  for (int64_t i = 0; i < depth; ++i) {
    const int32_t product = FixedMultiply(reciprocal, exp_table[max - (x[i] ^ offset)]);
    y[i] = static_cast<uint8_t>(std::min(RoundingDivideByPowerOfTwo(product, exponent), 255)) ^ offset;
  }
}

void Check(const OpView& op, Verdict& verdict) {
  const bool typed = RequireSameQuantizedType(op, verdict);
  RequireElementwiseShapes(op, verdict);
  if (op.input(0) != nullptr && op.input(0)->shape.empty()) {
    verdict.Add(ReasonCode::kUnsupportedOperandRank, "input 0 rank", "0", "at least 1");
  }
  const float beta = op.op.as<SoftmaxParams>().beta;
  if (!(beta > 0)) {
    verdict.Add(ReasonCode::kInvalidArgument, "beta", fmt::format("{}", beta), "above 0");
  }
  if (!typed) return;
  const Tensor& output = *op.output(0);
  const int32_t zero_point = output.type == DataType::kInt8 ? -128 : 0;
  const float scale = output.type == DataType::kInt16 ? 1.0f / 32768 : 1.0f / 256;
  // 0.1 %: TFLite's tolerance.
  if (!(std::abs(output.scale() - scale) <= 0.001f * scale) || output.zero_point() != zero_point) {
    RequireQuantization(output, "output 0", scale, zero_point, verdict);
  }
  if (IsInt16(op)) return CheckSoftmaxInt16(op, verdict);
  if (beta > 0 && !(ScaleOfDifferences(ScaleOf(op)) > 1.0)) {
    verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "beta * input scale",
                fmt::format("{}", static_cast<double>(beta) * op.input(0)->scale()), "above 2^-26");
  }
}

Status Reference(const ReferenceArgs& args) {
  if (IsInt16(args.view)) return ComputeSoftmaxInt16(args);
  NPU_RETURN_IF_ERROR(Expect8Bit(args.view));
  const Tensor& input = *args.view.input(0);
  const std::array<int32_t, 256> table = MakeScaledDifferences(ScaleOf(args.view)).exponential;
  const auto offset = static_cast<uint8_t>(StorageOffset(input.type));
  const int64_t depth = input.shape.empty() ? 1 : input.shape.back();
  const int64_t count = input.element_count().value_or(0);
  for (int64_t i = 0; i + depth <= count && depth > 0; i += depth) {
    SoftmaxRow(args.in<uint8_t>(0) + i, offset, depth, table, args.out<uint8_t>(0) + i);
  }
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  if (IsInt16(op)) return LowerSoftmaxInt16(op, lowering);
  const std::array<int32_t, 256> table = MakeScaledDifferences(ScaleOf(op)).exponential;
  const ConstantArg constant = lowering.AddConstant(std::span<const int32_t>(table));
  const int32_t depth = op.input(0)->shape.back();
  const auto rows = static_cast<int32_t>(*op.input(0)->element_count() / depth);
  lowering.Launch("npu_softmax", {static_cast<size_t>(rows), 1, 1},
                  {TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, constant, rows, depth});
  return {};
}

constexpr std::string_view kRules[] = {
    "Input and output are INT8, UINT8 or INT16 (zero point 0), of the same type, each quantized per tensor.",
    "The tensor has elements and the output has the input's shape; any rank from 1.",
    "beta is above 0.",
    "Output scale is 1/256 (0.1 % tolerance), zero point -128 (INT8) or 0 (UINT8); INT16: 1/32768.",
    "beta * input scale is above 2^-26; INT16: below 4, and at most 65536 values per row.",
};

}  // namespace

extern const OpRoom kSoftmaxRoom;
const OpRoom kSoftmaxRoom = {
    .name = "softmax",
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
