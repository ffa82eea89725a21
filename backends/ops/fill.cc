// FILL: a tensor of shape input 0 whose every element is input 1. The byte is copied as it is: value and
// output have one quantization. Of INT32 and INT64 constants (shape arithmetic) it is computed when the plan
// is made. Source: LiteRT 2.3 BUILTIN_REF, bit for bit; it insists on equal scales and zero points, too.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "backends/ops/data_movement.h"
#include "backends/ops/rules.h"
#include "backends/ops/strided_copy.h"
#include "base/checked.h"

namespace npu {
namespace {

constexpr int kShape = 0, kValue = 1;

std::optional<std::vector<int32_t>> PlanFill(const OpView& op, Verdict& verdict) {
  auto shape = RequireInts(op, kShape, "shape", verdict);
  if (!shape || !RequireInput(op, kValue, "value", verdict)) return std::nullopt;
  bool ok = RequireRank(*op.input(kValue), "input 1 (value)", 0, 0, verdict);
  ok = RequireRank(*op.input(kShape), "input 0 (shape)", 1, 1, verdict) && ok;
  for (int32_t size : *shape) ok = RequireRange("a dimension of shape", size, 0, INT32_MAX, verdict) && ok;
  if (!ok || !RequireShapeFits(*shape, verdict)) return std::nullopt;
  return shape;
}

StridedCopy MakeCopy(const Tensor& output) {
  StridedCopy copy;
  copy.Add(output.element_count().value_or(0), 0, 1);
  return copy;
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  auto shape = PlanFill({graph, op}, verdict);
  if (!shape) return FirstReason(verdict);
  SetOutputShape(graph, op, 0, *std::move(shape));
  return {};
}

void Check(const OpView& op, Verdict& verdict) {
  const auto shape = PlanFill(op, verdict);
  if (op.input(kValue) == nullptr || op.output(0) == nullptr) return;
  const Tensor &value = *op.input(kValue), &output = *op.output(0);
  if (RequireMoved8Bit(value, "input 1 (value)", output, "output", verdict)) {
    RequireSameQuantization(value, "input 1 (value)", output, "output", verdict);
  }
  RequireNonEmpty(output, "output", verdict);
  if (shape) RequireShape(output, "output", *shape, verdict);
}

Status Reference(const ReferenceArgs& args) {
  Verdict verdict;
  const auto shape = PlanFill(args.view, verdict);
  if (!shape) return FirstReason(verdict);
  const Tensor &value = *args.view.input(kValue), &output = *args.view.output(0);
  const int size = ElementSize(output.type);
  if (size == 0 || value.type != output.type || output.shape != *shape) {
    return Fail(ErrorCode::kInvalidModel, "output type or shape does not follow from the inputs");
  }
  CopyStrided(MakeCopy(output), size, args.inputs[kValue], args.outputs[0]);
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  LowerCopy(MakeCopy(*op.output(0)), 1, TensorArg{op.op.inputs[kValue]}, TensorArg{op.op.outputs[0]},
            lowering);
  return {};
}

constexpr std::string_view kRules[] = {
    "shape: constant INT32 or INT64, no dimension 0",
    "value: one element of rank 0, constant or not; value and output INT8 or UINT8, of one type, scale and "
    "zero point",
};

}  // namespace

extern const OpRoom kFillRoom;
const OpRoom kFillRoom = {
    .name = "fill",
    .infer = Infer,
    .check = Check,
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 2,
    .max_inputs = 2,
    .rules = kRules,
};

}  // namespace npu
