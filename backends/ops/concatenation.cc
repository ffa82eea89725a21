// CONCATENATION: the inputs one after the other along `axis`; all other dimensions agree.
// INT8, INT16: every input has the output's scale and zero point (TFLite refuses others of INT8), bytes are
// copied.
// UINT8: an input with another scale or zero point is requantized in float, as TFLite's kernel does:
//   m = s_in * (1 / s_out);  q_out = clamp(round(q_in * m + (-zp_in * m)) + zp_out, 0, 255)
// with every operation rounded to float. Only 256 values can occur: a table per input, exact.
// Source: LiteRT 2.3 kernel concatenation and its reference ConcatenationWithScaling.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "backends/ops/data_movement.h"
#include "backends/ops/rules.h"
#include "backends/ops/strided_copy.h"
#include "base/checked.h"

namespace npu {
namespace {

// Past this multiplier the host's float to int32 conversion can overflow, which is undefined.
constexpr float kMaxMultiplier = 4194304.0f;  // 2^22; times 255 stays below 2^30

struct ConcatenationPlan {
  std::vector<int32_t> shape;
  int axis = 0;
};

std::string Role(int i) { return fmt::format("input {}", i); }

std::optional<ConcatenationPlan> PlanConcatenation(const OpView& op, Verdict& verdict) {
  if (!RequireInputCount(op, 1, kAnyCount, verdict) || !RequireOutputCount(op, 1, verdict)) {
    return std::nullopt;
  }
  for (int i = 0; i < op.input_count(); ++i) {
    if (!RequireInput(op, i, "data", verdict)) return std::nullopt;
  }
  const std::vector<int32_t>& first = op.input(0)->shape;
  if (!RequireRank(*op.input(0), Role(0), 1, kMaxCopyRank, verdict)) return std::nullopt;
  const auto axis =
      RequireAxis(op.op.as<ConcatenationParams>().axis, static_cast<int>(first.size()), verdict);
  if (!axis) return std::nullopt;

  bool ok = true;
  int64_t sum = 0;
  for (int i = 0; i < op.input_count(); ++i) {
    std::vector<int32_t> shape = op.input(i)->shape;
    if (shape.size() == first.size()) {
      sum = CheckedAdd(sum, shape[*axis]).value_or(kMaxTensorElements);
      shape[*axis] = first[*axis];
    }
    if (shape != first) {
      verdict.Add(ReasonCode::kShapeMismatch, fmt::format("{} shape", Role(i)), ShapeString(*op.input(i)),
                  fmt::format("{} but for dimension {}", ShapeString(first), *axis));
      ok = false;
    }
  }
  ConcatenationPlan plan{first, *axis};
  ok = RequireRange("output size along the axis", sum, 0, kMaxTensorElements, verdict) && ok;
  if (!ok) return std::nullopt;
  plan.shape[*axis] = static_cast<int32_t>(sum);
  if (!RequireShapeFits(plan.shape, verdict)) return std::nullopt;
  return plan;
}

// The box of one input, whose first row along the axis is row `begin` of the output.
StridedCopy InputCopy(const ConcatenationPlan& plan, const Tensor& input, int64_t begin) {
  const auto source = DenseStrides(input.shape);
  const auto target = DenseStrides(plan.shape);
  StridedCopy copy;
  copy.target_offset = begin * target[plan.axis];
  for (size_t d = 0; d < plan.shape.size(); ++d) copy.Add(input.shape[d], source[d], target[d]);
  return copy;
}

bool Requantizes(const Tensor& input, const Tensor& output) {
  return output.type == DataType::kUInt8 &&
         (input.scale() != output.scale() || input.zero_point() != output.zero_point());
}

float RequantizeMultiplier(const Tensor& input, const Tensor& output) {
  const float inverse_output_scale = 1.0f / output.scale();
  return input.scale() * inverse_output_scale;
}

std::array<uint8_t, 256> RequantizeTable(const Tensor& input, const Tensor& output) {
  const float scale = RequantizeMultiplier(input, output);
  const float bias = static_cast<float>(-input.zero_point()) * scale;
  std::array<uint8_t, 256> table{};
  for (int q = 0; q < 256; ++q) {
    const float value = std::round(static_cast<float>(q) * scale + bias);
    const int32_t quantized = static_cast<int32_t>(value) + output.zero_point();
    table[q] = static_cast<uint8_t>(std::clamp(quantized, 0, 255));
  }
  return table;
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  auto plan = PlanConcatenation({graph, op}, verdict);
  if (!plan) return FirstReason(verdict);
  SetOutputShape(graph, op, 0, std::move(plan->shape));
  return {};
}

void Check(const OpView& op, Verdict& verdict) {
  const auto plan = PlanConcatenation(op, verdict);
  RequireNoActivation(op.op.as<ConcatenationParams>().activation, verdict);
  if (op.output(0) == nullptr) return;
  const Tensor& output = *op.output(0);
  for (int i = 0; i < op.input_count(); ++i) {
    if (op.input(i) == nullptr) continue;
    const Tensor& input = *op.input(i);
    RequireNonEmpty(input, Role(i), verdict);
    if (!RequireMovedType(input, Role(i), output, "output", verdict)) continue;
    if (input.type != DataType::kUInt8) {
      RequireSameQuantization(input, Role(i), output, "output", verdict);
    } else if (Requantizes(input, output) && !(RequantizeMultiplier(input, output) <= kMaxMultiplier)) {
      verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, fmt::format("{} scale", Role(i)),
                  fmt::format("{}", input.scale()),
                  fmt::format("at most 2^22 times the output's {}", output.scale()));
    }
  }
  if (plan) RequireShape(output, "output", plan->shape, verdict);
}

Status Reference(const ReferenceArgs& args) {
  Verdict verdict;
  const auto plan = PlanConcatenation(args.view, verdict);
  if (!plan) return FirstReason(verdict);
  const Tensor& output = *args.view.output(0);
  const int size = ElementSize(output.type);
  if (size == 0 || output.shape != plan->shape) {
    return Fail(ErrorCode::kInvalidModel, "output type or shape does not follow from the inputs");
  }
  int64_t begin = 0;
  for (int i = 0; i < args.view.input_count(); ++i) {
    const Tensor& input = *args.view.input(i);
    if (input.type != output.type) {
      return Fail(ErrorCode::kInvalidModel, "inputs and output differ in type");
    }
    const StridedCopy copy = InputCopy(*plan, input, begin);
    if (Requantizes(input, output)) {
      const auto table = RequantizeTable(input, output);
      CopyStridedTable(copy, table, args.inputs[i], args.outputs[0]);
    } else {
      CopyStrided(copy, size, args.inputs[i], args.outputs[0]);
    }
    begin += input.shape[plan->axis];
  }
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  Verdict verdict;
  const auto plan = PlanConcatenation(op, verdict);
  if (!plan) return FirstReason(verdict);
  const Tensor& output = *op.output(0);
  int64_t begin = 0;
  for (int i = 0; i < op.input_count(); ++i) {
    const Tensor& input = *op.input(i);
    const StridedCopy copy = InputCopy(*plan, input, begin);
    const TensorArg source{op.op.inputs[i]}, target{op.op.outputs[0]};
    if (Requantizes(input, output)) {
      const auto values = RequantizeTable(input, output);
      LowerCopyTable(copy, lowering.AddConstant(std::span<const uint8_t>(values)), source, target, lowering);
    } else {
      LowerCopy(copy, ElementSize(output.type), source, target, lowering);
    }
    begin += input.shape[plan->axis];
  }
  return {};
}

constexpr std::string_view kRules[] = {
    "every input is there; ranks 1 to 8; axis in [-rank, rank)",
    "the inputs' shapes agree but for the axis",
    "no fused activation",
    "inputs (constants too) and output are all INT8, all UINT8 or all INT16 (zero point 0), quantized per "
    "tensor; "
    "no dimension is 0",
    "INT8, INT16: every input has the output's scale and zero point",
    "UINT8: other scales are requantized; an input's scale is at most 2^22 times the output's",
};

}  // namespace

extern const OpRoom kConcatenationRoom;
const OpRoom kConcatenationRoom = {
    .name = "concatenation",
    .infer = Infer,
    .check = Check,
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 1,
    .max_inputs = kAnyCount,
    .rules = kRules,
};

}  // namespace npu
