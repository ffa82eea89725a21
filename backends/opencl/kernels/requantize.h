// Rescaling of accumulators, as schema/quantization.h derives it. OpenCL C; included by every kernel file
// through concatenation (no #include is resolved on the device).
// SPDX-License-Identifier: Apache-2.0

#pragma OPENCL FP_CONTRACT OFF

// acc * multiplier * 2^(shift-31), rounded twice: TFLite's builtin kernels.
static inline int npu_requantize_double(int acc, int multiplier, int shift) {
  const int left = max(shift, 0);
  const int right = max(-shift, 0);
  const long product = (long)(int)((uint)acc << left) * multiplier;
  // Rounding doubling high multiply. multiplier is in [0, 2^31), so the one overflow case of the general
  // form (both operands INT_MIN) cannot occur; floor((p + 2^30) / 2^31) equals its definition for both
  // signs, since the negative nudge 1 - 2^30 with truncation rounds the same way.
  const int high = (int)((product + (1L << 30)) >> 31);
  const int mask = (int)((1L << right) - 1);
  const int remainder = high & mask;
  const int threshold = (mask >> 1) + (high < 0 ? 1 : 0);
  return (high >> right) + (remainder > threshold ? 1 : 0);
}

// 16 lanes of npu_requantize_double, each with its own multiplier and shift.
static inline int16 npu_requantize_double16(int16 acc, int16 multiplier, int16 shift) {
  const int16 left = max(shift, (int16)(0));
  const int16 right = max(-shift, (int16)(0));
  const long16 product = convert_long16(as_int16(as_uint16(acc) << as_uint16(left))) * convert_long16(multiplier);
  const int16 high = convert_int16((product + (long16)(1L << 30)) >> (long16)(31));
  const int16 mask = as_int16(((uint16)(1u) << as_uint16(right)) - (uint16)(1u));
  const int16 remainder = high & mask;
  // Signs are taken by shifts, not by vector comparisons: Oclgrind 21.10 widens those wrongly. The difference
  // cannot overflow, since both sides are in [0, 2^31).
  const int16 threshold = (mask >> 1) + ((high >> 31) & (int16)(1));
  const int16 carry = ((threshold - remainder) >> 31) & (int16)(1);
  return (high >> right) + carry;
}

// The common case in fewer operations: every shift is -s with s in [1, 20]. acc * multiplier * 2^(-31 - s), rounded
// twice as above, plus a stored zero point z in [0, 255], is one shift of one 64-bit sum. With p = acc * multiplier,
// |p| < 2^62, the two roundings are
//   h = floor((p + 2^30) / 2^31),   r = floor((h + 2^(s-1) - n) / 2^s),   n = 1 if h < 0, else 0
// (a tie of the second goes away from zero), and since nested floors are the floor of the whole,
//   r + z = floor((p - n * 2^31 + 2^30 + 2^(30+s) + z * 2^(31+s)) / 2^(31+s)).
// The sum stays below 2^62 + 2^60, with z = 0 and s up to 31 below 2^62 + 2^61. Its upper 32 bits are shifted by the
// remaining s - 1.
// n may be taken from acc's sign: both differ only for acc = -1 with multiplier 2^30 (h = 0) and for multiplier 0,
// where the sum's upper part, with z = 0, lies in [0, 2^(31+s)) either way. n may be left out when results below z
// are clamped to z: it matters for negative h only, whose r is never above 0 without it either.
#ifdef NPU_REQUANTIZE_FLOAT

// requantize=float: one product in float, rounded to the nearest integer, ties to even. At most 1 from the exact result:
// twice rounded, that is within 3/4 of the real number (1/4 by the first rounding, since s is at least 1), and this one
// within 1/2 + 2^-13 where |result| is below 2^9, since conversion, scale and product are each off by 2^-24 of
// themselves at most; beyond, both are clamped to the same end of the range.
typedef struct {
  float16 scale;  // multiplier * 2^(-31 - s)
  int zero_point;
} npu_rescale;

static inline npu_rescale npu_prepare_rescale(int16 multiplier, int16 shift, int stored_zero_point) {
  npu_rescale r;
  // 2^shift by its exponent's bits.
  r.scale = convert_float16(multiplier) * as_float16((shift + (int16)(127 - 31)) << 23);
  r.zero_point = stored_zero_point;
  return r;
}

static inline int16 npu_rescale16(int16 acc, npu_rescale r, int keep_sign) {
  const float16 product = convert_float16(acc) * r.scale;
  int16 rounded;
#if defined(NPU_X86_VNNI) || defined(NPU_X86_AVX512BW)
  __asm__("vcvtps2dq %1, %0" : "=v"(rounded) : "v"(product));
#else
  // Of numbers below 2^22 the lowest bits of 1.5 * 2^23 + x are x, rounded. Larger ones are clamped anyway.
  const float16 fitting = clamp(product, (float16)(-2097152.0f), (float16)(2097152.0f));
  rounded = as_int16(fitting + (float16)(12582912.0f)) - (int16)(0x4b400000);
#endif
  return rounded + (int16)(r.zero_point);
}

#else

typedef struct {
  long8 even, odd;          // multipliers of even and odd lanes
  long8 even_add, odd_add;  // 2^30 + 2^(30+s) + z * 2^(31+s)
  int16 right;              // s - 1
} npu_rescale;

static inline npu_rescale npu_prepare_rescale(int16 multiplier, int16 shift, int stored_zero_point) {
  npu_rescale r;
  const long8 multipliers = as_long8(multiplier);
  r.even = (multipliers << 32) >> 32;
  r.odd = multipliers >> 32;
  // Lanes past the last channel have shift 0 and multiplier 0.
  r.right = max(-shift, (int16)(1)) - (int16)(1);
  const long8 rights = as_long8(r.right);
  const long8 scaled = (long8)(2L * stored_zero_point + 1) << 31;
  r.even_add = (scaled << (rights & (long8)(0xffffffffL))) + (long8)(1L << 30);
  r.odd_add = (scaled << (rights >> 32)) + (long8)(1L << 30);
  return r;
}

// 16 lanes of it. keep_sign: 0 leaves n out. Even and odd lanes are multiplied as lower halves of 64-bit lanes, one
// instruction each on x86. Little-endian devices, as convolution.h.
static inline int16 npu_rescale16(int16 acc, npu_rescale r, int keep_sign) {
  const long8 pairs = as_long8(acc);
  // The multipliers' upper halves are copies of their signs already: the compiler must see it to multiply 32 bits.
  long8 even = ((pairs << 32) >> 32) * ((r.even << 32) >> 32);
  long8 odd = (pairs >> 32) * ((r.odd << 32) >> 32);
  if (keep_sign != 0) {
    even += (even >> 63) & (long8)(-(1L << 31));
    odd += (odd >> 63) & (long8)(-(1L << 31));
  }
  even += r.even_add;
  odd += r.odd_add;
  const int16 high = as_int16((as_ulong8(even) >> 32) | (as_ulong8(odd) & (ulong8)(~0xffffffffUL)));
  return high >> r.right;
}

#endif

// round(acc * scale) as IEEE doubles give it, ties away from zero, saturated to +-2^30 (a zero point
// then cannot wrap it); in integers, since devices need not have doubles. scale = mantissa * 2^-shift, mantissa < 2^54, and
// acc * scale below 2^63: |acc| <= 2^31 with shift in [22, 95], or |acc| <= 2^47 with shift in [46, 102].
//   p = |acc| * mantissa, below 2^101, is the exact product. A double keeps 53 bits of it, rounded to nearest:
//   of the values just below a tie n + 1/2 those at most half a unit of the 53rd bit away become the tie itself
//   (at equal distance, too: the tie has the even mantissa) and are then rounded up. Hence
//   |result| = floor(p * 2^-shift + half a unit + 1/2).
static inline int npu_round_scaled(long acc, ulong mantissa, int shift) {
  const ulong a = abs(acc);
  ulong low = a * mantissa, high = mul_hi(a, mantissa);
  const int bits = high != 0 ? 128 - (int)clz(high) : 64 - (int)clz(low);
  if (bits > 53) {
    const ulong half_unit = 1UL << (bits - 54);
    low += half_unit;
    high += low < half_unit ? 1UL : 0UL;
  }
  const int tie = shift - 1;
  const ulong half_low = tie < 64 ? 1UL << (tie & 63) : 0UL;
  low += half_low;
  high += (low < half_low ? 1UL : 0UL) + (tie < 64 ? 0UL : 1UL << (tie & 63));
  const ulong magnitude = shift < 64 ? (high << (64 - shift)) | (low >> shift) : high >> (shift - 64);
  const int saturated = (int)min(magnitude, 1UL << 30);
  return acc < 0 ? -saturated : saturated;
}
