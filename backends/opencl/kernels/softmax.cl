// SOFTMAX over the last dimension: backends/ops/softmax.cc derives the arithmetic; Qm.n as there. One
// work-item per row. exp_table: exp of (x - row maximum) in Q0.31, by row maximum - x.
// SPDX-License-Identifier: Apache-2.0

// round(x / 2^exponent) for x >= 0, exponent in [1, 31]: ties go up.
inline int npu_softmax_shift_right(int x, int exponent) {
  return (int)(((long)x + (1L << (exponent - 1))) >> exponent);
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
  const int reciprocal = npu_fixed_one_over_one_plus((int)((sum << zeros) - (1u << 31)));
  const int exponent = 12 - zeros + 31 - 8;
  for (int i = 0; i < depth; ++i) {
    const int product = npu_fixed_multiply(reciprocal, exp_table[largest - x[i]]);
    y[i] = (uchar)min(npu_softmax_shift_right(product, exponent), 255);
  }
}
