// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/window.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "backends/ops/rules.h"
#include "base/checked.h"

namespace npu {
namespace {

// TFLite's kernels hold strides and dilations in 16 bits.
constexpr int32_t kMaxStep = 32767;

bool FitsInt32(int64_t value) {
  return value >= std::numeric_limits<int32_t>::min() && value <= std::numeric_limits<int32_t>::max();
}

std::vector<int32_t> OutputShape(const Window& window, const Tensor& input, const Tensor& weights,
                                 int channel_dimension) {
  return {input.shape[0], window.rows.output, window.columns.output, weights.shape[channel_dimension]};
}

}  // namespace

std::optional<WindowAxis> MakeWindowAxis(AxisPadding padding, int32_t input, int32_t filter, int32_t stride,
                                         int32_t dilation) {
  if (input < 0 || filter < 1 || stride < 1 || dilation < 1) return std::nullopt;
  const int64_t extent = (int64_t{filter} - 1) * dilation + 1;
  int64_t output = 0, before = 0;
  if (padding.mode == Padding::kSame) {
    output = (int64_t{input} + stride - 1) / stride;
    const int64_t total = std::max<int64_t>((output - 1) * stride + extent - input, 0);
    if (!FitsInt32(total)) return std::nullopt;
    before = total / 2;
  } else {
    int64_t padded = input;
    if (padding.mode == Padding::kExplicit) {
      if (padding.before < 0 || padding.after < 0) return std::nullopt;
      before = padding.before;
      padded += before + padding.after;
    }
    output = std::max<int64_t>((padded - extent + stride) / stride, 0);
  }
  if (!FitsInt32(output)) return std::nullopt;
  return WindowAxis{input, filter, static_cast<int32_t>(output), stride, dilation, static_cast<int32_t>(before)};
}

AxisPadding ExplicitPadding(const WindowAxis& axis) {
  const int64_t last = (int64_t{axis.output} - 1) * axis.stride - axis.pad_before +
                       (int64_t{axis.filter} - 1) * axis.dilation;  // position that the last window ends at
  return {Padding::kExplicit, axis.pad_before, static_cast<int32_t>(std::max<int64_t>(last + 1 - axis.input, 0))};
}

std::optional<StagedAxis> StageAxis(const WindowAxis& axis) {
  const auto offset = [&](int32_t tap) { return int64_t{tap} * axis.dilation - axis.pad_before; };
  // The first tap whose last position is not before the input, the last one whose first is not behind it.
  const int64_t travel = (int64_t{axis.output} - 1) * axis.stride;
  const int64_t too_early = std::max<int64_t>(axis.pad_before - travel, 0);
  const int64_t reach = int64_t{axis.input} - 1 + axis.pad_before;
  const auto tap = [&](int64_t t) {
    return static_cast<int32_t>(std::clamp<int64_t>(t, 0, axis.filter - 1));
  };
  const int32_t first = tap((too_early + axis.dilation - 1) / axis.dilation);
  const int32_t last = std::max(tap(reach / axis.dilation), first);
  const int64_t start = offset(first);
  const int64_t end = travel + offset(last);  // last position read
  const int64_t before = std::max<int64_t>(-start, 0);
  const int64_t size = before + axis.input + std::max<int64_t>(end - (int64_t{axis.input} - 1), 0);
  if (!FitsInt32(size) || !FitsInt32(before + start)) return std::nullopt;
  return StagedAxis{first, last - first + 1, static_cast<int32_t>(before), static_cast<int32_t>(size),
                    static_cast<int32_t>(before + start)};
}

std::optional<Window> MakeWindow(const WindowParams& params, const Tensor& input, const Tensor& weights) {
  if (input.shape.size() != 4 || weights.shape.size() != 4) return std::nullopt;
  const auto rows =
      MakeWindowAxis(params.rows(), input.shape[1], weights.shape[1], params.stride_h, params.dilation_h);
  const auto columns =
      MakeWindowAxis(params.columns(), input.shape[2], weights.shape[2], params.stride_w, params.dilation_w);
  if (!rows || !columns) return std::nullopt;
  const auto staged_rows = StageAxis(*rows), staged_columns = StageAxis(*columns);
  if (!staged_rows || !staged_columns) return std::nullopt;
  return Window{*rows, *columns, *staged_rows, *staged_columns};
}

Status InferWindowOutput(Graph& graph, const Op& op, const WindowParams& params, int channel_dimension) {
  const OpView view{graph, op};
  const Tensor *input = view.input(0), *weights = view.input(1);
  if (input == nullptr || weights == nullptr || view.output(0) == nullptr) {
    return Fail(ErrorCode::kInvalidModel, "input, weights or output is absent");
  }
  if (input->shape.size() != 4 || weights->shape.size() != 4) {
    return Fail(ErrorCode::kInvalidModel, fmt::format("input {} and weights {}; expected rank 4 for both",
                                                      ShapeString(*input), ShapeString(*weights)));
  }
  const auto window = MakeWindow(params, *input, *weights);
  if (!window) {
    return Fail(
        ErrorCode::kInvalidModel,
        fmt::format("input {}, weights {}, strides {}x{} and dilations {}x{} make no window; expected "
                    "filter, strides and dilations of at least 1 and an extent below 2^31",
                    ShapeString(*input), ShapeString(*weights), params.stride_h, params.stride_w,
                    params.dilation_h, params.dilation_w));
  }
  const std::vector<int32_t> shape = OutputShape(*window, *input, *weights, channel_dimension);
  if (!CheckedElementCount(shape)) {
    return Fail(ErrorCode::kInvalidModel, fmt::format("output {} is too large", ShapeString(shape)));
  }
  Tensor& output = graph.tensors[op.outputs[0]];
  output.shape = shape;
  output.shape_known = true;
  return {};
}

bool CheckWindow(const OpView& op, const WindowParams& params, int channel_dimension, Verdict& verdict) {
  bool steps = RequireRange("stride_h", params.stride_h, 1, kMaxStep, verdict);
  steps = RequireRange("stride_w", params.stride_w, 1, kMaxStep, verdict) && steps;
  steps = RequireRange("dilation_h_factor", params.dilation_h, 1, kMaxStep, verdict) && steps;
  steps = RequireRange("dilation_w_factor", params.dilation_w, 1, kMaxStep, verdict) && steps;
  bool ok = RequireInput(op, 0, "input", verdict);
  ok = RequireInput(op, 1, "weights", verdict) && ok;
  if (!ok || op.output(0) == nullptr) return false;
  const Tensor &input = *op.input(0), &weights = *op.input(1), &output = *op.output(0);
  ok = RequireRank(input, "input 0", 4, 4, verdict);
  ok = RequireRank(weights, "input 1 (weights)", 4, 4, verdict) && ok;
  ok = RequireNonEmpty(input, "input 0", verdict) && ok;
  ok = RequireNonEmpty(weights, "input 1 (weights)", verdict) && ok;
  if (!ok || !steps) return ok;
  const auto window = MakeWindow(params, input, weights);
  if (!window) {
    verdict.Add(ReasonCode::kUnsupportedOperandSize, "filter with its dilation", ShapeString(weights),
                "a window of less than 2^31 pixels");
    return ok;
  }
  const std::vector<int32_t> expected = OutputShape(*window, input, weights, channel_dimension);
  if (output.shape != expected) {
    verdict.Add(ReasonCode::kShapeMismatch, "output 0 shape", ShapeString(output), ShapeString(expected));
  }
  RequireNonEmpty(output, "output 0", verdict);
  const int32_t channels = channel_dimension == 3 ? weights.shape[3] : input.shape[3];
  const std::vector<int32_t> staged = {input.shape[0], window->staged_rows.size, window->staged_columns.size,
                                       channels};
  const auto bytes = CheckedElementCount(staged);
  if (!bytes || *bytes > kMaxTensorElements - kStagingSlack) {
    verdict.Add(ReasonCode::kUnsupportedOperandSize, "input 0 with its border", ShapeString(staged),
                "less than 2^31 bytes");
  }
  return ok;
}

}  // namespace npu
