// CONCATENATION: the inputs one after the other along `axis`; all other dimensions agree.
// INT8, INT16: every input has the output's scale and zero point (TFLite refuses others of INT8), bytes are
// copied.
// UINT8: an input with another scale or zero point is requantized in float, as TFLite's kernel does:
//   m = s_in * (1 / s_out);  q_out = clamp(round(q_in * m + (-zp_in * m)) + zp_out, 0, 255)
// with every operation rounded to float. Only 256 values can occur: a table per input, exact.
// Source: LiteRT 2.3 kernel concatenation and its reference ConcatenationWithScaling.
// TABLE_CONCATENATION, which only folds make (partitioner/fold.h): each byte of input i is looked up in row i of a
// table on its way. inputs: the parts, then the table, a constant UINT8 [parts, 256] of stored bytes (lowering.h).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "backends/ops/data_movement.h"
#include "backends/ops/float_form.h"
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

// --- TABLE_CONCATENATION ---

// The same operator without its table.
Op WithoutTable(const Op& op) {
  Op plain = op;
  if (!plain.inputs.empty()) plain.inputs.pop_back();
  return plain;
}

std::array<uint8_t, 256> RowOfTable(const std::byte* table, int i) {
  std::array<uint8_t, 256> row;
  for (int q = 0; q < 256; ++q) row[q] = static_cast<uint8_t>(table[256 * i + q]);
  return row;
}

Status InferWithTable(Graph& graph, const Op& op) { return Infer(graph, WithoutTable(op)); }

void CheckWithTable(const OpView& op, Verdict& verdict) {
  const Op plain = WithoutTable(op.op);
  const OpView parts{op.graph, plain};
  const auto plan = PlanConcatenation(parts, verdict);
  RequireNoActivation(op.op.as<ConcatenationParams>().activation, verdict);
  for (int i = 0; i < parts.input_count(); ++i) {
    RequireInputType(parts, i, "data", {DataType::kInt8, DataType::kUInt8}, verdict);
    if (parts.input(i) != nullptr) RequireNonEmpty(*parts.input(i), Role(i), verdict);
  }
  RequireOutputType(op, 0, {DataType::kInt8, DataType::kUInt8}, verdict);
  const int last = op.input_count() - 1;
  const int64_t entries = int64_t{256} * last;
  if (RequireInputType(op, last, "table", {DataType::kUInt8}, verdict)) {
    RequireConstant(op, last, "table", verdict);
    RequireRange("entries of the table", op.input(last)->element_count().value_or(0), entries, entries, verdict);
  }
  if (plan && op.output(0) != nullptr) RequireShape(*op.output(0), "output", plan->shape, verdict);
}

Status ReferenceWithTable(const ReferenceArgs& args) {
  const Op plain = WithoutTable(args.view.op);
  const OpView parts{args.view.graph, plain};
  Verdict verdict;
  CheckWithTable(args.view, verdict);
  const auto plan = PlanConcatenation(parts, verdict);
  if (!plan || !verdict.eligible()) return FirstReason(verdict);
  const auto flip = static_cast<uint8_t>(StorageOffset(parts.output(0)->type));
  int64_t begin = 0;
  for (int i = 0; i < parts.input_count(); ++i) {
    const auto row = RowOfTable(args.inputs[parts.input_count()], i);
    const int flip_input = StorageOffset(parts.input(i)->type);
    std::array<uint8_t, 256> table;
    for (int byte = 0; byte < 256; ++byte) table[byte] = row[byte ^ flip_input] ^ flip;
    CopyStridedTable(InputCopy(*plan, *parts.input(i), begin), table, args.inputs[i], args.outputs[0]);
    begin += parts.input(i)->shape[plan->axis];
  }
  return {};
}

Status LowerWithTable(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const Op plain = WithoutTable(op.op);
  const OpView parts{op.graph, plain};
  Verdict verdict;
  const auto plan = PlanConcatenation(parts, verdict);
  if (!plan) return FirstReason(verdict);
  int64_t begin = 0;
  for (int i = 0; i < parts.input_count(); ++i) {
    const auto row = RowOfTable(op.input(parts.input_count())->data.bytes.data(), i);
    bool identity = true;
    for (int q = 0; q < 256; ++q) identity = identity && row[q] == q;
    const StridedCopy copy = InputCopy(*plan, *parts.input(i), begin);
    const TensorArg from{plain.inputs[i]}, to{plain.outputs[0]};
    if (identity) {
      LowerCopy(copy, 1, from, to, lowering);
    } else {
      LowerCopyTable(copy, lowering.AddConstant(std::span<const uint8_t>(row)), from, to, lowering);
    }
    begin += parts.input(i)->shape[plan->axis];
  }
  return {};
}

constexpr std::string_view kTableRules[] = {
    "The shapes of the parts are those of a CONCATENATION without a fused activation.",
    "Parts and output are INT8 or UINT8; no dimension is 0.",
    "The table is a constant of 256 UINT8 entries per part.",
};

constexpr std::string_view kRules[] = {
    "every input is there; ranks 1 to 8; axis in [-rank, rank)",
    "the inputs' shapes agree but for the axis",
    "no fused activation",
    "inputs (constants too) and output are all INT8, all UINT8 or all INT16 (zero point 0), quantized per "
    "tensor; "
    "no dimension is 0",
    "INT8, INT16: every input has the output's scale and zero point",
    "delegate-cpu, between binary operators: FLOAT32",
    "UINT8: other scales are requantized; an input's scale is at most 2^22 times the output's",
};

}  // namespace

extern const OpRoom kConcatenationRoom;
const OpRoom kConcatenationRoom = {
    .name = "concatenation",
    .infer = Infer,
    .check = Check,
    .check_cpu = CheckFloatForm,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 1,
    .max_inputs = kAnyCount,
    .rules = kRules,
};

extern const OpRoom kTableConcatenationRoom;
const OpRoom kTableConcatenationRoom = {
    .name = "table_concatenation",
    .infer = InferWithTable,
    .check = CheckWithTable,
    .check_cpu = nullptr,
    .reference = ReferenceWithTable,
    .lower = LowerWithTable,
    .macs = nullptr,
    .min_inputs = 2,
    .max_inputs = kAnyCount,
    .rules = kTableRules,
};

}  // namespace npu
