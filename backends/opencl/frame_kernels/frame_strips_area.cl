// The area filter in strips of rows. Columns first: four output pixels are a vector of 64 products of a byte and a
// weight below 128, 16 for each pixel (8 where two components share a load). Rows of whole weight only add up. The sums
// are exact; one division by multiplying with a reciprocal that is exact for them (backends/opencl/frame_strips.cc).
// SPDX-License-Identifier: Apache-2.0
#ifdef NPU_FRAME_X86

// acc + products of the bytes of four pixels, which n windows hold.
static inline __attribute__((always_inline)) int16 npu_frame_quad(int16 acc, __global const uchar* row,
                                                                  __global const int* base, int16 index, int16 weight,
                                                                  int n) {
  int16 bytes;
  if (n == 1) {
    bytes = npu_frame_pick_one(row + base[0], index);
  } else {
    bytes = npu_frame_pick(row + base[0], row + base[1], index);
  }
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(bytes), "v"(weight));
  return acc;
}

// The rows of a plane that an output row covers, and how far below the first the next output row's begins.
typedef struct {
  __global const uchar* first;
  size_t stride, ahead;
  int rows, weight, last;
} npu_frame_area_rows;

static inline __attribute__((always_inline)) npu_frame_area_rows npu_frame_area_rows_at(const npu_frame_numbers_of_load* load, int row,
                                                                              __global const uchar* plane, uint stride) {
  __global const int* at = load->rows + 8 * row;
  npu_frame_area_rows r;
  r.first = plane + (size_t)at[0] * stride;
  r.stride = stride;
  r.rows = at[1];
  r.weight = at[2];
  r.last = at[3];
  r.ahead = at[4] != 0 ? (size_t)at[1] * stride : 0;
  return r;
}

// (sum * scale + total) / (2 * total), exactly.
static inline int16 npu_frame_divide(const npu_frame_numbers_of_load* l, int16 sum, int scale) {
  const uint16 numerator = as_uint16(sum * scale + (int16)(l->total));
  const ulong8 reciprocal = (ulong)l->reciprocal;
  const ulong8 shift = (ulong)l->shift;
  const ulong8 even = (as_ulong8(numerator) & 0xffffffffUL) * reciprocal >> shift;
  const ulong8 odd = (as_ulong8(numerator) >> 32) * reciprocal >> shift;
  return as_int16(even | odd << 32);
}

// Lanes 4i..4i+3 of a, b, c, d belong to pixel i of each: their sums, pixels in order.
static inline int16 npu_frame_sum_fours(int16 a, int16 b, int16 c, int16 d) {
  const int16 ab = __builtin_shufflevector(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30) +
                   __builtin_shufflevector(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
  const int16 cd = __builtin_shufflevector(c, d, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30) +
                   __builtin_shufflevector(c, d, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
  const int16 sums = __builtin_shufflevector(ab, cd, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +
                     __builtin_shufflevector(ab, cd, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  return __builtin_shufflevector(sums, sums, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
}

// The same where lanes 0 and 1 of each four are of one component and 2 and 3 of another.
static inline void npu_frame_sum_pairs(int16 a, int16 b, int16 c, int16 d, int16* low, int16* high) {
  const int16 ab = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
                   __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  const int16 cd = __builtin_shufflevector(c, d, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
                   __builtin_shufflevector(c, d, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  *low = __builtin_shufflevector(ab, cd, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  *high = __builtin_shufflevector(ab, cd, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

// One load of 16 pixels: `low` and, where there are two components, `high`, divided.
static inline __attribute__((always_inline)) void npu_frame_area_load(const npu_frame_numbers_of_load* load, int n, int group,
                                                                      const npu_frame_area_rows* rows, int scale, int16* low,
                                                                      int16* high) {
  __global const int* base = load->bases + 4 * n * group;
  __global const uchar* row = rows->first;
  const size_t ahead = rows->ahead;
  int16 index[4], weight[4], sum[4], whole[4];
#pragma unroll
  for (int q = 0; q < 4; ++q) {
    index[q] = npu_frame_ints(load->indices + 64 * group + 16 * q);
    weight[q] = npu_frame_ints(load->weights + 64 * group + 16 * q);
    npu_frame_prefetch(row + ahead + base[n * q]);
    sum[q] = npu_frame_quad((int16)(0), row, base + n * q, index[q], weight[q], n) * rows->weight;
    whole[q] = 0;
  }
  if (rows->rows > 1) {
    row += rows->stride;
    for (int j = 1; j < rows->rows - 1; ++j, row += rows->stride) {
#pragma unroll
      for (int q = 0; q < 4; ++q) {
        npu_frame_prefetch(row + ahead + base[n * q]);
        whole[q] = npu_frame_quad(whole[q], row, base + n * q, index[q], weight[q], n);
      }
    }
#pragma unroll
    for (int q = 0; q < 4; ++q) {
      sum[q] += whole[q] * load->full +
                npu_frame_quad((int16)(0), row, base + n * q, index[q], weight[q], n) * rows->last;
    }
  }
  if (high == 0) {
    *low = npu_frame_divide(load, npu_frame_sum_fours(sum[0], sum[1], sum[2], sum[3]), scale);
    return;
  }
  int16 first, second;
  npu_frame_sum_pairs(sum[0], sum[1], sum[2], sum[3], &first, &second);
  *low = npu_frame_divide(load, first, scale);
  *high = npu_frame_divide(load, second, scale);
}

static inline __attribute__((always_inline)) void npu_frame_area_strip(
    int kind, int n, __global const uchar* plane0, __global const uchar* plane1, __global const uchar* plane2, uint stride0,
    uint stride1, uint stride2, __global uchar* out, __global const int* t, __global const uchar* tables, int strip) {
  const int columns = t[kColumns], rows_of_picture = t[kRows], groups = t[kGroups];
  const npu_frame_colour colour = npu_frame_colours(t, tables);
  const npu_frame_numbers_of_load load0 = npu_frame_load_numbers(t, 0), load1 = npu_frame_load_numbers(t, 1),
                                  load2 = npu_frame_load_numbers(t, kind == kPlanar ? 2 : 1);
  const size_t step = 16 * colour.pixel_step;
  const int scale = colour.direct ? 2 : 256;
  const int2 strip_rows = npu_frame_strip(t, out, strip, tables);
  for (int y = strip_rows.x; y < strip_rows.y; ++y) {
    __global uchar* to = npu_frame_row(t, out, y);
    const bool one_plane = kind == kPackedRgb || kind == kPackedYuv || kind == kOne;
    const npu_frame_area_rows rows0 = npu_frame_area_rows_at(&load0, y, plane0, stride0);
    const npu_frame_area_rows rows1 = npu_frame_area_rows_at(&load1, y, one_plane ? plane0 : plane1, one_plane ? stride0 : stride1);
    const npu_frame_area_rows rows2 = kind == kPlanar ? npu_frame_area_rows_at(&load2, y, plane2, stride2) : rows1;
    for (int group = 0; group < groups; ++group, to += step) {
      const int count = min(16, columns - 16 * group);
      int16 a, b, c;
      if (kind == kOne) {
        npu_frame_area_load(&load0, n, group, &rows0, scale, &a, 0);
        npu_frame_one(&colour, a, to, count);
        continue;
      }
      if (kind == kPackedRgb) {
        npu_frame_area_load(&load0, n, group, &rows0, scale, &a, &b);
        npu_frame_area_load(&load1, n, group, &rows1, scale, &c, 0);
        if (colour.direct) {
          npu_frame_finish(&colour, a, b, c, to, count);
        } else {
          npu_frame_matrix(&colour, a, b, c, to, count);
        }
        continue;
      }
      npu_frame_area_load(&load0, n, group, &rows0, 256, &a, 0);
      if (kind == kPlanar) {
        npu_frame_area_load(&load1, n, group, &rows1, 256, &b, 0);
        npu_frame_area_load(&load2, n, group, &rows2, 256, &c, 0);
      } else {
        npu_frame_area_load(&load1, n, group, &rows1, 256, &b, &c);
      }
      npu_frame_matrix(&colour, a, b, c, to, count);
    }
  }
}

#define NPU_FRAME_AREA_KERNEL(name, kind, n)                                                                            \
  __attribute__((reqd_work_group_size(1, 1, 1))) __kernel void name(                                                    \
      __global const uchar* plane0, __global const uchar* plane1, __global const uchar* plane2, uint stride0,           \
      uint stride1, uint stride2, __global uchar* out, __global const int* t, __global const uchar* tables, int strip) { \
    npu_frame_area_strip(kind, n, plane0, plane1, plane2, stride0, stride1, stride2, out, t, tables, strip);            \
  }
NPU_FRAME_AREA_KERNEL(frame_area_semi_planar_1, kSemiPlanar, 1)
NPU_FRAME_AREA_KERNEL(frame_area_semi_planar_2, kSemiPlanar, 2)
NPU_FRAME_AREA_KERNEL(frame_area_packed_yuv_1, kPackedYuv, 1)
NPU_FRAME_AREA_KERNEL(frame_area_packed_yuv_2, kPackedYuv, 2)
NPU_FRAME_AREA_KERNEL(frame_area_packed_rgb_1, kPackedRgb, 1)
NPU_FRAME_AREA_KERNEL(frame_area_packed_rgb_2, kPackedRgb, 2)
NPU_FRAME_AREA_KERNEL(frame_area_planar_1, kPlanar, 1)
NPU_FRAME_AREA_KERNEL(frame_area_planar_2, kPlanar, 2)
NPU_FRAME_AREA_KERNEL(frame_area_one_1, kOne, 1)
NPU_FRAME_AREA_KERNEL(frame_area_one_2, kOne, 2)

#endif  // NPU_FRAME_X86
