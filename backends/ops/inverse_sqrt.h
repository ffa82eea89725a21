// 1 / sqrt(x) of an integer, as a multiplier and shift, in TFLite's fixed-point arithmetic: Newton's method
// on gemmlowp's Q3.28. Kernels that need it on a device repeat it (kernels/l2_normalization.cl). Source:
// TFLite's reference kernels; LiteRT 2.3 measured bit for bit (tests/ops/l2_normalization_test.cc).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "schema/quantization.h"

namespace npu {

// x >= 0. The result's shift is 0 or less: the answer is multiplier * 2^(shift - 31). 0 and 1 both give the
// largest multiplier, just below 1.
inline QuantizedMultiplier InverseSquareRoot(int32_t x) {
  if (x <= 1) return {std::numeric_limits<int32_t>::max(), 0};
  const auto multiply = SaturatingRoundingDoublingHighMul;
  const auto shift_left = [](int32_t value, int bits) {
    return static_cast<int32_t>(std::clamp<int64_t>(int64_t{value} * (int64_t{1} << bits),
                                                    std::numeric_limits<int32_t>::min(),
                                                    std::numeric_limits<int32_t>::max()));
  };
  // x = scaled * 4^n with scaled in [2^27, 2^29): half of it, read as Q3.28, is in [1/4, 1).
  int right = 11;
  for (; x >= 1 << 29; ++right) x /= 4;
  const int pairs = (std::countl_zero(static_cast<uint32_t>(x)) - 1) / 2 - 1;
  right -= pairs;
  const int32_t a = (x << (2 * pairs)) >> 1;

  constexpr int32_t kOne = 1 << 28, kThreeHalves = kOne + kOne / 2;
  constexpr int32_t kHalfSqrt2 = 1518500250;  // sqrt(2) / 2, Q0.31
  const int32_t half_a = RoundingDivideByPowerOfTwo(a, 1);
  int32_t y = kOne;
  for (int i = 0; i < 5; ++i) {
    // y = 3/2 * y - a/2 * y^3. A product of Qm.n and Qk.l is a Q(m+k): brought back by a left shift.
    const int32_t cube = shift_left(multiply(multiply(y, y), y), 6);
    y = shift_left(multiply(kThreeHalves, y) - multiply(half_a, cube), 3);
  }
  y = multiply(y, kHalfSqrt2);
  if (right < 0) {
    y = ShiftLeftWrapping(y, -right);
    right = 0;
  }
  return {y, -right};
}

}  // namespace npu
