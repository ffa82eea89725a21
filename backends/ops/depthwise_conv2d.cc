// DEPTHWISE_CONV_2D: every input channel c is filtered by itself, into m = N / C output channels n = c*m + j:
//   acc = bias[n] + sum over ky, kx of (in[b, y*sh - ph + ky*dh, x*sw - pw + kx*dw, c] - zp_in)
//                                       * (weights[0, ky, kx, n] - zp_w)
//   out[b, y, x, n] = clamp(zp_out + round(acc * s_in * s_w[n] / s_out), range of the fused activation)
// Rounding, padding, types and the product of scales as in conv2d.cc; INT16: convolution_int16.h.
// Shapes: input [B,H,W,C] · weights [1,KH,KW,N] · bias [N] (optional) · output [B,OH,OW,N]. The parameter
// depth_multiplier repeats what the shapes say, or is 0; LiteRT goes by the shapes, we insist that both
// agree. Source: TFLite quantization specification; LiteRT 2.3 BUILTIN_REF, bit for bit.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "backends/ops/convolution.h"
#include "backends/ops/convolution_int16.h"
#include "backends/ops/depthwise_weights.h"
#include "backends/ops/float_convolution.h"
#include "backends/ops/room.h"
#include "backends/ops/rules.h"
#include "backends/ops/window.h"
#include "base/checked.h"
#include "schema/quantization.h"

namespace npu {
namespace {

constexpr int kChannelDimension = 3;  // of the weights

Status Infer(Graph& graph, const Op& op) {
  return InferWindowOutput(graph, op, WindowParams(op.as<DepthwiseConv2DParams>()), kChannelDimension);
}

constexpr std::string_view kRules[] = {
    "input and output: INT8, UINT8 or INT16 (zero point 0), the same, per tensor",
    "fused activation NONE, RELU, RELU_N1_TO_1 or RELU6",
    "weights: constant, of the input's type, or INT4 where that is INT8 (INT16: INT8 alone); INT8 and INT4 per "
    "tensor or per output channel (dimension 3) with zero point 0, UINT8 per tensor with any zero point",
    "bias: none, or constant INT32 (INT16: or INT64), one per output channel, zero point 0; UINT8: its scale "
    "is input scale * "
    "weights scale to within 0.02 of the output scale",
    "strides and dilations 1 to 32767",
    "input and weights of rank 4, no dimension 0",
    "the output's shape is what input, weights, strides and dilations make; no dimension 0",
    "the input with its border, every channel repeated depth_multiplier times, has less than 2^31 bytes",
    "weights of shape [1, height, width, a multiple of the input channels]",
    "depth_multiplier absent, or output channels / input channels",
    "INT16: input scale * weights scale / output scale below 2^7; at most 2^24 products per output; bias "
    "values "
    "-2^46 to 2^46",
    "delegate-cpu, between binary operators: FLOAT32 (input, weights, bias)",
};

void Check(const OpView& op, Verdict& verdict) {
  const auto& params = op.op.as<DepthwiseConv2DParams>();
  RequireSameQuantizedType(op, verdict);
  RequireQuantizedActivation(params.activation, verdict);
  const Tensor *input = op.input(0), *weights = op.input(1);
  const bool is_unsigned = input != nullptr && input->type == DataType::kUInt8;
  CheckWeightsAndBias(
      op, {.channel_dimension = kChannelDimension, .bias_scale_checked = is_unsigned, .int4 = true}, verdict);
  if (!CheckWindow(op, WindowParams(params), kChannelDimension, verdict)) return;
  if (IsInt16(op)) CheckInt16Sums(op, int64_t{weights->shape[1]} * weights->shape[2], verdict);
  if (weights->shape[0] != 1 || weights->shape[3] % input->shape[3] != 0) {
    verdict.Add(ReasonCode::kShapeMismatch, "input 1 (weights) shape", ShapeString(*weights),
                fmt::format("[1, height, width, a multiple of the input's {} channels]", input->shape[3]));
  } else if (params.depth_multiplier != 0) {
    const int32_t multiplier = weights->shape[3] / input->shape[3];
    RequireRange("depth_multiplier", params.depth_multiplier, multiplier, multiplier, verdict);
  }
}

// What Reference and Lower both need; for operators that passed Check.
struct Depthwise {
  explicit Depthwise(const OpView& op)
      : input(*op.input(0)),
        weights(*op.input(1)),
        output(*op.output(0)),
        window(*MakeWindow(WindowParams(op.op.as<DepthwiseConv2DParams>()), input, weights)),
        channels(weights.shape[3]),
        multiplier(channels / input.shape[3]),
        bias(BiasValues(op.input(2), channels)),
        multipliers(QuantizeMultipliers(
            OutputScales(input, weights, output, channels,
                         input.type == DataType::kUInt8 ? ScaleProduct::kFloat : ScaleProduct::kDouble))),
        range(QuantizedActivationRange(op.op.as<DepthwiseConv2DParams>().activation, output)) {}

  const Tensor &input, &weights, &output;
  Window window;
  int32_t channels, multiplier;  // output channels; of them, per input channel
  std::vector<int32_t> bias;
  std::vector<QuantizedMultiplier> multipliers;
  ActivationRange range;
};

// T is the type of input, weights and output.
template <typename T>
void Convolve(const Depthwise& conv, const T* in, const T* weights, T* out) {
  const WindowAxis &rows = conv.window.rows, &columns = conv.window.columns;
  const int64_t depth = conv.input.shape[3], channels = conv.channels;
  const int32_t zp_in = conv.input.zero_point(), zp_weights = conv.weights.zero_point();
  std::vector<uint32_t> acc(channels);
  for (int64_t batch = 0; batch < conv.input.shape[0]; ++batch) {
    for (int64_t y = 0; y < rows.output; ++y) {
      for (int64_t x = 0; x < columns.output; ++x) {
        std::copy(conv.bias.begin(), conv.bias.end(), acc.begin());
        for (int64_t ky = 0; ky < rows.filter; ++ky) {
          const int64_t in_y = y * rows.stride - rows.pad_before + ky * rows.dilation;
          if (in_y < 0 || in_y >= rows.input) continue;
          for (int64_t kx = 0; kx < columns.filter; ++kx) {
            const int64_t in_x = x * columns.stride - columns.pad_before + kx * columns.dilation;
            if (in_x < 0 || in_x >= columns.input) continue;
            const T* pixel = in + ((batch * rows.input + in_y) * columns.input + in_x) * depth;
            const T* tap = weights + (ky * columns.filter + kx) * channels;
            for (int64_t c = 0, n = 0; c < depth; ++c) {
              for (int32_t j = 0; j < conv.multiplier; ++j, ++n) {
                acc[n] += static_cast<uint32_t>((pixel[c] - zp_in) * (tap[n] - zp_weights));
              }
            }
          }
        }
        for (int64_t n = 0; n < channels; ++n) {
          const int32_t scaled =
              MultiplyByQuantizedMultiplier(static_cast<int32_t>(acc[n]), conv.multipliers[n]);
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
  const Window window = *MakeWindow(WindowParams(op.op.as<DepthwiseConv2DParams>()), input, weights);
  return {.input = input,
          .weights = weights,
          .output = output,
          .bias = op.input(2),
          .rows = ForwardTaps(window.rows),
          .columns = ForwardTaps(window.columns),
          .group_depth = 1,
          .group_channels = weights.shape[3] / input.shape[3],
          .channels = weights.shape[3],
          .channel_step = 1,
          .tap_step = weights.shape[3],
          .range = QuantizedActivationRange(op.op.as<DepthwiseConv2DParams>().activation, output)};
}

Status Reference(const ReferenceArgs& args) {
  if (IsFloatForm(args.view)) {
    ComputeFloatDepthwise(args);
    return {};
  }
  if (IsInt16(args.view)) {
    ConvolveInt16(MakeInt16(args.view), args.in<int16_t>(0), args.in<int8_t>(1), args.out<int16_t>(0));
    return {};
  }
  const Depthwise conv(args.view);
  const WeightBytes weights(conv.weights, args.inputs[1]);
  if (conv.input.type == DataType::kInt8) {
    Convolve(conv, args.in<int8_t>(0), weights.as<int8_t>(), args.out<int8_t>(0));
  } else {
    Convolve(conv, args.in<uint8_t>(0), weights.as<uint8_t>(), args.out<uint8_t>(0));
  }
  return {};
}

// What the kernel knows of the window, npu_depthwise_geometry of kernels/depthwise_conv2d.cl.
struct DepthwiseGeometry {
  int32_t in_h, in_w, channels;
  int32_t out_h, out_w, rows;
  int32_t stride_h, stride_w;
  int32_t x_low, x_high;
  int32_t groups;
  int32_t columns3;
  int32_t chunks;
  int32_t weights_zero_point, zero_point, stored_zero_point, range_min, range_max, storage_offset;
  int32_t form;
};
struct DepthwiseTap {
  int32_t dy, dx;
};

// Taps in groups of four, some of which may have fewer.
struct TapGroups {
  bool columns3 = false;
  int32_t groups = 0;
  std::vector<DepthwiseTap> taps;  // 4 per group; missing ones repeat another of the group
  std::vector<int32_t> offsets;    // of the same in the filter, -1 where missing
  std::vector<bool> second;        // of the same: read a second time
  std::vector<int32_t> ones;       // per group, 1 in the bytes of taps that there are
};

TapGroups MakeTapGroups(const Depthwise& conv, const TapWeights& weights) {
  const auto& [rows, columns, staged_rows, staged_columns] = conv.window;
  struct Place {
    int32_t ky = 0, kx = 0;
    bool there = false, second = false;
  };
  std::vector<Place> twice;  // those that ever lie inside the image
  for (int32_t tap : weights.twice()) {
    const int32_t ky = tap / columns.filter, kx = tap % columns.filter;
    if (ky >= staged_rows.first_tap && ky < staged_rows.first_tap + staged_rows.taps && kx >= staged_columns.first_tap &&
        kx < staged_columns.first_tap + staged_columns.taps) {
      twice.push_back({ky, kx, true, true});
    }
  }
  const auto one_row = [&] {
    return std::all_of(twice.begin(), twice.end(), [&](const Place& place) { return place.ky == twice[0].ky; });
  };
  TapGroups result;
  result.columns3 = staged_rows.taps == 3 && staged_columns.taps == 3 && columns.dilation == 1 &&
                    columns.stride <= 2 && weights.zero_point() == 0 && one_row();
  std::vector<Place> places;
  if (result.columns3) {
    // Column by column, with one row of all of them a second time.
    const int32_t row = twice.empty() ? staged_rows.first_tap : twice[0].ky;
    for (int32_t kx = staged_columns.first_tap; kx < staged_columns.first_tap + 3; ++kx) {
      for (int32_t i = 0; i < 3; ++i) places.push_back({staged_rows.first_tap + i, kx, true, false});
      const bool there =
          std::any_of(twice.begin(), twice.end(), [&](const Place& place) { return place.kx == kx; });
      places.push_back({row, kx, there, true});
    }
  } else {
    for (int32_t t = 0; t < staged_rows.taps * staged_columns.taps; ++t) {
      places.push_back({staged_rows.first_tap + t / staged_columns.taps,
                        staged_columns.first_tap + t % staged_columns.taps, true, false});
    }
    places.insert(places.end(), twice.begin(), twice.end());
    while (places.size() % kWordBytes != 0) {
      Place missing = places[places.size() / kWordBytes * kWordBytes];
      missing.there = false;
      places.push_back(missing);
    }
  }
  for (size_t i = 0; i < places.size(); ++i) {
    const Place& place = places[i];
    result.taps.push_back(
        {place.ky * rows.dilation - rows.pad_before, place.kx * columns.dilation - columns.pad_before});
    result.offsets.push_back(place.there ? place.ky * columns.filter + place.kx : -1);
    result.second.push_back(place.second);
    if (i % kWordBytes == 0) result.ones.push_back(0);
    if (place.there) result.ones.back() |= static_cast<int32_t>(uint32_t{1} << (8 * (i % kWordBytes)));
  }
  result.groups = static_cast<int32_t>(places.size() / kWordBytes);
  return result;
}

// Weights of one form, [block][group][vector][16 lanes][4 taps] int8, and per block and vector [3][16] int32:
// bias - zx * sum w' + n * zx * zw' (wrapping), multiplier, shift.
struct PackedTaps {
  std::vector<int8_t> weights;
  std::vector<int32_t> constants;
};

// vectors: 1, or 4 for blocks of 64 channels in the order of npu_interleave64 (kernels/dot_product.h).
PackedTaps PackTaps(const Depthwise& conv, const TapWeights& weights, const TapGroups& groups, int32_t vectors) {
  const int32_t block_channels = vectors * kBlockChannels;
  const int32_t blocks = (conv.channels - 1) / block_channels + 1;
  const auto zx = static_cast<uint32_t>(StoredZeroPoint(conv.input)),
             zw = static_cast<uint32_t>(weights.zero_point());
  const size_t lanes = size_t{static_cast<uint32_t>(blocks)} * block_channels;
  PackedTaps packed;
  packed.weights.assign(lanes * groups.groups * kWordBytes, 0);
  packed.constants.assign(lanes * 3, 0);
  for (int32_t n = 0; n < conv.channels; ++n) {
    const int32_t block = n / block_channels, in_block = n % block_channels;
    const int32_t vector = vectors == 1 ? 0 : in_block % 16 / 4;
    const int32_t lane = vectors == 1 ? in_block : in_block / 16 * 4 + in_block % 4;
    uint32_t sum = 0, count = 0;
    for (size_t t = 0; t < groups.offsets.size(); ++t) {
      if (groups.offsets[t] < 0) continue;
      const int8_t weight = weights.At(groups.offsets[t], n, groups.second[t]);
      const size_t group = static_cast<size_t>(block) * groups.groups + t / kWordBytes;
      packed.weights[((group * vectors + vector) * kBlockChannels + lane) * kWordBytes + t % kWordBytes] =
          weight;
      sum += static_cast<uint32_t>(int32_t{weight});
      ++count;
    }
    int32_t* constants = packed.constants.data() +
                         (size_t{static_cast<uint32_t>(block)} * vectors + vector) * 3 * kBlockChannels +
                         lane;
    constants[0] = static_cast<int32_t>(static_cast<uint32_t>(conv.bias[n]) - zx * sum + count * zx * zw);
    constants[kBlockChannels] = conv.multipliers[n].multiplier;
    constants[2 * kBlockChannels] = conv.multipliers[n].shift;
  }
  return packed;
}

// Parts of the kernel (KernelLaunch::parts), as kernels/depthwise_conv2d.cl names them. 1 << RescaleForm is one each.
constexpr uint32_t kZeroPoint = 0x10;              // of the weights
constexpr uint32_t kStep1 = 0x20, kStep2 = 0x40;   // sliding columns
constexpr uint32_t kOtherWindows = 0x80;
constexpr uint32_t kBlock16 = 0x100;               // beside blocks of 64
constexpr uint32_t kBlock64 = 0x200;

uint32_t Parts(const DepthwiseGeometry& geometry) {
  uint32_t parts = 1u << geometry.form;
  if (geometry.weights_zero_point != 0) parts |= kZeroPoint;
  parts |= geometry.columns3 == 0 ? kOtherWindows : geometry.stride_w == 1 ? kStep1 : kStep2;
  const int32_t most_by_16 = geometry.columns3 != 0 ? 32 : 16, last = (geometry.channels - 1) % 64 + 1;
  if (last <= most_by_16) parts |= kBlock16;
  if (last > most_by_16 || geometry.channels > 64) parts |= kBlock64;
  return parts;
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  if (IsInt16(op)) {
    LowerInt16Convolution(MakeInt16(op), TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, lowering);
    return {};
  }
  const Depthwise conv(op);
  const auto& [rows, columns, staged_rows, staged_columns] = conv.window;
  const TapWeights weights(conv.weights);
  const TapGroups groups = MakeTapGroups(conv, weights);
  const PackedTaps by16 = PackTaps(conv, weights, groups, 1), by64 = PackTaps(conv, weights, groups, 4);

  const int32_t batches = conv.input.shape[0];
  KernelArg input = TensorArg{op.op.inputs[0]};
  if (conv.multiplier > 1) {
    const ScratchArg repeated =
        lowering.AddScratch(int64_t{batches} * rows.input * columns.input * conv.channels);
    lowering.Launch("conv_stage", {static_cast<size_t>(rows.input), static_cast<size_t>(batches), 1},
                    {input, repeated, rows.input, columns.input, conv.input.shape[3], conv.multiplier, 0, 0,
                     rows.input, columns.input, batches, 0});
    input = repeated;
  }

  // 8 work-items or more, so that every core of a CPU gets some; rows are shared by an even number, so that two threads get
  // equal halves.
  constexpr int32_t kChannels = 64, kWorkItems = 8;
  const auto divide = [](int32_t count, int32_t size) { return (count - 1) / size + 1; };
  const int32_t blocks = divide(conv.channels, kChannels), all_rows = batches * rows.output;
  const int32_t wanted = divide(kWorkItems, blocks);
  const DepthwiseGeometry geometry{
      .in_h = rows.input,
      .in_w = columns.input,
      .channels = conv.channels,
      .out_h = rows.output,
      .out_w = columns.output,
      .rows = all_rows,
      .stride_h = rows.stride,
      .stride_w = columns.stride,
      .x_low = columns.pad_before - staged_columns.first_tap * columns.dilation,
      .x_high = columns.input - 1 + columns.pad_before -
                (staged_columns.first_tap + staged_columns.taps - 1) * columns.dilation,
      .groups = groups.groups,
      .columns3 = groups.columns3 ? 1 : 0,
      .chunks = wanted == 1 ? 1 : std::min(wanted + wanted % 2, all_rows),
      .weights_zero_point = weights.zero_point(),
      .zero_point = conv.output.zero_point(),
      .stored_zero_point = StoredZeroPoint(conv.output),
      .range_min = conv.range.min,
      .range_max = conv.range.max,
      .storage_offset = StorageOffset(conv.output.type),
      .form = static_cast<int32_t>(RescaleFormOf(conv.multipliers, conv.output, conv.range)),
  };
  const std::vector<uint8_t> pixel(static_cast<size_t>(conv.channels),
                                   static_cast<uint8_t>(StoredZeroPoint(conv.input)));
  lowering.Launch(
      "depthwise_conv2d",
      {static_cast<size_t>(blocks), static_cast<size_t>(geometry.chunks), 1},
      {input, lowering.AddConstant(by16.weights), lowering.AddConstant(by16.constants),
       lowering.AddConstant(by64.weights), lowering.AddConstant(by64.constants),
       lowering.AddConstant(groups.ones), lowering.AddConstant(std::span(&geometry, 1)),
       lowering.AddConstant(groups.taps), lowering.AddConstant(pixel), TensorArg{op.op.outputs[0]}},
      Parts(geometry));
  return {};
}

int64_t Macs(const OpView& op) {
  const Tensor& weights = *op.input(1);
  if (weights.shape.size() != 4) return 0;
  return CheckedMul(op.output(0)->element_count().value_or(0), int64_t{weights.shape[1]} * weights.shape[2])
      .value_or(0);
}

}  // namespace

extern const OpRoom kDepthwiseConv2dRoom;
const OpRoom kDepthwiseConv2dRoom{
    .name = "depthwise_conv2d",
    .infer = Infer,
    .check = Check,
    .check_cpu = CheckFloatForm,
    .reference = Reference,
    .lower = Lower,
    .macs = Macs,
    .min_inputs = 2,
    .max_inputs = 3,
    .rules = kRules,
};

}  // namespace npu
