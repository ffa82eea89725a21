// ADD, SUB and MUL (backends/ops/binary.cc), MINIMUM, MAXIMUM and operators that are a table over pairs of
// bytes (backends/ops/binary_pairs.cc, comparison.cc), LOGICAL_AND and LOGICAL_OR (logical.cc) of two broadcast
// tensors, and ADD_N (add_n.cc), on stored bytes, 16 lanes at a time. npu_*_flat: operand a has the output's shape
// and b repeats with a period; npu_*_rows: any broadcast. Multipliers and shifts are the same for all lanes.
// SPDX-License-Identifier: Apache-2.0

static inline uchar16 npu_load_uchar16(__global const uchar* p) { return *(__global const npu_uchar16_u*)p; }

// high * 2^-right, ties away from zero. |high| is below 2^30.
static inline int16 npu_binary_shift_right(int16 high, int right) {
  // Half a unit, less one bit below zero: there a tie goes down.
  const int half_unit = right == 0 ? 0 : 1 << (right - 1);
  return (high + half_unit + ((high >> 31) & (right == 0 ? 0 : -1))) >> right;
}

// round(x * multiplier / 2^31): the rounding doubling high multiply. Even and odd lanes are multiplied as
// lower halves of 64-bit lanes (one instruction each on x86); the odd result is shifted into its place
// instead of down and up again. Little-endian devices, as convolution.h.
static inline int16 npu_binary_multiply_high(int16 x, int multiplier) {
  const long8 pairs = as_long8(x);
  const long8 even = ((pairs << 32) >> 32) * (long)multiplier + (1L << 30);
  const long8 odd = (pairs >> 32) * (long)multiplier + (1L << 30);
  return as_int16(((even >> 31) & 0xffffffffL) | ((odd << 1) & ~0xffffffffL));
}

// x * 2^20 * multiplier * 2^(-31 - right) for a 9-bit x: round(x * multiplier / 2^11), whose product of 40
// bits is made of two 32-bit ones.
static inline int16 npu_binary_scale_input(int16 x, int multiplier, int right) {
  const int16 upper = (x * (multiplier >> 16)) << 5;
  const int16 lower = (x * (multiplier & 0xffff) + (1 << 10)) >> 11;
  return npu_binary_shift_right(upper + lower, right);
}

// round(x * multiplier * 2^(-31 - right)), rounded twice, plus the stored zero point. In [low, high] after a clamp.
static inline int16 npu_binary_rescale(int16 x, int multiplier, int right, int zero, int low) {
  if (right >= 1 && right <= 20) {
    return npu_rescale16(x, npu_prepare_rescale((int16)(multiplier), (int16)(-right), zero), low < zero);
  }
  return npu_binary_shift_right(npu_binary_multiply_high(x, multiplier), right) + zero;
}

// Arguments of npu_add16 and npu_mul16, whose results are still to be clamped to [low, high].
#define NPU_ADD_PARAMETERS                                                                                            \
  int a_zero, int b_zero, int zero, int a_multiplier, int a_right, int a_negate, int b_multiplier,                    \
      int b_right, int b_negate, int multiplier, int right, int low, int high
#define NPU_ADD_ARGUMENTS                                                                                             \
  a_zero, b_zero, zero, a_multiplier, a_right, a_negate, b_multiplier, b_right, b_negate, multiplier,                 \
      right, low, high

// *_negate: -1 subtracts the operand, 0 adds it.
static inline int16 npu_add16(uchar16 a, uchar16 b, NPU_ADD_PARAMETERS) {
  const int16 sa = npu_binary_scale_input(convert_int16(a) - a_zero, a_multiplier, a_right);
  const int16 sb = npu_binary_scale_input(convert_int16(b) - b_zero, b_multiplier, b_right);
  const int16 sum = ((sa ^ a_negate) - a_negate) + ((sb ^ b_negate) - b_negate);
  return npu_binary_rescale(sum, multiplier, right, zero, low);
}
#define NPU_ADD(a, b) npu_add16(a, b, NPU_ADD_ARGUMENTS)

// ADD and SUB as a linear function of the bytes (backends/ops/linear_add.h). It fits 32 bits as a whole; parts may wrap.
#define NPU_LINEAR_PARAMETERS int a_factor, int b_factor, int offset, int shift, int low, int high
static inline int16 npu_linear16(uchar16 a, uchar16 b, int a_factor, int b_factor, int offset, int shift) {
  return as_int16(convert_uint16(a) * (uint16)((uint)a_factor) + convert_uint16(b) * (uint16)((uint)b_factor) +
                  (uint16)((uint)offset)) >> shift;
}
#define NPU_LINEAR(a, b) npu_linear16(a, b, a_factor, b_factor, offset, shift)

#define NPU_MUL_PARAMETERS int a_zero, int b_zero, int zero, int multiplier, int shift, int low, int high
#define NPU_MUL_ARGUMENTS a_zero, b_zero, zero, multiplier, shift, low, high

static inline int16 npu_mul16(uchar16 a, uchar16 b, NPU_MUL_PARAMETERS) {
  const int16 product = (convert_int16(a) - a_zero) * (convert_int16(b) - b_zero);
  return npu_binary_rescale(product << max(shift, 0), multiplier, max(-shift, 0), zero, low);
}
#define NPU_MUL(a, b) npu_mul16(a, b, NPU_MUL_ARGUMENTS)

static inline uchar16 npu_extremum16(uchar16 a, uchar16 b, int take_larger) { return take_larger ? max(a, b) : min(a, b); }
#define NPU_EXTREMUM(a, b) npu_extremum16(a, b, take_larger)

static inline uchar16 npu_logical16(uchar16 a, uchar16 b, int is_or) {
  const uchar16 ta = min(a, (uchar16)(1)), tb = min(b, (uchar16)(1));
  return is_or ? ta | tb : ta & tb;
}
#define NPU_LOGICAL(a, b) npu_logical16(a, b, is_or)

// pairs[a * 256 + b].
static inline uchar16 npu_pair_lut16(uchar16 a, uchar16 b, __global const uchar* pairs) {
  const int16 i = convert_int16(a) * 256 + convert_int16(b);
  return (uchar16)(pairs[i.s0], pairs[i.s1], pairs[i.s2], pairs[i.s3], pairs[i.s4], pairs[i.s5], pairs[i.s6],
                   pairs[i.s7], pairs[i.s8], pairs[i.s9], pairs[i.sa], pairs[i.sb], pairs[i.sc], pairs[i.sd],
                   pairs[i.se], pairs[i.sf]);
}
#define NPU_PAIR_LUT(a, b) npu_pair_lut16(a, b, pairs)

// The two forms of a kernel, for an arithmetic F(a, b) of 16 elements: *_LANES, if it gives lanes
// that are still to be clamped to [low, high], or *_BYTES.

// a and y have `count` elements; b[i % period]: period is a multiple of 16, or at least count. 64 elements per work-item.
#define NPU_BINARY_FLAT                                                                                               \
  const int i = (int)get_global_id(0) * 64;                                                                           \
  if (i >= count) return

#define NPU_BINARY_FLAT_VECTOR(F, k)                                                                                  \
  F(npu_load_uchar16(a + i + k),                                                                                      \
    npu_load_uchar16(b + (i + k < period ? (uint)(i + k) : (uint)(i + k) % (uint)period)))

#define NPU_BINARY_FLAT_LANES(F)                                                                                      \
  NPU_BINARY_FLAT;                                                                                                    \
  npu_store_blocks4(y + i, NPU_BINARY_FLAT_VECTOR(F, 0), NPU_BINARY_FLAT_VECTOR(F, 16),                               \
                    NPU_BINARY_FLAT_VECTOR(F, 32), NPU_BINARY_FLAT_VECTOR(F, 48), low, high, count - i)

#define NPU_BINARY_FLAT_BYTES(F)                                                                                      \
  NPU_BINARY_FLAT;                                                                                                    \
  if (i + 64 <= count) {                                                                                              \
    NPU_UNROLL for (int k = 0; k < 64; k += 16) {                                                                     \
      *(__global npu_uchar16_u*)(y + i + k) = NPU_BINARY_FLAT_VECTOR(F, k);                                           \
    }                                                                                                                 \
    return;                                                                                                           \
  }                                                                                                                   \
  for (int k = 0; i + k < count; k += 16) {                                                                           \
    npu_store16_first(y + i + k, NPU_BINARY_FLAT_VECTOR(F, k), count - i - k);                                        \
  }

// Work-item (x, row): 16 elements of a row of `inner`. Rows are the iterations of `loops` outer loops, given
// innermost first as {size, stride of a, stride of b}; a_step, b_step: 0 if the row repeats one element.
// Leaves the function when there is nothing for this work-item; else a, b and y are at the row's first element.
#define NPU_BINARY_ROW                                                                                                \
  const size_t row = get_global_id(1);                                                                                \
  size_t x = get_global_id(0) * 16;                                                                                   \
  if (x >= (size_t)inner || row >= (size_t)rows) return;                                                              \
  uint rest = (uint)row;                                                                                              \
  for (int k = 0; k < loops; ++k) {                                                                                   \
    const uint size = (uint)table[3 * k];                                                                             \
    const uint next = k + 1 < loops ? rest / size : 0; /* the outermost index is what is left */                      \
    a += (size_t)(rest - next * size) * (size_t)table[3 * k + 1];                                                     \
    b += (size_t)(rest - next * size) * (size_t)table[3 * k + 2];                                                     \
    rest = next;                                                                                                      \
  }                                                                                                                   \
  y += row * (size_t)inner

// TO_BYTES: of what F gives, 16 bytes.
#define NPU_BINARY_ROWS(F, TO_BYTES)                                                                                  \
  NPU_BINARY_ROW;                                                                                                     \
  if (inner >= 16) {                                                                                                  \
    x = min(x, (size_t)inner - 16); /* the last vector overlaps the one before it */                                  \
    const uchar16 va = a_step ? npu_load_uchar16(a + x) : (uchar16)(a[0]);                                            \
    const uchar16 vb = b_step ? npu_load_uchar16(b + x) : (uchar16)(b[0]);                                            \
    *(__global npu_uchar16_u*)(y + x) = TO_BYTES(F(va, vb));                                                          \
    return;                                                                                                           \
  }                                                                                                                   \
  for (int k = 0; k < inner; ++k) {                                                                                   \
    const uchar16 bytes = TO_BYTES(F((uchar16)(a[k * a_step]), (uchar16)(b[k * b_step])));                            \
    y[k] = bytes.s0;                                                                                                  \
  }

#define NPU_BINARY_CLAMPED(lanes) convert_uchar16(clamp(lanes, (int16)(low), (int16)(high)))
#define NPU_BINARY_ROWS_LANES(F) NPU_BINARY_ROWS(F, NPU_BINARY_CLAMPED)
#define NPU_BINARY_ROWS_BYTES(F) NPU_BINARY_ROWS(F, )

__kernel void npu_add_flat(__global const uchar* a, __global const uchar* b, __global uchar* y, int count,
                           int period, NPU_ADD_PARAMETERS) {
  NPU_BINARY_FLAT_LANES(NPU_ADD);
}

__kernel void npu_linear_flat(__global const uchar* a, __global const uchar* b, __global uchar* y, int count,
                              int period, NPU_LINEAR_PARAMETERS) {
  NPU_BINARY_FLAT_LANES(NPU_LINEAR);
}

__kernel void npu_mul_flat(__global const uchar* a, __global const uchar* b, __global uchar* y, int count,
                           int period, NPU_MUL_PARAMETERS) {
  NPU_BINARY_FLAT_LANES(NPU_MUL);
}

__kernel void npu_add_rows(__global const uchar* a, __global const uchar* b, __global uchar* y,
                           __global const int* table, int loops, int rows, int inner, int a_step, int b_step,
                           NPU_ADD_PARAMETERS) {
  NPU_BINARY_ROWS_LANES(NPU_ADD)
}

__kernel void npu_linear_rows(__global const uchar* a, __global const uchar* b, __global uchar* y,
                              __global const int* table, int loops, int rows, int inner, int a_step, int b_step,
                              NPU_LINEAR_PARAMETERS) {
  NPU_BINARY_ROWS_LANES(NPU_LINEAR)
}

__kernel void npu_mul_rows(__global const uchar* a, __global const uchar* b, __global uchar* y,
                           __global const int* table, int loops, int rows, int inner, int a_step, int b_step,
                           NPU_MUL_PARAMETERS) {
  NPU_BINARY_ROWS_LANES(NPU_MUL)
}

__kernel void npu_extremum_flat(__global const uchar* a, __global const uchar* b, __global uchar* y, int count,
                                int period, int take_larger) {
  NPU_BINARY_FLAT_BYTES(NPU_EXTREMUM)
}

__kernel void npu_extremum_rows(__global const uchar* a, __global const uchar* b, __global uchar* y,
                                __global const int* table, int loops, int rows, int inner, int a_step,
                                int b_step, int take_larger) {
  NPU_BINARY_ROWS_BYTES(NPU_EXTREMUM)
}

__kernel void npu_pair_lut_flat(__global const uchar* a, __global const uchar* b, __global uchar* y, int count,
                                int period, __global const uchar* pairs) {
  NPU_BINARY_FLAT_BYTES(NPU_PAIR_LUT)
}

__kernel void npu_pair_lut_rows(__global const uchar* a, __global const uchar* b, __global uchar* y,
                                __global const int* table, int loops, int rows, int inner, int a_step,
                                int b_step, __global const uchar* pairs) {
  NPU_BINARY_ROWS_BYTES(NPU_PAIR_LUT)
}

__kernel void npu_logical_flat(__global const uchar* a, __global const uchar* b, __global uchar* y, int count,
                               int period, int is_or) {
  NPU_BINARY_FLAT_BYTES(NPU_LOGICAL)
}

__kernel void npu_logical_rows(__global const uchar* a, __global const uchar* b, __global uchar* y,
                               __global const int* table, int loops, int rows, int inner, int a_step,
                               int b_step, int is_or) {
  NPU_BINARY_ROWS_BYTES(NPU_LOGICAL)
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
