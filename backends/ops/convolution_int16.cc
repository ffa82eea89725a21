// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/convolution_int16.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "backends/ops/int16_arithmetic.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

// |activation * weight|, at most.
constexpr int64_t kMaxProduct = int64_t{1} << 22;

// The input position that tap k brings to output position o; -1: none.
int64_t Source(const TapAxis& axis, int64_t o, int64_t k) {
  const int64_t at = o * axis.up + axis.offset + k * axis.step;
  if (at < 0 || at % axis.down != 0 || at / axis.down >= axis.input) return -1;
  return at / axis.down;
}

std::vector<WideMultiplier> WideMultipliers(const Int16Convolution& conv) {
  std::vector<WideMultiplier> multipliers;
  for (double scale :
       OutputScales(conv.input, conv.weights, conv.output, conv.channels, ScaleProduct::kDouble)) {
    multipliers.push_back(ReduceMultiplier(QuantizeMultiplier(scale)));
  }
  return multipliers;
}

}  // namespace

TapAxis ForwardTaps(const WindowAxis& axis) {
  return {.input = axis.input,
          .filter = axis.filter,
          .output = axis.output,
          .up = axis.stride,
          .offset = -axis.pad_before,
          .step = axis.dilation,
          .down = 1};
}

void CheckInt16Sums(const OpView& op, int64_t products, Verdict& verdict) {
  const Tensor *input = op.input(0), *weights = op.input(1), *bias = op.input(2), *output = op.output(0);
  if (products > kMaxWideAccumulator / kMaxProduct / 2) {
    verdict.Add(ReasonCode::kUnsupportedOperandSize, "products per output", std::to_string(products),
                fmt::format("at most {}", kMaxWideAccumulator / kMaxProduct / 2));
  }
  const bool bias_known = bias != nullptr && bias->is_constant() &&
                          bias->byte_size() == static_cast<int64_t>(bias->data.bytes.size()) &&
                          bias->type == DataType::kInt64;
  for (const int64_t value : bias_known
                                 ? WideBiasValues(bias, static_cast<int>(bias->element_count().value_or(0)))
                                 : std::vector<int64_t>{}) {
    if (value >= -kMaxWideAccumulator / 2 && value <= kMaxWideAccumulator / 2) continue;
    verdict.Add(ReasonCode::kUnsupportedOperandValue, "input 2 (bias)", std::to_string(value),
                "-2^46 to 2^46 (LiteRT's arithmetic is defined for accumulators below 2^47)");
    break;  // one example is enough
  }
  if (input == nullptr || weights == nullptr || output == nullptr || input->quantization.empty() ||
      output->quantization.empty()) {
    return;
  }
  const int scales = static_cast<int>(weights->quantization.scale.size());
  for (double scale : OutputScales(*input, *weights, *output, scales, ScaleProduct::kDouble)) {
    if (QuantizeMultiplier(scale).shift <= 7) continue;
    verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "input scale * weights scale / output scale",
                fmt::format("{}", scale), fmt::format("below {}", kMaxWideScale));
    break;
  }
}

std::vector<int64_t> WideBiasValues(const Tensor* bias, int channels) {
  std::vector<int64_t> values(channels, 0);
  if (bias == nullptr || channels == 0) return values;
  if (bias->type == DataType::kInt64) {
    std::memcpy(values.data(), bias->data.bytes.data(), channels * sizeof(int64_t));
  } else {
    const std::vector<int32_t> narrow = BiasValues(bias, channels);
    std::copy(narrow.begin(), narrow.end(), values.begin());
  }
  return values;
}

void ConvolveInt16(const Int16Convolution& conv, const int16_t* in, const int8_t* weights, int16_t* out) {
  const TapAxis &rows = conv.rows, &columns = conv.columns;
  const int64_t depth = conv.input.shape[3];
  const std::vector<int64_t> bias = WideBiasValues(conv.bias, conv.channels);
  const std::vector<WideMultiplier> multipliers = WideMultipliers(conv);
  for (int64_t batch = 0; batch < conv.input.shape[0]; ++batch) {
    for (int64_t y = 0; y < rows.output; ++y) {
      for (int64_t x = 0; x < columns.output; ++x) {
        for (int64_t n = 0; n < conv.channels; ++n) {
          int64_t acc = bias[n];
          const int64_t first = n / conv.group_channels * conv.group_depth;
          for (int64_t ky = 0; ky < rows.filter; ++ky) {
            const int64_t in_y = Source(rows, y, ky);
            if (in_y < 0) continue;
            for (int64_t kx = 0; kx < columns.filter; ++kx) {
              const int64_t in_x = Source(columns, x, kx);
              if (in_x < 0) continue;
              const int16_t* pixel =
                  in + ((batch * rows.input + in_y) * columns.input + in_x) * depth + first;
              const int8_t* tap =
                  weights + n * conv.channel_step + (ky * columns.filter + kx) * conv.tap_step;
              for (int64_t c = 0; c < conv.group_depth; ++c) acc += int64_t{pixel[c]} * tap[c];
            }
          }
          *out++ = static_cast<int16_t>(
              std::clamp(MultiplyWide(acc, multipliers[n]), conv.range.min, conv.range.max));
        }
      }
    }
  }
}

void LowerInt16Convolution(const Int16Convolution& conv, TensorArg input, TensorArg output,
                           Lowering& lowering) {
  std::vector<int32_t> multipliers;
  for (const WideMultiplier& m : WideMultipliers(conv)) {
    multipliers.push_back(m.multiplier);
    multipliers.push_back(m.shift);
  }
  const TapAxis &rows = conv.rows, &columns = conv.columns;
  std::vector<KernelArg> args = {input, output, lowering.AddConstant(conv.weights.data.bytes),
                                 lowering.AddConstant(WideBiasValues(conv.bias, conv.channels)),
                                 lowering.AddConstant(multipliers)};
  for (const TapAxis* axis : {&rows, &columns}) {
    for (int32_t value :
         {axis->input, axis->filter, axis->output, axis->up, axis->offset, axis->step, axis->down}) {
      args.emplace_back(value);
    }
  }
  for (int32_t value : {conv.input.shape[0], conv.input.shape[3], conv.group_depth, conv.group_channels,
                        conv.channels, conv.channel_step, conv.tap_step, conv.range.min, conv.range.max}) {
    args.emplace_back(value);
  }
  lowering.Launch("convolution_int16",
                  {static_cast<size_t>(conv.channels), static_cast<size_t>(columns.output),
                   static_cast<size_t>(rows.output) * conv.input.shape[0]},
                  std::move(args));
}

}  // namespace npu
