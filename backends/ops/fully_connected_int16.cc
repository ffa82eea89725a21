// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/fully_connected_int16.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "backends/ops/convolution_int16.h"
#include "backends/ops/int16_arithmetic.h"
#include "schema/quantization.h"

namespace npu {
namespace {

constexpr double kMaxRounded = 1 << 30;  // npu_round_scaled of kernels/requantize.h has the same
constexpr int kMantissaBits = 53;
// acc * 2^(53 - 102) is below 1/2 for every |acc| <= 2^47.
constexpr int kMaxShift = 102;

struct FullyConnected {
  explicit FullyConnected(const OpView& op)
      : weights(*op.input(1)),
        channels(weights.shape[0]),
        depth(weights.shape[1]),
        rows(static_cast<int32_t>(*op.input(0)->element_count() / depth)),
        narrow(op.input(2) != nullptr && op.input(2)->type == DataType::kInt32),
        bias(WideBiasValues(op.input(2), channels)),
        scales(OutputScales(*op.input(0), weights, *op.output(0), channels, ScaleProduct::kDouble)),
        range(QuantizedActivationRange(op.op.as<FullyConnectedParams>().activation, *op.output(0))) {}

  const Tensor& weights;
  int32_t channels, depth, rows;
  bool narrow;  // accumulators wrap at 32 bits
  std::vector<int64_t> bias;
  std::vector<double> scales;
  ActivationRange range;
};

// scale = mantissa * 2^-shift, as npu_round_scaled takes it. A scale that no accumulator survives becomes 0.
struct ScaledMantissa {
  uint64_t mantissa = 0;
  int32_t shift = kMaxShift;
};

ScaledMantissa SplitScale(double scale) {
  int exponent = 0;
  const double fraction = std::frexp(scale, &exponent);
  const int shift = kMantissaBits - exponent;
  if (shift > kMaxShift) return {};
  return {static_cast<uint64_t>(std::ldexp(fraction, kMantissaBits)), shift};
}

}  // namespace

Status ComputeFullyConnectedInt16(const ReferenceArgs& args) {
  const FullyConnected fc(args.view);
  const bool single = args.options.fc_rounding == FcRounding::kSingle;
  const auto* in = args.in<int16_t>(0);
  const auto* weights = args.in<int8_t>(1);
  auto* out = args.out<int16_t>(0);
  for (int64_t row = 0; row < fc.rows; ++row) {
    for (int64_t n = 0; n < fc.channels; ++n) {
      int64_t acc = fc.bias[n];
      for (int64_t k = 0; k < fc.depth; ++k) {
        acc += int64_t{in[row * fc.depth + k]} * weights[n * fc.depth + k];
      }
      if (fc.narrow) acc = static_cast<int32_t>(static_cast<uint32_t>(static_cast<uint64_t>(acc)));
      const double rounded = std::round(static_cast<double>(acc) * fc.scales[n]);
      const int32_t scaled = single ? static_cast<int32_t>(std::clamp(rounded, -kMaxRounded, kMaxRounded))
                                    : MultiplyWide(acc, ReduceMultiplier(QuantizeMultiplier(fc.scales[n])));
      *out++ = static_cast<int16_t>(std::clamp(scaled, fc.range.min, fc.range.max));
    }
  }
  return {};
}

Status LowerFullyConnectedInt16(const OpView& op, const ComputeOptions& options, Lowering& lowering) {
  const FullyConnected fc(op);
  const bool single = options.fc_rounding == FcRounding::kSingle;
  std::vector<uint64_t> multipliers;
  std::vector<int32_t> shifts;
  for (const double scale : fc.scales) {
    const ScaledMantissa split = SplitScale(scale);
    const WideMultiplier wide = ReduceMultiplier(QuantizeMultiplier(scale));
    multipliers.push_back(single ? split.mantissa : static_cast<uint64_t>(wide.multiplier));
    shifts.push_back(single ? split.shift : wide.shift);
  }
  lowering.Launch(
      "fully_connected_int16", {static_cast<size_t>(fc.channels), static_cast<size_t>(fc.rows), 1},
      {TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, lowering.AddConstant(fc.weights.data.bytes),
       lowering.AddConstant(fc.bias), lowering.AddConstant(multipliers), lowering.AddConstant(shifts),
       fc.rows, fc.depth, fc.channels, single ? 0 : 1, fc.narrow ? 1 : 0, fc.range.min, fc.range.max});
  return {};
}

}  // namespace npu
