// Linear filters in strips of rows. A load brings, per output pixel, four bytes into a lane: of one or two components,
// the left sample and the right one. Rows and columns are weighted together, with the sums of backends/frames/reference.cc.
// SPDX-License-Identifier: Apache-2.0
#ifdef NPU_FRAME_X86

// Bytes of 16 pixels, which n windows hold.
static inline __attribute__((always_inline)) int16 npu_frame_taps(__global const uchar* row, __global const int* base,
                                                                  int16 index, int n) {
  int16 bytes = npu_frame_pick_one(row + base[0], index);
#pragma unroll
  for (int i = 1; i < n; ++i) {
    const int each = 64 / n;
    bytes = npu_frame_pick_some(bytes, row + base[i], index, ((1UL << each) - 1) << (each * i));
  }
  return bytes;
}

// The two rows of a plane that an output row reads, and those that the next one will.
typedef struct {
  __global const uchar *top, *bottom, *next_top, *next_bottom;
  int16 share;
} npu_frame_rows;

// How many lines of 64 bytes a group of pixels takes of a row.
static inline int npu_frame_lines(const npu_frame_numbers_of_load* load, int n, int groups) {
  const int span = abs(load->bases[groups * n - 1] - load->bases[0]) + 64;
  return (span / groups + 63) / 64;
}

static inline __attribute__((always_inline)) void npu_frame_touch(const npu_frame_rows* rows, __global const int* base, int n,
                                                                  int lines) {
  const int first = min(base[0], base[n - 1]);  // pictures may be read from right to left
  for (int i = 0; i < lines; ++i) {
    npu_frame_prefetch(rows->next_top + first + 64 * i);
    npu_frame_prefetch(rows->next_bottom + first + 64 * i);
  }
}

static inline __attribute__((always_inline)) npu_frame_rows npu_frame_rows_at(const npu_frame_numbers_of_load* load, int row,
                                                                              int rows, __global const uchar* plane,
                                                                              uint stride) {
  __global const int* at = load->rows + 4 * row;
  __global const int* next = at + 4 * (row + 1 < rows ? 1 : 0);
  const int share = min((2048 - at[2]) * 16, 32767);
  npu_frame_rows r;
  r.top = plane + (size_t)at[0] * stride;
  r.bottom = r.top + (size_t)(at[1] - 1) * stride;
  r.next_top = plane + (size_t)next[0] * stride;
  r.next_bottom = r.next_top + (size_t)(next[1] - 1) * stride;
  r.share = (int16)(share | share << 16);
  return r;
}

// Sums of both rows: `low` and, where there are two components, `high`.
static inline __attribute__((always_inline)) void npu_frame_load(const npu_frame_numbers_of_load* load, int n, int group,
                                                                 const npu_frame_rows* rows, int lines, int round,
                                                                 int16* low, int16* high) {
  __global const int* base = load->bases + group * n;
  npu_frame_touch(rows, base, n, lines);
  const int16 index = npu_frame_ints(load->indices + 16 * group), weight = npu_frame_ints(load->weights + 16 * group);
  const int16 top_weight = npu_frame_mul_rounded(weight, rows->share);
  const int16 bottom_weight = npu_frame_subtract_pairs(weight, top_weight);
  const int16 top = npu_frame_taps(rows->top, base, index, n);
  const int16 bottom = npu_frame_taps(rows->bottom, base, index, n);
  const int16 mask = 0xff00ff;
  *low = npu_frame_pairs(npu_frame_pairs((int16)(round), top & mask, top_weight), bottom & mask, bottom_weight);
  if (high != 0) {
    *high = npu_frame_pairs(npu_frame_pairs((int16)(round), as_int16(as_uint16(top) >> 8) & mask, top_weight),
                            as_int16(as_uint16(bottom) >> 8) & mask, bottom_weight);
  }
}

static inline __attribute__((always_inline)) void npu_frame_linear(
    int kind, int n0, int n1, __global const uchar* plane0, __global const uchar* plane1, __global const uchar* plane2,
    uint stride0, uint stride1, uint stride2, __global uchar* out, __global const int* t, __global const uchar* tables,
    int strip) {
  const int width = t[kWidth], left = t[kRoiX], roi_width = t[kRoiWidth], roi_height = t[kRoiHeight], groups = t[kGroups];
  const npu_frame_colour colour = npu_frame_colours(t, tables);
  const npu_frame_numbers_of_load load0 = npu_frame_load_numbers(t, 0), load1 = npu_frame_load_numbers(t, 1),
                                  load2 = npu_frame_load_numbers(t, kind == kPlanar ? 2 : 1);
  // Components of one plane lie in the same lines.
  const int lines0 = npu_frame_lines(&load0, n0, groups);
  const int lines1 = kind == kSemiPlanar || kind == kPlanar ? npu_frame_lines(&load1, n1, groups) : 0;
  const int begin = (int)get_global_id(0) * strip, end = min(begin + strip, t[kHeight]), top = t[kRoiY];
  for (int row = begin; row < end; ++row) {
    __global uchar* to = out + (size_t)row * width * 3;
    const int y = row - top;
    if (y < 0 || y >= roi_height) {
      npu_frame_bar(to, 0, width, tables);
      continue;
    }
    npu_frame_bar(to, 0, left, tables);
    npu_frame_bar(to, left + roi_width, width, tables);
    to += 3 * left;
    const bool one_plane = kind == kPackedRgb || kind == kPackedYuv;
    const npu_frame_rows rows0 = npu_frame_rows_at(&load0, y, roi_height, plane0, stride0);
    const npu_frame_rows rows1 =
        npu_frame_rows_at(&load1, y, roi_height, one_plane ? plane0 : plane1, one_plane ? stride0 : stride1);
    const npu_frame_rows rows2 = kind == kPlanar ? npu_frame_rows_at(&load2, y, roi_height, plane2, stride2) : rows1;
    for (int group = 0; group < groups; ++group, to += 48) {
      const int count = min(16, roi_width - 16 * group);
      int16 a, b, c;
      if (kind == kPackedRgb) {
        npu_frame_load(&load0, n0, group, &rows0, lines0, 8192, &a, &b);
        npu_frame_load(&load1, n1, group, &rows1, 0, 8192, &c, 0);
        npu_frame_finish(&colour, a >> 14, b >> 14, c >> 14, to, count);
        continue;
      }
      npu_frame_load(&load0, n0, group, &rows0, lines0, 64, &a, 0);
      if (kind == kPlanar) {
        npu_frame_load(&load1, n1, group, &rows1, lines1, 64, &b, 0);
        npu_frame_load(&load2, n1, group, &rows2, lines1, 64, &c, 0);
      } else {
        npu_frame_load(&load1, n1, group, &rows1, lines1, 64, &b, &c);
      }
      npu_frame_matrix(&colour, a >> 7 | (b << 9 & (int)0xffff0000), c >> 7, to, count);
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
