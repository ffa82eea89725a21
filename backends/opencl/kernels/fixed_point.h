// Fixed-point functions of the normalizing kernels: the device's copy of backends/ops/fixed_point.h, which
// derives them. OpenCL C; part of every program through concatenation.
// SPDX-License-Identifier: Apache-2.0

// round(a * b / 2^31) for a, b that are not both INT_MIN.
static inline int npu_fixed_multiply(int a, int b) { return (int)(((long)a * b + (1L << 30)) >> 31); }

// x * 2^bits, saturated.
static inline int npu_fixed_shift_left(int x, int bits) {
  return (int)clamp((long)x << bits, (long)INT_MIN, (long)INT_MAX);
}

// round(x / 2^exponent), ties away from zero. exponent in [1, 31].
static inline int npu_fixed_shift_right(int x, int exponent) {
  return (int)(((long)x + (1L << (exponent - 1)) - (x < 0 ? 1 : 0)) >> exponent);
}

// 1 / (1 + x) for x in [0, 1), Q0.31: three Newton steps from 48/17 - 32/17 * (1 + x) / 2.
static inline int npu_fixed_one_over_one_plus(int x) {
  const int halved = (int)(((long)x + (1L << 31)) >> 1);
  int y = 1515870810 + npu_fixed_multiply(halved, -1010580540);  // 48/17, -32/17 in Q2.29
  for (int i = 0; i < 3; ++i) {
    const int error = (1 << 29) - npu_fixed_multiply(halved, y);
    y += npu_fixed_shift_left(npu_fixed_multiply(y, error), 2);
  }
  return npu_fixed_shift_left(y, 1);
}
