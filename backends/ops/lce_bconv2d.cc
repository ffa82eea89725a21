// LceBconv2d: a 2-D convolution of signs by signs; what it computes is in lce_bconv2d.h.
//   input   [N, H, W, words]                 packed signs
//   filter  [O, KH, KW, words / groups]      packed signs
//   output  [N, H', W', O] FLOAT32 or INT8, or [N, H', W', words of O] packed signs
// The number of groups is nowhere but in the filter's last dimension.
// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/lce_bconv2d.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "backends/cpu/bconv2d_kernel.h"
#include "backends/ops/lce.h"
#include "backends/ops/rules.h"
#include "base/checked.h"
#include "schema/quantization.h"

namespace npu {
namespace {

constexpr int32_t kMaxStep = 32767;          // as CONV_2D
constexpr int32_t kMaxChannels = 1 << 24;    // far beyond any network, and a word count times 32 stays exact
constexpr int64_t kMaxWindowBits = 1 << 28;  // twice an accumulator, and zero padding, stay inside 32 bits

std::vector<float> Floats(const Tensor& tensor) {
  std::vector<float> values(tensor.data.bytes.size() / sizeof(float));
  std::memcpy(values.data(), tensor.data.bytes.data(), values.size() * sizeof(float));
  return values;
}

// What the fused activation leaves of the sum: LCE's, in whole numbers.
ActivationRange SumRange(Activation activation, int32_t k) {
  switch (activation) {
    case Activation::kRelu: return {0, k};
    case Activation::kReluN1To1: return {std::max(-1, -k), std::min(1, k)};
    case Activation::kRelu6: return {0, std::min(6, k)};
    default: return {-k, k};
  }
}

std::vector<int32_t> OutputShape(const BconvShape& shape, DataType type) {
  return {shape.batches, shape.rows.output, shape.columns.output,
          type == DataType::kInt32 ? PackedWords(shape.output_channels) : shape.output_channels};
}

}  // namespace

BconvOperands::BconvOperands(const OpView& op) {
  if (op.input_count() == 3) {
    thresholds = op.input(2);
    return;
  }
  multiplier = op.input(2);
  bias = op.input(3);
  thresholds = op.input(4);
}

std::optional<BconvShape> MakeBconvShape(const LceBconv2dParams& params, const Tensor& input, const Tensor& filter) {
  if (input.shape.size() != 4 || filter.shape.size() != 4 || params.channels_in < 1) return std::nullopt;
  const auto rows =
      MakeWindowAxis(params.padding, input.shape[1], filter.shape[1], params.stride_h, params.dilation_h);
  const auto columns =
      MakeWindowAxis(params.padding, input.shape[2], filter.shape[2], params.stride_w, params.dilation_w);
  const int32_t words = PackedWords(params.channels_in);
  if (!rows || !columns || input.shape[3] != words || filter.shape[3] < 1 || words % filter.shape[3] != 0) {
    return std::nullopt;
  }
  BconvShape shape{.batches = input.shape[0],
                   .rows = *rows,
                   .columns = *columns,
                   .input_words = words,
                   .group_words = filter.shape[3],
                   .groups = words / filter.shape[3],
                   .group_channels = params.channels_in,
                   .output_channels = filter.shape[0],
                   .zero_padding = params.padding == Padding::kSame && params.pad_values == 0};
  if (shape.groups > 1) {
    shape.group_channels = params.channels_in / shape.groups;
    if (params.channels_in % shape.groups != 0 || shape.group_channels % kSignsPerWord != 0 ||
        shape.output_channels % shape.groups != 0) {
      return std::nullopt;
    }
  }
  return shape;
}

BconvTransform::BconvTransform(const OpView& op, const BconvShape& shape) {
  const BconvOperands operands(op);
  const Tensor& output = *op.output(0);
  const auto k = static_cast<int32_t>(shape.window_channels());
  const ActivationRange range = SumRange(op.op.as<LceBconv2dParams>().activation, k);
  clamp_min = k - range.max;
  clamp_max = k - range.min;
  multiplier = Floats(*operands.multiplier);
  bias = Floats(*operands.bias);
  const bool quantized = output.type == DataType::kInt8;
  const double scale = quantized ? output.scale() : 1.0, zero_point = quantized ? output.zero_point() : 0.0;
  for (size_t i = 0; i < multiplier.size(); ++i) {
    const double post_multiplier = multiplier[i], post_bias = bias[i];
    multiplier[i] = static_cast<float>(-1 * post_multiplier / scale);
    bias[i] = static_cast<float>((post_bias + k * post_multiplier) / scale + zero_point);
  }
}

int8_t RoundToInt8(float y) {
  const float rounded = std::round(y);
  if (!(rounded > -128.0f)) return -128;
  return static_cast<int8_t>(std::min(rounded, 127.0f));
}

int8_t BconvTransform::Int8(int32_t two_accum, int32_t channel) const {
  return RoundToInt8(Float(two_accum, channel));
}

namespace {

Status Infer(Graph& graph, const Op& op) {
  const OpView view{graph, op};
  const Tensor *input = view.input(0), *filter = view.input(1), *output = view.output(0);
  if (input == nullptr || filter == nullptr || output == nullptr) {
    return Fail(ErrorCode::kInvalidModel, "input, filter or output is absent");
  }
  const auto& params = op.as<LceBconv2dParams>();
  const auto shape = MakeBconvShape(params, *input, *filter);
  if (!shape) {
    return Fail(ErrorCode::kInvalidModel,
                fmt::format("input {}, filter {}, \"channels_in\" {}, strides {}x{} and dilations {}x{} make no binary "
                            "convolution; expected rank 4, \"channels_in\" / 32 words in the input, as many or a whole "
                            "part of them in the filter, strides and dilations of at least 1",
                            ShapeString(*input), ShapeString(*filter), params.channels_in, params.stride_h,
                            params.stride_w, params.dilation_h, params.dilation_w));
  }
  const std::vector<int32_t> dims = OutputShape(*shape, output->type);
  graph.tensors[op.outputs[0]].shape = dims;
  graph.tensors[op.outputs[0]].shape_known = true;
  return {};
}

bool CheckParams(const LceBconv2dParams& params, Verdict& verdict) {
  bool ok = RequireRange("\"channels_in\"", params.channels_in, 1, kMaxChannels, verdict);
  ok = RequireRange("\"stride_height\"", params.stride_h, 1, kMaxStep, verdict) && ok;
  ok = RequireRange("\"stride_width\"", params.stride_w, 1, kMaxStep, verdict) && ok;
  ok = RequireRange("\"dilation_height_factor\"", params.dilation_h, 1, kMaxStep, verdict) && ok;
  ok = RequireRange("\"dilation_width_factor\"", params.dilation_w, 1, kMaxStep, verdict) && ok;
  ok = RequireRange("\"pad_values\"", params.pad_values, 0, 1, verdict) && ok;
  return RequireQuantizedActivation(params.activation, verdict) && ok;
}

// LCE's reference kernel counts half of the channels of a tap outside the image; its optimized ones correct the float
// that they have computed.
void CheckZeroPadding(const LceBconv2dParams& params, const Tensor& output, Verdict& verdict) {
  const bool plain = output.type == DataType::kFloat32 && params.activation == Activation::kNone;
  if (params.padding != Padding::kSame || params.pad_values != 0 || params.channels_in % 2 == 0 || plain) return;
  verdict.Add(ReasonCode::kInvalidArgument, "\"channels_in\" of a zero-padded convolution",
              std::to_string(params.channels_in),
              "an even number, or FLOAT32 output without a fused activation, or \"pad_values\" 1");
}

void RequirePerChannel(const Tensor* tensor, std::string_view role, DataType type, int32_t channels,
                       Verdict& verdict) {
  if (tensor == nullptr) {
    verdict.Add(ReasonCode::kMissingRequiredOperand, std::string(role), "absent", "present");
  } else if (!tensor->is_constant()) {
    verdict.Add(ReasonCode::kOperandNotConstant, std::string(role), "computed at run time", "a constant of the model");
  } else if (tensor->type != type) {
    verdict.Add(ReasonCode::kUnsupportedInputType, fmt::format("{} element type", role),
                std::string(DataTypeName(tensor->type)), std::string(DataTypeName(type)));
  } else if (tensor->shape != std::vector<int32_t>{channels}) {
    verdict.Add(ReasonCode::kShapeMismatch, fmt::format("{} shape", role), ShapeString(*tensor),
                fmt::format("[{}]", channels));
  }
}

void CheckOnCpu(const OpView& op, Verdict& verdict) {
  const auto& params = op.op.as<LceBconv2dParams>();
  bool ok = RequireInputType(op, 0, "input", {DataType::kInt32}, verdict);
  ok = RequireInputType(op, 1, "filter", {DataType::kInt32}, verdict) && ok;
  ok = RequireOutputType(op, 0, {DataType::kFloat32, DataType::kInt8, DataType::kInt32}, verdict) && ok;
  ok = CheckParams(params, verdict) && ok;
  if (!ok || !RequireConstant(op, 1, "filter", verdict)) return;
  const Tensor &input = *op.input(0), &filter = *op.input(1), &output = *op.output(0);
  ok = RequireRank(input, "input 0", 4, 4, verdict);
  ok = RequireRank(filter, "input 1 (filter)", 4, 4, verdict) && ok;
  ok = RequireNonEmpty(input, "input 0", verdict) && ok;
  ok = RequireNonEmpty(filter, "input 1 (filter)", verdict) && ok;
  if (!ok) return;
  const auto shape = MakeBconvShape(params, input, filter);
  if (!shape) {
    verdict.Add(ReasonCode::kShapeMismatch, "\"channels_in\", input and filter shapes",
                fmt::format("{}, {} and {}", params.channels_in, ShapeString(input), ShapeString(filter)),
                fmt::format("[., ., ., {}] and [O, ., ., the same or, with groups, a whole part of it]; groups of a "
                            "multiple of 32 channels that divide O",
                            PackedWords(params.channels_in)));
    return;
  }
  if (!RequireRange("bits in one window", shape->window_words() * kSignsPerWord, 1, kMaxWindowBits, verdict)) return;
  if (output.shape != OutputShape(*shape, output.type)) {
    verdict.Add(ReasonCode::kShapeMismatch, "output 0 shape", ShapeString(output),
                ShapeString(OutputShape(*shape, output.type)));
  }
  RequireNonEmpty(output, "output 0", verdict);
  CheckZeroPadding(params, output, verdict);
  if (output.type == DataType::kInt8) RequirePerTensor(output, "output 0", verdict);
  const BconvOperands operands(op);
  if (output.type == DataType::kInt32) {
    RequirePerChannel(operands.thresholds, "thresholds", DataType::kInt32, shape->output_channels, verdict);
  } else {
    RequirePerChannel(operands.multiplier, "post-multiplier", DataType::kFloat32, shape->output_channels, verdict);
    RequirePerChannel(operands.bias, "post-bias", DataType::kFloat32, shape->output_channels, verdict);
  }
}

void Check(const OpView& op, Verdict& verdict) {
  CheckOnCpu(op, verdict);
  RefuseBinaryOnNpu(op, verdict);
}

// 2 * accum of one output, zero padding included.
int32_t TwoAccum(const BconvShape& s, const uint32_t* image, const uint32_t* filter, int64_t y, int64_t x,
                 int64_t first_word) {
  int32_t ones = 0, outside = 0;
  for (int64_t ky = 0; ky < s.rows.filter; ++ky) {
    for (int64_t kx = 0; kx < s.columns.filter; ++kx, filter += s.group_words) {
      const int64_t in_y = y * s.rows.stride - s.rows.pad_before + ky * s.rows.dilation;
      const int64_t in_x = x * s.columns.stride - s.columns.pad_before + kx * s.columns.dilation;
      const bool inside = in_y >= 0 && in_y < s.rows.input && in_x >= 0 && in_x < s.columns.input;
      if (!inside && s.zero_padding) {
        ++outside;
        continue;
      }
      const uint32_t* pixel = inside ? image + (in_y * s.columns.input + in_x) * s.input_words + first_word : nullptr;
      for (int32_t w = 0; w < s.group_words; ++w) ones += std::popcount(filter[w] ^ (inside ? pixel[w] : 0u));
    }
  }
  return 2 * ones + outside * s.group_channels;
}

Status Reference(const ReferenceArgs& args) {
  const OpView& op = args.view;
  const auto shape = MakeBconvShape(op.op.as<LceBconv2dParams>(), *op.input(0), *op.input(1));
  if (!shape) return Fail(ErrorCode::kInternal, "LceBconv2d was run with shapes that do not fit together");
  const BconvShape& s = *shape;
  const DataType type = op.output(0)->type;
  const std::optional<BconvTransform> transform =
      type == DataType::kInt32 ? std::nullopt : std::optional<BconvTransform>(std::in_place, op, s);
  std::vector<int32_t> thresholds;
  if (type == DataType::kInt32) thresholds = *ConstantInts(*BconvOperands(op).thresholds);
  const int64_t pixels_in = int64_t{s.rows.input} * s.columns.input, pixels_out = int64_t{s.rows.output} * s.columns.output;
  for (int64_t pixel = 0; pixel < s.batches * pixels_out; ++pixel) {
    const uint32_t* image = args.in<uint32_t>(0) + pixel / pixels_out * pixels_in * s.input_words;
    const int64_t y = pixel % pixels_out / s.columns.output, x = pixel % s.columns.output;
    uint32_t* packed = args.out<uint32_t>(0) + pixel * PackedWords(s.output_channels);
    if (type == DataType::kInt32) std::fill_n(packed, PackedWords(s.output_channels), 0u);
    for (int32_t o = 0; o < s.output_channels; ++o) {
      const int64_t group = o / s.group_outputs();
      const int32_t two_accum = TwoAccum(s, image, args.in<uint32_t>(1) + o * s.window_words(), y, x,
                                         group * s.group_words);
      const int64_t index = pixel * s.output_channels + o;
      if (type == DataType::kFloat32) {
        args.out<float>(0)[index] = transform->Float(two_accum, o);
      } else if (type == DataType::kInt8) {
        args.out<int8_t>(0)[index] = transform->Int8(two_accum, o);
      } else {
        packed[o / kSignsPerWord] |= uint32_t{two_accum / 2 > thresholds[o]} << (o % kSignsPerWord);
      }
    }
  }
  return {};
}

int64_t BconvMacs(const OpView& op) {
  const auto shape = MakeBconvShape(op.op.as<LceBconv2dParams>(), *op.input(0), *op.input(1));
  if (!shape) return 0;
  const auto outputs = CheckedElementCount(OutputShape(*shape, DataType::kFloat32));
  return outputs ? CheckedMul(*outputs, shape->window_channels()).value_or(std::numeric_limits<int64_t>::max()) : 0;
}

constexpr std::string_view kRules[] = {
    "delegate-cpu only",
    "input and filter INT32 (packed signs) of rank 4; the filter is constant",
    "output FLOAT32, INT8 (one scale and zero point) or INT32 (packed signs)",
    "\"channels_in\" 1 to 2^24, strides and dilations 1 to 32767, \"pad_values\" 0 or 1",
    "groups: input channels / filter channels; each a multiple of 32 channels, the number of outputs a multiple of "
    "their number",
    "at most 2^28 bits in one window",
    "zero padding (SAME with \"pad_values\" 0): an even number of channels, or FLOAT32 output without activation",
    "FLOAT32 and INT8 outputs: post-multiplier and post-bias, constant FLOAT32, one for each output channel",
    "packed outputs: thresholds, constant INT32, one for each output channel",
    "operands that do not apply are -1, or left out",
    "fused activation NONE, RELU, RELU_N1_TO_1 or RELU6",
};

}  // namespace

extern const OpRoom kLceBconv2dRoom;
const OpRoom kLceBconv2dRoom{
    .name = "lce_bconv2d",
    .infer = Infer,
    .check = Check,
    .check_cpu = CheckOnCpu,
    .reference = Reference,
    .lower = nullptr,
    .compile_cpu = MakeBconv2dKernel,
    .macs = BconvMacs,
    .min_inputs = 3,
    .max_inputs = 5,
    .rules = kRules,
};

}  // namespace npu
