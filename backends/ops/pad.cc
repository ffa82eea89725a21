// PAD, PADV2: the input in the middle of a larger output. paddings (input 1) is a constant [rank,2]: elements
// before and after, per dimension. The frame is the output's zero point (a real 0), or, when input 2 is
// there, that value as it is.
// Source: LiteRT 2.3 kernel pad (both operators are one kernel): rank up to 5; the value must have the
// output's scale and zero point; the input's bytes are copied whatever its scale is.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstring>

#include "backends/ops/data_movement.h"
#include "backends/ops/float_form.h"
#include "backends/ops/rules.h"
#include "backends/ops/strided_copy.h"
#include "base/checked.h"

namespace npu {
namespace {

constexpr int kMaxPadRank = 5;  // TFLite's PadKernelMaxDimensionCount

struct PadPlan {
  std::vector<int32_t> shape;
  StridedCopy copy;
  std::vector<int32_t> before;
};

std::optional<PadPlan> PlanPad(const OpView& op, Verdict& verdict) {
  if (!RequireInputCount(op, 2, 3, verdict) || !RequireOutputCount(op, 1, verdict) ||
      !RequireInput(op, 0, "input", verdict)) {
    return std::nullopt;
  }
  const Tensor& input = *op.input(0);
  bool ok = RequireRank(input, "input", 1, kMaxPadRank, verdict);
  const auto paddings = RequireInts(op, 1, "paddings", verdict);
  if (!paddings || !ok) return std::nullopt;
  const int rank = static_cast<int>(input.shape.size());
  const std::vector<int32_t> expected = {rank, 2};
  if (!RequireShape(*op.input(1), "input 1 (paddings)", expected, verdict)) return std::nullopt;

  PadPlan plan;
  for (int d = 0; d < rank; ++d) {
    const int32_t before = (*paddings)[2 * d], after = (*paddings)[2 * d + 1];
    const int64_t size = int64_t{input.shape[d]} + before + after;
    ok =
        RequireRange(fmt::format("padding before dimension {}", d), before, 0, kMaxTensorElements, verdict) &&
        ok;
    ok = RequireRange(fmt::format("padding after dimension {}", d), after, 0, kMaxTensorElements, verdict) &&
         ok;
    if (ok)
      ok = RequireRange(fmt::format("output size of dimension {}", d), size, 0, kMaxTensorElements, verdict);
    plan.shape.push_back(static_cast<int32_t>(size));
    plan.before.push_back(before);
  }
  if (!ok || !RequireShapeFits(plan.shape, verdict)) return std::nullopt;
  const auto source = DenseStrides(input.shape);
  const auto target = DenseStrides(plan.shape);
  for (int d = 0; d < rank; ++d) {
    plan.copy.target_offset += (*paddings)[2 * d] * target[d];
    plan.copy.Add(input.shape[d], source[d], target[d]);
  }
  return plan;
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  auto plan = PlanPad({graph, op}, verdict);
  if (!plan) return FirstReason(verdict);
  SetOutputShape(graph, op, 0, std::move(plan->shape));
  return {};
}

void Check(const OpView& op, Verdict& verdict) {
  const auto plan = PlanPad(op, verdict);
  if (op.input(0) == nullptr || op.output(0) == nullptr) return;
  const Tensor& output = *op.output(0);
  RequireSameQuantizedType(op, verdict);
  RequireNonEmpty(*op.input(0), "input", verdict);
  if (const Tensor* value = op.input(2); value != nullptr) {
    if (value->type != output.type) {
      verdict.Add(ReasonCode::kUnsupportedInputType, "input 2 (value) element type",
                  std::string(DataTypeName(value->type)),
                  fmt::format("{}, as the output", DataTypeName(output.type)));
    }
    if (RequireConstant(op, 2, "value", verdict)) {
      RequireRange("number of values", value->element_count().value_or(0), 1, 1, verdict);
    }
    RequireSameQuantization(*value, "value", output, "output", verdict);
  }
  if (plan) RequireShape(output, "output", plan->shape, verdict);
}

Status Reference(const ReferenceArgs& args) {
  Verdict verdict;
  const auto plan = PlanPad(args.view, verdict);
  if (!plan) return FirstReason(verdict);
  const Tensor& input = *args.view.input(0);
  const Tensor& output = *args.view.output(0);
  const Tensor* value = args.view.input(2);
  const int size = ElementSize(output.type);
  if (size == 0 || input.type != output.type || output.shape != plan->shape ||
      (value != nullptr && (value->type != output.type || value->element_count() != 1))) {
    return Fail(ErrorCode::kInvalidModel, "types or shapes of the operands do not fit");
  }
  // A little-endian integer: its low bytes are the element. A float is padded with 0.
  const int64_t zero_point = output.zero_point();
  const std::byte* fill = value != nullptr ? args.inputs[2] : reinterpret_cast<const std::byte*>(&zero_point);
  FillElements(fill, size, *output.element_count(), args.outputs[0]);
  CopyStrided(plan->copy, size, args.inputs[0], args.outputs[0]);
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  Verdict verdict;
  const auto plan = PlanPad(op, verdict);
  if (!plan) return FirstReason(verdict);
  const Tensor& output = *op.output(0);
  int32_t stored = StoredZeroPoint(output);
  if (const Tensor* value = op.input(2); value != nullptr) {
    if (value->type == DataType::kInt16) {
      int16_t element;
      std::memcpy(&element, value->data.bytes.data(), sizeof(element));
      stored = element;
    } else {
      const auto byte = static_cast<uint8_t>(value->data.bytes[0]);
      stored = value->type == DataType::kInt8 ? byte ^ 0x80 : byte;
    }
  }
  // Dimensions without a frame of their own are part of the dimension outside them.
  struct Dimension {
    int64_t output = 1, before = 0, inside = 1;
  };
  const std::vector<int32_t>& shape = op.input(0)->shape;
  std::array<Dimension, kMaxPadRank> dims;  // innermost first
  int rank = 0;
  int64_t scale = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    if (plan->shape[d] == shape[d] && d > 0) {
      scale *= shape[d];
      continue;
    }
    dims[rank++] = {plan->shape[d] * scale, plan->before[d] * scale, shape[d] * scale};
    scale = 1;
  }
  const RowCut cut = CutRows(*output.element_count(), dims[1].output, dims[0].output, dims[0].output);
  std::vector<KernelArg> args = {TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, stored};
  for (int64_t Dimension::*field : {&Dimension::output, &Dimension::before, &Dimension::inside}) {
    for (int d = kMaxPadRank - 1; d >= 0; --d) args.push_back(static_cast<int32_t>(dims[d].*field));
  }
  args.push_back(static_cast<int32_t>(cut.run_chunk));
  args.push_back(static_cast<int32_t>(cut.row_chunk));
  const std::array<size_t, 3> global = {static_cast<size_t>(cut.items),
                                        static_cast<size_t>(dims[2].output * dims[3].output),
                                        static_cast<size_t>(dims[4].output)};
  if (output.type == DataType::kInt16) {
    lowering.Launch("pad_frame_16", global, std::move(args));
  } else {
    lowering.Launch("pad_frame", global, std::move(args));
  }
  return {};
}

constexpr std::string_view kRules[] = {
    "rank 1 to 5",
    "paddings are a constant INT32 or INT64 [rank,2] of values >= 0",
    "input and output are INT8, UINT8 or INT16 (zero point 0), the same type, quantized per tensor; no "
    "dimension is 0",
    "the value (PADV2) is a constant of one element with the output's type, scale and zero point",
    "delegate-cpu, between binary operators: FLOAT32",
};

}  // namespace

extern const OpRoom kPadRoom;
const OpRoom kPadRoom = {
    .name = "pad",
    .infer = Infer,
    .check = Check,
    .check_cpu = CheckFloatForm,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 2,
    .max_inputs = 3,
    .rules = kRules,
};

}  // namespace npu
