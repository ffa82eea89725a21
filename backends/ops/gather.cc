// GATHER, GATHER_ND: slices of the data at constant indices.
//   GATHER     output[batch, outer, i, inner] = data[batch, outer, indices[batch, i], inner]: the dimension
//              `axis` is replaced by those of the indices behind the first batch_dims.
//   GATHER_ND  the last dimension of the indices is a position in the data's first dimensions; the output is
//              the slice there, for each of the indices' other dimensions.
// Source: LiteRT 2.3 kernels gather and gather_nd: bytes are copied whatever the scales are; an index outside
// its dimension is an error. Here it is refused, and so are indices that are not in the model.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "backends/ops/data_movement.h"
#include "backends/ops/rules.h"
#include "backends/ops/strided_copy.h"
#include "backends/ops/table_move.h"
#include "base/checked.h"

namespace npu {
namespace {

using Ints = std::vector<int32_t>;

// Sizes of the parts of data [batch, outer, dim, inner] and indices [batch, count]; for GATHER_ND batch and
// outer are 1 and `indices` are flat positions of slices of `inner` elements.
struct GatherPlan {
  Ints shape;
  Ints indices;
  int64_t batch = 1, outer = 1, dim = 1, count = 1, inner = 1;
};

int64_t Product(const Ints& shape, size_t first, size_t last) {
  int64_t product = 1;
  for (size_t d = first; d < last; ++d) product *= shape[d];
  return product;
}

bool RequireIndex(int64_t value, int64_t dim, Verdict& verdict) {
  if (value >= 0 && value < dim) return true;
  verdict.Add(ReasonCode::kUnsupportedOperandValue, "input 1 (indices) value", fmt::format("{}", value),
              fmt::format("0 to {}", dim - 1));
  return false;
}

std::optional<GatherPlan> PlanGather(const OpView& op, Ints indices, Verdict& verdict) {
  const GatherParams& params = op.op.as<GatherParams>();
  const Ints& data = op.input(0)->shape;
  const Ints& positions = op.input(1)->shape;
  const auto axis = RequireAxis(params.axis, static_cast<int>(data.size()), verdict);
  const auto rank = static_cast<int64_t>(positions.size());
  if (!axis ||
      !RequireRange("batch_dims", params.batch_dims, -rank, std::min<int64_t>(rank, *axis), verdict)) {
    return std::nullopt;
  }
  const int64_t batch_dims = params.batch_dims < 0 ? params.batch_dims + rank : params.batch_dims;
  if (!RequireRange("batch_dims", batch_dims, 0, *axis, verdict)) return std::nullopt;
  const auto split = static_cast<size_t>(batch_dims), at = static_cast<size_t>(*axis);
  for (size_t d = 0; d < split; ++d) {
    if (data[d] == positions[d]) continue;
    verdict.Add(ReasonCode::kShapeMismatch, "indices shape", ShapeString(positions),
                fmt::format("{} dimensions as in the data, {}", batch_dims, ShapeString(data)));
    return std::nullopt;
  }
  GatherPlan plan{Ints(data.begin(), data.begin() + *axis), std::move(indices)};
  plan.shape.insert(plan.shape.end(), positions.begin() + batch_dims, positions.end());
  plan.shape.insert(plan.shape.end(), data.begin() + *axis + 1, data.end());
  plan.batch = Product(data, 0, split);
  plan.outer = Product(data, split, at);
  plan.dim = data[at];
  plan.count = Product(positions, split, positions.size());
  plan.inner = Product(data, at + 1, data.size());
  for (const int32_t index : plan.indices) {
    if (!RequireIndex(index, plan.dim, verdict)) return std::nullopt;
  }
  return plan;
}

std::optional<GatherPlan> PlanGatherNd(const OpView& op, const Ints& indices, Verdict& verdict) {
  const Ints& data = op.input(0)->shape;
  const Ints& positions = op.input(1)->shape;
  const auto rank = static_cast<int64_t>(data.size());
  if (!RequireRank(*op.input(1), "indices", 1, kMaxCopyRank, verdict) ||
      !RequireRange("last dimension of the indices", positions.back(), 1, rank, verdict)) {
    return std::nullopt;
  }
  const auto depth = static_cast<size_t>(positions.back());
  GatherPlan plan{Ints(positions.begin(), positions.end() - 1), {}};
  plan.shape.insert(plan.shape.end(), data.begin() + positions.back(), data.end());
  plan.count = Product(positions, 0, positions.size() - 1);
  plan.inner = Product(data, depth, data.size());
  plan.dim = Product(data, 0, depth);
  for (size_t i = 0; i < indices.size(); i += depth) {
    int64_t flat = 0;
    for (size_t d = 0; d < depth; ++d) {
      if (!RequireIndex(indices[i + d], data[d], verdict)) return std::nullopt;
      flat = flat * data[d] + indices[i + d];
    }
    plan.indices.push_back(static_cast<int32_t>(flat));
  }
  return plan;
}

std::optional<GatherPlan> PlanAny(const OpView& op, Verdict& verdict) {
  if (!RequireInputCount(op, 2, 2, verdict) || !RequireOutputCount(op, 1, verdict) ||
      !RequireInput(op, 0, "data", verdict)) {
    return std::nullopt;
  }
  bool ok = RequireRank(*op.input(0), "data", 1, kMaxCopyRank, verdict);
  ok = ok && RequireShapeFits(op.input(0)->shape, verdict);
  auto indices = RequireInts(op, 1, "indices", verdict);
  if (!indices || !ok || !RequireRank(*op.input(1), "indices", 0, kMaxCopyRank, verdict)) return std::nullopt;
  auto plan = op.op.kind == OpKind::kGather ? PlanGather(op, std::move(*indices), verdict)
                                            : PlanGatherNd(op, *indices, verdict);
  if (plan && !RequireShapeFits(plan->shape, verdict)) return std::nullopt;
  return plan;
}

// The output has elements.
TableMove Move(const GatherPlan& plan) {
  OffsetAxis outer, picked;
  for (int64_t o = 0; o < plan.outer; ++o) {
    outer.push_back(
        {static_cast<int32_t>(o * plan.dim * plan.inner), static_cast<int32_t>(o * plan.count * plan.inner)});
  }
  for (int64_t b = 0; b < plan.batch; ++b) {
    for (int64_t i = 0; i < plan.count; ++i) {
      const int32_t index = plan.indices[static_cast<size_t>(b * plan.count + i)];
      picked.push_back({static_cast<int32_t>((b * plan.outer * plan.dim + index) * plan.inner),
                        static_cast<int32_t>((b * plan.outer * plan.count + i) * plan.inner)});
    }
  }
  return MakeTableMove({std::move(outer), std::move(picked)}, plan.inner);
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  auto plan = PlanAny({graph, op}, verdict);
  if (!plan) return FirstReason(verdict);
  SetOutputShape(graph, op, 0, std::move(plan->shape));
  return {};
}

void Check(const OpView& op, Verdict& verdict) {
  const auto plan = PlanAny(op, verdict);
  if (op.input(0) == nullptr || op.output(0) == nullptr) return;
  RequireMovedType(*op.input(0), "data", *op.output(0), "output", verdict);
  RequireNonEmpty(*op.input(0), "data", verdict);
  RequireNonEmpty(*op.output(0), "output", verdict);
  if (!plan) return;
  RequireShape(*op.output(0), "output", plan->shape, verdict);
  RequireRange("indices and outer positions", plan->outer + static_cast<int64_t>(plan->indices.size()), 0,
               kMaxTablePositions, verdict);
}

Status Reference(const ReferenceArgs& args) {
  Verdict verdict;
  const auto plan = PlanAny(args.view, verdict);
  if (!plan) return FirstReason(verdict);
  const Tensor& data = *args.view.input(0);
  const Tensor& output = *args.view.output(0);
  const int size = ElementSize(output.type);
  if (size == 0 || data.type != output.type || output.shape != plan->shape) {
    return Fail(ErrorCode::kInvalidModel, "output type or shape does not follow from the data");
  }
  if (output.element_count() == 0) return {};
  MoveByTables(Move(*plan), size, nullptr, args.inputs[0], args.outputs[0]);
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  Verdict verdict;
  const auto plan = PlanAny(op, verdict);
  if (!plan) return FirstReason(verdict);
  LowerTableMove(Move(*plan), ElementSize(op.output(0)->type), TensorArg{op.op.inputs[0]},
                 TensorArg{op.op.outputs[0]}, 0, lowering);
  return {};
}

constexpr std::string_view kRules[] = {
    "data has rank 1 to 8; indices are a constant INT32 or INT64 of rank up to 8, inside their dimensions",
    "GATHER: axis in [-rank, rank); batch_dims <= axis, and those dimensions are equal in data and indices",
    "GATHER_ND: the last dimension of the indices is 1 to the data's rank",
    "data and output are INT8, UINT8 or INT16 (zero point 0), the same type, quantized per tensor (the bytes "
    "are kept)",
    "no dimension is 0; indices and positions before the axis are at most 2^24",
};

}  // namespace

extern const OpRoom kGatherRoom;
const OpRoom kGatherRoom = {
    .name = "gather",
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
