// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/reduction.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/ops/rules.h"

namespace npu {
namespace {

std::vector<int32_t> OutputShape(const Tensor& input, const Reduction& reduction, bool keep_dims) {
  std::vector<int32_t> shape;
  for (size_t i = 0; i < reduction.reduced.size(); ++i) {
    if (!reduction.reduced[i]) shape.push_back(input.shape[i]);
    if (reduction.reduced[i] && keep_dims) shape.push_back(1);
  }
  return shape;
}

template <typename T>
void Sums(const ReferenceArgs& args, const Reduction& reduction, QuantizedMultiplier m) {
  const Tensor& input = *args.view.input(0);
  const Tensor& output = *args.view.output(0);
  const T* in = args.in<T>(0);
  T* out = args.out<T>(0);
  std::vector<int64_t> sums(reduction.outputs, 0);
  ForEachReduced(input, reduction, [&](int64_t to, int64_t from) { sums[to] += in[from]; });
  for (int64_t i = 0; i < reduction.outputs; ++i) {
    const auto centred = static_cast<int32_t>(sums[i] - input.zero_point() * reduction.count);
    const int32_t value = MultiplyByQuantizedMultiplier(centred, m) + output.zero_point();
    out[i] = static_cast<T>(std::clamp(value, TypeMin(output.type), TypeMax(output.type)));
  }
}

}  // namespace

std::optional<Reduction> MakeReduction(const OpView& op) {
  const auto axes = ConstantInts(*op.input(1));
  if (!axes) return std::nullopt;
  const Tensor& input = *op.input(0);
  const auto rank = static_cast<int64_t>(input.shape.size());
  Reduction reduction{.reduced = std::vector<bool>(rank, false)};
  for (const int64_t value : *axes) {
    const int64_t axis = value < 0 ? value + rank : value;
    if (axis < 0 || axis >= rank) return std::nullopt;
    reduction.reduced[axis] = true;
  }
  for (int64_t i = 0; i < rank; ++i) {
    (reduction.reduced[i] ? reduction.count : reduction.outputs) *= input.shape[i];
  }
  return reduction;
}

Status InferReduction(Graph& graph, const Op& op) {
  const OpView view{graph, op};
  if (view.input(0) == nullptr || view.input(1) == nullptr || view.output(0) == nullptr) {
    return Fail(ErrorCode::kInvalidModel, "input, axes or output is absent");
  }
  const Tensor& input = *view.input(0);
  const auto reduction = MakeReduction(view);
  if (!reduction) {
    return Fail(ErrorCode::kInvalidModel,
                fmt::format("axes \"{}\" are not constant, or not all in [-{}, {}) of input {}",
                            view.input(1)->name, input.shape.size(), input.shape.size(), ShapeString(input)));
  }
  std::vector<int32_t> shape = OutputShape(input, *reduction, op.as<ReducerParams>().keep_dims);
  Tensor& output = graph.tensors[op.outputs[0]];
  output.shape = std::move(shape);
  output.shape_known = true;
  return {};
}

void CheckReduction(const OpView& op, int64_t max_count, Verdict& verdict) {
  const Tensor& input = *op.input(0);
  const Tensor& output = *op.output(0);
  bool ok = RequireNonEmpty(input, "input 0", verdict);
  ok = RequireRank(input, "input 0", 1, kMaxReductionRank, verdict) && ok;
  ok = RequireConstant(op, 1, "axes", verdict) && ok;
  ok = RequireInputType(op, 1, "axes", {DataType::kInt32}, verdict) && ok;
  if (!ok) return;
  const auto reduction = MakeReduction(op);
  if (!reduction) {
    const std::vector<int32_t> axes = ConstantInts(*op.input(1)).value_or(std::vector<int32_t>{});
    const auto rank = static_cast<int32_t>(input.shape.size());
    for (const int32_t axis : axes) {
      if (RequireRange("axis", axis, -rank, rank - 1, verdict)) continue;
      break;  // one example is enough: the operand may be long
    }
    return;
  }
  RequireRange("values per result", reduction->count, 1, max_count, verdict);
  const auto expected = OutputShape(input, *reduction, op.op.as<ReducerParams>().keep_dims);
  if (output.shape != expected) {
    verdict.Add(ReasonCode::kShapeMismatch, "output 0 shape", ShapeString(output), ShapeString(expected));
  }
}

bool CheckReducer(const OpView& op, int64_t max_count, Verdict& verdict, bool int16_allowed) {
  bool there = RequireInput(op, 0, "input", verdict);
  there = RequireInput(op, 1, "axes", verdict) && there;
  if (!there) return false;
  const bool typed = int16_allowed ? RequireSameQuantizedType(op, verdict) : RequireSame8BitType(op, verdict);
  if (op.output(0) == nullptr) return false;
  CheckReduction(op, max_count, verdict);
  return typed;
}

void ReduceSums(const ReferenceArgs& args, const Reduction& reduction, QuantizedMultiplier m) {
  switch (args.view.output(0)->type) {
    case DataType::kInt8: return Sums<int8_t>(args, reduction, m);
    case DataType::kInt16: return Sums<int16_t>(args, reduction, m);
    default: return Sums<uint8_t>(args, reduction, m);
  }
}

ReductionExtents CollapseReduction(const Tensor& input, const Reduction& reduction) {
  ReductionExtents extents;
  extents.fill(1);
  int at = 5;
  for (size_t i = reduction.reduced.size(); i-- > 0;) {
    if (input.shape[i] == 1) continue;
    if ((at % 2 == 1) != reduction.reduced[i]) --at;
    extents[at] *= input.shape[i];
  }
  return extents;
}

void LaunchReduction(const OpView& op, const ReductionExtents& extents, std::string_view channels,
                     std::string_view last, const std::vector<KernelArg>& rest, Lowering& lowering) {
  const auto& e = extents;
  std::vector<KernelArg> args{TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}};
  args.insert(args.end(), e.begin(), e.begin() + 5);
  args.insert(args.end(), rest.begin(), rest.end());
  const auto rows = static_cast<size_t>(e[2]), slices = static_cast<size_t>(e[0]);
  if (e[5] == 1) {
    const int64_t blocks = (int64_t{e[4]} + kReductionChannels - 1) / kReductionChannels;
    lowering.Launch(channels, {static_cast<size_t>(blocks), rows, slices}, std::move(args));
  } else {
    args.emplace_back(e[5]);
    lowering.Launch(last, {static_cast<size_t>(e[4]), rows, slices}, std::move(args));
  }
}

void LowerSums(const OpView& op, const Reduction& reduction, QuantizedMultiplier m, Lowering& lowering) {
  const Tensor& input = *op.input(0);
  if (input.type == DataType::kInt16) {
    const ReductionExtents e = CollapseReduction(input, reduction);
    lowering.Launch("mean_int16",
                    {static_cast<size_t>(e[4]), static_cast<size_t>(e[2]), static_cast<size_t>(e[0])},
                    {TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, e[0], e[1], e[2], e[3], e[4],
                     e[5], m.multiplier, m.shift});
    return;
  }
  const auto correction = static_cast<int32_t>(StoredZeroPoint(input) * reduction.count);
  LaunchReduction(op, CollapseReduction(input, reduction), "mean_channels", "mean_last",
                  {correction, m.multiplier, m.shift, StoredZeroPoint(*op.output(0))}, lowering);
}

}  // namespace npu
