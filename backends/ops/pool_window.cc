// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/pool_window.h"

#include <fmt/format.h>

#include "backends/ops/rules.h"

namespace npu {
namespace {

// Strides and filters: the largest image side that NPU compilers take (Arm Vela: 65535).
constexpr int32_t kMaxWindow = 65535;

std::vector<int32_t> OutputShape(const PoolWindow& window, const Tensor& input) {
  return {input.shape[0], window.rows.output, window.columns.output, input.shape[3]};
}

}  // namespace

std::optional<PoolWindow> MakePoolWindow(const PoolWindowParams& params, const Tensor& input) {
  const auto rows = MakeWindowAxis(params.rows, input.shape[1], params.filter_h, params.stride_h, 1);
  const auto columns = MakeWindowAxis(params.columns, input.shape[2], params.filter_w, params.stride_w, 1);
  if (!rows || !columns || rows->output < 1 || columns->output < 1) return std::nullopt;
  return PoolWindow{{*rows}, {*columns}};
}

Status InferPoolOutput(Graph& graph, const Op& op, const PoolWindowParams& params) {
  const OpView view{graph, op};
  const Tensor* input = view.input(0);
  if (input == nullptr || view.output(0) == nullptr) {
    return Fail(ErrorCode::kInvalidModel, "input or output is absent");
  }
  if (input->shape.size() != 4) {
    return Fail(ErrorCode::kInvalidModel, fmt::format("input shape {}; expected rank 4", ShapeString(*input)));
  }
  if (params.stride_h < 1 || params.stride_w < 1 || params.filter_h < 1 || params.filter_w < 1) {
    return Fail(ErrorCode::kInvalidModel,
                fmt::format("stride {}x{} and filter {}x{}; expected at least 1", params.stride_h, params.stride_w,
                            params.filter_h, params.filter_w));
  }
  const auto window = MakePoolWindow(params, *input);
  if (!window) {
    return Fail(ErrorCode::kInvalidModel, fmt::format("no {}x{} window fits into input {}", params.filter_h,
                                                      params.filter_w, ShapeString(*input)));
  }
  Tensor& output = graph.tensors[op.outputs[0]];
  output.shape = OutputShape(*window, *input);
  output.shape_known = true;
  return {};
}

bool CheckPoolParams(const OpView& op, const PoolWindowParams& params, Verdict& verdict) {
  const Tensor& input = *op.input(0);
  bool ok = RequireNonEmpty(input, "input 0", verdict);
  ok = RequireRank(input, "input 0", 4, 4, verdict) && ok;
  ok = RequireRange("stride_h", params.stride_h, 1, kMaxWindow, verdict) && ok;
  ok = RequireRange("stride_w", params.stride_w, 1, kMaxWindow, verdict) && ok;
  ok = RequireRange("filter_height", params.filter_h, 1, kMaxWindow, verdict) && ok;
  return RequireRange("filter_width", params.filter_w, 1, kMaxWindow, verdict) && ok;
}

void CheckPoolOutput(const OpView& op, const PoolWindowParams& params, Verdict& verdict) {
  const auto window = MakePoolWindow(params, *op.input(0));
  const std::string expected =
      window ? ShapeString(OutputShape(*window, *op.input(0))) : "a window that fits into the input";
  if (ShapeString(*op.output(0)) != expected) {
    verdict.Add(ReasonCode::kShapeMismatch, "output 0 shape", ShapeString(*op.output(0)), expected);
  }
}

}  // namespace npu
