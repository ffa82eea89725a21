// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/convolution.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backends/ops/rules.h"

namespace npu {
namespace {

// TFLite's bound on how far a bias may be off, in output steps per bias step.
constexpr double kBiasScaleTolerance = 0.02;

// a, b >= 1.
int32_t CeilDiv(int32_t a, int32_t b) { return (a - 1) / b + 1; }

void CheckWeightQuantization(const OpView& op, const WeightRules& rules, Verdict& verdict) {
  const Tensor& weights = *op.input(1);
  const Quantization& q = weights.quantization;
  const bool per_channel_allowed = weights.type != DataType::kUInt8;
  const auto dimension = static_cast<size_t>(rules.channel_dimension);
  if (q.empty() || (!q.per_tensor() && !per_channel_allowed)) {
    verdict.Add(ReasonCode::kUnsupportedQuantizationType, "input 1 (weights) quantization",
                q.empty() ? "not quantized" : fmt::format("{} scales", q.scale.size()),
                per_channel_allowed ? "one scale, or one per output channel" : "one scale (UINT8)");
    return;
  }
  if (!q.per_tensor()) {
    const int channels = dimension < weights.shape.size() ? weights.shape[dimension] : 0;
    if (q.quantized_dimension != rules.channel_dimension || static_cast<int>(q.scale.size()) != channels) {
      verdict.Add(ReasonCode::kUnsupportedQuantizationType, "input 1 (weights) quantization",
                  fmt::format("{} scales along dimension {}", q.scale.size(), q.quantized_dimension),
                  fmt::format("one scale, or {} along dimension {}", channels, rules.channel_dimension));
    }
  }
  const bool zero_point_allowed =
      q.per_tensor() && (weights.type == DataType::kUInt8 ||
                         (weights.type == DataType::kInt8 && rules.int8_zero_point && !IsInt16(op)));
  const auto nonzero =
      std::find_if(q.zero_point.begin(), q.zero_point.end(), [](int64_t z) { return z != 0; });
  if (nonzero != q.zero_point.end() && !zero_point_allowed) {
    verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "input 1 (weights) zero point",
                std::to_string(*nonzero), "0");
  }
}

void CheckBias(const OpView& op, const WeightRules& rules, Verdict& verdict) {
  const Tensor& bias = *op.input(2);
  if (IsInt16(op)) {
    RequireInputType(op, 2, "bias", {DataType::kInt64, DataType::kInt32}, verdict);
  } else {
    RequireInputType(op, 2, "bias", {DataType::kInt32}, verdict);
  }
  RequireConstant(op, 2, "bias", verdict);
  const auto& zero_points = bias.quantization.zero_point;
  const auto nonzero = std::find_if(zero_points.begin(), zero_points.end(), [](int64_t z) { return z != 0; });
  if (nonzero != zero_points.end()) {
    verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "input 2 (bias) zero point",
                std::to_string(*nonzero), "0");
  }
  const Tensor* weights = op.input(1);
  const auto dimension = static_cast<size_t>(rules.channel_dimension);
  if (weights == nullptr || dimension >= weights->shape.size()) return;
  const auto count = bias.element_count();
  if (!count || *count != weights->shape[dimension]) {
    verdict.Add(ReasonCode::kShapeMismatch, "input 2 (bias) shape", ShapeString(bias),
                fmt::format("[{}], one per output channel", weights->shape[dimension]));
  }
  const Tensor *input = op.input(0), *output = op.output(0);
  if (!rules.bias_scale_checked || input == nullptr || output == nullptr ||
      !input->quantization.per_tensor() || !output->quantization.per_tensor() ||
      !weights->quantization.per_tensor()) {
    return;
  }
  const double product = static_cast<double>(input->scale()) * static_cast<double>(weights->scale());
  const double difference = std::abs(product - static_cast<double>(bias.scale()));
  if (!(difference / static_cast<double>(output->scale()) <= kBiasScaleTolerance)) {
    verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "input 2 (bias) scale",
                fmt::format("{}", bias.scale()),
                fmt::format("input scale * weights scale = {}, to {} of the output scale", product,
                            kBiasScaleTolerance));
  }
}

// Weights whose difference from the zero point INT8 does not hold.
size_t CountOutliers(const PackingInput& in, const uint8_t* rows, int32_t stored_zero_point) {
  const int flip = in.weights.type == DataType::kUInt8 ? 0x80 : 0;
  size_t count = 0;
  for (int64_t i = 0; i < int64_t{in.groups} * in.group_channels * in.row_length; ++i) {
    const int32_t weight = static_cast<int8_t>(rows[i] ^ flip) - stored_zero_point;
    if (weight < INT8_MIN || weight > INT8_MAX) ++count;
  }
  return count;
}

// Copies a word of weights, flips its sign bits if `flip` has them, and returns their sum modulo 2^32.
uint32_t PackWord(const uint8_t* from, uint32_t flip, int8_t* to) {
  uint32_t word;
  std::memcpy(&word, from, sizeof(word));
  word ^= flip;
  std::memcpy(to, &word, sizeof(word));
  // Two sums of two bytes each, every byte as b + 128: no carry leaves its half.
  const uint32_t shifted = word ^ 0x80808080u;
  const uint32_t halves = (shifted & 0x00ff00ffu) + ((shifted >> 8) & 0x00ff00ffu);
  return (halves & 0xffffu) + (halves >> 16) - 4 * 128;
}

}  // namespace

void CheckWeightsAndBias(const OpView& op, const WeightRules& rules, Verdict& verdict) {
  if (op.input(1) != nullptr) {
    const Tensor* input = op.input(0);
    using enum DataType;
    const bool typed = IsInt16(op)  ? RequireInputType(op, 1, "weights", {kInt8}, verdict)
                       : rules.int2 ? RequireInputType(op, 1, "weights", {kInt8, kUInt8, kInt4, kInt2}, verdict)
                       : rules.int4 ? RequireInputType(op, 1, "weights", {kInt8, kUInt8, kInt4}, verdict)
                                    : RequireInputType(op, 1, "weights", {kInt8, kUInt8}, verdict);
    const DataType computed = typed && DataTypeBits(op.input(1)->type) < 8 ? kInt8 : op.input(1)->type;
    if (typed && input != nullptr && Is8Bit(input->type) && input->type != computed) {
      verdict.Add(ReasonCode::kUnsupportedInputType, "input 1 (weights) element type",
                  std::string(DataTypeName(op.input(1)->type)),
                  fmt::format("{}, as input 0", DataTypeName(input->type)));
    }
    if (!rules.computed || IsInt16(op) || op.input(1)->is_constant() || (typed && !Is8Bit(op.input(1)->type))) {
      RequireConstant(op, 1, "weights", verdict);
    }
    if (typed) CheckWeightQuantization(op, rules, verdict);
  }
  if (op.input(2) != nullptr) CheckBias(op, rules, verdict);
}

std::vector<double> OutputScales(const Tensor& input, const Tensor& weights, const Tensor& output,
                                 int channels, ScaleProduct product) {
  const std::vector<float>& scales = weights.quantization.scale;
  std::vector<double> result(channels);
  for (int c = 0; c < channels; ++c) {
    const float weight_scale = scales.size() == 1 ? scales[0] : scales[c];
    const double in_times_weight =
        product == ScaleProduct::kFloat
            ? static_cast<double>(input.scale() * weight_scale)
            : static_cast<double>(input.scale()) * static_cast<double>(weight_scale);
    result[c] = in_times_weight / static_cast<double>(output.scale());
  }
  return result;
}

std::vector<QuantizedMultiplier> QuantizeMultipliers(std::span<const double> scales) {
  std::vector<QuantizedMultiplier> multipliers;
  multipliers.reserve(scales.size());
  for (double scale : scales) multipliers.push_back(QuantizeMultiplier(scale));
  return multipliers;
}

WeightBytes::WeightBytes(const Tensor& weights, const std::byte* bytes) : bytes_(bytes) {
  const int bits = DataTypeBits(weights.type);
  if (bits == 0 || bits >= 8) return;
  widened_.resize(weights.element_count().value_or(0));
  const int per_byte = 8 / bits;
  for (size_t i = 0; i < widened_.size(); ++i) {
    const auto place = static_cast<int>(i % per_byte);
    // To the top of a byte, whose sign bit is then the element's, and down again.
    const auto top = static_cast<int8_t>(bytes[i / per_byte] << (8 - bits * (place + 1)));
    widened_[i] = static_cast<std::byte>(top >> (8 - bits));
  }
}

std::vector<int32_t> BiasValues(const Tensor* bias, int channels) {
  std::vector<int32_t> values(channels, 0);
  if (bias != nullptr && channels > 0) {
    std::memcpy(values.data(), bias->data.bytes.data(), channels * sizeof(int32_t));
  }
  return values;
}

RescaleForm RescaleFormOf(std::span<const QuantizedMultiplier> multipliers, const Tensor& output,
                          const ActivationRange& range) {
  constexpr int kMaxShortShift = 20, kMaxLongShift = 31;
  int largest = 1;
  for (const QuantizedMultiplier& m : multipliers) {
    if (m.multiplier == 0) continue;
    if (m.shift > -1 || m.shift < -kMaxLongShift) return RescaleForm::kGeneral;
    largest = std::max(largest, -m.shift);
  }
  if (largest > kMaxShortShift) return RescaleForm::kLong;
  return range.min >= output.zero_point() ? RescaleForm::kClamped : RescaleForm::kShort;
}

PackedWeights PackWeights(const PackingInput& in) {
  PackedWeights packed;
  const bool is_unsigned = in.weights.type == DataType::kUInt8;
  const WeightBytes bytes(in.weights, in.weights.data.bytes.data());
  const auto* rows = bytes.as<uint8_t>();
  const int32_t words = std::max(CeilDiv(in.length, kWordBytes), in.words);
  const size_t segment_bytes = static_cast<size_t>(words) * kBlockChannels * kWordBytes;
  packed.blocks = CeilDiv(in.group_channels, kBlockChannels);
  packed.zero_point = in.weights.zero_point() - (is_unsigned ? 128 : 0);
  for (const WeightRun& segment : in.segments) packed.segment_offsets.push_back(segment.input_offset);
  packed.tiles.assign(segment_bytes * in.segments.size() * packed.blocks * in.groups, 0);
  packed.channel_constants.assign(size_t{3} * kBlockChannels * packed.blocks * in.groups, 0);

  const BlockStrips strips(packed.blocks, in.strip_blocks);
  std::vector<int32_t> strip_of;
  for (int32_t strip = 0; strip < strips.strips; ++strip)
    strip_of.insert(strip_of.end(), strips.count(strip), strip);

  const int32_t stored_zero_point = packed.zero_point;
  if (packed.zero_point != 0 && in.most_outliers > 0 && CountOutliers(in, rows, stored_zero_point) <= in.most_outliers) {
    packed.zero_point = 0;
  }
  const int32_t subtracted = packed.zero_point == 0 ? stored_zero_point : 0;
  const uint32_t flip = is_unsigned ? 0x80808080u : 0;
  // n * zx * zw', modulo 2^32 as every sum here: the kernels' accumulators wrap alike.
  const auto zx = static_cast<uint32_t>(in.input_zero_point);
  const auto zw = static_cast<uint32_t>(packed.zero_point);
  const uint32_t constant =
      static_cast<uint32_t>(in.segments.size()) * static_cast<uint32_t>(in.length) * zx * zw;
  for (int32_t channel = 0; channel < in.groups * in.group_channels; ++channel) {
    const int32_t group = channel / in.group_channels, lane_in_group = channel % in.group_channels;
    const size_t block = static_cast<size_t>(group) * packed.blocks + lane_in_group / kBlockChannels;
    const int32_t lane = lane_in_group % kBlockChannels;
    const uint8_t* row = rows + static_cast<size_t>(channel) * in.row_length;
    uint32_t sum = 0;
    const int32_t strip = strip_of[lane_in_group / kBlockChannels];
    const size_t first = static_cast<size_t>(group) * packed.blocks + strips.first(strip);
    const size_t word_bytes = static_cast<size_t>(strips.count(strip)) * kBlockChannels * kWordBytes;
    int8_t* tile = packed.tiles.data() + first * in.segments.size() * segment_bytes +
                   (block - first) * kBlockChannels * kWordBytes + lane * kWordBytes;
    for (size_t s = 0; s < in.segments.size(); ++s) {
      const uint8_t* from = row + in.segments[s].weight_offset;
      int8_t* to = tile + s * words * word_bytes;
      // Nothing to subtract, as in nearly all networks: weights are packed as they are, by whole words.
      int32_t k = 0;
      for (; subtracted == 0 && k + kWordBytes <= in.length; k += kWordBytes) {
        sum += PackWord(from + k, flip, to + k / kWordBytes * word_bytes);
      }
      for (; k < in.length; ++k) {
        const int32_t weight = static_cast<int8_t>(is_unsigned ? from[k] ^ 0x80 : from[k]) - subtracted;
        const int32_t kept = std::clamp<int32_t>(weight, INT8_MIN, INT8_MAX);
        to[k / kWordBytes * word_bytes + k % kWordBytes] = static_cast<int8_t>(kept);
        sum += static_cast<uint32_t>(weight);
        if (kept != weight) packed.outliers.push_back({channel, static_cast<int32_t>(s), k, weight - kept});
      }
    }
    int32_t* constants = packed.channel_constants.data() + block * 3 * kBlockChannels + lane;
    constants[0] = static_cast<int32_t>(static_cast<uint32_t>(in.bias[channel]) - zx * sum + constant);
    constants[kBlockChannels] = in.multipliers[channel].multiplier;
    constants[2 * kBlockChannels] = in.multipliers[channel].shift;
  }
  return packed;
}

WeightArgs LowerWeights(const PackingInput& in, int weights_tensor, Lowering& lowering) {
  if (in.weights.is_constant()) {
    const PackedWeights packed = PackWeights(in);
    return {lowering.AddConstant(packed.tiles), lowering.AddConstant(packed.channel_constants),
            packed.segment_offsets, packed.blocks, packed.zero_point, packed.outliers};
  }
  // Weights of 0 (w' of the header) leave what the kernel starts from: the sums that weights have no part in.
  Tensor zeros = in.weights;
  const std::vector<std::byte> bytes(zeros.byte_size().value_or(0),
                                     zeros.type == DataType::kUInt8 ? std::byte{128} : std::byte{0});
  zeros.data.bytes = bytes;
  PackingInput without = {.weights = zeros,
                          .bias = in.bias,
                          .multipliers = in.multipliers,
                          .segments = in.segments,
                          .groups = in.groups,
                          .group_channels = in.group_channels,
                          .row_length = in.row_length,
                          .length = in.length,
                          .input_zero_point = in.input_zero_point,
                          .strip_blocks = in.strip_blocks};
  const PackedWeights packed = PackWeights(without);
  std::vector<int32_t> run_offsets;
  for (const WeightRun& run : in.segments) run_offsets.push_back(run.weight_offset);
  const ScratchArg tiles = lowering.AddScratch(static_cast<int64_t>(packed.tiles.size()));
  const ScratchArg constants =
      lowering.AddScratch(static_cast<int64_t>(packed.channel_constants.size() * sizeof(int32_t)));
  lowering.Launch("npu_pack_weights",
                  {static_cast<size_t>(packed.blocks) * kBlockChannels, static_cast<size_t>(in.groups), 1},
                  {TensorArg{weights_tensor}, lowering.AddConstant(packed.channel_constants),
                   lowering.AddConstant(run_offsets), tiles, constants,
                   static_cast<int32_t>(run_offsets.size()), in.length, in.row_length, in.groups,
                   in.group_channels, packed.blocks, in.strip_blocks, in.input_zero_point});
  return {tiles, constants, packed.segment_offsets, packed.blocks, packed.zero_point};
}

}  // namespace npu
