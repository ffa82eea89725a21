// ADD, SUB and MUL (backends/ops/binary.cc), MINIMUM, MAXIMUM and operators that are a table over pairs of
// bytes (backends/ops/binary_pairs.cc, comparison.cc), LOGICAL_AND and LOGICAL_OR (logical.cc) of two broadcast
// tensors, and ADD_N (add_n.cc), on stored bytes, 16 lanes at a time. npu_*_flat: operand a has the output's shape
// and b repeats with a period; npu_*_rows: any broadcast. Multipliers and shifts are the same for all lanes.
// SPDX-License-Identifier: Apache-2.0

inline uchar16 npu_load_uchar16(__global const uchar* p) { return *(__global const npu_uchar16_u*)p; }

// high * 2^-right, ties away from zero. |high| is below 2^30.
inline int16 npu_binary_shift_right(int16 high, int right) {
  if (right == 0) return high;
  // Half a unit, less one bit below zero: there a tie goes down.
  return (high + (1 << (right - 1)) + (high >> 31)) >> right;
}

// round(x * multiplier / 2^31): the rounding doubling high multiply. Even and odd lanes are multiplied as
// lower halves of 64-bit lanes (one instruction each on x86); the odd result is shifted into its place
// instead of down and up again. Little-endian devices, as convolution.h.
inline int16 npu_binary_multiply_high(int16 x, int multiplier) {
  const long8 pairs = as_long8(x);
  const long8 even = ((pairs << 32) >> 32) * (long)multiplier + (1L << 30);
  const long8 odd = (pairs >> 32) * (long)multiplier + (1L << 30);
  return as_int16(((even >> 31) & 0xffffffffL) | ((odd << 1) & ~0xffffffffL));
}

// x * 2^20 * multiplier * 2^(-31 - right) for a 9-bit x: round(x * multiplier / 2^11), whose product of 40
// bits is made of two 32-bit ones. The larger scale's multiplier is always 1/2: one shift.
inline int16 npu_binary_scale_input(int16 x, int multiplier, int right) {
  if (multiplier == (1 << 30) && right == 0) return x << 19;
  const int16 upper = (x * (multiplier >> 16)) << 5;
  const int16 lower = (x * (multiplier & 0xffff) + (1 << 10)) >> 11;
  return npu_binary_shift_right(upper + lower, right);
}

#define NPU_ADD_PARAMETERS                                                                                \
  int a_zero, int b_zero, int zero, int a_multiplier, int a_right, int a_negate, int b_multiplier,        \
      int b_right, int b_negate, int multiplier, int right, int low, int high
#define NPU_ADD_ARGUMENTS                                                                                 \
  a_zero, b_zero, zero, a_multiplier, a_right, a_negate, b_multiplier, b_right, b_negate, multiplier,     \
      right, low, high

// *_negate: -1 subtracts the operand, 0 adds it.
inline int16 npu_add16(uchar16 a, uchar16 b, NPU_ADD_PARAMETERS) {
  const int16 sa = npu_binary_scale_input(convert_int16(a) - a_zero, a_multiplier, a_right);
  const int16 sb = npu_binary_scale_input(convert_int16(b) - b_zero, b_multiplier, b_right);
  const int16 sum = ((sa ^ a_negate) - a_negate) + ((sb ^ b_negate) - b_negate);
  const int16 y = npu_binary_shift_right(npu_binary_multiply_high(sum, multiplier), right) + zero;
  return clamp(y, (int16)(low), (int16)(high));
}

#define NPU_MUL_PARAMETERS int a_zero, int b_zero, int zero, int multiplier, int shift, int low, int high
#define NPU_MUL_ARGUMENTS a_zero, b_zero, zero, multiplier, shift, low, high

inline int16 npu_mul16(uchar16 a, uchar16 b, NPU_MUL_PARAMETERS) {
  const int16 product = (convert_int16(a) - a_zero) * (convert_int16(b) - b_zero);
  const int16 scaled = npu_binary_multiply_high(product << max(shift, 0), multiplier);
  const int16 y = npu_binary_shift_right(scaled, max(-shift, 0)) + zero;
  return clamp(y, (int16)(low), (int16)(high));
}

inline int16 npu_extremum16(uchar16 a, uchar16 b, int take_larger) {
  return convert_int16(take_larger ? max(a, b) : min(a, b));
}

inline int16 npu_logical16(uchar16 a, uchar16 b, int is_or) {
  const uchar16 ta = min(a, (uchar16)(1)), tb = min(b, (uchar16)(1));
  return convert_int16(is_or ? ta | tb : ta & tb);
}

// pairs[a * 256 + b].
inline int16 npu_pair_lut16(uchar16 a, uchar16 b, __global const uchar* pairs) {
  const int16 i = convert_int16(a) * 256 + convert_int16(b);
  return (int16)(pairs[i.s0], pairs[i.s1], pairs[i.s2], pairs[i.s3], pairs[i.s4], pairs[i.s5], pairs[i.s6],
                 pairs[i.s7], pairs[i.s8], pairs[i.s9], pairs[i.sa], pairs[i.sb], pairs[i.sc], pairs[i.sd],
                 pairs[i.se], pairs[i.sf]);
}

// The two forms of a kernel, for an arithmetic F(a, b, arguments) on 16 lanes.

// a and y have `count` elements; b[i % period]: period is a multiple of 16, or at least count.
#define NPU_BINARY_FLAT(F, ARGUMENTS)                                                                     \
  const size_t i = get_global_id(0) * 16;                                                                 \
  if (i >= (size_t)count) return;                                                                         \
  const size_t j = i < (size_t)period ? i : (uint)i % (uint)period;                                       \
  if (i + 16 <= (size_t)count) {                                                                          \
    npu_store_uchar16(y + i, F(npu_load_uchar16(a + i), npu_load_uchar16(b + j), ARGUMENTS));             \
    return;                                                                                               \
  }                                                                                                       \
  for (size_t k = 0; i + k < (size_t)count; ++k) {                                                        \
    y[i + k] = (uchar)F((uchar16)(a[i + k]), (uchar16)(b[j + k]), ARGUMENTS).s0;                          \
  }

// Work-item (x, row): 16 elements of a row of `inner`. Rows are the iterations of `loops` outer loops, given
// innermost first as {size, stride of a, stride of b}; a_step, b_step: 0 if the row repeats one element.
// Leaves the function when there is nothing for this work-item; else a, b and y are at the row's first element.
#define NPU_BINARY_ROW                                                                                    \
  const size_t row = get_global_id(1);                                                                    \
  size_t x = get_global_id(0) * 16;                                                                       \
  if (x >= (size_t)inner || row >= (size_t)rows) return;                                                  \
  uint rest = (uint)row;                                                                                  \
  for (int k = 0; k < loops; ++k) {                                                                       \
    const uint size = (uint)table[3 * k];                                                                 \
    const uint next = k + 1 < loops ? rest / size : 0; /* the outermost index is what is left */          \
    a += (size_t)(rest - next * size) * (size_t)table[3 * k + 1];                                         \
    b += (size_t)(rest - next * size) * (size_t)table[3 * k + 2];                                         \
    rest = next;                                                                                          \
  }                                                                                                       \
  y += row * (size_t)inner

#define NPU_BINARY_ROWS(F, ARGUMENTS)                                                                     \
  NPU_BINARY_ROW;                                                                                         \
  if (inner >= 16) {                                                                                      \
    x = min(x, (size_t)inner - 16); /* the last vector overlaps the one before it */                      \
    const uchar16 va = a_step ? npu_load_uchar16(a + x) : (uchar16)(a[0]);                                \
    const uchar16 vb = b_step ? npu_load_uchar16(b + x) : (uchar16)(b[0]);                                \
    npu_store_uchar16(y + x, F(va, vb, ARGUMENTS));                                                       \
    return;                                                                                               \
  }                                                                                                       \
  for (int k = 0; k < inner; ++k) {                                                                       \
    y[k] = (uchar)F((uchar16)(a[k * a_step]), (uchar16)(b[k * b_step]), ARGUMENTS).s0;                    \
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

__kernel void npu_extremum_flat(__global const uchar* a, __global const uchar* b, __global uchar* y, int count,
                                int period, int take_larger) {
  NPU_BINARY_FLAT(npu_extremum16, take_larger)
}

__kernel void npu_extremum_rows(__global const uchar* a, __global const uchar* b, __global uchar* y,
                                __global const int* table, int loops, int rows, int inner, int a_step,
                                int b_step, int take_larger) {
  NPU_BINARY_ROWS(npu_extremum16, take_larger)
}

__kernel void npu_pair_lut_flat(__global const uchar* a, __global const uchar* b, __global uchar* y, int count,
                                int period, __global const uchar* pairs) {
  NPU_BINARY_FLAT(npu_pair_lut16, pairs)
}

__kernel void npu_pair_lut_rows(__global const uchar* a, __global const uchar* b, __global uchar* y,
                                __global const int* table, int loops, int rows, int inner, int a_step,
                                int b_step, __global const uchar* pairs) {
  NPU_BINARY_ROWS(npu_pair_lut16, pairs)
}

__kernel void npu_logical_flat(__global const uchar* a, __global const uchar* b, __global uchar* y, int count,
                               int period, int is_or) {
  NPU_BINARY_FLAT(npu_logical16, is_or)
}

__kernel void npu_logical_rows(__global const uchar* a, __global const uchar* b, __global uchar* y,
                               __global const int* table, int loops, int rows, int inner, int a_step,
                               int b_step, int is_or) {
  NPU_BINARY_ROWS(npu_logical16, is_or)
}

// One operand of ADD_N, added to the sums of those before it (first: there are none). The last one writes y.
// sums has room for whole vectors of 16.
__kernel void npu_add_n(__global const uchar* x, __global int* sums, __global uchar* y, int count, int first,
                        int last, int x_zero, int x_multiplier, int x_right, int zero, int multiplier, int shift) {
  const int i = (int)get_global_id(0) * 16;
  if (i >= count) return;
  int16 sum = npu_binary_scale_input(convert_int16(npu_load_uchar16(x + i)) - x_zero, x_multiplier, x_right);
  if (!first) sum += npu_load_int16(sums + i);
  if (!last) {
    *(__global npu_int16_u*)(sums + i) = sum;
    return;
  }
  const int16 scaled = npu_requantize_double16(sum, (int16)(multiplier), (int16)(shift)) + zero;
  npu_store_lanes(y + i, clamp(scaled, (int16)(0), (int16)(255)), count - i);
}
