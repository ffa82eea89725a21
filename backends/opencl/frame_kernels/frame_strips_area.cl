// The area filter in strips of rows. Columns first: four output pixels are a vector of 64 products of a byte and a
// weight below 128, 16 for each pixel (8 where two components share a load). Rows of whole weight only add up. The sums
// are exact; one division by multiplying with a reciprocal that is exact for them (backends/opencl/frame_strips.cc).
// SPDX-License-Identifier: Apache-2.0
#ifdef NPU_FRAME_X86

static inline int16 npu_frame_quad(int16 acc, __global const uchar* row, __global const int* base, int16 index,
                                   int16 weight) {
  const int16 bytes = npu_frame_pick(row + base[0], row + base[1], index);
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(bytes), "v"(weight));
  return acc;
}

// Weighted sums of four pixels over their rows, by 32-bit lane: 4 for each pixel.
static inline __attribute__((always_inline)) int16 npu_frame_quad_rows(__global const uchar* plane, uint stride,
                                                                       __global const int* at, int full,
                                                                       __global const int* base, int16 index,
                                                                       int16 weight) {
  __global const uchar* row = plane + (size_t)at[0] * stride;
  const int rows = at[1];
  const size_t ahead = (size_t)rows * stride;
  npu_frame_prefetch(row + base[0] + (at[4] != 0 ? ahead : 0));
  int16 sum = npu_frame_quad((int16)(0), row, base, index, weight) * at[2];
  if (rows == 1) return sum;
  int16 whole = 0;
  row += stride;
  for (int j = 1; j < rows - 1; ++j, row += stride) {
    npu_frame_prefetch(row + base[0] + (at[4] != 0 ? ahead : 0));
    whole = npu_frame_quad(whole, row, base, index, weight);
  }
  return sum + whole * full + npu_frame_quad((int16)(0), row, base, index, weight) * at[3];
}

// (sum * scale + total) / (2 * total), exactly.
static inline int16 npu_frame_divide(__global const int* l, int16 sum, int scale) {
  const uint16 numerator = as_uint16(sum * scale + (int16)(l[kTotal]));
  const ulong8 reciprocal = (ulong)(uint)l[kReciprocal];
  const ulong8 shift = (ulong)l[kShift];
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
static inline __attribute__((always_inline)) void npu_frame_area_load(__global const int* t, int load, int group, int row,
                                                                      __global const uchar* plane, uint stride, int scale,
                                                                      int16* low, int16* high) {
  __global const int* l = t + kLoads + load * kLoadNumbers;
  int16 quads[4];
#pragma unroll
  for (int q = 0; q < 4; ++q) {
    const int quad = 4 * group + q;
    quads[q] = npu_frame_quad_rows(plane, stride, t + l[kRows] + 8 * row, l[kFullY], t + l[kBases] + 2 * quad,
                                   npu_frame_ints(t + l[kIndices] + 16 * quad),
                                   npu_frame_ints(t + l[kWeights] + 16 * quad));
  }
  if (high == 0) {
    *low = npu_frame_divide(l, npu_frame_sum_fours(quads[0], quads[1], quads[2], quads[3]), scale);
    return;
  }
  int16 first, second;
  npu_frame_sum_pairs(quads[0], quads[1], quads[2], quads[3], &first, &second);
  *low = npu_frame_divide(l, first, scale);
  *high = npu_frame_divide(l, second, scale);
}

static inline __attribute__((always_inline)) void npu_frame_area_strip(
    int kind, __global const uchar* plane0, __global const uchar* plane1, __global const uchar* plane2, uint stride0,
    uint stride1, uint stride2, __global uchar* out, __global const int* t, __global const uchar* tables, int strip) {
  const int begin = (int)get_global_id(0) * strip, end = min(begin + strip, t[kHeight]);
  for (int row = begin; row < end; ++row) {
    __global uchar* to = out + (size_t)row * t[kWidth] * 3;
    const int y = row - t[kRoiY];
    if (y < 0 || y >= t[kRoiHeight]) {
      npu_frame_bar(to, 0, t[kWidth], tables);
      continue;
    }
    npu_frame_bar(to, 0, t[kRoiX], tables);
    npu_frame_bar(to, t[kRoiX] + t[kRoiWidth], t[kWidth], tables);
    to += 3 * t[kRoiX];
    for (int group = 0; group < t[kGroups]; ++group, to += 48) {
      const int count = min(16, t[kRoiWidth] - 16 * group);
      int16 a, b, c;
      if (kind == kPackedRgb) {
        npu_frame_area_load(t, 0, group, y, plane0, stride0, 2, &a, &b);
        npu_frame_area_load(t, 1, group, y, plane0, stride0, 2, &c, 0);
        npu_frame_finish(t, tables, a, b, c, to, count);
        continue;
      }
      npu_frame_area_load(t, 0, group, y, plane0, stride0, 256, &a, 0);
      if (kind == kPlanar) {
        npu_frame_area_load(t, 1, group, y, plane1, stride1, 256, &b, 0);
        npu_frame_area_load(t, 2, group, y, plane2, stride2, 256, &c, 0);
      } else if (kind == kSemiPlanar) {
        npu_frame_area_load(t, 1, group, y, plane1, stride1, 256, &b, &c);
      } else {
        npu_frame_area_load(t, 1, group, y, plane0, stride0, 256, &b, &c);
      }
      npu_frame_matrix(t, tables, a, b, c, to, count);
    }
  }
}

#define NPU_FRAME_AREA_KERNEL(name, kind)                                                                               \
  __attribute__((reqd_work_group_size(1, 1, 1))) __kernel void name(                                                    \
      __global const uchar* plane0, __global const uchar* plane1, __global const uchar* plane2, uint stride0,           \
      uint stride1, uint stride2, __global uchar* out, __global const int* t, __global const uchar* tables, int strip) { \
    npu_frame_area_strip(kind, plane0, plane1, plane2, stride0, stride1, stride2, out, t, tables, strip);               \
  }
NPU_FRAME_AREA_KERNEL(frame_area_semi_planar, kSemiPlanar)
NPU_FRAME_AREA_KERNEL(frame_area_packed_yuv, kPackedYuv)
NPU_FRAME_AREA_KERNEL(frame_area_packed_rgb, kPackedRgb)
NPU_FRAME_AREA_KERNEL(frame_area_planar, kPlanar)

#endif  // NPU_FRAME_X86
