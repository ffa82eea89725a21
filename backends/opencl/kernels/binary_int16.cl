// ADD, SUB, MUL (backends/ops/binary.cc), MINIMUM and MAXIMUM (backends/ops/binary_pairs.cc) of two broadcast INT16
// tensors, element by element. Rows, tables and arguments as in binary.cl; zero points are 0.
// SPDX-License-Identifier: Apache-2.0

static inline int npu_add_int16(int a, int b, NPU_ADD_PARAMETERS) {
  const int sa = npu_requantize_double((a - a_zero) * (1 << 15), a_multiplier, -a_right);
  const int sb = npu_requantize_double((b - b_zero) * (1 << 15), b_multiplier, -b_right);
  const int sum = ((sa ^ a_negate) - a_negate) + ((sb ^ b_negate) - b_negate);
  return clamp(npu_requantize_double(sum, multiplier, -right) + zero, low, high);
}

static inline int npu_mul_int16(int a, int b, NPU_MUL_PARAMETERS) {
  return clamp(npu_requantize_double((a - a_zero) * (b - b_zero), multiplier, shift) + zero, low, high);
}

static inline int npu_extremum_int16(int a, int b, int take_larger) { return take_larger ? max(a, b) : min(a, b); }

#define NPU_BINARY_INT16_ROWS(F, ARGUMENTS)                               \
  NPU_BINARY_ROW;                                                         \
  const size_t end = min(x + 16, (size_t)inner);                          \
  for (; x < end; ++x) {                                                  \
    y[x] = (short)F(a[x * (size_t)a_step], b[x * (size_t)b_step], ARGUMENTS); \
  }

__kernel void npu_add_int16_rows(__global const short* a, __global const short* b, __global short* y,
                                 __global const int* table, int loops, int rows, int inner, int a_step,
                                 int b_step, NPU_ADD_PARAMETERS) {
  NPU_BINARY_INT16_ROWS(npu_add_int16, NPU_ADD_ARGUMENTS)
}

__kernel void npu_mul_int16_rows(__global const short* a, __global const short* b, __global short* y,
                                 __global const int* table, int loops, int rows, int inner, int a_step,
                                 int b_step, NPU_MUL_PARAMETERS) {
  NPU_BINARY_INT16_ROWS(npu_mul_int16, NPU_MUL_ARGUMENTS)
}

__kernel void npu_extremum_int16_rows(__global const short* a, __global const short* b, __global short* y,
                                      __global const int* table, int loops, int rows, int inner, int a_step,
                                      int b_step, int take_larger) {
  NPU_BINARY_INT16_ROWS(npu_extremum_int16, take_larger)
}
