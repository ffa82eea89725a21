// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/fixed_point16.h"

#include <algorithm>
#include <limits>

#include "schema/quantization.h"

namespace npu {
namespace {

constexpr int16_t kMin = std::numeric_limits<int16_t>::min();
constexpr int16_t kMax = std::numeric_limits<int16_t>::max();
constexpr int16_t kOne = kMax;  // Q0.15 has no exact 1

int16_t Saturate(int32_t x) { return static_cast<int16_t>(std::clamp<int32_t>(x, kMin, kMax)); }

// Sums and differences of what gemmlowp does not saturate.
int16_t Wrap(int32_t x) { return static_cast<int16_t>(static_cast<uint16_t>(x)); }

// round(a * b / 2^15): the integer bits of the factors add up.
int16_t Multiply(int16_t a, int16_t b) {
  if (a == kMin && b == kMin) return kMax;
  const int32_t product = static_cast<int32_t>(a) * b;
  const int32_t nudge = product >= 0 ? 1 << 14 : 1 - (1 << 14);
  return static_cast<int16_t>((product + nudge) / (1 << 15));
}

// A constant of 32 bits, of as many integer bits, cut to 16.
constexpr int16_t Constant(int32_t q31) {
  return static_cast<int16_t>((static_cast<int64_t>(q31) + (1 << 15)) >> 16);
}

int16_t ShiftLeft(int16_t x, int bits) { return Saturate(static_cast<int32_t>(x) * (1 << bits)); }
int16_t ShiftRight(int16_t x, int bits) { return static_cast<int16_t>(RoundingDivideByPowerOfTwo(x, bits)); }

// exp(x) for x in [-1/4, 0), Q0.15: Taylor's series around -1/8 up to the fourth power.
int16_t ExpOnQuarter(int16_t x) {
  constexpr int16_t kExpMinusOneEighth = Constant(1895147668), kOneThird = Constant(715827883);
  const int16_t t = Wrap(x + (1 << 12));  // x + 1/8
  const int16_t t2 = Multiply(t, t);
  const int16_t t3 = Multiply(t2, t);
  const int16_t t4 = Multiply(t2, t2);
  // t^2/2 + t^3/6 + t^4/24
  const int16_t inner = Wrap(Multiply(Wrap(ShiftRight(t4, 2) + t3), kOneThird) + t2);
  return Saturate(kExpMinusOneEighth + Multiply(kExpMinusOneEighth, Wrap(t + ShiftRight(inner, 1))));
}

// exp(x) for x <= 0 with this many integer bits (0 to 7), Q0.15: the remainder modulo 1/4 by the series, then one
// factor exp(-2^k) for each set bit k = -2 .. 4 of what was left out.
int16_t ExpOnNegative(int16_t x, int integer_bits) {
  if (x == 0) return kOne;
  constexpr int32_t kFactors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  const int fractional_bits = 15 - integer_bits;
  const auto quarter = static_cast<int16_t>(1 << (fractional_bits - 2));
  const auto remainder = static_cast<int16_t>((x & (quarter - 1)) - quarter);
  int16_t result = ExpOnQuarter(ShiftLeft(remainder, integer_bits));
  const int16_t quarters = Wrap(remainder - x);
  for (int k = -2; k <= 4 && k < integer_bits; ++k) {
    if (quarters & (1 << (fractional_bits + k))) result = Multiply(result, Constant(kFactors[k + 2]));
  }
  // exp(-32) and less are nothing.
  if (integer_bits > 5 && x < -(1 << (fractional_bits + 5))) return 0;
  return result;
}

// 2 / (1 + x) for x in [0, 1), Q2.13: Newton's division of the half denominator, from 48/17 - 32/17 * d.
int16_t TwoOverOnePlus(int16_t x) {
  constexpr int16_t k48Over17 = Constant(1515870810), kMinus32Over17 = Constant(-1010580540);
  constexpr int16_t kOneQ2 = 1 << 13;
  const auto half = static_cast<int16_t>((static_cast<int32_t>(x) + kOne + 1) / 2);  // (1 + x) / 2
  int16_t y = Wrap(k48Over17 + Multiply(half, kMinus32Over17));
  for (int i = 0; i < 3; ++i) {
    const int16_t error = Wrap(kOneQ2 - Multiply(half, y));
    y = Wrap(y + ShiftLeft(Multiply(y, error), 2));
  }
  return y;
}

template <typename Function>
std::vector<int16_t> Table(Function function) {
  std::vector<int16_t> table;
  table.reserve(1 << 16);
  for (int32_t x = kMin; x <= kMax; ++x) table.push_back(function(static_cast<int16_t>(x)));
  return table;
}

}  // namespace

int16_t LogisticOfQ3(int16_t x) {
  if (x == 0) return 1 << 14;
  // -32768 has no negative in 16 bits and stays what it is.
  const int16_t negative = x > 0 ? Wrap(-x) : x;
  // Q2.13 read as Q1.14 is half of it.
  const int16_t positive = ShiftLeft(TwoOverOnePlus(ExpOnNegative(negative, 3)), 1);
  return x > 0 ? positive : Wrap(kOne - positive);
}

int16_t TanhOfQ(int16_t x, int integer_bits) {
  if (x == 0) return 0;
  const int16_t negative = x < 0 ? x : Wrap(-x);
  // (1 - e) / (1 + e) = 2 / (1 + e) - 1, e = exp(2 x): one integer bit more doubles x.
  const int16_t exponential = ExpOnNegative(negative, integer_bits + 1);
  const int16_t magnitude = ShiftLeft(Wrap(TwoOverOnePlus(exponential) - (1 << 13)), 2);
  return x < 0 ? Wrap(-magnitude) : magnitude;
}

std::vector<int16_t> LogisticTable() { return Table(LogisticOfQ3); }

std::vector<int16_t> TanhTable(int integer_bits) {
  return Table([&](int16_t x) { return TanhOfQ(x, integer_bits); });
}

}  // namespace npu
