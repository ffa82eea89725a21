// L2_NORMALIZATION over the last dimension: y_i = x_i / sqrt(sum_k x_k^2), quantized to 1/128. The input's
// scale cancels out. d_i = q_i - zp_in, (m, s) = 1 / sqrt(sum of d^2) as multiplier and shift
// (fixed_point.h; 1 if the sum is 0):
//   INT8   out = round(d * m * 2^(s + 7)), zero point 0
//   UINT8  out = 128 + round((128 * d) * m * 2^s): the same number, rounded later
// clipped to the type; double rounding (schema/quantization.h).
// Source: LiteRT 2.3 BUILTIN_REF, bit for bit.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "backends/ops/elementwise.h"
#include "backends/ops/fixed_point.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

constexpr int kOutputBits = 7;  // the output's scale is 2^-7
// 255^2 * 33025 is the largest sum of squares in 31 bits.
constexpr int64_t kMaxDepth = 33025;

// The two forms: how far d is shifted before the multiplication; the rest of the 7 bits comes after it.
int ShiftBefore(DataType type) { return type == DataType::kInt8 ? 0 : kOutputBits; }

template <typename T>
void Normalize(const ReferenceArgs& args) {
  const Tensor& input = *args.view.input(0);
  const Tensor& output = *args.view.output(0);
  const int64_t depth = input.shape.back();
  const int64_t count = input.element_count().value_or(0);
  const int before = ShiftBefore(input.type);
  for (int64_t row = 0; row < count; row += depth) {
    const T* x = args.in<T>(0) + row;
    int32_t sum = 0;
    for (int64_t i = 0; i < depth; ++i) {
      const int32_t d = x[i] - input.zero_point();
      sum += d * d;
    }
    QuantizedMultiplier m = InverseSquareRoot(sum);
    m.shift += kOutputBits - before;
    for (int64_t i = 0; i < depth; ++i) {
      const int32_t d = (x[i] - input.zero_point()) * (1 << before);
      const int32_t q = MultiplyByQuantizedMultiplier(d, m) + output.zero_point();
      args.out<T>(0)[row + i] = static_cast<T>(std::clamp(q, TypeMin(output.type), TypeMax(output.type)));
    }
  }
}

void Check(const OpView& op, Verdict& verdict) {
  const bool typed = RequireSame8BitType(op, verdict);
  RequireElementwiseShapes(op, verdict);
  RequireNoActivation(op.op.as<L2NormParams>().activation, verdict);
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
  RequireQuantization(output, "output 0", 1.0f / 128, output.type == DataType::kInt8 ? 0 : 128, verdict);
}

Status Reference(const ReferenceArgs& args) {
  NPU_RETURN_IF_ERROR(Expect8Bit(args.view));
  if (args.view.input(0)->type == DataType::kInt8) {
    Normalize<int8_t>(args);
  } else {
    Normalize<uint8_t>(args);
  }
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const Tensor& input = *op.input(0);
  const int32_t depth = input.shape.back();
  const auto rows = static_cast<int32_t>(*input.element_count() / depth);
  lowering.Launch("l2_normalization", {static_cast<size_t>(rows), 1, 1},
                  {TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, rows, depth,
                   StoredZeroPoint(input), ShiftBefore(input.type)});
  return {};
}

constexpr std::string_view kRules[] = {
    "Input and output are INT8 or UINT8, of the same type, each quantized per tensor.",
    "The tensor has elements and the output has the input's shape; any rank from 1, last dimension at most "
    "33025.",
    "Fused activation NONE.",
    "Output scale is 1/128, zero point 0 (INT8) or 128 (UINT8).",
};

}  // namespace

extern const OpRoom kL2NormalizationRoom;
const OpRoom kL2NormalizationRoom = {
    .name = "l2_normalization",
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
