// SELECT, SELECT_V2: each element of the output is that of `then` (input 1) where the condition (input 0,
// BOOL) is true and that of `otherwise` (input 2) where it is not. Bytes are copied as they are: all have one
// quantization.
//   SELECT     then and otherwise have one shape, which is the output's; the condition has it, too,
//              or is a scalar, or has one element for each index of their first dimension.
//   SELECT_V2  the three shapes broadcast as in numpy.
// Where all of them have one element, hosts leave the output whatever shape of one element the model gives
// it: another one than follows from the inputs is refused.
// Source: LiteRT 2.3 BUILTIN_REF, bit for bit. Any byte but 0 is true.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "backends/ops/broadcast.h"
#include "backends/ops/data_movement.h"
#include "backends/ops/rules.h"
#include "base/checked.h"

namespace npu {
namespace {

using Shape = std::vector<int32_t>;

constexpr int kCondition = 0, kThen = 1, kOtherwise = 2;  // inputs
constexpr std::string_view kRoles[] = {"condition", "then", "otherwise"};
constexpr size_t kMaxLoops = 6;  // rows of the kernel's table, and its innermost loop
constexpr int kVector = 16;      // elements per work-item

struct SelectPlan {
  Shape shape;                     // of the output
  std::vector<OperandLoop> loops;  // strides of condition, then, otherwise
};

// The condition's shape as one that broadcasts; nullopt where SELECT has no meaning for it.
std::optional<Shape> ConditionShape(const Shape& condition, const Shape& data) {
  if (condition == data || condition.empty()) return condition;
  if (condition.size() != 1 || data.empty() || condition[0] != data[0]) return std::nullopt;
  Shape shape(data.size(), 1);
  shape[0] = condition[0];
  return shape;
}

std::optional<SelectPlan> PlanSelect(const OpView& op, Verdict& verdict) {
  for (int i = 0; i < 3; ++i) {
    if (!RequireInput(op, i, kRoles[i], verdict)) return std::nullopt;
  }
  if (op.output(0) == nullptr) return std::nullopt;
  const Tensor& condition = *op.input(kCondition);
  const Shape &then = op.input(kThen)->shape, &otherwise = op.input(kOtherwise)->shape;
  Shape shapes[] = {condition.shape, then, otherwise};
  SelectPlan plan;
  if (op.op.kind == OpKind::kSelectV2) {
    const auto data = BroadcastShape(then, otherwise);
    const auto shape = data ? BroadcastShape(condition.shape, *data) : std::nullopt;
    if (!shape) {
      verdict.Add(ReasonCode::kShapeMismatch, "input shapes",
                  fmt::format("{}, {} and {}", ShapeString(condition.shape), ShapeString(then),
                              ShapeString(otherwise)),
                  "equal dimensions, or 1 where they differ");
      return std::nullopt;
    }
    plan.shape = *shape;
  } else {
    const auto shape = ConditionShape(condition.shape, then);
    if (!shape || then != otherwise) {
      verdict.Add(
          ReasonCode::kShapeMismatch, "input shapes",
          fmt::format("{}, {} and {}", ShapeString(condition.shape), ShapeString(then),
                      ShapeString(otherwise)),
          "then and otherwise alike; the condition as they, a scalar, or one value per index of their "
          "first dimension");
      return std::nullopt;
    }
    plan.shape = then;
    shapes[kCondition] = *shape;
  }
  if (!RequireShapeFits(plan.shape, verdict)) return std::nullopt;
  plan.loops = BroadcastOperandLoops(shapes);
  return plan;
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  auto plan = PlanSelect({graph, op}, verdict);
  if (!plan && verdict.eligible()) return Fail(ErrorCode::kInvalidModel, "output 0 is absent");
  if (!plan) return FirstReason(verdict);
  const Tensor& output = graph.tensors[op.outputs[0]];
  // Check compares it with the plan's.
  const bool keeps =
      CheckedElementCount(plan->shape) == 1 && output.shape_known && output.element_count() == 1;
  if (!keeps) SetOutputShape(graph, op, 0, std::move(plan->shape));
  return {};
}

void Check(const OpView& op, Verdict& verdict) {
  const auto plan = PlanSelect(op, verdict);
  if (op.output(0) == nullptr) return;
  const Tensor& output = *op.output(0);
  for (int i = 0; i < 3; ++i) {
    if (op.input(i) != nullptr) RequireNonEmpty(*op.input(i), kRoles[i], verdict);
  }
  if (op.input(kCondition) != nullptr) {
    RequireInputType(op, kCondition, kRoles[kCondition], {DataType::kBool}, verdict);
  }
  for (int i : {kThen, kOtherwise}) {
    if (op.input(i) == nullptr) continue;
    if (RequireMoved8Bit(*op.input(i), kRoles[i], output, "output 0", verdict)) {
      RequireSameQuantization(*op.input(i), kRoles[i], output, "output 0", verdict);
    }
  }
  if (!plan) return;
  RequireShape(output, "output 0", plan->shape, verdict);
  RequireRange("dimensions to broadcast over, neighbours merged", static_cast<int64_t>(plan->loops.size()), 1,
               kMaxLoops, verdict);
}

Status Reference(const ReferenceArgs& args) {
  Verdict verdict;
  Check(args.view, verdict);
  const auto plan = PlanSelect(args.view, verdict);
  if (!verdict.eligible() || !plan) return FirstReason(verdict);
  const std::vector<OperandLoop>& loops = plan->loops;
  const int64_t count = args.view.output(0)->element_count().value_or(0);
  const uint8_t* operands[] = {args.in<uint8_t>(kCondition), args.in<uint8_t>(kThen),
                               args.in<uint8_t>(kOtherwise)};
  uint8_t* y = args.out<uint8_t>(0);
  std::vector<int64_t> index(loops.size());
  for (int64_t done = 0; done < count; ++done) {
    y[done] = *operands[*operands[kCondition] != 0 ? kThen : kOtherwise];
    for (size_t k = 0; k < loops.size(); ++k) {
      for (int i = 0; i < 3; ++i) operands[i] += loops[k].strides[i];
      if (++index[k] < loops[k].size) break;
      for (int i = 0; i < 3; ++i) operands[i] -= loops[k].strides[i] * loops[k].size;
      index[k] = 0;
    }
  }
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  Verdict verdict;
  const auto plan = PlanSelect(op, verdict);
  if (!plan) return FirstReason(verdict);
  const OperandLoop& inner = plan->loops.front();
  std::vector<int32_t> table;
  int64_t rows = 1;
  for (size_t k = 1; k < plan->loops.size(); ++k) {
    rows *= plan->loops[k].size;
    table.push_back(static_cast<int32_t>(plan->loops[k].size));
    for (int64_t stride : plan->loops[k].strides) table.push_back(static_cast<int32_t>(stride));
  }
  if (table.empty()) table = {1, 0, 0, 0};  // a buffer of no bytes cannot be made
  std::vector<KernelArg> args = {TensorArg{op.op.inputs[kCondition]}, TensorArg{op.op.inputs[kThen]},
                                 TensorArg{op.op.inputs[kOtherwise]}, TensorArg{op.op.outputs[0]},
                                 lowering.AddConstant(table)};
  for (int64_t value : {static_cast<int64_t>(plan->loops.size()) - 1, rows, inner.size,
                        inner.strides[kCondition], inner.strides[kThen], inner.strides[kOtherwise]}) {
    args.emplace_back(static_cast<int32_t>(value));
  }
  const auto items = static_cast<size_t>((inner.size + kVector - 1) / kVector);
  lowering.Launch("npu_select", {items, static_cast<size_t>(rows), 1}, std::move(args));
  return {};
}

constexpr std::string_view kRules[] = {
    "condition BOOL; then, otherwise and output INT8 or UINT8, of one type, scale and zero point",
    "SELECT: then, otherwise and output have one shape; the condition has it, too, or is a scalar, or has "
    "one value "
    "per index of their first dimension",
    "SELECT_V2: shapes broadcast as in numpy, over at most 6 dimensions after merging neighbours",
    "no dimension is 0",
};

}  // namespace

extern const OpRoom kSelectRoom;
const OpRoom kSelectRoom = {
    .name = "select",
    .infer = Infer,
    .check = Check,
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 3,
    .max_inputs = 3,
    .rules = kRules,
};

}  // namespace npu
