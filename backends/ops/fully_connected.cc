// FULLY_CONNECTED: the input, of any rank, flattened to [batch, K] · weights [N,K] · bias [N] (optional):
//   acc = bias[n] + sum over k of (in[b, k] - zp_in) * (weights[n, k] - zp_w)
//   out[b, n] = clamp(zp_out + round(acc * s_in * s_w[n] / s_out), range of the fused activation)
// Output [batch, N], or the input's shape with N as last dimension (keep_num_dims, then K is the last one).
//
// The field has two definitions of round(acc * scale), at most 1 apart (option fc_rounding):
//   single  LiteRT 2.3 BUILTIN_REF: std::round(double(acc) * (double(s_in) * s_w / s_out)), ties away from
//   zero double  tflite-runtime <= 2.14, TFLite Micro: double rounding (schema/quantization.h), where weights
//   per
//           tensor have s_in * s_w multiplied in float
// INT16 has 64-bit accumulators: fully_connected_int16.h.
// Both measured bit for bit, with accumulators chosen near ties. INT8 weights per tensor may have a zero
// point. Source: LiteRT 2.3 and tflite-runtime 2.14.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "backends/ops/convolution.h"
#include "backends/ops/convolution_int16.h"
#include "backends/ops/fully_connected_int16.h"
#include "backends/ops/room.h"
#include "backends/ops/rules.h"
#include "backends/ops/window.h"
#include "base/checked.h"
#include "schema/quantization.h"

namespace npu {
namespace {

constexpr int kChannelDimension = 0;     // of the weights
constexpr double kMaxRounded = 1 << 30;  // npu_round_scaled of kernels/requantize.h has the same

// Shape of the output; nullopt if input and weights do not fit. Any tensors.
std::optional<std::vector<int32_t>> OutputShape(const Tensor& input, const Tensor& weights,
                                                bool keep_num_dims) {
  const auto count = CheckedElementCount(input.shape);
  if (!count || weights.shape.size() != 2 || weights.shape[1] < 1 || *count % weights.shape[1] != 0) {
    return std::nullopt;
  }
  std::vector<int32_t> shape = {static_cast<int32_t>(*count / weights.shape[1]), weights.shape[0]};
  if (keep_num_dims) {
    if (input.shape.empty() || input.shape.back() != weights.shape[1]) return std::nullopt;
    shape = input.shape;
    shape.back() = weights.shape[0];
  }
  if (!CheckedElementCount(shape)) return std::nullopt;
  return shape;
}

std::string FitText(const Tensor& weights, bool keep_num_dims) {
  return fmt::format("weights [N, K] {}, K dividing the input's elements{}, output below 2^31 elements",
                     ShapeString(weights), keep_num_dims ? " and being its last dimension" : "");
}

Status Infer(Graph& graph, const Op& op) {
  const OpView view{graph, op};
  const Tensor *input = view.input(0), *weights = view.input(1);
  if (input == nullptr || weights == nullptr || view.output(0) == nullptr) {
    return Fail(ErrorCode::kInvalidModel, "input, weights or output is absent");
  }
  const bool keep = op.as<FullyConnectedParams>().keep_num_dims;
  const auto shape = OutputShape(*input, *weights, keep);
  if (!shape) {
    return Fail(ErrorCode::kInvalidModel,
                fmt::format("input {}; expected {}", ShapeString(*input), FitText(*weights, keep)));
  }
  Tensor& output = graph.tensors[op.outputs[0]];
  output.shape = *shape;
  output.shape_known = true;
  return {};
}

constexpr std::string_view kRules[] = {
    "input and output: INT8, UINT8 or INT16 (zero point 0), the same, per tensor",
    "fused activation NONE, RELU, RELU_N1_TO_1 or RELU6",
    "weights: of the input's type, per tensor with any zero point; or INT8 per output channel (dimension 0), or "
    "constant INT4 or INT2 (of an INT8 input) or INT8 (of an INT16 input) either way, with zero point 0",
    "bias: none, or constant INT32 (INT16: or INT64), one per output channel, zero point 0; weights per "
    "tensor: its scale is "
    "input scale * weights scale to within 0.02 of the output scale",
    "weights_format DEFAULT",
    "weights of rank 2, [N, K]; no dimension of input and weights 0",
    "K divides the number of input elements; keep_num_dims: it is the last dimension of the input",
    "the output's shape is [elements / K, N]; keep_num_dims: the input's with N last",
    "INT16: input scale * weights scale / output scale below 2^7; at most 2^24 products per output; bias "
    "values "
    "-2^46 to 2^46",
};

void Check(const OpView& op, Verdict& verdict) {
  const auto& params = op.op.as<FullyConnectedParams>();
  RequireSameQuantizedType(op, verdict);
  RequireQuantizedActivation(params.activation, verdict);
  const Tensor *input = op.input(0), *weights = op.input(1), *output = op.output(0);
  const bool per_tensor = weights != nullptr && weights->quantization.per_tensor();
  CheckWeightsAndBias(op,
                      {.channel_dimension = kChannelDimension,
                       .int8_zero_point = true,
                       .bias_scale_checked = per_tensor,
                       .int4 = true,
                       .int2 = true,
       .computed = true},
                      verdict);
  if (params.weights_format != WeightsFormat::kDefault) {
    verdict.Add(ReasonCode::kInvalidArgument, "weights_format", "SHUFFLED4x16INT8", "DEFAULT");
  }
  if (!RequireInput(op, 1, "weights", verdict) || input == nullptr || output == nullptr) return;
  bool ok = RequireRank(*weights, "input 1 (weights)", 2, 2, verdict);
  ok = RequireNonEmpty(*weights, "input 1 (weights)", verdict) && ok;
  ok = RequireNonEmpty(*input, "input 0", verdict) && ok;
  if (!ok) return;
  const auto expected = OutputShape(*input, *weights, params.keep_num_dims);
  if (!expected) {
    verdict.Add(ReasonCode::kShapeMismatch, "input 0 shape", ShapeString(*input),
                FitText(*weights, params.keep_num_dims));
  } else if (output->shape != *expected) {
    verdict.Add(ReasonCode::kShapeMismatch, "output 0 shape", ShapeString(*output), ShapeString(*expected));
  }
  if (IsInt16(op)) CheckInt16Sums(op, weights->shape[1], verdict);
  if (*input->element_count() > kMaxTensorElements - kStagingSlack) {
    verdict.Add(ReasonCode::kUnsupportedOperandSize, "input 0 shape", ShapeString(*input),
                "less than 2^31 bytes");
  }
}

// What Reference and Lower both need; for operators that passed Check.
struct FullyConnected {
  FullyConnected(const OpView& op, FcRounding rounding)
      : input(*op.input(0)),
        weights(*op.input(1)),
        output(*op.output(0)),
        channels(weights.shape[0]),
        depth(weights.shape[1]),
        rows(static_cast<int32_t>(*input.element_count() / depth)),
        rounding(rounding),
        bias(BiasValues(op.input(2), channels)),
        scales(OutputScales(input, weights, output, channels, ScaleProduct::kDouble)),
        multipliers(QuantizeMultipliers(
            OutputScales(input, weights, output, channels,
                         weights.quantization.per_tensor() ? ScaleProduct::kFloat : ScaleProduct::kDouble))),
        range(QuantizedActivationRange(op.op.as<FullyConnectedParams>().activation, output)) {}

  // acc * scale of output channel n + zero point, before the activation.
  int32_t Requantize(int32_t acc, int32_t n) const {
    if (rounding == FcRounding::kDouble) {
      return WrappingAdd(MultiplyByQuantizedMultiplier(acc, multipliers[n]), output.zero_point());
    }
    // Saturated where a zero point cannot wrap it.
    const double rounded = std::round(static_cast<double>(acc) * scales[n]);
    return static_cast<int32_t>(std::clamp(rounded, -kMaxRounded, kMaxRounded)) + output.zero_point();
  }

  const Tensor &input, &weights, &output;
  int32_t channels, depth, rows;
  FcRounding rounding;
  std::vector<int32_t> bias;
  std::vector<double> scales;
  std::vector<QuantizedMultiplier> multipliers;
  ActivationRange range;
};

// T is the type of input, weights and output.
template <typename T>
void Multiply(const FullyConnected& fc, const T* in, const T* weights, T* out) {
  const int32_t zp_in = fc.input.zero_point(), zp_weights = fc.weights.zero_point();
  for (int64_t row = 0; row < fc.rows; ++row) {
    for (int64_t n = 0; n < fc.channels; ++n) {
      uint32_t acc = static_cast<uint32_t>(fc.bias[n]);
      for (int64_t k = 0; k < fc.depth; ++k) {
        acc += static_cast<uint32_t>((in[row * fc.depth + k] - zp_in) *
                                     (weights[n * fc.depth + k] - zp_weights));
      }
      const int32_t scaled = fc.Requantize(static_cast<int32_t>(acc), static_cast<int32_t>(n));
      *out++ = static_cast<T>(std::clamp(scaled, fc.range.min, fc.range.max));
    }
  }
}

Status Reference(const ReferenceArgs& args) {
  if (IsInt16(args.view)) return ComputeFullyConnectedInt16(args);
  const FullyConnected fc(args.view, args.options.fc_rounding);
  const WeightBytes weights(fc.weights, args.inputs[1]);
  if (fc.input.type == DataType::kInt8) {
    Multiply(fc, args.in<int8_t>(0), weights.as<int8_t>(), args.out<int8_t>(0));
  } else {
    Multiply(fc, args.in<uint8_t>(0), weights.as<uint8_t>(), args.out<uint8_t>(0));
  }
  return {};
}

// Scales as npu_round_scaled (kernels/requantize.h) takes them, [block][3][16]: scale =
// mantissa * 2^-shift with mantissa in [2^52, 2^53). Scales that no accumulator survives are replaced: from
// 2^31 on every result but 0 saturates, and below 2^-42 every result is 0, since |acc| <= 2^31.
std::vector<int32_t> PackScales(const std::vector<double>& scales, int32_t blocks) {
  constexpr int kMantissaBits = 53, kMinShift = 22, kMaxShift = 95;
  std::vector<int32_t> packed(size_t{3} * kBlockChannels * blocks, 0);
  for (size_t n = 0; n < packed.size() / 3; ++n) {
    int exponent = 0;
    const double fraction = n < scales.size() ? std::frexp(scales[n], &exponent) : 0.0;
    auto mantissa = static_cast<uint64_t>(std::ldexp(fraction, kMantissaBits));
    int shift = kMantissaBits - exponent;
    if (shift < kMinShift) {
      mantissa = uint64_t{1} << kMantissaBits;
      shift = kMinShift;
    } else if (shift > kMaxShift) {
      mantissa = 0;
      shift = kMaxShift;
    }
    int32_t* block = packed.data() + n / kBlockChannels * 3 * kBlockChannels + n % kBlockChannels;
    block[0] = static_cast<int32_t>(static_cast<uint32_t>(mantissa));
    block[kBlockChannels] = static_cast<int32_t>(mantissa >> 32);
    block[2 * kBlockChannels] = shift;
  }
  return packed;
}

Status Lower(const OpView& op, const ComputeOptions& options, Lowering& lowering) {
  if (IsInt16(op)) return LowerFullyConnectedInt16(op, options, lowering);
  const FullyConnected fc(op, options.fc_rounding);
  const WeightRun whole_row{};
  const WeightArgs packed = LowerWeights({.weights = fc.weights,
                                            .bias = fc.bias,
                                            .multipliers = fc.multipliers,
                                            .segments = std::span(&whole_row, 1),
                                            .groups = 1,
                                            .group_channels = fc.channels,
                                            .row_length = fc.depth,
                                            .length = fc.depth,
                                            .input_zero_point = StoredZeroPoint(fc.input)},
                                         op.op.inputs[1], lowering);

  // The kernel reads whole words, past the last row's end when K is no multiple of them: copy, with slack.
  KernelArg input = TensorArg{op.op.inputs[0]};
  if (fc.depth % kWordBytes != 0) {
    const ScratchArg staged = lowering.AddScratch(int64_t{fc.rows} * fc.depth + kStagingSlack);
    lowering.Launch("conv_stage", {static_cast<size_t>(fc.rows), 1, 1},
                    {input, staged, fc.rows, 1, fc.depth, 1, 0, 0, fc.rows, 1, 1, 0});
    input = staged;
  }
  const ConstantArg offsets = lowering.AddConstant(packed.segment_offsets);
  KernelArg sums = offsets;  // not read while the weights' zero point is 0
  if (packed.zero_point != 0) {
    sums = lowering.AddScratch(int64_t{fc.rows} * static_cast<int64_t>(sizeof(int32_t)));
    lowering.Launch("conv_window_sums", {static_cast<size_t>(fc.rows), 1, 1},
                    {input, sums, offsets, 1, fc.depth, 1, 1, 0, 0, fc.depth, 0, fc.rows, 0, 1});
  }

  const int32_t tile_rows = fc.rows == 1 ? 1 : 6, tile_blocks = 4;
  const auto tiles = [](int32_t count, int32_t size) { return static_cast<size_t>((count - 1) / size + 1); };
  lowering.Launch(fc.rows == 1 ? "fully_connected_1x4" : "fully_connected_6x4",
                  {tiles(packed.blocks, tile_blocks), tiles(fc.rows, tile_rows), 1},
                  {input, packed.tiles, packed.channel_constants,
                   lowering.AddConstant(PackScales(fc.scales, packed.blocks)), offsets, sums,
                   TensorArg{op.op.outputs[0]}, (fc.depth - 1) / kWordBytes + 1, fc.depth, fc.rows,
                   fc.channels, packed.zero_point, fc.rounding == FcRounding::kDouble ? 1 : 0,
                   fc.output.zero_point(), fc.range.min, fc.range.max, StorageOffset(fc.output.type)});
  return {};
}

int64_t Macs(const OpView& op) {
  const Tensor& weights = *op.input(1);
  if (weights.shape.size() != 2) return 0;
  return CheckedMul(op.output(0)->element_count().value_or(0), weights.shape[1]).value_or(0);
}

}  // namespace

extern const OpRoom kFullyConnectedRoom;
const OpRoom kFullyConnectedRoom{
    .name = "fully_connected",
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
