// DEPTHWISE_CONV_2D: every input channel c is filtered by itself, into m = N / C output channels n = c*m + j:
//   acc = bias[n] + sum over ky, kx of (in[b, y*sh - ph + ky*dh, x*sw - pw + kx*dw, c] - zp_in)
//                                       * (weights[0, ky, kx, n] - zp_w)
//   out[b, y, x, n] = clamp(zp_out + round(acc * s_in * s_w[n] / s_out), range of the fused activation)
// Rounding, padding, types and the product of scales as in conv2d.cc.
// Shapes: input [B,H,W,C] · weights [1,KH,KW,N] · bias [N] (optional) · output [B,OH,OW,N]. The parameter
// depth_multiplier repeats what the shapes say, or is 0; LiteRT goes by the shapes, we insist that both
// agree. Source: TFLite quantization specification; LiteRT 2.3 BUILTIN_REF, bit for bit.
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

constexpr int kChannelDimension = 3;  // of the weights
constexpr int kTilePixels = 4;        // NPU_DEPTHWISE_PIXELS of kernels/depthwise_conv2d.cl

Status Infer(Graph& graph, const Op& op) {
  return InferWindowOutput(graph, op, WindowParams(op.as<DepthwiseConv2DParams>()), kChannelDimension);
}

constexpr std::string_view kRules[] = {
    "input and output: INT8 or UINT8, the same, per tensor",
    "fused activation NONE, RELU, RELU_N1_TO_1 or RELU6",
    "weights: constant, of the input's type; INT8 per tensor or per output channel (dimension 3) with zero "
    "point 0, UINT8 per tensor with any zero point",
    "bias: none, or constant INT32, one per output channel, zero point 0; UINT8: its scale is input scale * "
    "weights scale to within 0.02 of the output scale",
    "strides and dilations 1 to 32767",
    "input and weights of rank 4, no dimension 0",
    "the output's shape is what input, weights, strides and dilations make; no dimension 0",
    "the input with its border, every channel repeated depth_multiplier times, has less than 2^31 bytes",
    "weights of shape [1, height, width, a multiple of the input channels]",
    "depth_multiplier absent, or output channels / input channels",
};

void Check(const OpView& op, Verdict& verdict) {
  const auto& params = op.op.as<DepthwiseConv2DParams>();
  RequireSame8BitType(op, verdict);
  RequireQuantizedActivation(params.activation, verdict);
  const Tensor *input = op.input(0), *weights = op.input(1);
  const bool is_unsigned = input != nullptr && input->type == DataType::kUInt8;
  CheckWeightsAndBias(op, {.channel_dimension = kChannelDimension, .bias_scale_checked = is_unsigned},
                      verdict);
  if (!CheckWindow(op, WindowParams(params), kChannelDimension, verdict)) return;
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

Status Reference(const ReferenceArgs& args) {
  const Depthwise conv(args.view);
  if (conv.input.type == DataType::kInt8) {
    Convolve(conv, args.in<int8_t>(0), args.in<int8_t>(1), args.out<int8_t>(0));
  } else {
    Convolve(conv, args.in<uint8_t>(0), args.in<uint8_t>(1), args.out<uint8_t>(0));
  }
  return {};
}

// The weights as the kernel reads them: [block][tap][16] int16 with their zero point subtracted, and per
// block [3][16] int32: bias - zx * sum w (wrapping), multiplier, shift.
struct PackedTaps {
  std::vector<int16_t> weights;
  std::vector<int32_t> channel_constants, offsets;
};

PackedTaps PackTaps(const Depthwise& conv, const WindowSteps& steps) {
  const auto& [rows, columns, staged_rows, staged_columns] = conv.window;
  const size_t blocks = (size_t{static_cast<uint32_t>(conv.channels)} - 1) / kBlockChannels + 1;
  const size_t taps = static_cast<size_t>(staged_rows.taps) * staged_columns.taps;
  const auto* bytes = reinterpret_cast<const uint8_t*>(conv.weights.data.bytes.data());
  const bool is_signed = conv.weights.type == DataType::kInt8;
  PackedTaps packed;
  packed.weights.assign(blocks * taps * kBlockChannels, 0);
  packed.channel_constants.assign(blocks * 3 * kBlockChannels, 0);
  std::vector<uint32_t> sums(conv.channels, 0);
  for (size_t t = 0; t < taps; ++t) {
    const auto ky = static_cast<int32_t>(t / staged_columns.taps),
               kx = static_cast<int32_t>(t % staged_columns.taps);
    packed.offsets.push_back(ky * steps.tap_row + kx * steps.tap_column);
    const int64_t tap = int64_t{staged_rows.first_tap + ky} * columns.filter + staged_columns.first_tap + kx;
    for (int32_t n = 0; n < conv.channels; ++n) {
      const uint8_t byte = bytes[tap * conv.channels + n];
      const int32_t weight =
          (is_signed ? int32_t{static_cast<int8_t>(byte)} : byte) - conv.weights.zero_point();
      packed.weights[(n / kBlockChannels * taps + t) * kBlockChannels + n % kBlockChannels] =
          static_cast<int16_t>(weight);
      sums[n] += static_cast<uint32_t>(weight);
    }
  }
  const auto zero_point = static_cast<uint32_t>(StoredZeroPoint(conv.input));
  for (int32_t n = 0; n < conv.channels; ++n) {
    int32_t* constants =
        packed.channel_constants.data() + n / kBlockChannels * 3 * kBlockChannels + n % kBlockChannels;
    constants[0] = static_cast<int32_t>(static_cast<uint32_t>(conv.bias[n]) - zero_point * sums[n]);
    constants[kBlockChannels] = conv.multipliers[n].multiplier;
    constants[2 * kBlockChannels] = conv.multipliers[n].shift;
  }
  return packed;
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const Depthwise conv(op);
  const auto& [rows, columns, staged_rows, staged_columns] = conv.window;
  const WindowSteps steps = MakeWindowSteps(conv.window, conv.channels);
  const PackedTaps packed = PackTaps(conv, steps);
  const KernelArg input = StageInput(op, conv.window, conv.multiplier, StoredZeroPoint(conv.input),
                                     conv.channels % kBlockChannels != 0, lowering);
  const int32_t pixels = conv.input.shape[0] * rows.output * columns.output;
  const auto tiles = [](int32_t count, int32_t size) { return static_cast<size_t>((count - 1) / size + 1); };
  lowering.Launch(
      "depthwise_conv2d", {tiles(conv.channels, kBlockChannels), tiles(pixels, kTilePixels), 1},
      {input, lowering.AddConstant(packed.weights), lowering.AddConstant(packed.channel_constants),
       lowering.AddConstant(packed.offsets), TensorArg{op.op.outputs[0]},
       static_cast<int32_t>(packed.offsets.size()), conv.channels, columns.output, rows.output,
       steps.pixel_step, steps.row_step, steps.batch_step, steps.origin, pixels, conv.output.zero_point(),
       conv.range.min, conv.range.max, StorageOffset(conv.output.type)});
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
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = Lower,
    .macs = Macs,
    .min_inputs = 2,
    .max_inputs = 3,
    .rules = kRules,
};

}  // namespace npu
