// The fixed-point functions that TFLite's softmax, log-softmax and normalization kernels are made of, in the
// arithmetic of gemmlowp's fixedpoint.h. Qm.n: a 32-bit integer with m integer and n fractional bits,
// m + n = 31. Products of Qm.n and Qk.l are Q(m+k): a left shift by k brings them back.
// kernels/fixed_point.h repeats what devices need.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "schema/quantization.h"

namespace npu {

// The product of two fixed-point numbers; ties go up.
inline int32_t FixedMultiply(int32_t a, int32_t b) { return SaturatingRoundingDoublingHighMul(a, b); }

// x * 2^bits, saturated. bits in [0, 31].
int32_t ShiftLeftSaturating(int32_t x, int bits);

// 1 / (1 + x) for x in [0, 1), both Q0.31.
int32_t OneOverOnePlus(int32_t x);

// log(x) for x in [1, 2^12), Q12.19; result in Q5.26.
int32_t LogOfQ12(int32_t x);

// 1 / sqrt(x), x >= 0, as multiplier * 2^(shift - 31) with a shift of 0 or less. 0 and 1 both give the
// largest multiplier, just below 1.
QuantizedMultiplier InverseSquareRoot(int32_t x);

// What the two softmaxes know of a row: all depends on d = row maximum - value, 0 to 255.
struct ScaledDifferences {
  static constexpr int kIntegerBits = 5;  // exp(-32) and less are nothing

  QuantizedMultiplier scale;             // of a difference, to Q5.26
  int32_t max_difference = 0;            // the largest d that fits Q5.26; may be above 255
  std::array<int32_t, 256> difference;   // -scale * d in Q5.26; defined up to max_difference
  std::array<int32_t, 256> exponential;  // exp(-scale * d) in Q0.31; 0 beyond max_difference
};

// Of ScaleOfDifferences(s) > 1.
ScaledDifferences MakeScaledDifferences(double scale);

// scale * 2^26: kernels refuse what is not above 1.
inline double ScaleOfDifferences(double scale) {
  return scale * (1 << (31 - ScaledDifferences::kIntegerBits));
}

}  // namespace npu
