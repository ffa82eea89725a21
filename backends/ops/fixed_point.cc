// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/fixed_point.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace npu {
namespace {

constexpr int32_t kOne = std::numeric_limits<int32_t>::max();  // Q0.31 has no exact 1
constexpr int32_t kHalfSqrt2 = 1518500250;                     // sqrt(1/2), Q0.31

// exp(x) for x in [-1/4, 0), Q0.31: Taylor's series around -1/8 up to the fourth power.
int32_t ExpOnQuarter(int32_t x) {
  constexpr int32_t kExpMinusOneEighth = 1895147668;  // exp(-1/8) * 2^31
  constexpr int32_t kOneThird = 715827883;            // 2^31 / 3
  const int32_t t = x + (1 << 28);                    // x + 1/8
  const int32_t t2 = FixedMultiply(t, t);
  const int32_t t3 = FixedMultiply(t2, t);
  const int32_t t4 = FixedMultiply(t2, t2);
  // t^2/2 + t^3/6 + t^4/24
  const int32_t inner = FixedMultiply(RoundingDivideByPowerOfTwo(t4, 2) + t3, kOneThird) + t2;
  const int32_t tail = RoundingDivideByPowerOfTwo(inner, 1);
  return kExpMinusOneEighth + FixedMultiply(kExpMinusOneEighth, t + tail);
}

// exp(x) for x <= 0, x in Q5.26, result in Q0.31: the remainder modulo 1/4 by the series, then one factor
// exp(-2^k) for each set bit k = -2 .. 4 of what was left out.
int32_t ExpOnNegative(int32_t x) {
  if (x == 0) return kOne;
  constexpr int kFractionalBits = 31 - ScaledDifferences::kIntegerBits;
  constexpr int32_t kQuarter = 1 << (kFractionalBits - 2);
  constexpr int32_t kFactors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  const int32_t remainder = (x & (kQuarter - 1)) - kQuarter;
  int32_t result = ExpOnQuarter(ShiftLeftSaturating(remainder, ScaledDifferences::kIntegerBits));
  const int32_t quarters = remainder - x;
  for (int k = 0; k < 7; ++k) {
    if (quarters & (kQuarter << k)) result = FixedMultiply(result, kFactors[k]);
  }
  return result;
}

}  // namespace

int32_t ShiftLeftSaturating(int32_t x, int bits) {
  const int64_t shifted = static_cast<int64_t>(x) * (int64_t{1} << bits);
  return static_cast<int32_t>(std::clamp<int64_t>(shifted, std::numeric_limits<int32_t>::min(), kOne));
}

// Newton's division with the start 48/17 - 32/17 * d.
int32_t OneOverOnePlus(int32_t x) {
  constexpr int32_t k48Over17 = 1515870810;        // Q2.29
  constexpr int32_t kMinus32Over17 = -1010580540;  // Q2.29
  constexpr int32_t kOneQ2 = 1 << 29;
  const auto half = static_cast<int32_t>((static_cast<int64_t>(x) + kOne + 1) / 2);  // (1 + x) / 2
  int32_t y = k48Over17 + FixedMultiply(half, kMinus32Over17);
  for (int i = 0; i < 3; ++i) {
    const int32_t error = kOneQ2 - FixedMultiply(half, y);
    y += ShiftLeftSaturating(FixedMultiply(y, error), 2);
  }
  return ShiftLeftSaturating(y, 1);  // y / 2 is the answer: Q2.29 read as Q1.30, then made Q0.31
}

// x = r * 2^e with r near 2^(-1/4), of two candidates that differ by sqrt(2) the smaller r (and larger e):
//   a: e = integer bits + 1/4, r = sqrt(1/2) times the mantissa in [1/2, 1) twice
//   b: the mantissa of sqrt(1/2) * x, e = integer bits of that - 1/4
// log(x) = e * log(2) + log(r * 2^(1/4)), the latter as a rational function of q = 2 * (r - 2^(-1/4)).
int32_t LogOfQ12(int32_t x) {
  constexpr int32_t kIntegerBits = 12;
  constexpr int kUnit = 25;  // e is Q6.25: a bit more than the result has, since it may be above it
  constexpr int32_t kQuarter = 1 << (kUnit - 2);
  constexpr int32_t kLog2 = 1488522236, kFourthRootOfHalf = 1805811301;
  // 11/240, 1/20, 2 / w^2 - 1 and 1/4, all times w = 2^(1/4).
  constexpr int32_t kNumerator = 117049297, kSquare = 127690142, kConstant = 1057819769, kLinear = 638450708;

  const int zeros_a = std::countl_zero(static_cast<uint32_t>(x));
  const int32_t r_a = ShiftLeftSaturating(FixedMultiply(ShiftLeftSaturating(x, zeros_a - 1), kHalfSqrt2), 1);
  const int32_t e_a = ShiftLeftSaturating(kIntegerBits - zeros_a, kUnit) + kQuarter;
  const int zeros_b = std::countl_zero(static_cast<uint32_t>(FixedMultiply(x, kHalfSqrt2))) - 1;
  const int32_t r_b = ShiftLeftSaturating(x, zeros_b);
  const int32_t e_b = ShiftLeftSaturating(kIntegerBits - zeros_b, kUnit) - kQuarter;
  const int32_t r = std::min(r_a, r_b), e = std::max(e_a, e_b);

  // r is in [2^(-1/2), 1): neither the difference nor the sum leaves 32 bits.
  const auto p = static_cast<int32_t>((int64_t{r} + kFourthRootOfHalf + 1) / 2);
  const int32_t q = 2 * (r - kFourthRootOfHalf);
  const int32_t q2 = FixedMultiply(q, q);
  const int32_t numerator = FixedMultiply(q, r) + FixedMultiply(FixedMultiply(q, q2), kNumerator);
  const int32_t denominator_minus_1 =
      FixedMultiply(p, kConstant + q + FixedMultiply(kSquare, q2)) + FixedMultiply(kLinear, q);
  const int32_t quotient =
      FixedMultiply(RoundingDivideByPowerOfTwo(numerator, 31 - kUnit), OneOverOnePlus(denominator_minus_1));
  return ShiftLeftSaturating(FixedMultiply(e, kLog2) + quotient, 1);
}

QuantizedMultiplier InverseSquareRoot(int32_t x) {
  if (x <= 1) return {kOne, 0};
  // x = scaled * 4^n with scaled in [2^27, 2^29): half of it, read as Q3.28, is in [1/4, 1).
  int right = 11;
  for (; x >= 1 << 29; ++right) x /= 4;
  const int pairs = (std::countl_zero(static_cast<uint32_t>(x)) - 1) / 2 - 1;
  right -= pairs;
  const int32_t a = (x << (2 * pairs)) >> 1;

  constexpr int32_t kOneQ3 = 1 << 28, kThreeHalves = kOneQ3 + kOneQ3 / 2;
  const int32_t half_a = RoundingDivideByPowerOfTwo(a, 1);
  int32_t y = kOneQ3;
  for (int i = 0; i < 5; ++i) {  // Newton: y = 3/2 * y - a/2 * y^3
    const int32_t cube = ShiftLeftSaturating(FixedMultiply(FixedMultiply(y, y), y), 6);
    y = ShiftLeftSaturating(FixedMultiply(kThreeHalves, y) - FixedMultiply(half_a, cube), 3);
  }
  y = FixedMultiply(y, kHalfSqrt2);
  if (right < 0) {
    y = ShiftLeftWrapping(y, -right);
    right = 0;
  }
  return {y, -right};
}

ScaledDifferences MakeScaledDifferences(double scale) {
  ScaledDifferences made;
  // One more than 2^31 - 1 would not fit the arithmetic; by then only d = 0 counts, anyway.
  made.scale = QuantizeMultiplier(std::min(ScaleOfDifferences(scale), 2147483647.0));
  const double max_difference = std::floor(31.0 * (1 << (31 - ScaledDifferences::kIntegerBits)) /
                                           static_cast<double>(int64_t{1} << made.scale.shift));
  made.max_difference = static_cast<int32_t>(max_difference);
  made.difference.fill(0);
  made.exponential.fill(0);
  for (int d = 0; d < 256 && d <= made.max_difference; ++d) {
    made.difference[d] = FixedMultiply(ShiftLeftWrapping(-d, made.scale.shift), made.scale.multiplier);
    made.exponential[d] = ExpOnNegative(made.difference[d]);
  }
  return made;
}

}  // namespace npu
