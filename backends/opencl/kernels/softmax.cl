// SOFTMAX over the last dimension: backends/ops/softmax.cc derives the arithmetic; Qm.n as there. One
// work-item per row. exp_table: exp of (x - row maximum) in Q0.31, by row maximum - x.
// SPDX-License-Identifier: Apache-2.0

// round(x / 2^exponent) for x >= 0, exponent in [1, 31]: ties go up.
static inline int npu_softmax_shift_right(int x, int exponent) {
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

// INT16: backends/ops/softmax_int16.h. exp_table: Q0.15, by row maximum - x; reciprocals: 513 points of 1 / (1 + x).
__kernel void npu_softmax_int16(__global const short* x, __global short* y, __global const short* exp_table,
                                __global const short* reciprocals, int rows, int depth) {
  const size_t row = get_global_id(0);
  if (row >= (size_t)rows) return;
  x += row * (size_t)depth;
  y += row * (size_t)depth;

  int largest = x[0];
  for (int i = 1; i < depth; ++i) largest = max(largest, (int)x[i]);
  int sum = 0;  // Q16.15; the row's maximum alone makes it about 1
  for (int i = 0; i < depth; ++i) sum += exp_table[largest - x[i]];
  const int zeros = (int)clz(sum);
  const int shifted = (int)((((long)sum << (zeros - 1)) + (1L << 13)) >> 14);
  const int reciprocal = npu_interpolate(clamp(shifted - (1 << 15) - (1 << 16), -32768, 32767), reciprocals);
  const int right = 31 - zeros;
  for (int i = 0; i < depth; ++i) {
    const long product = (long)exp_table[largest - x[i]] * reciprocal + (1L << (right - 1));
    y[i] = (short)clamp(product >> right, 0L, 32767L);
  }
}
