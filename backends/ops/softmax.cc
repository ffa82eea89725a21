// SOFTMAX over the last dimension: y_i = exp(beta * x_i) / sum_k exp(beta * x_k), in the fixed-point
// arithmetic of TFLite's reference kernel (reference/softmax.h on gemmlowp's fixedpoint.h).
// Qm.n below: a 32-bit integer with m integer and n fractional bits, m + n = 31.
//   d   = row maximum - x, 0 to 255: all that exp depends on, so exp is a table of 256 entries
//   e_d = exp(-beta * scale * d) in Q0.31; 0 when d is so large that the Q5.26 argument would overflow
//   sum = total of e_d in Q12.19;  1 / sum by three Newton steps in Q2.29
//   y   = e_d / sum in units of the output scale, 1/256
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <bit>
#include <cmath>

#include "backends/ops/elementwise.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

constexpr int kInputIntegerBits = 5;  // exp(-32) and less are nothing
constexpr int kSumIntegerBits = 12;
constexpr int32_t kOne = std::numeric_limits<int32_t>::max();  // Q0.31 has no exact 1

// From here on every y is below half a unit: TFLite aborts the process, this answers the zeros that are
// right.
constexpr uint32_t kLargestSum = (512u << (31 - kSumIntegerBits)) - 1;

int32_t Multiply(int32_t a, int32_t b) { return SaturatingRoundingDoublingHighMul(a, b); }

// x * 2^bits, saturated.
int32_t ShiftLeftSaturating(int32_t x, int bits) {
  const int64_t shifted = static_cast<int64_t>(x) * (int64_t{1} << bits);
  return static_cast<int32_t>(std::clamp<int64_t>(shifted, std::numeric_limits<int32_t>::min(), kOne));
}

// exp(x) for x in [-1/4, 0), Q0.31: Taylor's series around -1/8 up to the fourth power.
int32_t ExpOnQuarter(int32_t x) {
  constexpr int32_t kExpMinusOneEighth = 1895147668;  // exp(-1/8) * 2^31
  constexpr int32_t kOneThird = 715827883;            // 2^31 / 3
  const int32_t t = x + (1 << 28);                    // x + 1/8
  const int32_t t2 = Multiply(t, t);
  const int32_t t3 = Multiply(t2, t);
  const int32_t t4 = Multiply(t2, t2);
  // t^2/2 + t^3/6 + t^4/24
  const int32_t inner = Multiply(RoundingDivideByPowerOfTwo(t4, 2) + t3, kOneThird) + t2;
  const int32_t tail = RoundingDivideByPowerOfTwo(inner, 1);
  return kExpMinusOneEighth + Multiply(kExpMinusOneEighth, t + tail);
}

// exp(x) for x <= 0, x in Q5.26, result in Q0.31: the remainder modulo 1/4 by the series, then one factor
// exp(-2^k) for each set bit k = -2 .. 4 of what was left out.
int32_t ExpOnNegative(int32_t x) {
  if (x == 0) return kOne;
  constexpr int kFractionalBits = 31 - kInputIntegerBits;
  constexpr int32_t kQuarter = 1 << (kFractionalBits - 2);
  constexpr int32_t kFactors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  const int32_t remainder = (x & (kQuarter - 1)) - kQuarter;
  int32_t result = ExpOnQuarter(ShiftLeftSaturating(remainder, kInputIntegerBits));
  const int32_t quarters = remainder - x;
  for (int k = 0; k < 7; ++k) {
    if (quarters & (kQuarter << k)) result = Multiply(result, kFactors[k]);
  }
  return result;
}

// 1 / (1 + x) for x in [0, 1), both Q0.31. Newton's division with the start 48/17 - 32/17 * d.
int32_t OneOverOnePlus(int32_t x) {
  constexpr int32_t k48Over17 = 1515870810;        // Q2.29
  constexpr int32_t kMinus32Over17 = -1010580540;  // Q2.29
  constexpr int32_t kOneQ2 = 1 << 29;
  const auto half = static_cast<int32_t>((static_cast<int64_t>(x) + kOne + 1) / 2);  // (1 + x) / 2
  int32_t y = k48Over17 + Multiply(half, kMinus32Over17);
  for (int i = 0; i < 3; ++i) {
    const int32_t error = kOneQ2 - Multiply(half, y);
    y += ShiftLeftSaturating(Multiply(y, error), 2);
  }
  return ShiftLeftSaturating(y, 1);  // y / 2 is the answer: Q2.29 read as Q1.30, then made Q0.31
}

double RealMultiplier(const OpView& op) {
  return static_cast<double>(op.op.as<SoftmaxParams>().beta) * static_cast<double>(op.input(0)->scale()) *
         (1 << (31 - kInputIntegerBits));
}

// e_d in Q0.31 for d = 0 .. 255.
std::array<int32_t, 256> ExpTable(const OpView& op) {
  // One more than 2^31 - 1 would not fit the arithmetic; by then only d = 0 counts, anyway.
  const QuantizedMultiplier m = QuantizeMultiplier(std::min(RealMultiplier(op), 2147483647.0));
  // The largest d that stays inside Q5.26 after the shift.
  const double max_diff =
      std::floor(31.0 * (1 << (31 - kInputIntegerBits)) / static_cast<double>(int64_t{1} << m.shift));
  std::array<int32_t, 256> table{};
  for (int d = 0; d < 256 && d <= max_diff; ++d) {
    table[d] = ExpOnNegative(Multiply(ShiftLeftWrapping(-d, m.shift), m.multiplier));
  }
  return table;
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
    const int32_t product = Multiply(reciprocal, exp_table[max - (x[i] ^ offset)]);
    y[i] = static_cast<uint8_t>(std::min(RoundingDivideByPowerOfTwo(product, exponent), 255)) ^ offset;
  }
}

void Check(const OpView& op, Verdict& verdict) {
  const bool typed = RequireSame8BitType(op, verdict);
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
  // 0.1 %: TFLite's tolerance.
  if (!(std::abs(output.scale() - 1.0f / 256) <= 0.001f / 256) || output.zero_point() != zero_point) {
    RequireQuantization(output, "output 0", 1.0f / 256, zero_point, verdict);
  }
  if (beta > 0 && !(RealMultiplier(op) > 1.0)) {
    verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "beta * input scale",
                fmt::format("{}", static_cast<double>(beta) * op.input(0)->scale()), "above 2^-26");
  }
}

Status Reference(const ReferenceArgs& args) {
  NPU_RETURN_IF_ERROR(Expect8Bit(args.view));
  const Tensor& input = *args.view.input(0);
  const std::array<int32_t, 256> table = ExpTable(args.view);
  const auto offset = static_cast<uint8_t>(StorageOffset(input.type));
  const int64_t depth = input.shape.empty() ? 1 : input.shape.back();
  const int64_t count = input.element_count().value_or(0);
  for (int64_t i = 0; i + depth <= count && depth > 0; i += depth) {
    SoftmaxRow(args.in<uint8_t>(0) + i, offset, depth, table, args.out<uint8_t>(0) + i);
  }
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const std::array<int32_t, 256> table = ExpTable(op);
  const ConstantArg constant = lowering.AddConstant(std::span<const int32_t>(table));
  const int32_t depth = op.input(0)->shape.back();
  const auto rows = static_cast<int32_t>(*op.input(0)->element_count() / depth);
  lowering.Launch("npu_softmax", {static_cast<size_t>(rows), 1, 1},
                  {TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, constant, rows, depth});
  return {};
}

constexpr std::string_view kRules[] = {
    "Input and output are INT8 or UINT8, of the same type, each quantized per tensor.",
    "The tensor has elements and the output has the input's shape; any rank from 1.",
    "beta is above 0.",
    "Output scale is 1/256 (0.1 % tolerance), zero point -128 (INT8) or 0 (UINT8).",
    "beta * input scale is above 2^-26.",
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
