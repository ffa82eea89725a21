// SLICE, STRIDED_SLICE, SPLIT: boxes cut out of one tensor.
//   SLICE          begin (input 1), size (input 2), one per dimension; size -1 takes the rest.
//   STRIDED_SLICE  begin, end, strides (inputs 1 to 3) and five masks, as Python's x[b:e:s, ..., None, i].
//   SPLIT          num_splits equal parts along an axis; the axis is input 0, the data input 1.
// Source: LiteRT 2.3 kernels slice, strided_slice, split: bytes are copied whatever the scales are. Where
// TFLite would read or leave memory that nobody wrote (an index to shrink that is out of range, an offset
// that is clamped), and where it does not do what TensorFlow does (an ellipsis for no dimension, more
// indices than dimensions), the operator is refused.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "backends/ops/data_movement.h"
#include "backends/ops/rules.h"
#include "backends/ops/strided_copy.h"
#include "base/checked.h"

namespace npu {
namespace {

using Ints = std::vector<int32_t>;

// Output i is the box, shifted by i * step elements in the source.
struct SlicePlan {
  Ints shape;
  StridedCopy copy;
  int64_t step = 0;
};

int DataInput(const Op& op) { return op.kind == OpKind::kSplit ? 1 : 0; }

std::optional<SlicePlan> PlanSlice(const OpView& op, const Tensor& input, Verdict& verdict) {
  const int rank = static_cast<int>(input.shape.size());
  const auto begin = RequireInts(op, 1, "begin", verdict);
  const auto size = RequireInts(op, 2, "size", verdict);
  if (!begin || !size) return std::nullopt;
  bool ok = RequireRange("number of begins", static_cast<int64_t>(begin->size()), rank, rank, verdict);
  ok = RequireRange("number of sizes", static_cast<int64_t>(size->size()), rank, rank, verdict) && ok;
  if (op.input(1)->type != op.input(2)->type) {
    verdict.Add(ReasonCode::kUnsupportedInputType, "input 2 (size) element type",
                std::string(DataTypeName(op.input(2)->type)),
                fmt::format("{}, as begin", DataTypeName(op.input(1)->type)));
    ok = false;
  }
  if (!ok) return std::nullopt;
  SlicePlan plan;
  const auto source = DenseStrides(input.shape);
  for (int d = 0; d < rank; ++d) {
    const int64_t dim = input.shape[d], from = (*begin)[d], count = (*size)[d];
    if (RequireRange(fmt::format("begin of dimension {}", d), from, 0, dim, verdict) &&
        RequireRange(fmt::format("size of dimension {}", d), count, -1, dim - from, verdict)) {
      plan.shape.push_back(static_cast<int32_t>(count == -1 ? dim - from : count));
      plan.copy.source_offset += from * source[d];
    } else {
      ok = false;
    }
  }
  if (!ok) return std::nullopt;
  const auto target = DenseStrides(plan.shape);
  for (int d = 0; d < rank; ++d) plan.copy.Add(plan.shape[d], source[d], target[d]);
  return plan;
}

std::optional<SlicePlan> PlanSplit(const OpView& op, const Tensor& input, Verdict& verdict) {
  const auto value = RequireInt(op, 0, "axis", verdict);
  const int64_t splits = op.op.as<SplitParams>().num_splits;
  const bool counted = RequireRange("num_splits", splits, op.output_count(), op.output_count(), verdict);
  if (!value || !counted || splits < 1) return std::nullopt;
  const auto axis = RequireAxis(*value, static_cast<int>(input.shape.size()), verdict);
  if (!axis) return std::nullopt;
  const int32_t dim = input.shape[*axis];
  if (dim % splits != 0) {
    verdict.Add(ReasonCode::kUnsupportedOperandSize, fmt::format("size of dimension {}", *axis),
                fmt::format("{}", dim), fmt::format("a multiple of num_splits, {}", splits));
    return std::nullopt;
  }
  SlicePlan plan{input.shape, {}, 0};
  plan.shape[*axis] = static_cast<int32_t>(dim / splits);
  const auto source = DenseStrides(input.shape);
  const auto target = DenseStrides(plan.shape);
  for (size_t d = 0; d < input.shape.size(); ++d) plan.copy.Add(plan.shape[d], source[d], target[d]);
  plan.step = plan.shape[*axis] * source[*axis];
  return plan;
}

// What one index of a STRIDED_SLICE takes of a dimension.
struct AxisRange {
  int64_t start = 0, count = 0, stride = 1;
};

// Start and stop are clamped as Python does, then overridden by the masks; an index to shrink takes one.
std::optional<AxisRange> RangeOfAxis(const StridedSliceParams& params, int i, int64_t dim, int64_t begin,
                                     int64_t end, int64_t stride, Verdict& verdict) {
  const auto masked = [i](int32_t mask) { return (static_cast<uint32_t>(mask) >> i & 1u) != 0; };
  const bool shrink = masked(params.shrink_axis_mask);
  if (stride == 0 || stride == INT32_MIN || (shrink && stride < 0)) {
    verdict.Add(ReasonCode::kUnsupportedOperandValue, fmt::format("stride {}", i), fmt::format("{}", stride),
                shrink ? "> 0 where shrink_axis_mask is set" : "not 0, not -2^31");
    return std::nullopt;
  }
  const int64_t lowest = stride > 0 ? 0 : -1, highest = stride > 0 ? dim : dim - 1;
  int64_t start = begin < 0 ? begin + dim : begin;
  if (shrink && !masked(params.begin_mask) &&
      !RequireRange(fmt::format("index {} to shrink", i), begin, -dim, dim - 1, verdict)) {
    return std::nullopt;
  }
  start = std::clamp(start, lowest, highest);
  if (masked(params.begin_mask)) start = stride > 0 ? 0 : dim - 1;
  if (shrink) {
    if (!RequireRange(fmt::format("index {} to shrink", i), start, 0, dim - 1, verdict)) return std::nullopt;
    return AxisRange{start, 1, stride};
  }
  int64_t stop = params.offset ? end + start : end;
  if (stop < 0) stop += dim;
  stop = std::clamp(stop, lowest, highest);
  if (masked(params.end_mask)) stop = stride > 0 ? dim : -1;
  const auto count_of = [stride](int64_t distance) {
    if (distance == 0 || (distance < 0) != (stride < 0)) return int64_t{0};
    return (distance + (stride > 0 ? -1 : 1)) / stride + 1;
  };
  const int64_t count = count_of(stop - start);
  // TFLite sizes the output by `end` alone and walks from start to the clamped stop.
  if (params.offset && count_of(end) != count) {
    verdict.Add(ReasonCode::kUnsupportedOperandValue, fmt::format("end {}, relative to begin", i),
                fmt::format("{} elements of dimension size {}", count_of(end), dim),
                fmt::format("{}, what lies inside the dimension", count));
    return std::nullopt;
  }
  return AxisRange{start, count, stride};
}

std::optional<SlicePlan> PlanStridedSlice(const OpView& op, const Tensor& input, Verdict& verdict) {
  constexpr int kMaxIndices = 31;  // bits of a mask, TFLite's own limit
  const StridedSliceParams& params = op.op.as<StridedSliceParams>();
  const int rank = static_cast<int>(input.shape.size());
  const auto begin = RequireInts(op, 1, "begin", verdict);
  const auto end = RequireInts(op, 2, "end", verdict);
  const auto strides = RequireInts(op, 3, "strides", verdict);
  if (!begin || !end || !strides) return std::nullopt;
  const auto indices = static_cast<int64_t>(begin->size());
  bool ok = RequireRange("number of indices", indices, 0, kMaxIndices, verdict);
  ok = RequireRange("number of ends", static_cast<int64_t>(end->size()), indices, indices, verdict) && ok;
  ok = RequireRange("number of strides", static_cast<int64_t>(strides->size()), indices, indices, verdict) &&
       ok;
  if (!ok) return std::nullopt;

  const auto bit = [](int32_t mask, int i) { return (static_cast<uint32_t>(mask) >> i & 1u) != 0; };
  int ellipses = 0, new_axes = 0;
  for (int i = 0; i <= kMaxIndices; ++i) {
    const bool is_new = !bit(params.ellipsis_mask, i) && bit(params.new_axis_mask, i);
    ellipses += bit(params.ellipsis_mask, i);
    new_axes += is_new;
    if (i >= indices && (bit(params.ellipsis_mask, i) || is_new)) ok = false;
  }
  const int used = static_cast<int>(indices) - new_axes - ellipses;  // dimensions that indices speak of
  if (!ok || ellipses > 1 || used > rank - ellipses) {
    verdict.Add(ReasonCode::kInvalidArgument, "ellipsis_mask, new_axis_mask and number of indices",
                fmt::format("{:#x}, {:#x}, {}", params.ellipsis_mask, params.new_axis_mask, indices),
                fmt::format("bits of indices only, one ellipsis for at least one of {} dimensions", rank));
    return std::nullopt;
  }
  if (params.offset && (ellipses > 0 || new_axes > 0 || used < rank)) {
    verdict.Add(ReasonCode::kInvalidArgument, "indices with ends relative to begin",
                fmt::format("{} indices, {} new, {} ellipsis", indices, new_axes, ellipses),
                fmt::format("one plain index per dimension, {}", rank));
    return std::nullopt;
  }

  SlicePlan plan;
  std::vector<AxisRange> ranges;
  for (int i = 0; i < indices; ++i) {
    if (bit(params.ellipsis_mask, i)) {
      for (int k = 0; k < rank - used; ++k) {
        const int32_t dim = input.shape[ranges.size()];
        ranges.push_back({0, dim, 1});
        plan.shape.push_back(dim);
      }
    } else if (bit(params.new_axis_mask, i)) {
      plan.shape.push_back(1);
    } else {
      const auto range =
          RangeOfAxis(params, i, input.shape[ranges.size()], (*begin)[i], (*end)[i], (*strides)[i], verdict);
      ok = ok && range.has_value();
      ranges.push_back(range.value_or(AxisRange{}));
      if (!bit(params.shrink_axis_mask, i)) plan.shape.push_back(static_cast<int32_t>(ranges.back().count));
    }
  }
  if (!ok) return std::nullopt;
  for (auto d = ranges.size(); d < input.shape.size(); ++d) {
    ranges.push_back({0, input.shape[d], 1});
    plan.shape.push_back(input.shape[d]);
  }

  const auto source = DenseStrides(input.shape);
  Ints counts;
  for (const AxisRange& range : ranges) counts.push_back(static_cast<int32_t>(range.count));
  const auto target = DenseStrides(counts);  // what shrinks and what is new have size 1: same offsets
  for (int d = 0; d < rank; ++d) {
    plan.copy.source_offset += ranges[d].start * source[d];
    plan.copy.Add(ranges[d].count, ranges[d].stride * source[d], target[d]);
  }
  return plan;
}

std::optional<SlicePlan> PlanAny(const OpView& op, Verdict& verdict) {
  const bool split = op.op.kind == OpKind::kSplit;
  const int inputs = split ? 2 : op.op.kind == OpKind::kSlice ? 3 : 4;
  bool ok = RequireInputCount(op, inputs, inputs, verdict);
  if (!split) ok = RequireOutputCount(op, 1, verdict) && ok;
  const int data = DataInput(op.op);
  if (!ok || !RequireInput(op, data, "data", verdict)) return std::nullopt;
  const Tensor& input = *op.input(data);
  ok = RequireRank(input, "data", split ? 1 : 0, kMaxCopyRank, verdict);
  if (!ok || !RequireShapeFits(input.shape, verdict)) return std::nullopt;
  switch (op.op.kind) {
    case OpKind::kSplit: return PlanSplit(op, input, verdict);
    case OpKind::kSlice: return PlanSlice(op, input, verdict);
    default: return PlanStridedSlice(op, input, verdict);
  }
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  const auto plan = PlanAny({graph, op}, verdict);
  if (!plan) return FirstReason(verdict);
  for (int i = 0; i < static_cast<int>(op.outputs.size()); ++i) SetOutputShape(graph, op, i, plan->shape);
  return {};
}

void Check(const OpView& op, Verdict& verdict) {
  const auto plan = PlanAny(op, verdict);
  const Tensor* input = op.input(DataInput(op.op));
  if (input == nullptr) return;
  RequireNonEmpty(*input, "data", verdict);
  for (int i = 0; i < op.output_count(); ++i) {
    if (op.output(i) == nullptr) continue;
    const std::string role = op.output_count() == 1 ? "output" : fmt::format("output {}", i);
    RequireMovedType(*input, "data", *op.output(i), role, verdict);
    RequireNonEmpty(*op.output(i), role, verdict);
    if (plan) RequireShape(*op.output(i), role, plan->shape, verdict);
  }
  if (plan) RequireRange("dimensions left after merging", plan->copy.rank, 0, kMaxDeviceCopyRank, verdict);
}

Status Reference(const ReferenceArgs& args) {
  Verdict verdict;
  auto plan = PlanAny(args.view, verdict);
  if (!plan) return FirstReason(verdict);
  const int data = DataInput(args.view.op);
  const Tensor& input = *args.view.input(data);
  const int size = ElementSize(input.type);
  for (int i = 0; i < args.view.output_count(); ++i) {
    const Tensor& output = *args.view.output(i);
    if (size == 0 || input.type != output.type || output.shape != plan->shape) {
      return Fail(ErrorCode::kInvalidModel, "output type or shape does not follow from the data");
    }
    CopyStrided(plan->copy, size, args.inputs[data], args.outputs[i]);
    plan->copy.source_offset += plan->step;
  }
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  Verdict verdict;
  auto plan = PlanAny(op, verdict);
  if (!plan) return FirstReason(verdict);
  const TensorArg source{op.op.inputs[DataInput(op.op)]};
  for (int i = 0; i < op.output_count(); ++i) {
    LowerCopy(plan->copy, ElementSize(op.output(i)->type), source, TensorArg{op.op.outputs[i]}, lowering);
    plan->copy.source_offset += plan->step;
  }
  return {};
}

constexpr std::string_view kRules[] = {
    "rank up to 8; every operand but the data is a constant INT32 or INT64",
    "SLICE: begin and size have one entry per dimension and stay inside it; size -1 takes the rest",
    "STRIDED_SLICE: up to 31 indices, as many ends and strides; no stride is 0 or -2^31",
    "STRIDED_SLICE: at most one ellipsis, which stands for at least one dimension; no index is left over",
    "STRIDED_SLICE: an index to shrink lies inside its dimension and has a stride > 0",
    "STRIDED_SLICE with offset: one plain index per dimension, and nothing that would be clamped",
    "SPLIT: num_splits is the number of outputs and divides the dimension; axis in [-rank, rank)",
    "data and outputs are INT8, UINT8 or INT16 (zero point 0), the same type, quantized per tensor (the "
    "bytes are kept)",
    "no dimension of the data or an output is 0",
    "at most 6 dimensions are left when neighbours that stay together are merged",
};

}  // namespace

extern const OpRoom kSliceRoom;
const OpRoom kSliceRoom = {
    .name = "slice",
    .infer = Infer,
    .check = Check,
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 2,
    .max_inputs = 4,
    .min_outputs = 1,
    .max_outputs = kAnyCount,
    .rules = kRules,
};

}  // namespace npu
