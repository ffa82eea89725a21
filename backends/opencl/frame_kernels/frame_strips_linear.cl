// Linear filters in strips of rows. A load brings, per output pixel, four bytes into a lane: of one or two components,
// the left sample and the right one. Rows and columns are weighted together, with the sums of backends/frames/reference.cc.
// SPDX-License-Identifier: Apache-2.0
#ifdef NPU_FRAME_X86

// Bytes of 16 pixels, which n windows hold.
static inline __attribute__((always_inline)) int16 npu_frame_taps(__global const uchar* row, __global const int* base,
                                                                  int16 index, int n) {
  const int16 a = npu_frame_pick(row + base[0], row + base[1], index);
  if (n == 2) return a;
  const int16 b = npu_frame_pick(row + base[2], row + base[3], index);
  if (n == 4) return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31);
  const int16 c = npu_frame_pick(row + base[4], row + base[5], index);
  const int16 d = npu_frame_pick(row + base[6], row + base[7], index);
  const int16 ab = __builtin_shufflevector(a, b, 0, 1, 2, 3, 20, 21, 22, 23, 8, 9, 10, 11, 12, 13, 14, 15);
  const int16 cd = __builtin_shufflevector(c, d, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 28, 29, 30, 31);
  return __builtin_shufflevector(ab, cd, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31);
}

static inline __attribute__((always_inline)) void npu_frame_touch(__global const uchar* row, __global const int* base, int n) {
  if (n == 2) {
    for (int i = 0; i < 3; ++i) npu_frame_prefetch(row + base[0] + 64 * i);
  } else {
    for (int i = 0; i < n; ++i) npu_frame_prefetch(row + base[i]);
  }
}

// Sums of both rows: `low` and, where there are two components, `high`.
static inline __attribute__((always_inline)) void npu_frame_load(__global const int* t, int load, int n, int group,
                                                                 int row, __global const uchar* plane, uint stride,
                                                                 int round, int16* low, int16* high) {
  __global const int* l = t + kLoads + load * kLoadNumbers;
  __global const int* base = t + l[kBases] + group * n;
  __global const int* at = t + l[kRows] + 4 * row;
  const int16 index = npu_frame_ints(t + l[kIndices] + 16 * group), weight = npu_frame_ints(t + l[kWeights] + 16 * group);
  const int share = min((2048 - at[2]) * 16, 32767);
  const int16 top_weight = npu_frame_mul_rounded(weight, (int16)(share | share << 16));
  const int16 bottom_weight = npu_frame_subtract_pairs(weight, top_weight);
  __global const uchar* first = plane + (size_t)at[0] * stride;
  const int16 top = npu_frame_taps(first, base, index, n);
  const int16 bottom = npu_frame_taps(first + (size_t)(at[1] - 1) * stride, base, index, n);
  const int16 mask = 0xff00ff;
  *low = npu_frame_pairs(npu_frame_pairs((int16)(round), top & mask, top_weight), bottom & mask, bottom_weight);
  if (high != 0) {
    *high = npu_frame_pairs(npu_frame_pairs((int16)(round), as_int16(as_uint16(top) >> 8) & mask, top_weight),
                            as_int16(as_uint16(bottom) >> 8) & mask, bottom_weight);
  }
  // Where the next output row will read.
  __global const int* next = at + 4 * (row + 1 < t[kRoiHeight] ? 1 : 0);
  __global const uchar* ahead = plane + (size_t)next[0] * stride;
  npu_frame_touch(ahead, base, n);
  npu_frame_touch(ahead + (size_t)(next[1] - 1) * stride, base, n);
}

static inline __attribute__((always_inline)) void npu_frame_linear(
    int kind, int n0, int n1, __global const uchar* plane0, __global const uchar* plane1, __global const uchar* plane2,
    uint stride0, uint stride1, uint stride2, __global uchar* out, __global const int* t, __global const uchar* tables,
    int strip) {
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
        npu_frame_load(t, 0, n0, group, y, plane0, stride0, 8192, &a, &b);
        npu_frame_load(t, 1, n1, group, y, plane0, stride0, 8192, &c, 0);
        npu_frame_finish(t, tables, a >> 14, b >> 14, c >> 14, to, count);
        continue;
      }
      npu_frame_load(t, 0, n0, group, y, plane0, stride0, 64, &a, 0);
      if (kind == kPlanar) {
        npu_frame_load(t, 1, n1, group, y, plane1, stride1, 64, &b, 0);
        npu_frame_load(t, 2, n1, group, y, plane2, stride2, 64, &c, 0);
      } else if (kind == kSemiPlanar) {
        npu_frame_load(t, 1, n1, group, y, plane1, stride1, 64, &b, &c);
      } else {
        npu_frame_load(t, 1, n1, group, y, plane0, stride0, 64, &b, &c);
      }
      npu_frame_matrix(t, tables, a >> 7, b >> 7, c >> 7, to, count);
    }
  }
}

#define NPU_FRAME_LINEAR_KERNEL(name, kind, n0, n1)                                                                     \
  __attribute__((reqd_work_group_size(1, 1, 1))) __kernel void name(                                                    \
      __global const uchar* plane0, __global const uchar* plane1, __global const uchar* plane2, uint stride0,           \
      uint stride1, uint stride2, __global uchar* out, __global const int* t, __global const uchar* tables, int strip) { \
    npu_frame_linear(kind, n0, n1, plane0, plane1, plane2, stride0, stride1, stride2, out, t, tables, strip);           \
  }
NPU_FRAME_LINEAR_KERNEL(frame_linear_semi_planar_2_4, kSemiPlanar, 2, 4)
NPU_FRAME_LINEAR_KERNEL(frame_linear_semi_planar_4_4, kSemiPlanar, 4, 4)
NPU_FRAME_LINEAR_KERNEL(frame_linear_semi_planar_8_8, kSemiPlanar, 8, 8)
NPU_FRAME_LINEAR_KERNEL(frame_linear_packed_yuv_4, kPackedYuv, 4, 4)
NPU_FRAME_LINEAR_KERNEL(frame_linear_packed_yuv_8, kPackedYuv, 8, 8)
NPU_FRAME_LINEAR_KERNEL(frame_linear_packed_rgb_4, kPackedRgb, 4, 4)
NPU_FRAME_LINEAR_KERNEL(frame_linear_packed_rgb_8, kPackedRgb, 8, 8)
NPU_FRAME_LINEAR_KERNEL(frame_linear_planar_2, kPlanar, 2, 2)
NPU_FRAME_LINEAR_KERNEL(frame_linear_planar_8, kPlanar, 8, 8)

#endif  // NPU_FRAME_X86
