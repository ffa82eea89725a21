// SPDX-License-Identifier: Apache-2.0
#include "schema/quantization.h"

#include <cmath>

namespace npu {

QuantizedMultiplier QuantizeMultiplier(double real_multiplier) {
  if (!(real_multiplier > 0.0) || !std::isfinite(real_multiplier)) return {0, 0};
  int shift = 0;
  const double fraction = std::frexp(real_multiplier, &shift);  // in [0.5, 1)
  auto fixed = static_cast<int64_t>(std::round(fraction * static_cast<double>(int64_t{1} << 31)));
  if (fixed == (int64_t{1} << 31)) {
    fixed /= 2;
    ++shift;
  }
  // A right shift of more than 31 leaves nothing; a left shift of more than 30 does not fit.
  if (shift < -31) return {0, 0};
  if (shift > 30) return {std::numeric_limits<int32_t>::max(), 30};
  return {static_cast<int32_t>(fixed), shift};
}

int32_t TypeMin(DataType type) {
  switch (type) {
    case DataType::kInt8: return -128;
    case DataType::kInt16: return -32768;
    default: return 0;
  }
}

int32_t TypeMax(DataType type) {
  switch (type) {
    case DataType::kInt8: return 127;
    case DataType::kInt16: return 32767;
    case DataType::kUInt8: return 255;
    default: return 0;
  }
}

bool HasQuantizedRange(Activation activation) {
  return activation == Activation::kNone || activation == Activation::kRelu ||
         activation == Activation::kReluN1To1 || activation == Activation::kRelu6 ||
         activation == Activation::kRelu0To1;
}

ActivationRange QuantizedActivationRange(Activation activation, const Tensor& output) {
  const int32_t type_min = TypeMin(output.type), type_max = TypeMax(output.type);
  // quantize(x) = zero_point + round(x / scale): in float, as TFLite does. Clamped before the conversion,
  // since a tiny scale makes the quotient larger than any integer.
  const auto quantize = [&](float real) {
    const float q = static_cast<float>(output.zero_point()) + std::round(real / output.scale());
    return static_cast<int32_t>(
        std::clamp(q, static_cast<float>(type_min), static_cast<float>(type_max)));
  };
  switch (activation) {
    case Activation::kRelu: return {quantize(0.0f), type_max};
    case Activation::kRelu6: return {quantize(0.0f), quantize(6.0f)};
    case Activation::kReluN1To1: return {quantize(-1.0f), quantize(1.0f)};
    case Activation::kRelu0To1: return {quantize(0.0f), quantize(1.0f)};
    default: return {type_min, type_max};
  }
}

}  // namespace npu
