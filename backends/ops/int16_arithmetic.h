// The arithmetic that 16-bit activations (INT16, zero point 0) add to schema/quantization.h: rescaling of
// 64-bit accumulators with a 16-bit multiplier, and functions given by 513 points with straight lines between
// them. Everything here repeats LiteRT 2.3 BUILTIN_REF bit for bit (kernels/internal/common.h); what it does
// for INT16 with 32-bit accumulators is MultiplyByQuantizedMultiplier, as for 8 bits. kernels/int16.h repeats
// what devices need.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "schema/quantization.h"

namespace npu {

// A multiplier for 64-bit accumulators: acc * multiplier * 2^-shift, rounded once, ties towards +inf.
struct WideMultiplier {
  int32_t multiplier = 0;  // in [2^14, 2^15), or 0
  int32_t shift = 15;      // in [8, 46]
};

// |accumulator| that WideMultiplier takes: the product then fits 62 bits.
inline constexpr int64_t kMaxWideAccumulator = int64_t{1} << 47;
// Largest real multiplier + 1 step: its left shift is 7 at most, as LiteRT asserts.
inline constexpr double kMaxWideScale = 128.0;

// The upper 16 bits of the 32-bit multiplier, rounded. m.shift <= 7.
inline WideMultiplier ReduceMultiplier(QuantizedMultiplier m) {
  const int32_t reduced = m.multiplier < 0x7FFF0000 ? (m.multiplier + (1 << 15)) >> 16 : 0x7FFF;
  return {reduced, 15 - m.shift};
}

// |acc| <= kMaxWideAccumulator. The result is taken modulo 2^32, as LiteRT takes it.
inline int32_t MultiplyWide(int64_t acc, WideMultiplier m) {
  const int64_t product = acc * m.multiplier + (int64_t{1} << (m.shift - 1));
  return static_cast<int32_t>(static_cast<uint32_t>(static_cast<uint64_t>(product >> m.shift)));
}

// A function of a 16-bit value: its values at -2^15, -2^15 + 2^7, ..., 2^15, adjusted so that the straight
// lines between them are at most half as far off in the middle.
inline constexpr int kInterpolationPoints = 513;
using InterpolationTable = std::array<int16_t, kInterpolationPoints>;

// Of function(double) over [input_min, input_max] (the reals of -2^15 and 2^15 - 1), scaled such that
// [output_min, output_max] are 2^16 steps.
template <typename Function>
InterpolationTable MakeInterpolationTable(double input_min, double input_max, double output_min,
                                          double output_max, Function function) {
  constexpr int kSteps = kInterpolationPoints - 1;
  const auto saturate = [](double x) { return static_cast<int16_t>(std::clamp(x, -32768.0, 32767.0)); };
  const double step = (input_max - input_min) / kSteps;
  const double inverse_output_scale = 65536.0 / (output_max - output_min);
  InterpolationTable table{};
  for (int i = 0; i < kSteps; ++i) {
    const double at = std::round(function(input_min + i * step) * inverse_output_scale);
    const double middle = std::round(function(input_min + i * step + step / 2) * inverse_output_scale);
    const double line = std::round((function(input_min + (i + 1) * step) * inverse_output_scale + at) / 2);
    table[i] = saturate(at - std::round((line - middle) / 2));
  }
  table[kSteps] = saturate(std::round(function(input_max) * inverse_output_scale));
  return table;
}

inline int16_t Interpolate(int16_t x, const InterpolationTable& table) {
  const int i = 256 + (x >> 7), offset = x & 127;
  const int32_t slope = table[i + 1] - table[i];
  return static_cast<int16_t>(table[i] + ((slope * offset + 64) >> 7));
}

}  // namespace npu
