// L2_NORMALIZATION over the last dimension in the u8 domain: backends/ops/l2_normalization.cc derives the
// arithmetic. One work-item per row.
// SPDX-License-Identifier: Apache-2.0

// 1 / sqrt(x) = multiplier * 2^(-31 - *right), as InverseSquareRoot in backends/ops/fixed_point.h.
static inline int npu_inverse_sqrt(int x, int* right) {
  *right = 0;
  if (x <= 1) return INT_MAX;
  int shift = 11;
  for (; x >= 1 << 29; ++shift) x /= 4;
  const int pairs = ((int)clz(x) - 1) / 2 - 1;
  shift -= pairs;
  const int a = (x << (2 * pairs)) >> 1;
  const int half_a = (a >> 1) + (a & 1);
  int y = 1 << 28;
  for (int i = 0; i < 5; ++i) {
    const int cube = npu_fixed_shift_left(npu_fixed_multiply(npu_fixed_multiply(y, y), y), 6);
    y = npu_fixed_shift_left(npu_fixed_multiply((1 << 28) + (1 << 27), y) - npu_fixed_multiply(half_a, cube), 3);
  }
  y = npu_fixed_multiply(y, 1518500250);  // sqrt(2) / 2
  if (shift < 0) return (int)((uint)y << -shift);
  *right = shift;
  return y;
}

// before: left shift of a value before the multiplication; the rest of the 7 bits comes after it.
__kernel void l2_normalization(__global const uchar* in, __global uchar* out, int rows, int depth, int in_zero,
                               int before) {
  const int row = (int)get_global_id(0);
  if (row >= rows) return;
  in += row * depth;
  out += row * depth;
  int sum = 0;
  for (int i = 0; i < depth; ++i) {
    const int d = in[i] - in_zero;
    sum += d * d;
  }
  int right;
  const int multiplier = npu_inverse_sqrt(sum, &right);
  for (int i = 0; i < depth; ++i) {
    const int d = (in[i] - in_zero) * (1 << before);
    const int value = npu_requantize_double(d, multiplier, 7 - before - right);
    out[i] = (uchar)clamp(value + 128, 0, 255);
  }
}
