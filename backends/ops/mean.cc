// MEAN over any set of axes: out = zp_out + round((sum(q) - n * zp_in) * M), clipped to the type, where n is
// the number of values per mean. The division by n is part of the integer multiplier:
//   s_in / s_out = multiplier * 2^(shift - 31)                 (QuantizeMultiplier)
//   s = min(floor(log2 n), 32, 31 + shift)                     keeps the final shift at or above -31
//   M = (multiplier * 2^s / n, truncated) * 2^(shift - s - 31)
// followed by the rescaling with double rounding (schema/quantization.h): no float arithmetic, and the same
// for INT8 and UINT8.
// Source: LiteRT 2.3 BUILTIN_REF (QuantizedMeanOrSum); other hosts are up to 1 apart.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "backends/ops/room.h"
#include "backends/ops/rules.h"
#include "schema/quantization.h"

namespace npu {
namespace {

// Five dimensions always collapse into the six groups of Extents.
constexpr int kMaxRank = 5;
// |q - zero_point| <= 255, so 2^23 of them sum to less than 2^31.
constexpr int64_t kMaxReduced = int64_t{1} << 23;
// s_in / s_out. Beyond it the rescaling's left shift of a sum could leave 32 bits, where hosts disagree.
constexpr double kMaxScaleRatio = 1 << 20;
constexpr int kChannelsPerItem = 16;  // kernels/mean.cl

// Which dimensions the axes name; nullopt if the axes are not known or one is out of range.
// Negative axes count from the last; repeated ones count once.
std::optional<std::vector<bool>> ReducedDimensions(const Tensor& input, const Tensor& axes) {
  const auto values = ConstantInts(axes);
  if (!values) return std::nullopt;
  const auto rank = static_cast<int64_t>(input.shape.size());
  std::vector<bool> reduced(rank, false);
  for (const int64_t value : *values) {
    const int64_t axis = value < 0 ? value + rank : value;
    if (axis < 0 || axis >= rank) return std::nullopt;
    reduced[axis] = true;
  }
  return reduced;
}

std::vector<int32_t> OutputShape(const Tensor& input, const std::vector<bool>& reduced, bool keep_dims) {
  std::vector<int32_t> shape;
  for (size_t i = 0; i < reduced.size(); ++i) {
    if (!reduced[i]) shape.push_back(input.shape[i]);
    if (reduced[i] && keep_dims) shape.push_back(1);
  }
  return shape;
}

// Values per mean; 0 when a reduced dimension is empty.
int64_t ReducedCount(const Tensor& input, const std::vector<bool>& reduced) {
  int64_t count = 1;
  for (size_t i = 0; i < reduced.size(); ++i) {
    if (reduced[i]) count *= input.shape[i];
  }
  return count;
}

QuantizedMultiplier MeanMultiplier(const Tensor& input, const Tensor& output, int64_t count) {
  QuantizedMultiplier m = QuantizeMultiplier(static_cast<double>(input.scale()) / output.scale());
  const int log2 = 63 - std::countl_zero(static_cast<uint64_t>(count));
  const int shift = std::min({log2, 32, 31 + m.shift});
  m.multiplier = static_cast<int32_t>((static_cast<int64_t>(m.multiplier) << shift) / count);
  m.shift -= shift;
  return m;
}

Status Infer(Graph& graph, const Op& op) {
  const OpView view{graph, op};
  if (view.input(0) == nullptr || view.input(1) == nullptr || view.output(0) == nullptr) {
    return Fail(ErrorCode::kInvalidModel, "input, axes or output is absent");
  }
  const auto reduced = ReducedDimensions(*view.input(0), *view.input(1));
  if (!reduced) {
    return Fail(
        ErrorCode::kInvalidModel,
        fmt::format("axes \"{}\" are not constant, or not all in [-{}, {}) of input {}", view.input(1)->name,
                    view.input(0)->shape.size(), view.input(0)->shape.size(), ShapeString(*view.input(0))));
  }
  std::vector<int32_t> shape = OutputShape(*view.input(0), *reduced, op.as<ReducerParams>().keep_dims);
  Tensor& output = graph.tensors[op.outputs[0]];
  output.shape = std::move(shape);
  output.shape_known = true;
  return {};
}

void CheckShapes(const OpView& op, Verdict& verdict) {
  const Tensor& input = *op.input(0);
  const Tensor& output = *op.output(0);
  bool ok = RequireNonEmpty(input, "input 0", verdict);
  ok = RequireRank(input, "input 0", 1, kMaxRank, verdict) && ok;
  ok = RequireConstant(op, 1, "axes", verdict) && ok;
  ok = RequireInputType(op, 1, "axes", {DataType::kInt32}, verdict) && ok;
  if (!ok) return;
  const auto reduced = ReducedDimensions(input, *op.input(1));
  if (!reduced) {
    const std::vector<int32_t> axes = ConstantInts(*op.input(1)).value_or(std::vector<int32_t>{});
    const auto rank = static_cast<int32_t>(input.shape.size());
    for (const int32_t axis : axes) {
      if (RequireRange("axis", axis, -rank, rank - 1, verdict)) continue;
      break;  // one example is enough: the operand may be long
    }
    return;
  }
  RequireRange("values per mean", ReducedCount(input, *reduced), 1, kMaxReduced, verdict);
  const auto expected = OutputShape(input, *reduced, op.op.as<ReducerParams>().keep_dims);
  if (output.shape != expected) {
    verdict.Add(ReasonCode::kShapeMismatch, "output 0 shape", ShapeString(output), ShapeString(expected));
  }
}

void Check(const OpView& op, Verdict& verdict) {
  bool there = RequireInput(op, 0, "input", verdict);
  there = RequireInput(op, 1, "axes", verdict) && there;
  if (!there) return;
  if (RequireSame8BitType(op, verdict)) {
    const double ratio = static_cast<double>(op.input(0)->scale()) / op.output(0)->scale();
    if (!(ratio <= kMaxScaleRatio)) {
      verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "scale of input 0 / scale of output 0",
                  fmt::format("{}", ratio), fmt::format("at most {}", kMaxScaleRatio));
    }
  }
  if (op.output(0) != nullptr) CheckShapes(op, verdict);
}

template <typename T>
void Mean(const OpView& op, const std::vector<bool>& reduced, const T* in, T* out) {
  const Tensor& input = *op.input(0);
  const Tensor& output = *op.output(0);
  const int64_t count = ReducedCount(input, reduced);
  // How far the output element moves per step of an input dimension: 0 along reduced ones.
  std::vector<int64_t> step(reduced.size(), 0);
  int64_t outputs = 1;
  for (size_t i = reduced.size(); i-- > 0;) {
    if (reduced[i]) continue;
    step[i] = outputs;
    outputs *= input.shape[i];
  }
  std::vector<int64_t> sums(outputs, 0);
  std::vector<int32_t> index(reduced.size(), 0);
  const int64_t elements = outputs * count;
  for (int64_t i = 0, to = 0; i < elements; ++i) {
    sums[to] += in[i];
    for (size_t d = index.size(); d-- > 0;) {
      to += step[d];
      if (++index[d] < input.shape[d]) break;
      to -= step[d] * input.shape[d];
      index[d] = 0;
    }
  }
  const QuantizedMultiplier m = MeanMultiplier(input, output, count);
  for (int64_t i = 0; i < outputs; ++i) {
    const auto centred = static_cast<int32_t>(sums[i] - input.zero_point() * count);
    const int32_t value = MultiplyByQuantizedMultiplier(centred, m) + output.zero_point();
    out[i] = static_cast<T>(std::clamp(value, TypeMin(output.type), TypeMax(output.type)));
  }
}

Status Reference(const ReferenceArgs& args) {
  const auto reduced = ReducedDimensions(*args.view.input(0), *args.view.input(1));
  const DataType type = args.view.output(0)->type;
  if (!reduced || !Is8Bit(type)) {
    return Fail(ErrorCode::kUnsupported, "MEAN computes INT8 and UINT8 over constant axes only");
  }
  if (type == DataType::kInt8) {
    Mean(args.view, *reduced, args.in<int8_t>(0), args.out<int8_t>(0));
  } else {
    Mean(args.view, *reduced, args.in<uint8_t>(0), args.out<uint8_t>(0));
  }
  return {};
}

// The input's shape as kept and reduced extents in turn: {kept 0, reduced 0, kept 1, reduced 1, kept 2,
// reduced 2}, neighbours of one kind multiplied, the rest 1. Filled from the last dimension, so that
// reduced 2 is 1 exactly when the last dimension is kept. The output is (kept 0, kept 1, kept 2), dense.
using Extents = std::array<int32_t, 6>;

Extents Collapse(const Tensor& input, const std::vector<bool>& reduced) {
  Extents extents;
  extents.fill(1);
  int at = 5;
  for (size_t i = reduced.size(); i-- > 0;) {
    if (input.shape[i] == 1) continue;
    if ((at % 2 == 1) != reduced[i]) --at;
    extents[at] *= input.shape[i];
  }
  return extents;
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const Tensor& input = *op.input(0);
  const Tensor& output = *op.output(0);
  const auto reduced = ReducedDimensions(input, *op.input(1));
  if (!reduced) return Fail(ErrorCode::kInternal, "MEAN was lowered without constant axes");
  const Extents e = Collapse(input, *reduced);
  const int64_t count = ReducedCount(input, *reduced);
  const QuantizedMultiplier m = MeanMultiplier(input, output, count);
  std::vector<KernelArg> args{TensorArg{op.op.inputs[0]},
                              TensorArg{op.op.outputs[0]},
                              e[0],
                              e[1],
                              e[2],
                              e[3],
                              e[4],
                              static_cast<int32_t>(StoredZeroPoint(input) * count),
                              m.multiplier,
                              m.shift,
                              StoredZeroPoint(output)};
  if (e[5] == 1) {
    const size_t blocks = static_cast<size_t>((int64_t{e[4]} + kChannelsPerItem - 1) / kChannelsPerItem);
    lowering.Launch("mean_channels", {blocks, static_cast<size_t>(e[2]), static_cast<size_t>(e[0])},
                    std::move(args));
  } else {
    args.emplace_back(e[5]);
    lowering.Launch("mean_last",
                    {static_cast<size_t>(e[4]), static_cast<size_t>(e[2]), static_cast<size_t>(e[0])},
                    std::move(args));
  }
  return {};
}

constexpr std::string_view kRules[] = {
    "input and output INT8 or UINT8, the same type, one scale and zero point each (they may differ)",
    "scale of the input at most 2^20 times the output's",
    "input of rank 1 to 5 without empty dimensions",
    "axes: constant INT32, each in [-rank, rank)",
    "at most 2^23 values per mean",
};

}  // namespace

extern const OpRoom kMeanRoom;
const OpRoom kMeanRoom{
    .name = "mean",
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
