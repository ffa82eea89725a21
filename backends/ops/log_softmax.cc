// LOG_SOFTMAX over the last dimension: y_i = x_i - log(sum_k exp(x_k)), quantized to 1/16, in the fixed-point
// arithmetic of TFLite's reference kernel, the same for INT8 and UINT8 (Qm.n: as in fixed_point.h).
//   d   = row maximum - x, 0 to 255;  t_d = -s_in * d in Q5.26;  e_d = exp(t_d)
//   L   = log(total of the e_d, each rounded to Q12.19) in Q5.26
//   out = largest value of the type + round((t_d - L) * 16), clipped
// A d is the type's smallest value when t_d does not fit Q5.26, or t_d - L (found by bringing the least Q5.26
// plus L back to the input's scale).
// Source: LiteRT 2.3 BUILTIN_REF, bit for bit. Hosts' optimized kernel computes in float: up to 3 apart.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "backends/ops/elementwise.h"
#include "backends/ops/fixed_point.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

constexpr float kOutputScale = 1.0f / 16;
constexpr int kOutputIntegerBits = 4;  // of t_d - L in units of the output: 31 - 5 - 4 bits too many
constexpr int kSumIntegerBits = 12;
// As many e_d of 1 in Q12.19 stay below 2^31.
constexpr int32_t kMaxDepth = (1 << kSumIntegerBits) - 1;
constexpr int kOutputShift = 31 - ScaledDifferences::kIntegerBits - kOutputIntegerBits;

struct LogSoftmax {
  explicit LogSoftmax(const Tensor& input) : differences(MakeScaledDifferences(input.scale())) {
    for (int d = 0; d < 256; ++d) {
      exponentials[d] = RoundingDivideByPowerOfTwo(differences.exponential[d], kSumIntegerBits);
    }
    // 2^(31 - shift) / multiplier: one over the differences' scale, but for 2^31.
    const QuantizedMultiplier m = differences.scale;
    inverse = QuantizeMultiplier(static_cast<double>(int64_t{1} << (31 - m.shift)) / m.multiplier);
  }

  ScaledDifferences differences;
  std::array<int32_t, 256> exponentials;  // Q12.19
  QuantizedMultiplier inverse;
};

// One row, in stored bytes (lowering.h): INT8 and UINT8 are the same there, for input and output.
void LogSoftmaxRow(const LogSoftmax& tables, const uint8_t* x, uint8_t offset, int64_t depth, uint8_t* y) {
  int max = 0;
  for (int64_t i = 0; i < depth; ++i) max = std::max<int>(max, x[i] ^ offset);
  int32_t sum = 0;
  for (int64_t i = 0; i < depth; ++i) sum += tables.exponentials[max - (x[i] ^ offset)];
  const int32_t log_sum = LogOfQ12(sum);
  const int32_t lowest =
      MultiplyByQuantizedMultiplier(log_sum + std::numeric_limits<int32_t>::min(), tables.inverse);
  // Differences of this size and more are too small.
  const int32_t limit = std::min(tables.differences.max_difference + 1, -lowest);
  for (int64_t i = 0; i < depth; ++i) {
    const int d = max - (x[i] ^ offset);
    int32_t stored = 0;
    if (d < limit) {
      stored = RoundingDivideByPowerOfTwo(tables.differences.difference[d] - log_sum, kOutputShift) + 255;
    }
    y[i] = static_cast<uint8_t>(std::clamp(stored, 0, 255)) ^ offset;
  }
}

void Check(const OpView& op, Verdict& verdict) {
  const bool typed = RequireSame8BitType(op, verdict);
  RequireElementwiseShapes(op, verdict);
  if (op.input(0) != nullptr) {
    const std::vector<int32_t>& shape = op.input(0)->shape;
    if (shape.empty()) {
      verdict.Add(ReasonCode::kUnsupportedOperandRank, "input 0 rank", "0", "at least 1");
    } else if (shape.back() > kMaxDepth) {
      verdict.Add(ReasonCode::kUnsupportedOperandSize, "input 0 last dimension", std::to_string(shape.back()),
                  fmt::format("at most {}", kMaxDepth));
    }
  }
  if (!typed) return;
  const Tensor& output = *op.output(0);
  RequireQuantization(output, "output 0", kOutputScale, TypeMax(output.type), verdict);
  if (!(ScaleOfDifferences(op.input(0)->scale()) > 1.0)) {
    verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "scale of input 0",
                fmt::format("{}", op.input(0)->scale()), "above 2^-26");
  }
}

Status Reference(const ReferenceArgs& args) {
  NPU_RETURN_IF_ERROR(Expect8Bit(args.view));
  const Tensor& input = *args.view.input(0);
  const LogSoftmax tables(input);
  const auto offset = static_cast<uint8_t>(StorageOffset(input.type));
  const int64_t depth = input.shape.back();
  const int64_t count = input.element_count().value_or(0);
  for (int64_t i = 0; i < count; i += depth) {
    LogSoftmaxRow(tables, args.in<uint8_t>(0) + i, offset, depth, args.out<uint8_t>(0) + i);
  }
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const Tensor& input = *op.input(0);
  const LogSoftmax tables(input);
  std::vector<int32_t> constant(tables.exponentials.begin(), tables.exponentials.end());
  constant.insert(constant.end(), tables.differences.difference.begin(), tables.differences.difference.end());
  const int32_t depth = input.shape.back();
  const auto rows = static_cast<int32_t>(*input.element_count() / depth);
  lowering.Launch(
      "log_softmax", {static_cast<size_t>(rows), 1, 1},
      {TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, lowering.AddConstant(constant), rows, depth,
       tables.inverse.multiplier, -tables.inverse.shift, tables.differences.max_difference});
  return {};
}

constexpr std::string_view kRules[] = {
    "Input and output are INT8 or UINT8, of the same type, each quantized per tensor.",
    "The tensor has elements and the output has the input's shape; any rank from 1, last dimension at most "
    "4095.",
    "Output scale is 1/16, zero point 127 (INT8) or 255 (UINT8).",
    "Input scale is above 2^-26.",
};

}  // namespace

extern const OpRoom kLogSoftmaxRoom;
const OpRoom kLogSoftmaxRoom = {
    .name = "log_softmax",
    .infer = InferSameShape,
    .check = Check,
    .check_cpu = Check,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 1,
    .max_inputs = 1,
    .rules = kRules,
};

}  // namespace npu
