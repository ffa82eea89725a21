// SOFTMAX over the last dimension: backends/ops/softmax.cc derives the arithmetic; Qm.n as there. One
// work-item per row. exp_table: exp of (x - row maximum) in Q0.31, by row maximum - x.
// SPDX-License-Identifier: Apache-2.0

// round(a * b / 2^31) for a, b that are not both INT_MIN.
inline int npu_softmax_multiply(int a, int b) { return (int)(((long)a * b + (1L << 30)) >> 31); }

inline int npu_softmax_shift_left(int x, int bits) {
  return (int)clamp((long)x << bits, (long)INT_MIN, (long)INT_MAX);
}

// round(x / 2^exponent) for x >= 0, exponent in [1, 31]: ties go up.
inline int npu_softmax_shift_right(int x, int exponent) {
  return (int)(((long)x + (1L << (exponent - 1))) >> exponent);
}

// 1 / (1 + x) for x in [0, 1), Q0.31: three Newton steps from 48/17 - 32/17 * (1 + x) / 2.
inline int npu_softmax_one_over_one_plus(int x) {
  const int halved = (int)(((long)x + (1L << 31)) >> 1);
  int y = 1515870810 + npu_softmax_multiply(halved, -1010580540);  // 48/17, -32/17 in Q2.29
  for (int i = 0; i < 3; ++i) {
    const int error = (1 << 29) - npu_softmax_multiply(halved, y);
    y += npu_softmax_shift_left(npu_softmax_multiply(y, error), 2);
  }
  return npu_softmax_shift_left(y, 1);
}

__kernel void npu_softmax(__global const uchar* x, __global uchar* y, __global const int* exp_table, int rows,
                          int depth) {
  const size_t row = get_global_id(0);
  if (row >= (size_t)rows) return;
  x += row * (size_t)depth;
  y += row * (size_t)depth;

  uchar largest = 0;
  for (int i = 0; i < depth; ++i) largest = max(largest, x[i]);

  uint sum = 0;  // Q12.19, saturated
  for (int i = 0; i < depth; ++i) {
    sum = add_sat(sum, (uint)npu_softmax_shift_right(exp_table[largest - x[i]], 12));
  }
  if (sum >= 512u << 19) {  // every quotient is below half a unit
    for (int i = 0; i < depth; ++i) y[i] = 0;
    return;
  }
  // sum = (1 + fraction) * 2^(12 - zeros); the row's maximum alone makes it 1.
  const int zeros = (int)clz(sum);
  const int reciprocal = npu_softmax_one_over_one_plus((int)((sum << zeros) - (1u << 31)));
  const int exponent = 12 - zeros + 31 - 8;
  for (int i = 0; i < depth; ++i) {
    const int product = npu_softmax_multiply(reciprocal, exp_table[largest - x[i]]);
    y[i] = (uchar)min(npu_softmax_shift_right(product, exponent), 255);
  }
}
