// CONV_2D, the room to read first: every operator room has this order.
//
// What it computes, for batch b, output position (y, x) and output channel n of group g = n / (N / groups):
//   acc = bias[n] + sum over ky, kx, c of (in[b, y*sh - ph + ky*dh, x*sw - pw + kx*dw, g*Cw + c] - zp_in)
//                                          * (weights[n, ky, kx, c] - zp_w)
//   out[b, y, x, n] = clamp(zp_out + round(acc * s_in * s_w[n] / s_out), range of the fused activation)
// Positions outside the input hold zp_in, so that they add nothing. round: double rounding
// (schema/quantization.h). Accumulators wrap at 32 bits.
//
// Shapes: input NHWC [B,H,W,C] · weights OHWI [N,KH,KW,Cw], C = groups * Cw, N a multiple of groups ·
//   bias [N] (optional) · output [B,OH,OW,N], sizes and padding as WindowAxis (window.h) says.
// Source: TFLite quantization specification; LiteRT 2.3 BUILTIN_REF, bit for bit. It multiplies s_in * s_w in
//   double for INT8, in float for UINT8 (measured; one multiplier in a few thousand differs by it).
//
// On the device: the input is staged with its border unless it has none (window.h), then tiles of pixels x
// 16-channel blocks (kernels/conv2d.cl) run over contiguous segments of a window: a whole filter row
// (KW * C bytes) when taps are adjacent pixels, else one tap (Cw bytes).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "backends/ops/convolution.h"
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
    "input and output: INT8 or UINT8, the same, per tensor",
    "fused activation NONE, RELU, RELU_N1_TO_1 or RELU6",
    "weights: constant, of the input's type; INT8 per tensor or per output channel (dimension 0) with zero "
    "point 0, UINT8 per tensor with any zero point",
    "bias: none, or constant INT32, one per output channel, zero point 0; UINT8: its scale is input scale * "
    "weights scale to within 0.02 of the output scale",
    "strides and dilations 1 to 32767",
    "input and weights of rank 4, no dimension 0",
    "the output's shape is what input, weights, strides and dilations make; no dimension 0",
    "the input with its border has less than 2^31 bytes",
    "input channels are a multiple of the weights' depth, output channels of the number of groups",
};

void Check(const OpView& op, Verdict& verdict) {
  const auto& params = op.op.as<Conv2DParams>();
  RequireSame8BitType(op, verdict);
  RequireQuantizedActivation(params.activation, verdict);
  const Tensor *input = op.input(0), *weights = op.input(1);
  const bool is_unsigned = input != nullptr && input->type == DataType::kUInt8;
  CheckWeightsAndBias(op, {.channel_dimension = kChannelDimension, .bias_scale_checked = is_unsigned},
                      verdict);
  if (!CheckWindow(op, WindowParams(params), kChannelDimension, verdict)) return;
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

Status Reference(const ReferenceArgs& args) {
  const Convolution conv(args.view);
  if (conv.input.type == DataType::kInt8) {
    Convolve(conv, args.in<int8_t>(0), args.in<int8_t>(1), args.out<int8_t>(0));
  } else {
    Convolve(conv, args.in<uint8_t>(0), args.in<uint8_t>(1), args.out<uint8_t>(0));
  }
  return {};
}

// The window as runs of bytes that are contiguous in the staged input and in a weight row.
std::vector<WeightRun> Segments(const Convolution& conv, const WindowSteps& steps, bool whole_rows) {
  const auto& [rows, columns, staged_rows, staged_columns] = conv.window;
  std::vector<WeightRun> segments;
  for (int32_t ky = 0; ky < staged_rows.taps; ++ky) {
    for (int32_t kx = 0; kx < (whole_rows ? 1 : staged_columns.taps); ++kx) {
      const int32_t tap = (staged_rows.first_tap + ky) * columns.filter + staged_columns.first_tap + kx;
      segments.push_back({tap * conv.group_depth, ky * steps.tap_row + kx * steps.tap_column});
    }
  }
  return segments;
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const Convolution conv(op);
  const auto& [rows, columns, staged_rows, staged_columns] = conv.window;
  const WindowSteps steps = MakeWindowSteps(conv.window, conv.input.shape[3]);
  const bool whole_rows = conv.groups == 1 && (columns.dilation == 1 || staged_columns.taps == 1);
  const int32_t length = conv.group_depth * (whole_rows ? staged_columns.taps : 1);
  const std::vector<WeightRun> segments = Segments(conv, steps, whole_rows);
  const PackedWeights packed = PackWeights({.weights = conv.weights,
                                            .bias = conv.bias,
                                            .multipliers = conv.multipliers,
                                            .segments = segments,
                                            .groups = conv.groups,
                                            .group_channels = conv.group_channels,
                                            .row_length = rows.filter * columns.filter * conv.group_depth,
                                            .length = length,
                                            .input_zero_point = StoredZeroPoint(conv.input)});

  // Kernels read whole words: past a segment of another length, too.
  const KernelArg input =
      StageInput(op, conv.window, 1, StoredZeroPoint(conv.input), length % kWordBytes != 0, lowering);
  const auto segment_count = static_cast<int32_t>(segments.size());
  const int32_t pixels = conv.input.shape[0] * rows.output * columns.output;
  const ConstantArg offsets = lowering.AddConstant(packed.segment_offsets);
  KernelArg sums = offsets;  // not read while the weights' zero point is 0
  if (packed.zero_point != 0) {
    sums = lowering.AddScratch(int64_t{conv.groups} * pixels * static_cast<int64_t>(sizeof(int32_t)));
    lowering.Launch(
        "conv_window_sums", {static_cast<size_t>(pixels), static_cast<size_t>(conv.groups), 1},
        {input, sums, offsets, segment_count, length, columns.output, rows.output, steps.pixel_step,
         steps.row_step, steps.batch_step, steps.origin, pixels, conv.group_depth, conv.groups});
  }

  // As many blocks at once as there are, as many pixels as registers hold accumulators.
  struct Tile {
    std::string_view kernel;
    int32_t pixels, blocks;
  };
  const Tile tile = packed.blocks >= 3   ? Tile{"conv2d_6x4", 6, 4}
                    : packed.blocks == 2 ? Tile{"conv2d_6x2", 6, 2}
                                         : Tile{"conv2d_8x1", 8, 1};
  const auto tiles = [](int32_t count, int32_t size) { return static_cast<size_t>((count - 1) / size + 1); };
  lowering.Launch(
      tile.kernel,
      {tiles(packed.blocks, tile.blocks), tiles(pixels, tile.pixels), static_cast<size_t>(conv.groups)},
      {input,
       lowering.AddConstant(packed.tiles),
       lowering.AddConstant(packed.channel_constants),
       offsets,
       sums,
       TensorArg{op.op.outputs[0]},
       segment_count,
       (length - 1) / kWordBytes + 1,
       columns.output,
       rows.output,
       steps.pixel_step,
       steps.row_step,
       steps.batch_step,
       steps.origin,
       pixels,
       conv.group_channels,
       conv.group_depth,
       conv.groups,
       packed.zero_point,
       conv.output.zero_point(),
       conv.range.min,
       conv.range.max,
       StorageOffset(conv.output.type)});
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
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = Lower,
    .macs = Macs,
    .min_inputs = 2,
    .max_inputs = 3,
    .rules = kRules,
};

}  // namespace npu
