// SHAPE, RANK, PACK: what Keras computes a new shape with.
//   SHAPE  the input's dimensions as an INT32 or INT64 vector. Known when the plan is made (inference.h), so
//          it never runs: Reference answers then, from the shape alone; Check keeps it off the NPU.
//   RANK   how many dimensions the input has, as an INT32 scalar; likewise.
//   PACK   puts N tensors of one shape side by side along a new dimension `axis` of size N.
// Source: LiteRT 2.3 kernels shape and pack; PACK refuses inputs whose scale or zero point is not the
// output's.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "backends/ops/data_movement.h"
#include "backends/ops/rules.h"
#include "backends/ops/strided_copy.h"

namespace npu {
namespace {

struct PackPlan {
  std::vector<int32_t> shape;
  int64_t outer = 1, inner = 1;  // elements before and after the new dimension
  int64_t count = 0;

  StridedCopy InputCopy(int i) const {
    StridedCopy copy;
    copy.target_offset = i * inner;
    copy.Add(outer, inner, count * inner);
    copy.Add(inner, 1, 1);
    return copy;
  }
};

std::string Role(int i) { return fmt::format("input {}", i); }

std::optional<PackPlan> PlanPack(const OpView& op, Verdict& verdict) {
  const PackParams& params = op.op.as<PackParams>();
  const int count = op.input_count();
  bool ok = RequireInputCount(op, 1, kAnyCount, verdict) && RequireOutputCount(op, 1, verdict);
  ok = RequireRange("values_count", params.values_count, count, count, verdict) && ok;
  for (int i = 0; i < count; ++i) ok = RequireInput(op, i, "value", verdict) && ok;
  if (!ok) return std::nullopt;
  const Tensor& first = *op.input(0);
  const int rank = static_cast<int>(first.shape.size());
  if (!RequireRank(first, Role(0), 0, kMaxCopyRank - 1, verdict)) return std::nullopt;
  for (int i = 1; i < count; ++i) ok = RequireShape(*op.input(i), Role(i), first.shape, verdict) && ok;
  const auto axis = RequireAxis(params.axis, rank + 1, verdict);
  if (!ok || !axis) return std::nullopt;
  PackPlan plan{first.shape, 1, 1, count};
  plan.shape.insert(plan.shape.begin() + *axis, count);
  if (!RequireShapeFits(plan.shape, verdict)) return std::nullopt;
  for (int d = 0; d < *axis; ++d) plan.outer *= first.shape[d];
  for (int d = *axis; d < rank; ++d) plan.inner *= first.shape[d];
  return plan;
}

// SHAPE and RANK ask for a shape, not for data.
bool IsQuestion(OpKind kind) { return kind == OpKind::kShape || kind == OpKind::kRank; }

std::optional<std::vector<int32_t>> PlanShape(const OpView& op, Verdict& verdict) {
  if (!RequireInputCount(op, 1, 1, verdict) || !RequireOutputCount(op, 1, verdict) ||
      !RequireInput(op, 0, "input", verdict)) {
    return std::nullopt;
  }
  if (op.op.kind == OpKind::kRank) return std::vector<int32_t>{};
  return std::vector<int32_t>{static_cast<int32_t>(op.input(0)->shape.size())};
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  std::optional<std::vector<int32_t>> shape;
  if (IsQuestion(op.kind)) {
    shape = PlanShape({graph, op}, verdict);
  } else if (auto plan = PlanPack({graph, op}, verdict)) {
    shape = std::move(plan->shape);
  }
  if (!shape) return FirstReason(verdict);
  SetOutputShape(graph, op, 0, std::move(*shape));
  return {};
}

void Check(const OpView& op, Verdict& verdict) {
  if (IsQuestion(op.op.kind)) {
    verdict.Add(ReasonCode::kUnsupportedOperator, "operator", std::string(OpName(op.op)),
                "computed when the plan is made, never by a device");
    return;
  }
  const auto plan = PlanPack(op, verdict);
  if (op.output(0) == nullptr) return;
  const Tensor& output = *op.output(0);
  for (int i = 0; i < op.input_count(); ++i) {
    if (op.input(i) == nullptr) continue;
    RequireNonEmpty(*op.input(i), Role(i), verdict);
    if (RequireMovedType(*op.input(i), Role(i), output, "output", verdict)) {
      RequireSameQuantization(*op.input(i), Role(i), output, "output", verdict);
    }
  }
  if (plan) RequireShape(output, "output", plan->shape, verdict);
}

Status ShapeReference(const ReferenceArgs& args) {
  const Tensor& output = *args.view.output(0);
  const std::vector<int32_t>& shape = args.view.input(0)->shape;
  const std::vector<int32_t> rank = {static_cast<int32_t>(shape.size())};
  const bool asks_for_rank = args.view.op.kind == OpKind::kRank;
  const std::vector<int32_t>& answer = asks_for_rank ? rank : shape;
  if (output.shape != (asks_for_rank ? std::vector<int32_t>{} : rank) ||
      (output.type != DataType::kInt32 && output.type != DataType::kInt64)) {
    return Fail(ErrorCode::kInvalidModel,
                "the output is not the vector (of RANK: scalar) of INT32 or INT64 that follows");
  }
  for (size_t i = 0; i < answer.size(); ++i) {
    if (output.type == DataType::kInt32) {
      args.out<int32_t>(0)[i] = answer[i];
    } else {
      args.out<int64_t>(0)[i] = answer[i];
    }
  }
  return {};
}

Status Reference(const ReferenceArgs& args) {
  if (IsQuestion(args.view.op.kind)) return ShapeReference(args);
  Verdict verdict;
  const auto plan = PlanPack(args.view, verdict);
  if (!plan) return FirstReason(verdict);
  const Tensor& output = *args.view.output(0);
  const int size = ElementSize(output.type);
  for (int i = 0; i < args.view.input_count(); ++i) {
    if (size == 0 || args.view.input(i)->type != output.type || output.shape != plan->shape) {
      return Fail(ErrorCode::kInvalidModel, "output type or shape does not follow from the inputs");
    }
    CopyStrided(plan->InputCopy(i), size, args.inputs[i], args.outputs[0]);
  }
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  if (IsQuestion(op.op.kind)) return Fail(ErrorCode::kInternal, "a shape is not computed on a device");
  Verdict verdict;
  const auto plan = PlanPack(op, verdict);
  if (!plan) return FirstReason(verdict);
  for (int i = 0; i < op.input_count(); ++i) {
    LowerCopy(plan->InputCopy(i), ElementSize(op.output(0)->type), TensorArg{op.op.inputs[i]},
              TensorArg{op.op.outputs[0]}, lowering);
  }
  return {};
}

constexpr std::string_view kRules[] = {
    "SHAPE and RANK are computed when the plan is made, and so is PACK of constant INT32 or INT64 values",
    "PACK: values_count is the number of inputs, all of one shape of rank up to 7; axis in [-rank-1, rank]",
    "PACK: no dimension is 0; inputs and output are INT8, UINT8 or INT16 (zero point 0), one type, quantized "
    "per tensor",
    "PACK: every input has the output's scale and zero point",
};

}  // namespace

extern const OpRoom kShapeRoom;
const OpRoom kShapeRoom = {
    .name = "shape",
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
