// UNPACK, SPLIT_V: all of a tensor, cut along one axis into one output each.
//   UNPACK   num slices of size 1, the axis removed; num is the size of the axis.
//   SPLIT_V  parts of the given sizes (input 1); one of them may be -1 and gets the rest. Axis: input 2.
// Source: LiteRT 2.3 kernels unpack and split_v: bytes are copied; UNPACK refuses outputs whose scale or zero
// point is not the input's, SPLIT_V does not look at them.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "backends/ops/data_movement.h"
#include "backends/ops/rules.h"
#include "backends/ops/strided_copy.h"

namespace npu {
namespace {

using Ints = std::vector<int32_t>;

struct PartsPlan {
  std::vector<Ints> shapes;  // of each output
  Ints sizes;                // of each part along the axis
  int64_t outer = 1, inner = 1, dim = 0;

  // Copies of the parts, first to last.
  std::vector<StridedCopy> Copies() const {
    std::vector<StridedCopy> copies;
    int64_t start = 0;
    for (const int32_t size : sizes) {
      StridedCopy copy;
      copy.source_offset = start * inner;
      copy.Add(outer, dim * inner, size * inner);
      copy.Add(size * inner, 1, 1);
      copies.push_back(copy);
      start += size;
    }
    return copies;
  }
};

std::optional<Ints> PartSizes(const OpView& op, int32_t dim, Verdict& verdict) {
  auto sizes = RequireInts(op, 1, "sizes", verdict);
  if (!sizes || !RequireRange("number of sizes", static_cast<int64_t>(sizes->size()), op.output_count(),
                              op.output_count(), verdict)) {
    return std::nullopt;
  }
  int64_t sum = 0;
  int32_t* rest = nullptr;
  bool ok = true;
  for (int32_t& size : *sizes) {
    ok = RequireRange("size of a part", size, rest == nullptr ? -1 : 0, dim, verdict) && ok;
    if (size == -1) {
      rest = &size;
    } else {
      sum += size;
    }
  }
  if (!ok) return std::nullopt;
  if (!RequireRange("sum of sizes", sum, rest == nullptr ? dim : 0, dim, verdict)) return std::nullopt;
  if (rest != nullptr) *rest = static_cast<int32_t>(dim - sum);
  return sizes;
}

std::optional<PartsPlan> PlanParts(const OpView& op, Verdict& verdict) {
  const bool unpack = op.op.kind == OpKind::kUnpack;
  const int inputs = unpack ? 1 : 3;
  if (!RequireInputCount(op, inputs, inputs, verdict) || !RequireInput(op, 0, "data", verdict)) {
    return std::nullopt;
  }
  const Tensor& input = *op.input(0);
  const int rank = static_cast<int>(input.shape.size());
  if (!RequireRank(input, "data", 1, kMaxCopyRank, verdict) || !RequireShapeFits(input.shape, verdict)) {
    return std::nullopt;
  }
  const auto value =
      unpack ? std::optional(op.op.as<UnpackParams>().axis) : RequireInt(op, 2, "axis", verdict);
  const int64_t parts = unpack ? op.op.as<UnpackParams>().num : op.op.as<SplitParams>().num_splits;
  const bool counted =
      RequireRange(unpack ? "num" : "num_splits", parts, op.output_count(), op.output_count(), verdict);
  if (!value || !counted) return std::nullopt;
  const auto axis = RequireAxis(*value, rank, verdict);
  if (!axis) return std::nullopt;
  PartsPlan plan;
  plan.dim = input.shape[*axis];
  if (unpack) {
    if (!RequireRange("num", parts, plan.dim, plan.dim, verdict)) return std::nullopt;
    plan.sizes.assign(static_cast<size_t>(parts), 1);
  } else {
    auto sizes = PartSizes(op, input.shape[*axis], verdict);
    if (!sizes) return std::nullopt;
    plan.sizes = std::move(*sizes);
  }
  for (int d = 0; d < *axis; ++d) plan.outer *= input.shape[d];
  for (int d = *axis + 1; d < rank; ++d) plan.inner *= input.shape[d];
  for (const int32_t size : plan.sizes) {
    Ints shape = input.shape;
    if (unpack) {
      shape.erase(shape.begin() + *axis);
    } else {
      shape[*axis] = size;
    }
    plan.shapes.push_back(std::move(shape));
  }
  return plan;
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  auto plan = PlanParts({graph, op}, verdict);
  if (!plan) return FirstReason(verdict);
  for (size_t i = 0; i < op.outputs.size(); ++i) {
    SetOutputShape(graph, op, static_cast<int>(i), std::move(plan->shapes[i]));
  }
  return {};
}

void Check(const OpView& op, Verdict& verdict) {
  const auto plan = PlanParts(op, verdict);
  if (op.input(0) == nullptr) return;
  const Tensor& input = *op.input(0);
  RequireNonEmpty(input, "data", verdict);
  for (int i = 0; i < op.output_count(); ++i) {
    if (op.output(i) == nullptr) continue;
    const std::string role = fmt::format("output {}", i);
    const Tensor& output = *op.output(i);
    if (RequireMovedType(input, "data", output, role, verdict) && op.op.kind == OpKind::kUnpack) {
      RequireSameQuantization(input, "data", output, role, verdict);
    }
    RequireNonEmpty(output, role, verdict);
    if (plan) RequireShape(output, role, plan->shapes[i], verdict);
  }
}

Status Reference(const ReferenceArgs& args) {
  Verdict verdict;
  const auto plan = PlanParts(args.view, verdict);
  if (!plan) return FirstReason(verdict);
  const Tensor& input = *args.view.input(0);
  const int size = ElementSize(input.type);
  const std::vector<StridedCopy> copies = plan->Copies();
  for (int i = 0; i < args.view.output_count(); ++i) {
    const Tensor& output = *args.view.output(i);
    if (size == 0 || input.type != output.type || output.shape != plan->shapes[i]) {
      return Fail(ErrorCode::kInvalidModel, "output type or shape does not follow from the data");
    }
    CopyStrided(copies[i], size, args.inputs[0], args.outputs[i]);
  }
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  Verdict verdict;
  const auto plan = PlanParts(op, verdict);
  if (!plan) return FirstReason(verdict);
  const std::vector<StridedCopy> copies = plan->Copies();
  for (int i = 0; i < op.output_count(); ++i) {
    LowerCopy(copies[i], ElementSize(op.output(i)->type), TensorArg{op.op.inputs[0]},
              TensorArg{op.op.outputs[i]}, lowering);
  }
  return {};
}

constexpr std::string_view kRules[] = {
    "data has rank 1 to 8; axis in [-rank, rank); sizes and axis of SPLIT_V are constants",
    "UNPACK: num is the number of outputs and the size of the axis",
    "SPLIT_V: one size per output, at most one of them -1, which together are the size of the axis",
    "data and outputs are INT8, UINT8 or INT16 (zero point 0), the same type, quantized per tensor (the "
    "bytes are kept)",
    "UNPACK: every output has the data's scale and zero point",
    "no dimension of the data or an output is 0",
};

}  // namespace

extern const OpRoom kUnpackRoom;
const OpRoom kUnpackRoom = {
    .name = "unpack",
    .infer = Infer,
    .check = Check,
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 1,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = kAnyCount,
    .rules = kRules,
};

}  // namespace npu
