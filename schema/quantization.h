// The integer arithmetic of quantized networks: how a real multiplier becomes (int32, shift), and how
// an accumulator is rescaled and rounded. This is the one home of those derivations; the CPU reference
// calls these functions and the OpenCL kernels repeat the rescaling (kernels/requantize.h).
//
// real = scale * (q - zero_point). A layer needs  q_out = zp_out + round(acc * M),  M = s_in*s_w/s_out.
// M is stored as  multiplier * 2^(shift - 31),  multiplier in [2^30, 2^31)  (QuantizeMultiplier).
// Double rounding (TFLite's builtin kernels, gemmlowp): a rounding doubling high multiply, whose result
// is then rounded again by a power of two. FULLY_CONNECTED in LiteRT 2.3 alone rounds once, in double
// precision: its room (backends/ops/fully_connected.cc) derives the integers of that.
// Source: TFLite quantization specification; LiteRT 2.3 kernels measured bit for bit.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "schema/graph.h"

namespace npu {

struct QuantizedMultiplier {
  int32_t multiplier = 0;  // Q0.31 in [2^30, 2^31), or 0
  int32_t shift = 0;       // left shift; negative = right shift
};

// Splits a real multiplier >= 0. 0 -> {0, 0}; so small that shift < -31 -> {0, 0};
// shift > 30 saturates to {2^31 - 1, 30}, as TFLite does.
QuantizedMultiplier QuantizeMultiplier(double real_multiplier);

// round(a * b / 2^31), ties away from zero towards +inf on the doubled product (gemmlowp SRDHM);
// saturates the one overflow case a == b == INT32_MIN.
inline int32_t SaturatingRoundingDoublingHighMul(int32_t a, int32_t b) {
  if (a == b && a == std::numeric_limits<int32_t>::min()) return std::numeric_limits<int32_t>::max();
  const int64_t ab = static_cast<int64_t>(a) * b;
  const int32_t nudge = ab >= 0 ? (1 << 30) : (1 - (1 << 30));
  return static_cast<int32_t>((ab + nudge) / (int64_t{1} << 31));
}

// round(x / 2^exponent), ties away from zero. exponent in [0, 31].
inline int32_t RoundingDivideByPowerOfTwo(int32_t x, int exponent) {
  const int32_t mask = static_cast<int32_t>((int64_t{1} << exponent) - 1);
  const int32_t remainder = x & mask;
  const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

// x * 2^bits in 32 bits, wrapping (a left shift past the sign is what TFLite computes, too).
inline int32_t ShiftLeftWrapping(int32_t x, int bits) {
  return static_cast<int32_t>(static_cast<uint32_t>(x) << bits);
}

// acc * M with double rounding: the arithmetic of every TFLite builtin kernel but FULLY_CONNECTED.
inline int32_t MultiplyByQuantizedMultiplier(int32_t acc, QuantizedMultiplier m) {
  const int left = m.shift > 0 ? m.shift : 0;
  const int right = m.shift > 0 ? 0 : -m.shift;
  return RoundingDivideByPowerOfTwo(
      SaturatingRoundingDoublingHighMul(ShiftLeftWrapping(acc, left), m.multiplier), right);
}

// Smallest and largest value an 8-bit (or 16-bit) type holds.
int32_t TypeMin(DataType type);
int32_t TypeMax(DataType type);

struct ActivationRange {
  int32_t min = 0, max = 0;  // quantized, inclusive, in the output tensor's own type
};

// The range a fused activation leaves to an output tensor: quantize(0), quantize(6), ... clipped to the
// type. Only kNone, kRelu, kReluN1To1, kRelu6, kRelu0To1 have one; Check refuses the others.
ActivationRange QuantizedActivationRange(Activation activation, const Tensor& output);
bool HasQuantizedRange(Activation activation);

}  // namespace npu
