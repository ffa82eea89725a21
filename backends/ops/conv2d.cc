// CONV_2D, the room to read first: every operator room has this order.
//
// What it computes, for batch b, output position (y, x) and output channel n of group g = n / (N / groups):
//   acc = bias[n] + sum over ky, kx, c of (in[b, y*sh - ph + ky*dh, x*sw - pw + kx*dw, g*Cw + c] - zp_in)
//                                          * (weights[n, ky, kx, c] - zp_w)
//   out[b, y, x, n] = clamp(zp_out + round(acc * s_in * s_w[n] / s_out), range of the fused activation)
// Positions outside the input hold zp_in, so that they add nothing. round: double rounding
// (schema/quantization.h). Accumulators wrap at 32 bits. INT16 has its own arithmetic: convolution_int16.h.
//
// Shapes: input NHWC [B,H,W,C] · weights OHWI [N,KH,KW,Cw], C = groups * Cw, N a multiple of groups ·
//   bias [N] (optional) · output [B,OH,OW,N], sizes and padding as WindowAxis (window.h) says.
// Source: TFLite quantization specification; LiteRT 2.3 BUILTIN_REF, bit for bit. It multiplies s_in * s_w in
//   double for INT8, in float for UINT8 (measured; one multiplier in a few thousand differs by it).
//
// On the device: tiles of pixels x 16-channel blocks run over a window's taps in the unpadded input, or over
// whole filter rows when a tap alone would not fill its words (kernels/conv2d.cl).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "backends/ops/conv2d_tiles.h"
#include "backends/ops/convolution.h"
#include "backends/ops/convolution_int16.h"
#include "backends/ops/float_convolution.h"
#include "backends/ops/room.h"
#include "backends/ops/rules.h"
#include "backends/ops/window.h"
#include "base/checked.h"
#include "schema/quantization.h"

namespace npu {
namespace {

constexpr int kChannelDimension = 0;  // of the weights

Status Infer(Graph& graph, const Op& op) {
  return InferWindowOutput(graph, op, WindowParams(op.as<Conv2DParams>()), kChannelDimension);
}

constexpr std::string_view kRules[] = {
    "input and output: INT8, UINT8 or INT16 (zero point 0), the same, per tensor",
    "fused activation NONE, RELU, RELU_N1_TO_1 or RELU6",
    "weights: of the input's type, or constant INT4 where that is INT8 (INT16: constant INT8); INT8 and INT4 per "
    "tensor or per output channel (dimension 0) with zero point 0, UINT8 per tensor with any zero point",
    "bias: none, or constant INT32 (INT16: or INT64), one per output channel, zero point 0; UINT8: its scale "
    "is input scale * "
    "weights scale to within 0.02 of the output scale",
    "strides and dilations 1 to 32767",
    "input and weights of rank 4, no dimension 0",
    "the output's shape is what input, weights, strides and dilations make; no dimension 0",
    "the input with its border has less than 2^31 bytes",
    "input channels are a multiple of the weights' depth, output channels of the number of groups",
    "INT16: input scale * weights scale / output scale below 2^7; at most 2^24 products per output; bias "
    "values "
    "-2^46 to 2^46",
    "delegate-cpu, between binary operators: FLOAT32 (input, weights, bias)",
};

void Check(const OpView& op, Verdict& verdict) {
  const auto& params = op.op.as<Conv2DParams>();
  RequireSameQuantizedType(op, verdict);
  RequireQuantizedActivation(params.activation, verdict);
  const Tensor *input = op.input(0), *weights = op.input(1);
  const bool is_unsigned = input != nullptr && input->type == DataType::kUInt8;
  CheckWeightsAndBias(
      op, {.channel_dimension = kChannelDimension, .bias_scale_checked = is_unsigned, .int4 = true, .computed = true}, verdict);
  if (!CheckWindow(op, WindowParams(params), kChannelDimension, verdict)) return;
  if (IsInt16(op))
    CheckInt16Sums(op, CheckedElementCount(std::span(weights->shape).subspan(1)).value_or(0), verdict);
  const int32_t channels = input->shape[3], depth = weights->shape[3];
  if (channels % depth != 0) {
    verdict.Add(ReasonCode::kShapeMismatch, "input 0 channels", std::to_string(channels),
                fmt::format("a multiple of {}, the depth of the weights", depth));
  } else if (weights->shape[0] % (channels / depth) != 0) {
    verdict.Add(ReasonCode::kShapeMismatch, "output channels", std::to_string(weights->shape[0]),
                fmt::format("a multiple of {}, the number of groups", channels / depth));
  }
}

// What Reference and Lower both need; for operators that passed Check.
struct Convolution {
  explicit Convolution(const OpView& op)
      : input(*op.input(0)),
        weights(*op.input(1)),
        output(*op.output(0)),
        window(*MakeWindow(WindowParams(op.op.as<Conv2DParams>()), input, weights)),
        group_depth(weights.shape[3]),
        groups(input.shape[3] / group_depth),
        group_channels(weights.shape[0] / groups),
        bias(BiasValues(op.input(2), weights.shape[0])),
        multipliers(QuantizeMultipliers(
            OutputScales(input, weights, output, weights.shape[0],
                         input.type == DataType::kUInt8 ? ScaleProduct::kFloat : ScaleProduct::kDouble))),
        range(QuantizedActivationRange(op.op.as<Conv2DParams>().activation, output)) {}

  const Tensor &input, &weights, &output;
  Window window;
  int32_t group_depth, groups, group_channels;
  std::vector<int32_t> bias;
  std::vector<QuantizedMultiplier> multipliers;
  ActivationRange range;
};

// T is the type of input, weights and output.
template <typename T>
void Convolve(const Convolution& conv, const T* in, const T* weights, T* out) {
  const WindowAxis &rows = conv.window.rows, &columns = conv.window.columns;
  const int64_t depth = conv.input.shape[3], group_depth = conv.group_depth, channels = conv.weights.shape[0];
  const int32_t zp_in = conv.input.zero_point(), zp_weights = conv.weights.zero_point();
  for (int64_t batch = 0; batch < conv.input.shape[0]; ++batch) {
    for (int64_t y = 0; y < rows.output; ++y) {
      for (int64_t x = 0; x < columns.output; ++x) {
        for (int64_t n = 0; n < channels; ++n) {
          uint32_t acc = static_cast<uint32_t>(conv.bias[n]);
          for (int64_t ky = 0; ky < rows.filter; ++ky) {
            const int64_t in_y = y * rows.stride - rows.pad_before + ky * rows.dilation;
            if (in_y < 0 || in_y >= rows.input) continue;
            for (int64_t kx = 0; kx < columns.filter; ++kx) {
              const int64_t in_x = x * columns.stride - columns.pad_before + kx * columns.dilation;
              if (in_x < 0 || in_x >= columns.input) continue;
              const T* pixel = in + ((batch * rows.input + in_y) * columns.input + in_x) * depth +
                               n / conv.group_channels * group_depth;
              const T* tap = weights + ((n * rows.filter + ky) * columns.filter + kx) * group_depth;
              for (int64_t c = 0; c < group_depth; ++c) {
                acc += static_cast<uint32_t>((pixel[c] - zp_in) * (tap[c] - zp_weights));
              }
            }
          }
          const int32_t scaled =
              MultiplyByQuantizedMultiplier(static_cast<int32_t>(acc), conv.multipliers[n]);
          *out++ = static_cast<T>(
              std::clamp(WrappingAdd(scaled, conv.output.zero_point()), conv.range.min, conv.range.max));
        }
      }
    }
  }
}

// For operators of INT16 that passed Check.
Int16Convolution MakeInt16(const OpView& op) {
  const Tensor &input = *op.input(0), &weights = *op.input(1), &output = *op.output(0);
  const Window window = *MakeWindow(WindowParams(op.op.as<Conv2DParams>()), input, weights);
  const int32_t group_depth = weights.shape[3], taps = weights.shape[1] * weights.shape[2];
  return {.input = input,
          .weights = weights,
          .output = output,
          .bias = op.input(2),
          .rows = ForwardTaps(window.rows),
          .columns = ForwardTaps(window.columns),
          .group_depth = group_depth,
          .group_channels = weights.shape[0] / (input.shape[3] / group_depth),
          .channels = weights.shape[0],
          .channel_step = taps * group_depth,
          .tap_step = group_depth,
          .range = QuantizedActivationRange(op.op.as<Conv2DParams>().activation, output)};
}

Status Reference(const ReferenceArgs& args) {
  if (IsFloatForm(args.view)) {
    ComputeFloatConvolution(args);
    return {};
  }
  if (IsInt16(args.view)) {
    ConvolveInt16(MakeInt16(args.view), args.in<int16_t>(0), args.in<int8_t>(1), args.out<int16_t>(0));
    return {};
  }
  const Convolution conv(args.view);
  const WeightBytes weights(conv.weights, args.inputs[1]);
  if (conv.input.type == DataType::kInt8) {
    Convolve(conv, args.in<int8_t>(0), weights.as<int8_t>(), args.out<int8_t>(0));
  } else {
    Convolve(conv, args.in<uint8_t>(0), weights.as<uint8_t>(), args.out<uint8_t>(0));
  }
  return {};
}

// Blocks of 16 output channels that a work-item computes at once, and bytes of a run that its border case can
// hold: kernels/conv2d.cl.
constexpr int32_t kStripBlocks = 4, kEdgeBytes = 64;

// What the kernels know of the window, npu_conv_geometry of kernels/conv2d.cl.
struct ConvGeometry {
  int32_t in_h, in_w, depth;
  int32_t out_h, out_w, out_pixels;
  int32_t stride_h, stride_w;
  int32_t dense;
  int32_t y_low, y_high, x_low, x_high;
  int32_t taps, words, length, run_taps;
  int32_t groups, group_channels, group_step;
  int32_t chunks;
  int32_t line, tile_rows, tile_words;
  int32_t weights_zero_point, zero_point, stored_zero_point, range_min, range_max, storage_offset;
  int32_t form;
};
struct ConvTap {
  int32_t dy, dx, bytes;
};

// Runs of weights that meet contiguous input bytes, in the kernel's order.
struct Runs {
  int32_t taps_per_run = 1, length = 0;
  std::vector<ConvTap> taps;
  std::vector<WeightRun> weights;
};

Runs MakeRuns(const Convolution& conv) {
  const auto& [rows, columns, staged_rows, staged_columns] = conv.window;
  const int64_t depth = conv.input.shape[3];
  Runs runs;
  // Short runs leave parts of their last words unused: then a filter row is one run, if its taps are
  // adjacent.
  const int64_t row_bytes = staged_columns.taps * depth;
  if (conv.groups == 1 && columns.dilation == 1 && depth % kWordBytes != 0 && row_bytes <= kEdgeBytes) {
    runs.taps_per_run = staged_columns.taps;
  }
  runs.length = conv.group_depth * runs.taps_per_run;
  for (int32_t ky = 0; ky < staged_rows.taps; ++ky) {
    for (int32_t kx = 0; kx < staged_columns.taps; kx += runs.taps_per_run) {
      const int32_t tap_y = staged_rows.first_tap + ky, tap_x = staged_columns.first_tap + kx;
      const int32_t dy = tap_y * rows.dilation - rows.pad_before,
                    dx = tap_x * columns.dilation - columns.pad_before;
      // Taps that no output meets inside the image are not here: the product fits (CheckWindow).
      runs.taps.push_back({dy, dx, static_cast<int32_t>((int64_t{dy} * columns.input + dx) * depth)});
      runs.weights.push_back({(tap_y * columns.filter + tap_x) * conv.group_depth, 0});
    }
  }
  return runs;
}

// Work-items that share the output pixels, in steps of kStep (npu_conv_chunk_begin of kernels/window.h): with enough pixels each
// to be worth a start, few enough that every core of a CPU gets some and that input and output of a chunk stay in its
// first-level cache. An even number, so that two threads get equal halves.
int32_t Chunks(int32_t pixels, int32_t work_items_per_chunk) {
  constexpr int32_t kStep = 24, kMost = 192, kWorkItems = 8;
  const int32_t wanted = std::max((kWorkItems - 1) / work_items_per_chunk + 1, (pixels - 1) / kMost + 1);
  const int32_t steps = (pixels - 1) / kStep + 1;
  if (wanted == 1 || steps == 1) return 1;
  return std::min(wanted + wanted % 2, steps - steps % 2);
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  if (IsInt16(op)) {
    LowerInt16Convolution(MakeInt16(op), TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, lowering);
    return {};
  }
  const Convolution conv(op);
  const auto& [rows, columns, staged_rows, staged_columns] = conv.window;
  const Runs runs = MakeRuns(conv);
  const ConvTap &first = runs.taps.front(), &last = runs.taps.back();
  const bool dense = runs.taps.size() == 1 && runs.taps_per_run == 1 && first.dy == 0 && first.dx == 0 &&
                     rows.stride == 1 && columns.stride == 1 && rows.output == rows.input &&
                     columns.output == columns.input;
  const int32_t pixels = conv.input.shape[0] * rows.output * columns.output;
  const TileShape tiles = MakeTiles({.taps = static_cast<int32_t>(runs.taps.size()),
                                     .run_length = runs.length,
                                     .out_w = columns.output,
                                     .out_pixels = pixels,
                                     .dense = dense,
                                     .constant_weights = conv.weights.is_constant()});
  const WeightArgs packed = LowerWeights({.weights = conv.weights,
                                          .bias = conv.bias,
                                          .multipliers = conv.multipliers,
                                          .segments = runs.weights,
                                          .groups = conv.groups,
                                          .group_channels = conv.group_channels,
                                          .row_length = rows.filter * columns.filter * conv.group_depth,
                                          .length = runs.length,
                                          .input_zero_point = StoredZeroPoint(conv.input),
                                          .strip_blocks = kStripBlocks,
                                          .most_outliers = kMostOutliers,
                                          .words = tiles.words},
                                         op.op.inputs[1], lowering);
  const BlockStrips strips(packed.blocks, kStripBlocks);
  const ConvGeometry geometry{
      .in_h = rows.input,
      .in_w = columns.input,
      .depth = conv.input.shape[3],
      .out_h = rows.output,
      .out_w = columns.output,
      .out_pixels = pixels,
      .stride_h = rows.stride,
      .stride_w = columns.stride,
      .dense = dense ? 1 : 0,
      .y_low = -first.dy,
      .y_high = rows.input - 1 - last.dy,
      .x_low = -first.dx,
      .x_high = columns.input - runs.taps_per_run - last.dx,
      .taps = static_cast<int32_t>(runs.taps.size()),
      .words = tiles.words,
      .length = runs.length,
      .run_taps = runs.taps_per_run,
      .groups = conv.groups,
      .group_channels = conv.group_channels,
      .group_step = conv.group_depth,
      .chunks = Chunks(pixels, strips.strips * conv.groups),
      .line = tiles.line,
      .tile_rows = tiles.tile_rows,
      .tile_words = tiles.tile_words,
      .weights_zero_point = packed.zero_point,
      .zero_point = conv.output.zero_point(),
      .stored_zero_point = StoredZeroPoint(conv.output),
      .range_min = conv.range.min,
      .range_max = conv.range.max,
      .storage_offset = StorageOffset(conv.output.type),
      .form = static_cast<int32_t>(RescaleFormOf(conv.multipliers, conv.output, conv.range)),
  };
  const TensorArg input{op.op.inputs[0]};
  const ConstantArg shape = lowering.AddConstant(std::span(&geometry, 1));
  const ConstantArg taps = lowering.AddConstant(runs.taps);
  const std::vector<uint8_t> zero_points(static_cast<size_t>(geometry.words) * kWordBytes,
                                         static_cast<uint8_t>(StoredZeroPoint(conv.input)));
  const ConstantArg fill = lowering.AddConstant(zero_points);
  const auto count = [](int32_t n) { return static_cast<size_t>(n); };
  KernelArg sums = shape;  // not read while the weights' zero point is 0
  if (packed.zero_point != 0) {
    sums = lowering.AddScratch(int64_t{conv.groups} * pixels * static_cast<int64_t>(sizeof(int32_t)));
    lowering.Launch("conv2d_window_sums", {count(pixels), count(conv.groups), 1},
                    {input, shape, taps, fill, sums});
  }
  lowering.Launch("conv2d",
                  {count(strips.strips), count(geometry.chunks), count(conv.groups)},
                  {input, packed.tiles, packed.channel_constants, shape, taps, fill, sums,
                   lowering.AddConstant(PackOutliers(packed.outliers, strips, conv.groups, conv.group_channels)),
                   TensorArg{op.op.outputs[0]}},
                  ConvParts(static_cast<RescaleForm>(geometry.form), !packed.outliers.empty(), packed.zero_point != 0,
                            dense, tiles.tile_words != 0, strips));
  return {};
}

int64_t Macs(const OpView& op) {
  const Tensor& weights = *op.input(1);
  if (weights.shape.size() != 4) return 0;
  const auto per_output = CheckedElementCount(std::span(weights.shape).subspan(1));
  return CheckedMul(op.output(0)->element_count().value_or(0), per_output.value_or(0)).value_or(0);
}

}  // namespace

extern const OpRoom kConv2dRoom;
const OpRoom kConv2dRoom{
    .name = "conv2d",
    .infer = Infer,
    .check = Check,
    .check_cpu = CheckFloatForm,
    .reference = Reference,
    .lower = Lower,
    .compile_cpu = MakeFloatConvKernel,
    .macs = Macs,
    .min_inputs = 2,
    .max_inputs = 3,
    .rules = kRules,
};

}  // namespace npu
