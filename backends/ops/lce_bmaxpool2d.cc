// LceBMaxPool2d: the largest sign of each window and channel of an NHWC image of packed signs (lce.h). The largest of
// signs is -1 only where all are, so a word of 32 results is the bitwise AND of the window's words. Pixels outside the
// image do not take part.
// Source: larq/compute-engine 0.16 (core/bmaxpool).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "backends/ops/lce.h"
#include "backends/ops/pool_window.h"
#include "backends/ops/rules.h"
#include "backends/threads/thread_pool.h"

namespace npu {
namespace {

PoolWindowParams ParamsOf(const Op& op) { return PoolWindowParams(op.as<LceBMaxPool2dParams>()); }

Status Infer(Graph& graph, const Op& op) { return InferPoolOutput(graph, op, ParamsOf(op)); }

void CheckOnCpu(const OpView& op, Verdict& verdict) {
  bool ok = RequireInputType(op, 0, "input", {DataType::kInt32}, verdict);
  ok = RequireOutputType(op, 0, {DataType::kInt32}, verdict) && ok;
  if (!ok) return;
  if (CheckPoolParams(op, ParamsOf(op.op), verdict)) CheckPoolOutput(op, ParamsOf(op.op), verdict);
}

void Check(const OpView& op, Verdict& verdict) {
  CheckOnCpu(op, verdict);
  RefuseBinaryOnNpu(op, verdict);
}

Status Reference(const ReferenceArgs& args) {
  const Tensor& input = *args.view.input(0);
  const auto window = MakePoolWindow(ParamsOf(args.view.op), input);
  if (!window) return Fail(ErrorCode::kInternal, "LceBMaxPool2d was run with a window that does not fit");
  // Not a structured binding: clang 14 lets no lambda use one.
  const PoolAxis &rows = window->rows, &columns = window->columns;
  const int64_t words = input.shape[3];
  const uint32_t* in = args.in<uint32_t>(0);
  const int64_t cost = int64_t{columns.output} * rows.filter * columns.filter * words;
  ParallelRanges(args.pool, int64_t{input.shape[0]} * rows.output, cost, [&](int64_t first, int64_t last) {
    uint32_t* out = args.out<uint32_t>(0) + first * columns.output * words;
    for (int64_t row = first; row < last; ++row) {
      const int64_t batch = row / rows.output, y = row % rows.output;
      for (int64_t x = 0; x < columns.output; ++x, out += words) {
        std::fill_n(out, words, ~uint32_t{0});
        for (int64_t in_y = rows.begin(y); in_y < rows.end(y); ++in_y) {
          for (int64_t in_x = columns.begin(x); in_x < columns.end(x); ++in_x) {
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
    "strides and filter 1 to 65535",
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
