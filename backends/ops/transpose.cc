// TRANSPOSE: output[i0, i1, ...] has dimension d of size input.shape[perm[d]], and walks the input along
// perm[d] as it walks the output along d. perm (input 1) is constant; negative entries count from the end.
// Source: LiteRT 2.3 kernel transpose: bytes are copied whatever the scales are.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "backends/ops/data_movement.h"
#include "backends/ops/rules.h"
#include "backends/ops/strided_copy.h"

namespace npu {
namespace {

struct TransposePlan {
  std::vector<int32_t> shape;
  StridedCopy copy;
};

std::optional<TransposePlan> PlanTranspose(const OpView& op, Verdict& verdict) {
  if (!RequireInputCount(op, 2, 2, verdict) || !RequireOutputCount(op, 1, verdict) ||
      !RequireInput(op, 0, "input", verdict)) {
    return std::nullopt;
  }
  const Tensor& input = *op.input(0);
  const int rank = static_cast<int>(input.shape.size());
  if (!RequireRank(input, "input", 0, kMaxCopyRank, verdict) || !RequireShapeFits(input.shape, verdict)) {
    return std::nullopt;
  }
  const auto perm = RequireInts(op, 1, "perm", verdict);
  if (!perm) return std::nullopt;
  if (static_cast<int>(perm->size()) != rank) {
    verdict.Add(ReasonCode::kUnsupportedOperandSize, "input 1 (perm) elements",
                fmt::format("{}", perm->size()), fmt::format("{}, the rank of the input", rank));
    return std::nullopt;
  }
  TransposePlan plan;
  plan.shape.resize(rank);
  std::array<int, kMaxCopyRank> axes{};
  uint32_t seen = 0;
  for (int d = 0; d < rank; ++d) {
    const int32_t entry = (*perm)[d];
    const int axis = entry < 0 && entry >= -rank ? entry + rank : entry;
    if (axis < 0 || axis >= rank || (seen >> axis & 1u) != 0) {
      verdict.Add(ReasonCode::kUnsupportedOperandValue, "input 1 (perm)", ShapeString(*perm),
                  fmt::format("each of 0 to {} once", rank - 1));
      return std::nullopt;
    }
    seen |= 1u << axis;
    axes[d] = axis;
    plan.shape[d] = input.shape[axis];
  }
  const auto source = DenseStrides(input.shape);
  const auto target = DenseStrides(plan.shape);
  for (int d = 0; d < rank; ++d) plan.copy.Add(plan.shape[d], source[axes[d]], target[d]);
  return plan;
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  auto plan = PlanTranspose({graph, op}, verdict);
  if (!plan) return FirstReason(verdict);
  SetOutputShape(graph, op, 0, std::move(plan->shape));
  return {};
}

void Check(const OpView& op, Verdict& verdict) {
  const auto plan = PlanTranspose(op, verdict);
  if (op.input(0) == nullptr || op.output(0) == nullptr) return;
  RequireSameQuantizedType(op, verdict);
  RequireNonEmpty(*op.input(0), "input", verdict);
  if (!plan) return;
  RequireShape(*op.output(0), "output", plan->shape, verdict);
  RequireRange("dimensions left after merging", plan->copy.rank, 0, kMaxDeviceCopyRank, verdict);
}

Status Reference(const ReferenceArgs& args) {
  Verdict verdict;
  const auto plan = PlanTranspose(args.view, verdict);
  if (!plan) return FirstReason(verdict);
  const Tensor& input = *args.view.input(0);
  const Tensor& output = *args.view.output(0);
  const int size = ElementSize(input.type);
  if (size == 0 || input.type != output.type || output.shape != plan->shape) {
    return Fail(ErrorCode::kInvalidModel, "output type or shape does not follow from the input");
  }
  CopyStrided(plan->copy, size, args.inputs[0], args.outputs[0]);
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  Verdict verdict;
  const auto plan = PlanTranspose(op, verdict);
  if (!plan) return FirstReason(verdict);
  LowerCopy(plan->copy, ElementSize(op.output(0)->type), TensorArg{op.op.inputs[0]},
            TensorArg{op.op.outputs[0]}, lowering);
  return {};
}

constexpr std::string_view kRules[] = {
    "rank up to 8",
    "perm is a constant INT32 or INT64 vector that names each dimension once",
    "input and output are INT8, UINT8 or INT16 (zero point 0), the same type, quantized per tensor (the "
    "bytes are kept)",
    "no dimension is 0",
    "at most 6 dimensions are left when neighbours that stay together are merged",
};

}  // namespace

extern const OpRoom kTransposeRoom;
const OpRoom kTransposeRoom = {
    .name = "transpose",
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
