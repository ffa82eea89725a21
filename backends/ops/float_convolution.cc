// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/float_convolution.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/ops/rules.h"
#include "backends/threads/thread_pool.h"

namespace npu {
namespace {

template <typename Params>
Window WindowOf(const OpView& op) {
  return *MakeWindow(WindowParams(std::get<Params>(op.op.params)), *op.input(0), *op.input(1));
}

bool IsDepthwise(const OpView& op) { return op.op.kind == OpKind::kDepthwiseConv2D; }

bool InsideImage(const WindowAxis& rows, const WindowAxis& columns, int64_t y, int64_t x) {
  return y >= 0 && y < rows.input && x >= 0 && x < columns.input;
}

}  // namespace

FloatConvolution::FloatConvolution(const OpView& op)
    : window(IsDepthwise(op) ? WindowOf<DepthwiseConv2DParams>(op) : WindowOf<Conv2DParams>(op)),
      batches(op.input(0)->shape[0]),
      input_channels(op.input(0)->shape[3]),
      output_channels(op.output(0)->shape[3]),
      group_channels(IsDepthwise(op) ? 1 : op.input(1)->shape[3]),
      groups(input_channels / group_channels),
      weights(op.input(1)),
      bias(op.input(2)),
      range(FloatActivationRange(IsDepthwise(op) ? op.op.as<DepthwiseConv2DParams>().activation
                                                 : op.op.as<Conv2DParams>().activation)) {}

void CheckFloatConvolution(const OpView& op, Verdict& verdict) {
  const Tensor &input = *op.input(0), &weights = *op.input(1);
  bool ok = RequireRank(input, "input 0", 4, 4, verdict);
  ok = RequireRank(weights, "input 1 (weights)", 4, 4, verdict) && ok;
  if (!ok) return;
  const int32_t channels = input.shape[3], outputs = IsDepthwise(op) ? weights.shape[3] : weights.shape[0];
  const bool fits = IsDepthwise(op) ? weights.shape[0] == 1 && outputs % channels == 0
                                    : channels % weights.shape[3] == 0 && outputs % (channels / weights.shape[3]) == 0;
  if (!fits) {
    verdict.Add(ReasonCode::kShapeMismatch, "input 1 (weights) shape", ShapeString(weights),
                fmt::format("weights for {} input channels", channels));
  }
  if (op.input(2) != nullptr && op.input(2)->shape != std::vector<int32_t>{outputs}) {
    verdict.Add(ReasonCode::kShapeMismatch, "input 2 (bias) shape", ShapeString(*op.input(2)), fmt::format("[{}]", outputs));
  }
}

void ComputeFloatConvolution(const ReferenceArgs& args) {
  const FloatConvolution c(args.view);
  const WindowAxis &rows = c.window.rows, &columns = c.window.columns;
  const float* bias = c.bias != nullptr ? args.in<float>(2) : nullptr;
  float* out = args.out<float>(0);
  for (int64_t row = 0; row < c.batches * rows.output; ++row) {
    const float* image = args.in<float>(0) + row / rows.output * rows.input * columns.input * c.input_channels;
    for (int64_t x = 0; x < columns.output; ++x) {
      for (int64_t o = 0; o < c.output_channels; ++o) {
        const float* weights = args.in<float>(1) + o * rows.filter * columns.filter * c.group_channels;
        const int64_t first = o / (c.output_channels / c.groups) * c.group_channels;
        float sum = 0;
        for (int64_t ky = 0; ky < rows.filter; ++ky) {
          for (int64_t kx = 0; kx < columns.filter; ++kx, weights += c.group_channels) {
            const int64_t in_y = row % rows.output * rows.stride - rows.pad_before + ky * rows.dilation;
            const int64_t in_x = x * columns.stride - columns.pad_before + kx * columns.dilation;
            if (!InsideImage(rows, columns, in_y, in_x)) continue;
            const float* in = image + (in_y * columns.input + in_x) * c.input_channels + first;
            for (int64_t i = 0; i < c.group_channels; ++i) sum += in[i] * weights[i];
          }
        }
        *out++ = c.range(bias != nullptr ? sum + bias[o] : sum);
      }
    }
  }
}

void ComputeFloatDepthwise(const ReferenceArgs& args) {
  const FloatConvolution c(args.view);
  const WindowAxis &rows = c.window.rows, &columns = c.window.columns;
  const int64_t outputs = c.output_channels, multiplier = outputs / c.input_channels;
  const float* bias = c.bias != nullptr ? args.in<float>(2) : nullptr;
  const int64_t cost = columns.output * rows.filter * columns.filter * outputs;
  ParallelRanges(args.pool, c.batches * rows.output, cost, [&](int64_t begin, int64_t end) {
    float* out = args.out<float>(0) + begin * columns.output * outputs;
    for (int64_t row = begin; row < end; ++row) {
      const float* image = args.in<float>(0) + row / rows.output * rows.input * columns.input * c.input_channels;
      for (int64_t x = 0; x < columns.output; ++x, out += outputs) {
        std::fill_n(out, outputs, 0.0f);
        const float* weights = args.in<float>(1);
        for (int64_t ky = 0; ky < rows.filter; ++ky) {
          for (int64_t kx = 0; kx < columns.filter; ++kx, weights += outputs) {
            const int64_t in_y = row % rows.output * rows.stride - rows.pad_before + ky * rows.dilation;
            const int64_t in_x = x * columns.stride - columns.pad_before + kx * columns.dilation;
            if (!InsideImage(rows, columns, in_y, in_x)) continue;
            const float* in = image + (in_y * columns.input + in_x) * c.input_channels;
            if (multiplier == 1) {
              for (int64_t o = 0; o < outputs; ++o) out[o] += in[o] * weights[o];
            } else {
              for (int64_t o = 0; o < outputs; ++o) out[o] += in[o / multiplier] * weights[o];
            }
          }
        }
        for (int64_t o = 0; o < outputs; ++o) out[o] = c.range(bias != nullptr ? out[o] + bias[o] : out[o]);
      }
    }
  });
}

}  // namespace npu
