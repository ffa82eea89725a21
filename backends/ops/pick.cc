// TILE, BROADCAST_TO, MIRROR_PAD, REVERSE_V2: every position of an output dimension picks one position of an
// input dimension, each dimension for itself.
//   TILE          output i takes input i mod size; multiples (input 1), one per dimension.
//   BROADCAST_TO  a dimension of size 1, or one that is put in front, takes position 0; new shape: input 1.
//   MIRROR_PAD    paddings (input 1) [rank,2] filled with the mirrored input, without (REFLECT) or with
//                 (SYMMETRIC) the edge itself.
//   REVERSE_V2    the axes of input 1 run backwards.
// Source: LiteRT 2.3 kernels tile, broadcast_to, mirror_pad, reverse: bytes are copied; only MIRROR_PAD
// refuses an output whose scale or zero point is not the input's. REVERSE_V2 takes neighbouring axes only.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "backends/ops/data_movement.h"
#include "backends/ops/rules.h"
#include "backends/ops/strided_copy.h"
#include "backends/ops/table_move.h"
#include "base/checked.h"

namespace npu {
namespace {

using Ints = std::vector<int32_t>;

struct PickPlan {
  Ints shape;                       // of the output
  Ints source;                      // the input's shape with ones in front, as many dimensions as the output
  Ints before = {};                 // MIRROR_PAD: elements before each dimension
  std::vector<bool> backward = {};  // REVERSE_V2
};

std::optional<PickPlan> PlanTile(const Tensor& input, const Ints& multiples, Verdict& verdict) {
  const auto rank = static_cast<int64_t>(input.shape.size());
  if (!RequireRange("number of multiples", static_cast<int64_t>(multiples.size()), rank, rank, verdict)) {
    return std::nullopt;
  }
  PickPlan plan{{}, input.shape};
  bool ok = true;
  for (size_t d = 0; d < input.shape.size(); ++d) {
    const int64_t dim = input.shape[d];
    ok = RequireRange(fmt::format("multiple of dimension {}", d), multiples[d], 0,
                      kMaxTensorElements / std::max<int64_t>(dim, 1), verdict) &&
         ok;
    plan.shape.push_back(ok ? static_cast<int32_t>(dim * multiples[d]) : 0);
  }
  return ok ? std::optional(std::move(plan)) : std::nullopt;
}

std::optional<PickPlan> PlanBroadcast(const Tensor& input, const Ints& shape, Verdict& verdict) {
  if (!RequireRange("number of dimensions", static_cast<int64_t>(shape.size()),
                    static_cast<int64_t>(input.shape.size()), kMaxCopyRank, verdict)) {
    return std::nullopt;
  }
  PickPlan plan{shape, Ints(shape.size() - input.shape.size(), 1)};
  plan.source.insert(plan.source.end(), input.shape.begin(), input.shape.end());
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] >= 0 && (plan.source[d] == 1 || plan.source[d] == shape[d])) continue;
    verdict.Add(ReasonCode::kShapeMismatch, "output shape", ShapeString(shape),
                fmt::format("what {} can be broadcast to", ShapeString(input.shape)));
    return std::nullopt;
  }
  return plan;
}

std::optional<PickPlan> PlanMirror(const OpView& op, const Tensor& input, const Ints& paddings,
                                   Verdict& verdict) {
  const Ints expected = {static_cast<int32_t>(input.shape.size()), 2};
  if (!RequireShape(*op.input(1), "input 1 (paddings)", expected, verdict)) return std::nullopt;
  const int edge = op.op.as<MirrorPadParams>().mode == MirrorMode::kReflect ? 1 : 0;
  PickPlan plan{{}, input.shape};
  bool ok = true;
  for (size_t d = 0; d < input.shape.size(); ++d) {
    const int64_t dim = input.shape[d];
    int64_t size = dim;
    for (int side = 0; side < 2; ++side) {
      const int32_t padding = paddings[2 * d + static_cast<size_t>(side)];
      ok = RequireRange(fmt::format("padding {} dimension {}", side == 0 ? "before" : "after", d), padding, 0,
                        std::max<int64_t>(dim - edge, 0), verdict) &&
           ok;
      size += padding;
    }
    ok = ok &&
         RequireRange(fmt::format("output size of dimension {}", d), size, 0, kMaxTensorElements, verdict);
    plan.shape.push_back(ok ? static_cast<int32_t>(size) : 0);
    plan.before.push_back(paddings[2 * d]);
  }
  return ok ? std::optional(std::move(plan)) : std::nullopt;
}

std::optional<PickPlan> PlanReverse(const OpView& op, const Tensor& input, const Ints& axes,
                                    Verdict& verdict) {
  const int rank = static_cast<int>(input.shape.size());
  bool ok = RequireInputType(op, 1, "axes", {DataType::kInt32}, verdict);
  ok = RequireRank(*op.input(1), "axes", 1, 1, verdict) && ok;
  ok = RequireRange("number of axes", static_cast<int64_t>(axes.size()), 1, rank, verdict) && ok;
  if (!ok) return std::nullopt;
  PickPlan plan{input.shape, input.shape};
  plan.backward.resize(input.shape.size());
  int first = rank, last = -1;
  for (const int32_t value : axes) {
    const auto axis = RequireAxis(value, rank, verdict);
    if (!axis) return std::nullopt;
    first = std::min(first, *axis);
    last = std::max(last, *axis);
    ok = ok && !plan.backward[*axis];
    plan.backward[*axis] = true;
  }
  if (ok && last - first + 1 == static_cast<int>(axes.size())) return plan;
  verdict.Add(ReasonCode::kUnsupportedOperandValue, "axes", ShapeString(axes),
              "neighbouring dimensions, each once");
  return std::nullopt;
}

std::optional<PickPlan> PlanPick(const OpView& op, Verdict& verdict) {
  if (!RequireInputCount(op, 2, 2, verdict) || !RequireOutputCount(op, 1, verdict) ||
      !RequireInput(op, 0, "input", verdict)) {
    return std::nullopt;
  }
  constexpr std::string_view kRoles[] = {"multiples", "shape", "paddings", "axes"};
  const OpKind kind = op.op.kind;
  const int role = kind == OpKind::kTile          ? 0
                   : kind == OpKind::kBroadcastTo ? 1
                   : kind == OpKind::kMirrorPad   ? 2
                                                  : 3;
  const Tensor& input = *op.input(0);
  const bool ok = RequireRank(input, "input", kind == OpKind::kBroadcastTo ? 0 : 1, kMaxCopyRank, verdict);
  const auto values = RequireInts(op, 1, kRoles[role], verdict);
  if (!values || !ok) return std::nullopt;
  std::optional<PickPlan> plan = role == 0   ? PlanTile(input, *values, verdict)
                                 : role == 1 ? PlanBroadcast(input, *values, verdict)
                                 : role == 2 ? PlanMirror(op, input, *values, verdict)
                                             : PlanReverse(op, input, *values, verdict);
  if (plan && !RequireShapeFits(plan->shape, verdict)) return std::nullopt;
  return plan;
}

// Which position of dimension d of the input is at position i of the output.
int32_t Picked(const PickPlan& plan, const Op& op, size_t d, int32_t i) {
  const int32_t dim = plan.source[d];
  switch (op.kind) {
    case OpKind::kTile: return i % dim;
    case OpKind::kBroadcastTo: return dim == 1 ? 0 : i;
    case OpKind::kReverseV2: return plan.backward[d] ? dim - 1 - i : i;
    default: break;
  }
  const int32_t edge = op.as<MirrorPadParams>().mode == MirrorMode::kReflect ? 1 : 0;
  const int32_t inside = i - plan.before[d];
  if (inside < 0) return -inside - 1 + edge;
  return inside < dim ? inside : 2 * dim - 1 - edge - inside;
}

TableMove Move(const PickPlan& plan, const Op& op) {
  const auto source = DenseStrides(plan.source);
  const auto target = DenseStrides(plan.shape);
  std::vector<OffsetAxis> axes;
  for (size_t d = 0; d < plan.shape.size(); ++d) {
    OffsetAxis axis;
    for (int32_t i = 0; i < plan.shape[d]; ++i) {
      axis.push_back(
          {static_cast<int32_t>(Picked(plan, op, d, i) * source[d]), static_cast<int32_t>(i * target[d])});
    }
    axes.push_back(std::move(axis));
  }
  return MakeTableMove(std::move(axes), 1);
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  auto plan = PlanPick({graph, op}, verdict);
  if (!plan) return FirstReason(verdict);
  SetOutputShape(graph, op, 0, std::move(plan->shape));
  return {};
}

void Check(const OpView& op, Verdict& verdict) {
  const auto plan = PlanPick(op, verdict);
  if (op.input(0) == nullptr || op.output(0) == nullptr) return;
  const Tensor& input = *op.input(0);
  const Tensor& output = *op.output(0);
  if (RequireMovedType(input, "input", output, "output", verdict) && op.op.kind == OpKind::kMirrorPad) {
    RequireSameQuantization(input, "input", output, "output", verdict);
  }
  RequireNonEmpty(input, "input", verdict);
  RequireNonEmpty(output, "output", verdict);
  if (!plan) return;
  RequireShape(output, "output", plan->shape, verdict);
  int64_t positions = 0;
  for (const int32_t dim : plan->shape) positions += dim;
  RequireRange("sum of the output's dimensions", positions, 0, kMaxTablePositions, verdict);
}

Status Reference(const ReferenceArgs& args) {
  Verdict verdict;
  const auto plan = PlanPick(args.view, verdict);
  if (!plan) return FirstReason(verdict);
  const Tensor& input = *args.view.input(0);
  const Tensor& output = *args.view.output(0);
  const int size = ElementSize(output.type);
  if (size == 0 || input.type != output.type || output.shape != plan->shape) {
    return Fail(ErrorCode::kInvalidModel, "output type or shape does not follow from the input");
  }
  if (output.element_count() == 0) return {};
  MoveByTables(Move(*plan, args.view.op), size, nullptr, args.inputs[0], args.outputs[0]);
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  Verdict verdict;
  const auto plan = PlanPick(op, verdict);
  if (!plan) return FirstReason(verdict);
  LowerTableMove(Move(*plan, op.op), ElementSize(op.output(0)->type), TensorArg{op.op.inputs[0]},
                 TensorArg{op.op.outputs[0]}, 0, lowering);
  return {};
}

constexpr std::string_view kRules[] = {
    "rank up to 8; the second operand is a constant INT32 or INT64 (REVERSE_V2: INT32)",
    "TILE: one multiple >= 0 per dimension",
    "BROADCAST_TO: every dimension of the input is 1 or that of the new shape, counted from the last",
    "MIRROR_PAD: paddings [rank,2] from 0 to the dimension (SYMMETRIC) or one less (REFLECT)",
    "REVERSE_V2: axes are neighbouring dimensions, each once",
    "input and output are INT8, UINT8 or INT16 (zero point 0), the same type, quantized per tensor (the "
    "bytes are kept)",
    "MIRROR_PAD: the output has the input's scale and zero point",
    "no dimension is 0; the output's dimensions add up to at most 2^24",
};

}  // namespace

extern const OpRoom kPickRoom;
const OpRoom kPickRoom = {
    .name = "pick",
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
