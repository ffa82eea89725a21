// Sliding windows over NHWC images: output sizes and padding as TFLite computes them, and which taps of a window
// ever meet the input.
// Promises: every number fits 32 bits, or the function says so; nothing here trusts a model.
// Used by CONV_2D and DEPTHWISE_CONV_2D; both have the same window parameters (WindowParams). POOL has its own
// kernels, which skip the border instead of staging it, and takes only the axis from here.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "backends/ops/room.h"

namespace npu {

// Bytes that a kernel may read past the last one of a staged input (16 lanes, one of them valid).
inline constexpr int kStagingSlack = 15;

// One spatial axis. Output position o looks at input positions o * stride - pad_before + t * dilation for
// the taps t in [0, filter); positions outside [0, input) are padding and hold the zero point.
struct WindowAxis {
  int32_t input = 0, filter = 0, output = 0;
  int32_t stride = 1, dilation = 1;  // >= 1
  int32_t pad_before = 0;
};

// Padding along one axis; before and after are read with kExplicit only.
struct AxisPadding {
  AxisPadding(Padding padding_mode) : mode(padding_mode) {}
  AxisPadding(Padding padding_mode, int32_t pixels_before, int32_t pixels_after)
      : mode(padding_mode), before(pixels_before), after(pixels_after) {}
  Padding mode;
  int32_t before = 0, after = 0;
};

// Geometry as TFLite defines it, with e = (filter - 1) * dilation + 1:
//   SAME      output = ceil(input / stride), pad_before = max((output - 1) * stride + e - input, 0) / 2
//   VALID     output = max((input - e + stride) / stride, 0), pad_before = 0
//   explicit  output = max((before + input + after - e + stride) / stride, 0), pad_before = before
// nullopt if input, before or after < 0, filter, stride or dilation < 1, or a result does not fit 32 bits.
std::optional<WindowAxis> MakeWindowAxis(AxisPadding padding, int32_t input, int32_t filter, int32_t stride,
                                         int32_t dilation);

// The same padding in explicit pixels: {pad_before, the least after that gives the same output}.
AxisPadding ExplicitPadding(const WindowAxis& axis);

// The taps a kernel has to look at, and the border it needs around the input to do so without bounds
// checks. Taps that stay before or behind the input at every output position are left out: they add nothing,
// since padding is the zero point. (Of a 3x3 filter with dilation 18 on 8x8 pixels one tap is left.)
struct StagedAxis {
  int32_t first_tap = 0, taps = 0;  // taps >= 1
  int32_t before = 0, size = 0;     // border pixels before the input; staged pixels in all
  int32_t origin = 0;               // staged position that the first tap of output 0 reads
};
// nullopt if a number does not fit 32 bits.
std::optional<StagedAxis> StageAxis(const WindowAxis& axis);

struct WindowParams {
  template <typename Params>  // Conv2DParams, DepthwiseConv2DParams
  explicit WindowParams(const Params& p)
      : padding(p.padding),
        edges(p.edges),
        stride_h(p.stride_h),
        stride_w(p.stride_w),
        dilation_h(p.dilation_h),
        dilation_w(p.dilation_w) {}
  AxisPadding rows() const { return {padding, edges.top, edges.bottom}; }
  AxisPadding columns() const { return {padding, edges.left, edges.right}; }

  Padding padding;
  PaddingEdges edges;
  int32_t stride_h, stride_w, dilation_h, dilation_w;
};

// A window over NHWC `input` with the filter of weights [., KH, KW, .].
struct Window {
  WindowAxis rows, columns;
  StagedAxis staged_rows, staged_columns;
};
// nullopt if a tensor is not of rank 4 or an axis is nullopt.
std::optional<Window> MakeWindow(const WindowParams& params, const Tensor& input, const Tensor& weights);

// Sets output 0 to [batch, rows, columns, channels] for input 0 and weights 1; the Infer of both rooms.
// channel_dimension: of the weights.
Status InferWindowOutput(Graph& graph, const Op& op, const WindowParams& params, int channel_dimension);

// Rules: strides and dilations in range; input 0 and weights 1 of rank 4 and not empty; output 0 has the
// shape that Infer gives; the staged input, its channels repeated `channels` / input channels times, has
// less than 2^31 bytes. Returns whether input and weights are there, of rank 4 and not empty.
bool CheckWindow(const OpView& op, const WindowParams& params, int channel_dimension, Verdict& verdict);

}  // namespace npu
