// LceBMaxPool2d: the largest sign of each window and channel of an NHWC image of packed signs (lce.h). The largest of
// signs is -1 only where all are, so a word of 32 results is the bitwise AND of the window's words. Pixels outside the
// image do not take part.
// Source: larq/compute-engine 0.16 (core/bmaxpool).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "backends/threads/thread_pool.h"
#include "backends/ops/lce.h"
#include "backends/ops/rules.h"
#include "backends/ops/window.h"

namespace npu {
namespace {

// The largest image side that NPU compilers take, as for MAX_POOL_2D.
constexpr int32_t kMaxWindow = 65535;

struct PoolWindow {
  WindowAxis rows, columns;
};

// nullopt if no window fits. The input is of rank 4.
std::optional<PoolWindow> MakePoolWindow(const LceBMaxPool2dParams& params, const Tensor& input) {
  const auto rows = MakeWindowAxis(params.padding, input.shape[1], params.filter_h, params.stride_h, 1);
  const auto columns = MakeWindowAxis(params.padding, input.shape[2], params.filter_w, params.stride_w, 1);
  if (!rows || !columns || rows->output < 1 || columns->output < 1) return std::nullopt;
  return PoolWindow{*rows, *columns};
}

std::vector<int32_t> OutputShape(const PoolWindow& window, const Tensor& input) {
  return {input.shape[0], window.rows.output, window.columns.output, input.shape[3]};
}

Status Infer(Graph& graph, const Op& op) {
  const OpView view{graph, op};
  const Tensor* input = view.input(0);
  if (input == nullptr || view.output(0) == nullptr) {
    return Fail(ErrorCode::kInvalidModel, "input or output is absent");
  }
  if (input->shape.size() != 4) {
    return Fail(ErrorCode::kInvalidModel, fmt::format("input shape {}; expected rank 4", ShapeString(*input)));
  }
  const auto& params = op.as<LceBMaxPool2dParams>();
  const auto window = MakePoolWindow(params, *input);
  if (!window) {
    return Fail(ErrorCode::kInvalidModel,
                fmt::format("\"filter_height\" {}, \"filter_width\" {}, \"stride_height\" {} and \"stride_width\" {} "
                            "make no window of input {}; expected at least 1 each, and a filter that fits",
                            params.filter_h, params.filter_w, params.stride_h, params.stride_w, ShapeString(*input)));
  }
  Tensor& output = graph.tensors[op.outputs[0]];
  output.shape = OutputShape(*window, *input);
  output.shape_known = true;
  return {};
}

void CheckOnCpu(const OpView& op, Verdict& verdict) {
  bool ok = RequireInputType(op, 0, "input", {DataType::kInt32}, verdict);
  ok = RequireOutputType(op, 0, {DataType::kInt32}, verdict) && ok;
  const auto& params = op.op.as<LceBMaxPool2dParams>();
  ok = RequireRange("\"filter_height\"", params.filter_h, 1, kMaxWindow, verdict) && ok;
  ok = RequireRange("\"filter_width\"", params.filter_w, 1, kMaxWindow, verdict) && ok;
  ok = RequireRange("\"stride_height\"", params.stride_h, 1, kMaxWindow, verdict) && ok;
  ok = RequireRange("\"stride_width\"", params.stride_w, 1, kMaxWindow, verdict) && ok;
  if (!ok) return;
  const Tensor &input = *op.input(0), &output = *op.output(0);
  ok = RequireRank(input, "input 0", 4, 4, verdict);
  ok = RequireNonEmpty(input, "input 0", verdict) && ok;
  if (!ok) return;
  const auto window = MakePoolWindow(params, input);
  const std::string expected = window ? ShapeString(OutputShape(*window, input)) : "a window that fits into the input";
  if (ShapeString(output) != expected) {
    verdict.Add(ReasonCode::kShapeMismatch, "output 0 shape", ShapeString(output), expected);
  }
}

void Check(const OpView& op, Verdict& verdict) {
  CheckOnCpu(op, verdict);
  RefuseBinaryOnNpu(op, verdict);
}

Status Reference(const ReferenceArgs& args) {
  const Tensor& input = *args.view.input(0);
  const auto window = MakePoolWindow(args.view.op.as<LceBMaxPool2dParams>(), input);
  if (!window) return Fail(ErrorCode::kInternal, "LceBMaxPool2d was run with a window that does not fit");
  // Not a structured binding: clang 14 lets no lambda use one.
  const WindowAxis &rows = window->rows, &columns = window->columns;
  const int64_t words = input.shape[3];
  // [begin, end) of the pixels of window i that lie inside the image.
  const auto begin = [](const WindowAxis& axis, int64_t i) {
    return std::max<int64_t>(i * axis.stride - axis.pad_before, 0);
  };
  const auto end = [](const WindowAxis& axis, int64_t i) {
    return std::min<int64_t>(i * axis.stride - axis.pad_before + axis.filter, axis.input);
  };
  const uint32_t* in = args.in<uint32_t>(0);
  const int64_t cost = int64_t{columns.output} * rows.filter * columns.filter * words;
  ParallelRanges(args.pool, int64_t{input.shape[0]} * rows.output, cost, [&](int64_t first, int64_t last) {
    uint32_t* out = args.out<uint32_t>(0) + first * columns.output * words;
    for (int64_t row = first; row < last; ++row) {
      const int64_t batch = row / rows.output, y = row % rows.output;
      for (int64_t x = 0; x < columns.output; ++x, out += words) {
        std::fill_n(out, words, ~uint32_t{0});
        for (int64_t in_y = begin(rows, y); in_y < end(rows, y); ++in_y) {
          for (int64_t in_x = begin(columns, x); in_x < end(columns, x); ++in_x) {
            const uint32_t* pixel = in + ((batch * rows.input + in_y) * columns.input + in_x) * words;
            for (int64_t w = 0; w < words; ++w) out[w] &= pixel[w];
          }
        }
      }
    }
  });
  return {};
}

constexpr std::string_view kRules[] = {
    "delegate-cpu only",
    "input and output INT32 (packed signs) of rank 4 (NHWC), no empty dimension",
    "\"filter_height\", \"filter_width\", \"stride_height\" and \"stride_width\" 1 to 65535",
    "VALID padding: the filter fits into the input",
};

}  // namespace

extern const OpRoom kLceBMaxPool2dRoom;
const OpRoom kLceBMaxPool2dRoom{
    .name = "lce_bmaxpool2d",
    .infer = Infer,
    .check = Check,
    .check_cpu = CheckOnCpu,
    .reference = Reference,
    .lower = nullptr,
    .macs = nullptr,
    .rules = kRules,
};

}  // namespace npu
