// Linear filters in strips of rows. A load brings, per output pixel, four bytes into a lane: of one or two components,
// the left sample and the right one. Rows and columns are weighted together, with the sums of backends/frames/reference.cc.
// SPDX-License-Identifier: Apache-2.0
#ifdef NPU_FRAME_X86

// Four bytes of 16 pixels, which n windows hold; window i those of the pixels from (16 * i + n - 1) / n on. Of `bytes`, a bit
// each, of every pixel; the others are 0.
static inline __attribute__((always_inline)) int16 npu_frame_taps(__global const uchar* row, __global const int* base,
                                                                  int16 index, int n, ulong bytes) {
  int16 taps;
#pragma unroll
  for (int i = 0; i < n; ++i) {
    const int first = (16 * i + n - 1) / n, end = (16 * (i + 1) + n - 1) / n;
    const ulong pixels = (end == 16 ? 0 : 1UL << (4 * end % 64)) - (1UL << (4 * first));
    if (i == 0) {
      taps = npu_frame_pick_only(row + base[0], index, pixels & bytes);
    } else {
      taps = npu_frame_pick_some(taps, row + base[i], index, pixels & bytes);
    }
  }
  return taps;
}

// The two rows of a plane that an output row reads, and those that the next one will.
typedef struct {
  __global const uchar *top, *bottom, *next_top, *next_bottom;
  int16 share;
} npu_frame_rows;

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

// Sums of both rows: `low` and, where there are two components, `high`. ahead: fetch what the next row reads.
static inline __attribute__((always_inline)) void npu_frame_load(const npu_frame_numbers_of_load* load, int n, int group,
                                                                 const npu_frame_rows* rows, int ahead, int round,
                                                                 int16* low, int16* high) {
  __global const int* base = load->bases + group * n;
#pragma unroll
  for (int i = 0; i < n; ++i) {
    if (!ahead) break;
    npu_frame_prefetch(rows->next_top + base[i]);
    npu_frame_prefetch(rows->next_bottom + base[i]);
  }
  const int16 index = npu_frame_ints(load->indices + 16 * group), weight = npu_frame_ints(load->weights + 16 * group);
  const int16 top_weight = npu_frame_mul_rounded(weight, rows->share);
  const int16 bottom_weight = npu_frame_subtract_pairs(weight, top_weight);
  if (high == 0) {
    const ulong bytes = 0x5555555555555555UL;
    const int16 top = npu_frame_taps(rows->top, base, index, n, bytes);
    const int16 bottom = npu_frame_taps(rows->bottom, base, index, n, bytes);
    *low = npu_frame_pairs(npu_frame_pairs((int16)(round), top, top_weight), bottom, bottom_weight);
    return;
  }
  const int16 top = npu_frame_taps(rows->top, base, index, n, ~0UL);
  const int16 bottom = npu_frame_taps(rows->bottom, base, index, n, ~0UL);
  const int16 mask = 0xff00ff;
  *low = npu_frame_pairs(npu_frame_pairs((int16)(round), top & mask, top_weight), bottom & mask, bottom_weight);
  *high = npu_frame_pairs(npu_frame_pairs((int16)(round), npu_frame_high_bytes(top), top_weight),
                          npu_frame_high_bytes(bottom), bottom_weight);
}

static inline __attribute__((always_inline)) void npu_frame_linear(
    int kind, int n0, int n1, __global const uchar* plane0, __global const uchar* plane1, __global const uchar* plane2,
    uint stride0, uint stride1, uint stride2, __global uchar* out, __global const int* t, __global const uchar* tables,
    int strip) {
  const int columns = t[kColumns], rows_of_picture = t[kRows], groups = t[kGroups];
  const npu_frame_colour colour = npu_frame_colours(t, tables);
  const npu_frame_numbers_of_load load0 = npu_frame_load_numbers(t, 0), load1 = npu_frame_load_numbers(t, 1),
                                  load2 = npu_frame_load_numbers(t, kind == kPlanar ? 2 : 1);
  const size_t step = 16 * colour.pixel_step;
  const int ahead1 = kind == kSemiPlanar || kind == kPlanar;  // components of one plane lie in the same lines
  const int round = colour.direct ? 8192 : 64, shift = colour.direct ? 14 : 7;
  const int2 strip_rows = npu_frame_strip(t, out, strip, tables);
  for (int y = strip_rows.x; y < strip_rows.y; ++y) {
    __global uchar* to = npu_frame_row(t, out, y);
    const bool one_plane = kind == kPackedRgb || kind == kPackedYuv || kind == kOne;
    const npu_frame_rows rows0 = npu_frame_rows_at(&load0, y, rows_of_picture, plane0, stride0);
    const npu_frame_rows rows1 =
        npu_frame_rows_at(&load1, y, rows_of_picture, one_plane ? plane0 : plane1, one_plane ? stride0 : stride1);
    const npu_frame_rows rows2 = kind == kPlanar ? npu_frame_rows_at(&load2, y, rows_of_picture, plane2, stride2) : rows1;
    for (int group = 0; group < groups; ++group, to += step) {
      const int count = min(16, columns - 16 * group);
      int16 a, b, c;
      if (kind == kOne) {
        npu_frame_load(&load0, n0, group, &rows0, 1, round, &a, 0);
        npu_frame_one(&colour, a >> shift, to, count);
        continue;
      }
      if (kind == kPackedRgb) {
        npu_frame_load(&load0, n0, group, &rows0, 1, round, &a, &b);
        npu_frame_load(&load1, n1, group, &rows1, 0, round, &c, 0);
        if (colour.direct) {
          npu_frame_finish(&colour, a >> 14, b >> 14, c >> 14, to, count);
        } else {
          npu_frame_matrix(&colour, a >> 7, b >> 7, c >> 7, to, count);
        }
        continue;
      }
      npu_frame_load(&load0, n0, group, &rows0, 1, 64, &a, 0);
      if (kind == kPlanar) {
        npu_frame_load(&load1, n1, group, &rows1, ahead1, 64, &b, 0);
        npu_frame_load(&load2, n1, group, &rows2, 1, 64, &c, 0);
      } else {
        npu_frame_load(&load1, n1, group, &rows1, ahead1, 64, &b, &c);
      }
      npu_frame_matrix(&colour, a >> 7, b >> 7, c >> 7, to, count);
    }
  }
}

#define NPU_FRAME_LINEAR_KERNEL(name, kind, n0, n1)                                                                     \
  __attribute__((reqd_work_group_size(1, 1, 1))) __kernel void name(                                                    \
      __global const uchar* plane0, __global const uchar* plane1, __global const uchar* plane2, uint stride0,           \
      uint stride1, uint stride2, __global uchar* out, __global const int* t, __global const uchar* tables, int strip) { \
    npu_frame_linear(kind, n0, n1, plane0, plane1, plane2, stride0, stride1, stride2, out, t, tables, strip);           \
  }
NPU_FRAME_LINEAR_KERNEL(frame_linear_semi_planar_2_3, kSemiPlanar, 2, 3)
NPU_FRAME_LINEAR_KERNEL(frame_linear_semi_planar_4_4, kSemiPlanar, 4, 4)
NPU_FRAME_LINEAR_KERNEL(frame_linear_semi_planar_8_8, kSemiPlanar, 8, 8)
NPU_FRAME_LINEAR_KERNEL(frame_linear_packed_yuv_4, kPackedYuv, 4, 4)
NPU_FRAME_LINEAR_KERNEL(frame_linear_packed_yuv_8, kPackedYuv, 8, 8)
NPU_FRAME_LINEAR_KERNEL(frame_linear_packed_rgb_4, kPackedRgb, 4, 4)
NPU_FRAME_LINEAR_KERNEL(frame_linear_packed_rgb_8, kPackedRgb, 8, 8)
NPU_FRAME_LINEAR_KERNEL(frame_linear_planar_2, kPlanar, 2, 2)
NPU_FRAME_LINEAR_KERNEL(frame_linear_planar_8, kPlanar, 8, 8)
NPU_FRAME_LINEAR_KERNEL(frame_linear_one_2, kOne, 2, 2)
NPU_FRAME_LINEAR_KERNEL(frame_linear_one_4, kOne, 4, 4)
NPU_FRAME_LINEAR_KERNEL(frame_linear_one_8, kOne, 8, 8)

#endif  // NPU_FRAME_X86
