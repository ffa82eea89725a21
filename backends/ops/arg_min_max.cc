// ARG_MAX, ARG_MIN: the index of the largest (smallest) value along one axis; the first one of equals. The
// output is INT32 or INT64 and has the input's shape without the axis. Stored bytes (ops/lowering.h) are in
// the values' order, so the quantization does not take part.
// Source: LiteRT 2.3 BUILTIN_REF, bit for bit.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "backends/ops/data_movement.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

// The input as [outer, size, inner], reduced along the middle.
struct Lines {
  std::vector<int32_t> output_shape;
  int64_t outer = 1, size = 1, inner = 1;
};

std::optional<Lines> PlanLines(const OpView& op, Verdict& verdict) {
  const auto value = RequireInt(op, 1, "axis", verdict);
  if (!RequireInput(op, 0, "input", verdict) || !value) return std::nullopt;
  const Tensor& input = *op.input(0);
  const auto axis = RequireAxis(*value, static_cast<int>(input.shape.size()), verdict);
  if (!axis) return std::nullopt;
  Lines lines{.output_shape = input.shape, .size = input.shape[*axis]};
  lines.output_shape.erase(lines.output_shape.begin() + *axis);
  for (int d = 0; d < static_cast<int>(input.shape.size()); ++d) {
    if (d != *axis) (d < *axis ? lines.outer : lines.inner) *= input.shape[d];
  }
  return lines;
}

DataType IndexType(const OpView& op) {
  return op.op.as<ArgMinMaxParams>().int64_output ? DataType::kInt64 : DataType::kInt32;
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  auto lines = PlanLines({graph, op}, verdict);
  if (!lines) return FirstReason(verdict);
  SetOutputShape(graph, op, 0, std::move(lines->output_shape));
  return {};
}

void Check(const OpView& op, Verdict& verdict) {
  const auto lines = PlanLines(op, verdict);
  RequireInputType(op, 0, "input", {DataType::kInt8, DataType::kUInt8}, verdict);
  RequireOutputType(op, 0, {IndexType(op)}, verdict);
  if (op.input(0) != nullptr) RequireNonEmpty(*op.input(0), "input 0", verdict);
  if (lines && op.output(0) != nullptr) RequireShape(*op.output(0), "output 0", lines->output_shape, verdict);
}

template <typename T, typename Index>
void FindExtremes(const ReferenceArgs& args, const Lines& lines) {
  const bool max = args.view.op.kind == OpKind::kArgMax;
  Index* out = args.out<Index>(0);
  for (int64_t o = 0; o < lines.outer; ++o) {
    for (int64_t i = 0; i < lines.inner; ++i) {
      const T* line = args.in<T>(0) + o * lines.size * lines.inner + i;
      int64_t best = 0;
      for (int64_t at = 1; at < lines.size; ++at) {
        const T value = line[at * lines.inner], found = line[best * lines.inner];
        if (max ? value > found : value < found) best = at;
      }
      *out++ = static_cast<Index>(best);
    }
  }
}

template <typename Index>
void FindExtremes(const ReferenceArgs& args, const Lines& lines) {
  if (args.view.input(0)->type == DataType::kInt8) {
    FindExtremes<int8_t, Index>(args, lines);
  } else {
    FindExtremes<uint8_t, Index>(args, lines);
  }
}

Status Reference(const ReferenceArgs& args) {
  Verdict verdict;
  Check(args.view, verdict);
  const auto lines = PlanLines(args.view, verdict);
  if (!verdict.eligible() || !lines) return FirstReason(verdict);
  if (IndexType(args.view) == DataType::kInt64) {
    FindExtremes<int64_t>(args, *lines);
  } else {
    FindExtremes<int32_t>(args, *lines);
  }
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  Verdict verdict;
  const auto lines = PlanLines(op, verdict);
  if (!lines) return FirstReason(verdict);
  const bool wide = IndexType(op) == DataType::kInt64;
  // The smallest is the largest of the complements.
  const int32_t flip = op.op.kind == OpKind::kArgMin ? 255 : 0;
  lowering.Launch(
      wide ? "arg_extreme_long" : "arg_extreme_int",
      {static_cast<size_t>(lines->inner), static_cast<size_t>(lines->outer), 1},
      {TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, static_cast<int32_t>(lines->outer),
       static_cast<int32_t>(lines->size), static_cast<int32_t>(lines->inner), flip});
  return {};
}

constexpr std::string_view kRules[] = {
    "axis: one constant INT32 or INT64 in [-rank, rank)",
    "input INT8 or UINT8 of rank 1 or more, no dimension 0; its quantization does not matter",
    "output INT32 or INT64, as output_type says",
};

}  // namespace

extern const OpRoom kArgMinMaxRoom;
const OpRoom kArgMinMaxRoom = {
    .name = "arg_min_max",
    .infer = Infer,
    .check = Check,
    .check_cpu = Check,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 2,
    .max_inputs = 2,
    .rules = kRules,
};

}  // namespace npu
