// Arithmetic of 16-bit activations: the device's copy of backends/ops/int16_arithmetic.h. OpenCL C; part of
// every program through concatenation. INT16 tensors are stored as they are (backends/ops/lowering.h).
// SPDX-License-Identifier: Apache-2.0

typedef short16 __attribute__((aligned(2))) npu_short16_u;
typedef char16 __attribute__((aligned(1))) npu_char16_u;

// acc * multiplier * 2^-shift, rounded once, ties towards +inf; modulo 2^32. |acc| <= 2^47, shift in [8, 46].
static inline int npu_multiply_wide(long acc, int multiplier, int shift) {
  return (int)((acc * multiplier + (1L << (shift - 1))) >> shift);
}

// The straight line between two of 513 points: a function of x.
static inline int npu_interpolate(int x, __global const short* points) {
  const int i = 256 + (x >> 7);
  const int slope = points[i + 1] - points[i];
  return points[i] + ((slope * (x & 127) + 64) >> 7);
}

// The sum of `count` products of activations and weights. A product is below 2^23, so that a lane holds 256.
static inline long npu_dot_int16(__global const short* x, __global const char* w, int count) {
  long sum = 0;
  int k = 0;
  while (k + 16 <= count) {
    const int end = min(count - 15, k + 255 * 16);
    int16 lanes = (int16)(0);
    for (; k < end; k += 16) {
      lanes += convert_int16(*(__global const npu_short16_u*)(x + k)) *
               convert_int16(*(__global const npu_char16_u*)(w + k));
    }
    const long8 a = convert_long8(lanes.lo) + convert_long8(lanes.hi);
    const long4 b = a.lo + a.hi;
    sum += b.x + b.y + b.z + b.w;
  }
  for (; k < count; ++k) sum += (int)x[k] * w[k];
  return sum;
}
