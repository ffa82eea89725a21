// ADD, SUB and MUL of two broadcast tensors: the arithmetic of backends/ops/binary.cc on stored bytes, 16
// lanes at a time. npu_*_flat: operand a has the output's shape and b repeats with a period; npu_*_rows: any
// broadcast. Multipliers and shifts are the same for all lanes.
// SPDX-License-Identifier: Apache-2.0

// high * 2^-right, ties away from zero. |high| is below 2^30.
inline int16 npu_binary_shift_right(int16 high, int right) {
  if (right == 0) return high;
  // Half a unit, less one bit below zero: there a tie goes down.
  return (high + (1 << (right - 1)) + (high >> 31)) >> right;
}

// round(x * multiplier / 2^31): the rounding doubling high multiply.
inline int16 npu_binary_multiply_high(int16 x, int multiplier) {
  return convert_int16((convert_long16(x) * (long)multiplier + (1L << 30)) >> 31);
}

// x * 2^20 * multiplier * 2^(-31 - right). The larger scale's multiplier is always 1/2: one shift.
inline int16 npu_binary_scale_input(int16 x, int multiplier, int right) {
  if (multiplier == (1 << 30) && right == 0) return x << 19;
  return npu_binary_shift_right(npu_binary_multiply_high(x << 20, multiplier), right);
}

#define NPU_ADD_PARAMETERS                                                                           \
  int a_zero, int b_zero, int zero, int a_multiplier, int a_right, int a_negate, int b_multiplier,   \
      int b_right, int b_negate, int multiplier, int right, int low, int high
#define NPU_ADD_ARGUMENTS                                                                            \
  a_zero, b_zero, zero, a_multiplier, a_right, a_negate, b_multiplier, b_right, b_negate, multiplier, \
      right, low, high

// *_negate: -1 subtracts the operand, 0 adds it.
inline uchar16 npu_add16(uchar16 a, uchar16 b, NPU_ADD_PARAMETERS) {
  const int16 sa = npu_binary_scale_input(convert_int16(a) - a_zero, a_multiplier, a_right);
  const int16 sb = npu_binary_scale_input(convert_int16(b) - b_zero, b_multiplier, b_right);
  const int16 sum = ((sa ^ a_negate) - a_negate) + ((sb ^ b_negate) - b_negate);
  const int16 y = npu_binary_shift_right(npu_binary_multiply_high(sum, multiplier), right) + zero;
  return convert_uchar16(clamp(y, low, high));
}

#define NPU_MUL_PARAMETERS int a_zero, int b_zero, int zero, int multiplier, int shift, int low, int high
#define NPU_MUL_ARGUMENTS a_zero, b_zero, zero, multiplier, shift, low, high

inline uchar16 npu_mul16(uchar16 a, uchar16 b, NPU_MUL_PARAMETERS) {
  const int16 product = (convert_int16(a) - a_zero) * (convert_int16(b) - b_zero);
  const int16 scaled = npu_binary_multiply_high(product << max(shift, 0), multiplier);
  const int16 y = npu_binary_shift_right(scaled, max(-shift, 0)) + zero;
  return convert_uchar16(clamp(y, low, high));
}

// The two forms of a kernel, for an arithmetic F(a, b, arguments) on 16 lanes.

// a and y have `count` elements; b[i % period]: period is a multiple of 16, or at least count.
#define NPU_BINARY_FLAT(F, ARGUMENTS)                                                       \
  const size_t i = get_global_id(0) * 16;                                                   \
  if (i >= (size_t)count) return;                                                           \
  const size_t j = i < (size_t)period ? i : (uint)i % (uint)period;                         \
  if (i + 16 <= (size_t)count) {                                                            \
    vstore16(F(vload16(0, a + i), vload16(0, b + j), ARGUMENTS), 0, y + i);                 \
    return;                                                                                 \
  }                                                                                         \
  for (size_t k = 0; i + k < (size_t)count; ++k) {                                          \
    y[i + k] = F((uchar16)(a[i + k]), (uchar16)(b[j + k]), ARGUMENTS).s0;                   \
  }

// Work-item (x, row): 16 elements of a row of `inner`. Rows are the iterations of `loops` outer loops, given
// innermost first as {size, stride of a, stride of b}; a_step, b_step: 0 if the row repeats one element.
#define NPU_BINARY_ROWS(F, ARGUMENTS)                                                       \
  const size_t row = get_global_id(1);                                                      \
  size_t x = get_global_id(0) * 16;                                                         \
  if (x >= (size_t)inner || row >= (size_t)rows) return;                                    \
  uint rest = (uint)row;                                                                    \
  for (int k = 0; k < loops; ++k) {                                                         \
    const uint size = (uint)table[3 * k];                                                   \
    a += (size_t)(rest % size) * (size_t)table[3 * k + 1];                                  \
    b += (size_t)(rest % size) * (size_t)table[3 * k + 2];                                  \
    rest /= size;                                                                           \
  }                                                                                         \
  y += row * (size_t)inner;                                                                 \
  if (inner >= 16) {                                                                        \
    x = min(x, (size_t)inner - 16); /* the last vector overlaps the one before it */        \
    const uchar16 va = a_step ? vload16(0, a + x) : (uchar16)(a[0]);                        \
    const uchar16 vb = b_step ? vload16(0, b + x) : (uchar16)(b[0]);                        \
    vstore16(F(va, vb, ARGUMENTS), 0, y + x);                                               \
    return;                                                                                 \
  }                                                                                         \
  for (int k = 0; k < inner; ++k) {                                                         \
    y[k] = F((uchar16)(a[k * a_step]), (uchar16)(b[k * b_step]), ARGUMENTS).s0;             \
  }

__kernel void npu_add_flat(__global const uchar* a, __global const uchar* b, __global uchar* y, int count,
                           int period, NPU_ADD_PARAMETERS) {
  NPU_BINARY_FLAT(npu_add16, NPU_ADD_ARGUMENTS)
}

__kernel void npu_mul_flat(__global const uchar* a, __global const uchar* b, __global uchar* y, int count,
                           int period, NPU_MUL_PARAMETERS) {
  NPU_BINARY_FLAT(npu_mul16, NPU_MUL_ARGUMENTS)
}

__kernel void npu_add_rows(__global const uchar* a, __global const uchar* b, __global uchar* y,
                           __global const int* table, int loops, int rows, int inner, int a_step, int b_step,
                           NPU_ADD_PARAMETERS) {
  NPU_BINARY_ROWS(npu_add16, NPU_ADD_ARGUMENTS)
}

__kernel void npu_mul_rows(__global const uchar* a, __global const uchar* b, __global uchar* y,
                           __global const int* table, int loops, int rows, int inner, int a_step, int b_step,
                           NPU_MUL_PARAMETERS) {
  NPU_BINARY_ROWS(npu_mul16, NPU_MUL_ARGUMENTS)
}
