// LOG_SOFTMAX over the last dimension in the u8 domain: backends/ops/log_softmax.cc derives the arithmetic,
// fixed_point.h the logarithm. One work-item per row.
// SPDX-License-Identifier: Apache-2.0

// log(x) for x in [1, 2^12), Q12.19; result in Q5.26.
static inline int npu_log_of_q12(int x) {
  const int half_sqrt2 = 1518500250, fourth_root_of_half = 1805811301;
  const int zeros_a = (int)clz(x);
  const int r_a =
      npu_fixed_shift_left(npu_fixed_multiply(npu_fixed_shift_left(x, zeros_a - 1), half_sqrt2), 1);
  const int e_a = npu_fixed_shift_left(12 - zeros_a, 25) + (1 << 23);
  const int zeros_b = (int)clz(npu_fixed_multiply(x, half_sqrt2)) - 1;
  const int r_b = npu_fixed_shift_left(x, zeros_b);
  const int e_b = npu_fixed_shift_left(12 - zeros_b, 25) - (1 << 23);
  const int r = min(r_a, r_b), e = max(e_a, e_b);

  const int p = (int)(((long)r + fourth_root_of_half + 1) / 2);
  const int q = 2 * (r - fourth_root_of_half);
  const int q2 = npu_fixed_multiply(q, q);
  const int numerator = npu_fixed_multiply(q, r) + npu_fixed_multiply(npu_fixed_multiply(q, q2), 117049297);
  const int denominator_minus_1 = npu_fixed_multiply(p, 1057819769 + q + npu_fixed_multiply(127690142, q2)) +
                                  npu_fixed_multiply(638450708, q);
  const int quotient = npu_fixed_multiply(npu_fixed_shift_right(numerator, 6),
                                          npu_fixed_one_over_one_plus(denominator_minus_1));
  return npu_fixed_shift_left(npu_fixed_multiply(e, 1488522236) + quotient, 1);
}

// table: 256 exponentials in Q12.19, then 256 differences in Q5.26, by row maximum - value. inverse, right: the
// reverse of the differences' scale; below max_difference nothing is kept.
__kernel void log_softmax(__global const uchar* in, __global uchar* out, __global const int* table, int rows,
                          int depth, int inverse, int right, int max_difference) {
  const int row = (int)get_global_id(0);
  if (row >= rows) return;
  in += row * depth;
  out += row * depth;

  int largest = 0;
  for (int i = 0; i < depth; ++i) largest = max(largest, (int)in[i]);
  int sum = 0;
  for (int i = 0; i < depth; ++i) sum += table[largest - in[i]];
  const int log_sum = npu_log_of_q12(sum);
  const int lowest = npu_requantize_double(log_sum + INT_MIN, inverse, -right);
  const int limit = min(max_difference + 1, -lowest);
  for (int i = 0; i < depth; ++i) {
    const int d = largest - in[i];
    const int value = npu_fixed_shift_right(table[256 + d] - log_sum, 22);
    out[i] = d < limit ? (uchar)clamp(value + 255, 0, 255) : (uchar)0;
  }
}
