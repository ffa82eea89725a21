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
//   bias [N] (optional) · output [B,OH,OW,N], sizes and padding as WindowAxis (convolution.h) says.
// Source: TFLite quantization specification; LiteRT 2.3 BUILTIN_REF, bit for bit. It multiplies s_in * s_w in
//   double for INT8, in float for UINT8 (measured; one multiplier in a few thousand differs by it).
//
// On the device: the input is staged with its border (kernel conv_stage) unless it has none, then tiles of
// pixels x 16-channel blocks run over contiguous segments of a window: a whole filter row (KW * C bytes)
// when taps are adjacent pixels, else one tap (Cw bytes).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "backends/ops/convolution.h"
#include "backends/ops/room.h"
#include "backends/ops/rules.h"
#include "base/checked.h"
#include "schema/quantization.h"

namespace npu {
namespace {

constexpr int32_t kNoLimit = std::numeric_limits<int32_t>::max();

struct Geometry {
  WindowAxis rows, columns;
  StagedAxis staged_rows, staged_columns;
};

// nullopt if the operator's numbers make no window. input and weights are of rank 4.
std::optional<Geometry> MakeGeometry(const Conv2DParams& params, const Tensor& input, const Tensor& weights) {
  const auto rows = MakeWindowAxis(params.padding, input.shape[1], weights.shape[1], params.stride_h,
                                   params.dilation_h);
  const auto columns = MakeWindowAxis(params.padding, input.shape[2], weights.shape[2], params.stride_w,
                                      params.dilation_w);
  if (!rows || !columns) return std::nullopt;
  const auto staged_rows = StageAxis(*rows), staged_columns = StageAxis(*columns);
  if (!staged_rows || !staged_columns) return std::nullopt;
  return Geometry{*rows, *columns, *staged_rows, *staged_columns};
}

std::optional<Geometry> MakeGeometry(const OpView& op) {
  return MakeGeometry(op.op.as<Conv2DParams>(), *op.input(0), *op.input(1));
}

Status Infer(Graph& graph, const Op& op) {
  const OpView view{graph, op};
  const Tensor *input = view.input(0), *weights = view.input(1);
  if (input == nullptr || weights == nullptr || view.output(0) == nullptr) {
    return Fail(ErrorCode::kInvalidModel, "input, weights or output is absent");
  }
  if (input->shape.size() != 4 || weights->shape.size() != 4) {
    return Fail(ErrorCode::kInvalidModel, fmt::format("input {} and weights {}; expected rank 4 for both",
                                                      ShapeString(*input), ShapeString(*weights)));
  }
  const auto geometry = MakeGeometry(op.as<Conv2DParams>(), *input, *weights);
  if (!geometry) {
    return Fail(ErrorCode::kInvalidModel,
                fmt::format("input {}, weights {}, strides and dilations make no window; expected filter, "
                            "strides and dilations >= 1 and sizes below 2^31",
                            ShapeString(*input), ShapeString(*weights)));
  }
  const std::vector<int32_t> shape = {input->shape[0], geometry->rows.output, geometry->columns.output,
                                      weights->shape[0]};
  if (!CheckedElementCount(shape)) {
    return Fail(ErrorCode::kInvalidModel, fmt::format("output {} is too large", ShapeString(shape)));
  }
  Tensor& output = graph.tensors[op.outputs[0]];
  output.shape = shape;
  output.shape_known = true;
  return {};
}

constexpr std::string_view kRules[] = {
    "input and output: INT8 or UINT8, the same, per tensor",
    "fused activation NONE, RELU, RELU_N1_TO_1 or RELU6",
    "strides and dilations at least 1",
    "input and weights of rank 4, no dimension 0",
    "weights: constant, of the input's type; INT8 per tensor or per output channel (dimension 0) with zero "
    "point 0, UINT8 per tensor with any zero point",
    "bias: none, or constant INT32, one per output channel, zero point 0; UINT8: its scale is input scale * "
    "weights scale to within 0.02 of the output scale",
    "input channels and output channels are multiples of the number of groups",
    "the output's shape is what input, weights, strides and dilations make",
    "the input with its border has less than 2^31 bytes",
};

// Rules between shapes; input, weights and output are there, the first two of rank 4 and not empty.
void CheckShapes(const OpView& op, Verdict& verdict) {
  const Tensor &input = *op.input(0), &weights = *op.input(1), &output = *op.output(0);
  const int32_t group_depth = weights.shape[3];
  if (input.shape[3] % group_depth != 0) {
    verdict.Add(ReasonCode::kShapeMismatch, "input 0 channels", std::to_string(input.shape[3]),
                fmt::format("a multiple of the weights' {}", group_depth));
  } else if (weights.shape[0] % (input.shape[3] / group_depth) != 0) {
    verdict.Add(ReasonCode::kShapeMismatch, "input 1 (weights) output channels",
                std::to_string(weights.shape[0]),
                fmt::format("a multiple of the {} groups", input.shape[3] / group_depth));
  }
  const auto& params = op.op.as<Conv2DParams>();
  if (std::min({params.stride_h, params.stride_w, params.dilation_h, params.dilation_w}) < 1) return;
  const auto geometry = MakeGeometry(op);
  if (!geometry) {
    verdict.Add(ReasonCode::kUnsupportedOperandSize, "filter with dilation", ShapeString(weights),
                "a window below 2^31 pixels");
    return;
  }
  const std::vector<int32_t> expected = {input.shape[0], geometry->rows.output, geometry->columns.output,
                                         weights.shape[0]};
  if (output.shape != expected) {
    verdict.Add(ReasonCode::kShapeMismatch, "output 0 shape", ShapeString(output), ShapeString(expected));
  }
  RequireNonEmpty(output, "output 0", verdict);
  const std::vector<int32_t> staged = {input.shape[0], geometry->staged_rows.size, geometry->staged_columns.size,
                                       input.shape[3]};
  const auto staged_count = CheckedElementCount(staged);
  if (!staged_count || *staged_count > kMaxTensorElements - kStagingSlack) {
    verdict.Add(ReasonCode::kUnsupportedOperandSize, "input 0 with its border", ShapeString(staged),
                "less than 2^31 bytes");
  }
}

void Check(const OpView& op, Verdict& verdict) {
  const auto& params = op.op.as<Conv2DParams>();
  RequireSame8BitType(op, verdict);
  RequireQuantizedActivation(params.activation, verdict);
  RequireRange("stride_h", params.stride_h, 1, kNoLimit, verdict);
  RequireRange("stride_w", params.stride_w, 1, kNoLimit, verdict);
  RequireRange("dilation_h_factor", params.dilation_h, 1, kNoLimit, verdict);
  RequireRange("dilation_w_factor", params.dilation_w, 1, kNoLimit, verdict);
  const Tensor *input = op.input(0), *weights = op.input(1);
  const bool is_unsigned = input != nullptr && input->type == DataType::kUInt8;
  CheckWeightsAndBias(op, {.channel_dimension = 0, .bias_scale_checked = is_unsigned}, verdict);
  if (input == nullptr || !RequireInput(op, 1, "weights", verdict)) return;
  bool ok = RequireRank(*input, "input 0", 4, 4, verdict);
  ok = RequireRank(*weights, "input 1 (weights)", 4, 4, verdict) && ok;
  ok = RequireNonEmpty(*input, "input 0", verdict) && ok;
  ok = RequireNonEmpty(*weights, "input 1 (weights)", verdict) && ok;
  if (ok && op.output(0) != nullptr) CheckShapes(op, verdict);
}

// What Reference and Lower both need; for operators that passed Check.
struct Convolution {
  explicit Convolution(const OpView& op)
      : input(*op.input(0)), weights(*op.input(1)), output(*op.output(0)), geometry(*MakeGeometry(op)),
        group_depth(weights.shape[3]), groups(input.shape[3] / group_depth),
        group_channels(weights.shape[0] / groups), bias(BiasValues(op.input(2), weights.shape[0])),
        multipliers(QuantizeMultipliers(OutputScales(
            input, weights, output, weights.shape[0],
            input.type == DataType::kUInt8 ? ScaleProduct::kFloat : ScaleProduct::kDouble))),
        range(QuantizedActivationRange(op.op.as<Conv2DParams>().activation, output)) {}

  const Tensor &input, &weights, &output;
  Geometry geometry;
  int32_t group_depth, groups, group_channels;
  std::vector<int32_t> bias;
  std::vector<QuantizedMultiplier> multipliers;
  ActivationRange range;
};

// T is the type of input, weights and output.
template <typename T>
void Convolve(const Convolution& conv, const T* in, const T* weights, T* out) {
  const WindowAxis &rows = conv.geometry.rows, &columns = conv.geometry.columns;
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
          const int32_t scaled = MultiplyByQuantizedMultiplier(static_cast<int32_t>(acc), conv.multipliers[n]);
          *out++ = static_cast<T>(
              std::clamp(scaled + conv.output.zero_point(), conv.range.min, conv.range.max));
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
std::vector<Segment> Segments(const Convolution& conv, bool whole_rows) {
  const auto& [rows, columns, staged_rows, staged_columns] = conv.geometry;
  const int32_t depth = conv.input.shape[3], group_depth = conv.group_depth;
  std::vector<Segment> segments;
  for (int32_t ky = 0; ky < staged_rows.taps; ++ky) {
    for (int32_t kx = 0; kx < (whole_rows ? 1 : staged_columns.taps); ++kx) {
      segments.push_back({((staged_rows.first_tap + ky) * columns.filter + staged_columns.first_tap + kx) * group_depth,
                          (ky * rows.dilation * staged_columns.size + kx * columns.dilation) * depth});
    }
  }
  return segments;
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const Convolution conv(op);
  const auto& [rows, columns, staged_rows, staged_columns] = conv.geometry;
  const int32_t batches = conv.input.shape[0], depth = conv.input.shape[3];
  const int32_t zero_point = StoredZeroPoint(conv.input);
  const bool whole_rows = conv.groups == 1 && (columns.dilation == 1 || staged_columns.taps == 1);
  const int32_t length = conv.group_depth * (whole_rows ? staged_columns.taps : 1);
  const std::vector<Segment> segments = Segments(conv, whole_rows);
  const PackedWeights packed = PackWeights({.weights = conv.weights,
                                            .bias = conv.bias,
                                            .multipliers = conv.multipliers,
                                            .segments = segments,
                                            .groups = conv.groups,
                                            .group_channels = conv.group_channels,
                                            .row_length = rows.filter * columns.filter * conv.group_depth,
                                            .length = length,
                                            .input_zero_point = zero_point});

  // Kernels read whole words, so that a segment of another length needs the staged input's slack, too.
  KernelArg input = TensorArg{op.op.inputs[0]};
  if (staged_rows.size != rows.input || staged_columns.size != columns.input || length % kWordBytes != 0) {
    const int64_t bytes = int64_t{batches} * staged_rows.size * staged_columns.size * depth + kStagingSlack;
    const ScratchArg staged = lowering.AddScratch(bytes);
    lowering.Launch("conv_stage", {static_cast<size_t>(staged_rows.size), static_cast<size_t>(batches), 1},
                    {input, staged, rows.input, columns.input, depth, 1, staged_rows.before,
                     staged_columns.before, staged_rows.size, staged_columns.size, zero_point});
    input = staged;
  }

  const auto segment_count = static_cast<int32_t>(segments.size());
  const int32_t row = staged_columns.size * depth;
  const int32_t pixel_step = columns.stride * depth, row_step = rows.stride * row;
  const int32_t batch_step = staged_rows.size * row;
  const int32_t origin = staged_rows.origin * row + staged_columns.origin * depth;
  const int32_t pixels = batches * rows.output * columns.output;
  const ConstantArg offsets = lowering.AddConstant(packed.segment_offsets);
  KernelArg sums = offsets;  // not read while the weights' zero point is 0
  if (packed.zero_point != 0) {
    sums = lowering.AddScratch(int64_t{conv.groups} * pixels * static_cast<int64_t>(sizeof(int32_t)));
    lowering.Launch("conv2d_window_sums", {static_cast<size_t>(pixels), static_cast<size_t>(conv.groups), 1},
                    {input, sums, offsets, segment_count, length, columns.output, rows.output, pixel_step,
                     row_step, batch_step, origin, pixels, conv.group_depth});
  }

  // As many blocks at once as there are, as many pixels as registers hold accumulators.
  struct Tile {
    std::string_view kernel;
    int32_t pixels, blocks;
  };
  const Tile tile = packed.blocks >= 3   ? Tile{"conv2d_4x4", 4, 4}
                    : packed.blocks == 2 ? Tile{"conv2d_6x2", 6, 2}
                                         : Tile{"conv2d_8x1", 8, 1};
  const auto tiles = [](int32_t count, int32_t size) { return static_cast<size_t>((count - 1) / size + 1); };
  const int32_t offset = StorageOffset(conv.output.type);
  lowering.Launch(tile.kernel,
                  {tiles(packed.blocks, tile.blocks), tiles(pixels, tile.pixels),
                   static_cast<size_t>(conv.groups)},
                  {input, lowering.AddConstant(packed.tiles), lowering.AddConstant(packed.channel_constants),
                   offsets, sums, TensorArg{op.op.outputs[0]}, segment_count, (length - 1) / kWordBytes + 1,
                   columns.output, rows.output, pixel_step, row_step, batch_step, origin, pixels,
                   conv.group_channels, conv.group_depth, conv.groups, packed.zero_point,
                   StoredZeroPoint(conv.output), conv.range.min + offset, conv.range.max + offset});
  return {};
}

int64_t Macs(const OpView& op) {
  const Tensor& weights = *op.input(1);
  if (weights.shape.size() != 4) return 0;
  const int64_t taps = int64_t{weights.shape[1]} * weights.shape[2];
  return CheckedMul(op.output(0)->element_count().value_or(0), taps * weights.shape[3]).value_or(0);
}

}  // namespace

extern const OpRoom kConv2dRoom;
const OpRoom kConv2dRoom{.name = "Conv2d",
                         .infer = Infer,
                         .check = Check,
                         .check_cpu = Check,
                         .reference = Reference,
                         .lower = Lower,
                         .macs = Macs,
                         .min_inputs = 2,
                         .max_inputs = 3,
                         .min_outputs = 1,
                         .max_outputs = 1,
                         .rules = kRules};

}  // namespace npu
