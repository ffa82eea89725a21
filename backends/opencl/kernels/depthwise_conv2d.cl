// DEPTHWISE_CONV_2D in the u8 domain (backends/ops/depthwise_conv2d.cc). OpenCL C. A 32-bit lane is an output channel;
// input and output channels are the same (a depth multiplier has repeated them, kernel conv_stage).
//
// Dot products take four taps at once: the bytes of a channel under four taps make one 32-bit lane. A 3x3 filter on
// adjacent pixels has one group of taps per column, so that a column made for one output serves its neighbours;
// every other filter has its taps in groups of four. Taps outside the image are read from `fill`, zero points,
// which add nothing.
// A work-item computes a chunk of output rows of 64 channels: at once where the variant can (NPU_HAS_CHANNELS64),
// else by blocks of 16.
// SPDX-License-Identifier: Apache-2.0

// struct DepthwiseGeometry of backends/ops/depthwise_conv2d.cc: the same numbers in the same order.
typedef struct {
  int in_h, in_w, channels;
  int out_h, out_w, rows;  // rows: of all batches
  int stride_h, stride_w;
  int x_low, x_high;  // windows that start there (x * stride_w) have all their columns inside
  int groups;         // of up to four taps
  int columns3;       // 3x3, adjacent pixels, stride 1 or 2 to the right: sliding columns
  int chunks;         // work-items that share the rows, equally
  int weights_zero_point, zero_point, stored_zero_point, range_min, range_max, storage_offset;
  int form;  // RescaleForm of backends/ops/convolution.h
} npu_depthwise_geometry;

// Rows and columns from a window's start.
typedef struct {
  int dy, dx;
} npu_depthwise_tap;

// The first row of chunk `i`.
static inline int npu_depthwise_first_row(int i, __global const npu_depthwise_geometry* g) {
  return (int)min((long)g->rows * i / g->chunks, (long)g->rows);
}

// What a plan's convolutions need, Parts of backends/ops/depthwise_conv2d.cc; the rest is not compiled.
// Bits 0 to 3: forms of rescaling.
#ifndef NPU_PARTS_depthwise_conv2d
#define NPU_PARTS_depthwise_conv2d 0xffffffffu
#endif
#define NPU_DEPTHWISE_HAS(parts) ((NPU_PARTS_depthwise_conv2d & (parts)) != 0)
#define NPU_DEPTHWISE_ZERO_POINT 0x10u  // of the weights
#define NPU_DEPTHWISE_STEP1 0x20u       // sliding columns, stride 1
#define NPU_DEPTHWISE_STEP2 0x40u       // sliding columns, stride 2
#define NPU_DEPTHWISE_OTHER 0x80u       // no sliding columns
#define NPU_DEPTHWISE_BLOCK16 0x100u    // blocks of 16 channels beside those of 64
#define NPU_DEPTHWISE_BLOCK64 0x200u
// form == number, for forms that are needed.
#define NPU_DEPTHWISE_IS(form, number) \
  (NPU_DEPTHWISE_HAS(1u << (number)) && ((NPU_PARTS_depthwise_conv2d & 15u) == 1u << (number) || (form) == (number)))

#ifndef NPU_SIMT  // kernels/depthwise_conv2d_simt.cl

// Taps whose addresses are worth keeping for a row; larger filters compute them again for every output.
#define NPU_DEPTHWISE_TAPS 64

// One output row of VECTORS * 16 channels.
#define NPU_DEPTHWISE_ROW(name, VECTORS, LANES, COLUMN, STORE)                                                     \
  NPU_FUNCTION void name(__global const uchar* in, __global const int* weights, __global const int* ones,                \
                   __global const int* constants, __global const npu_depthwise_geometry* g,                        \
                   __global const npu_depthwise_tap* taps, __global const uchar* fill, __global uchar* out, int y,  \
                   int batch, int channels) {                                                                      \
    const long pixel = g->channels, line = g->in_w * pixel;                                                        \
    const int form = g->form, step = g->stride_w, out_w = g->out_w;                                                \
    const int low = form == 0 ? 0 : g->range_min + g->storage_offset;                                              \
    const int high = form == 0 ? 255 : g->range_max + g->storage_offset;                                           \
    const int16 after = (int16)(form == 3 ? g->stored_zero_point : 0);                                             \
    npu_rescale rescale[VECTORS];                                                                                  \
    NPU_UNROLL for (int v = 0; v < VECTORS; ++v) {                                                                 \
      rescale[v] = npu_prepare_rescale(npu_load_int16(constants + 48 * v + 16),                                    \
                                       npu_load_int16(constants + 48 * v + 32), form == 3 ? 0 : g->stored_zero_point);\
    }                                                                                                              \
    const int first_y = y * g->stride_h;                                                                           \
    in += batch * g->in_h * line;                                                                                  \
    uint16 column[3][VECTORS];                                                                                     \
    int16 acc[VECTORS];                                                                                            \
    if (NPU_DEPTHWISE_HAS(NPU_DEPTHWISE_STEP1 | NPU_DEPTHWISE_STEP2) && (!NPU_DEPTHWISE_HAS(NPU_DEPTHWISE_OTHER) || g->columns3)) { \
      /* Rows outside the image: a pixel of zero points, again and again. */                                       \
      __global const uchar* row[4];                                                                                \
      long advance[4];                                                                                             \
      for (int r = 0; r < 4; ++r) {                                                                                \
        const int at = first_y + taps[r].dy;                                                                       \
        const bool inside = at >= 0 && at < g->in_h;                                                               \
        row[r] = inside ? in + at * line : fill;                                                                   \
        advance[r] = inside ? pixel : 0;                                                                           \
      }                                                                                                            \
      int next = taps[0].dx; /* the input column that is made next */                                              \
      NPU_DEPTHWISE_NEXT(1, COLUMN)                                                                                \
      if (NPU_DEPTHWISE_HAS(NPU_DEPTHWISE_STEP1) && (!NPU_DEPTHWISE_HAS(NPU_DEPTHWISE_STEP2) || step == 1)) {      \
        NPU_DEPTHWISE_NEXT(2, COLUMN)                                                                              \
        for (int x = 0; x < out_w; ++x) {                                                                          \
          NPU_UNROLL for (int v = 0; v < VECTORS; ++v) column[0][v] = column[1][v], column[1][v] = column[2][v];   \
          NPU_DEPTHWISE_NEXT(2, COLUMN)                                                                            \
          NPU_DEPTHWISE_OUT(VECTORS, 0, 1, 2, STORE)                                                               \
        }                                                                                                          \
      } else if (NPU_DEPTHWISE_HAS(NPU_DEPTHWISE_STEP2)) {                                                         \
        NPU_UNROLL for (int v = 0; v < VECTORS; ++v) column[2][v] = column[1][v];                                  \
        for (int x = 0; x < out_w; ++x) {                                                                          \
          NPU_UNROLL for (int v = 0; v < VECTORS; ++v) column[0][v] = column[2][v];                                \
          NPU_DEPTHWISE_NEXT(1, COLUMN)                                                                            \
          NPU_DEPTHWISE_NEXT(2, COLUMN)                                                                            \
          NPU_DEPTHWISE_OUT(VECTORS, 0, 1, 2, STORE)                                                               \
        }                                                                                                          \
      }                                                                                                            \
      return;                                                                                                      \
    }                                                                                                              \
    /* What does not depend on x: where a row's taps begin, and whether they move with x. */                       \
    __global const uchar* begin[NPU_DEPTHWISE_TAPS];                                                               \
    long advance[NPU_DEPTHWISE_TAPS];                                                                              \
    const bool few = 4 * g->groups <= NPU_DEPTHWISE_TAPS;                                                          \
    for (int t = 0; few && t < 4 * g->groups; ++t) {                                                               \
      const int at_y = first_y + taps[t].dy;                                                                       \
      const bool hit = at_y >= 0 && at_y < g->in_h;                                                                \
      begin[t] = hit ? in + at_y * line + taps[t].dx * pixel : fill;                                               \
      advance[t] = hit ? pixel : 0;                                                                                \
    }                                                                                                              \
    for (int x = 0; x < out_w; ++x) {                                                                              \
      const int first_x = x * step;                                                                                \
      const bool inside = first_x >= g->x_low && first_x <= g->x_high;                                             \
      int16 window_sum[VECTORS];                                                                                   \
      NPU_UNROLL for (int v = 0; v < VECTORS; ++v) {                                                               \
        acc[v] = npu_load_int16(constants + 48 * v);                                                               \
        window_sum[v] = (int16)(0);                                                                                \
      }                                                                                                            \
      for (int n = 0; n < g->groups; ++n) {                                                                        \
        __global const uchar* from[4];                                                                             \
        if (few && inside) {                                                                                       \
          NPU_UNROLL for (int r = 0; r < 4; ++r) from[r] = begin[4 * n + r] + first_x * advance[4 * n + r];        \
        } else for (int r = 0; r < 4; ++r) {                                                                       \
          const int at_y = first_y + taps[4 * n + r].dy, at_x = first_x + taps[4 * n + r].dx;                      \
          const bool hit = at_y >= 0 && at_y < g->in_h && (inside || (at_x >= 0 && at_x < g->in_w));               \
          from[r] = hit ? in + at_y * line + at_x * pixel : fill;                                                  \
        }                                                                                                          \
        COLUMN(column[0], from[0], from[1], from[2], from[3]);                                                     \
        NPU_UNROLL for (int v = 0; v < VECTORS; ++v) {                                                             \
          acc[v] = npu_dot4_lanes(acc[v], npu_load_int16(weights + (n * VECTORS + v) * 16), column[0][v]);         \
        }                                                                                                          \
        if (NPU_DEPTHWISE_HAS(NPU_DEPTHWISE_ZERO_POINT) && g->weights_zero_point != 0) {                           \
          NPU_UNROLL for (int v = 0; v < VECTORS; ++v) {                                                           \
            window_sum[v] = npu_dot4_lanes(window_sum[v], (int16)(ones[n]), column[0][v]);                         \
          }                                                                                                        \
        }                                                                                                          \
      }                                                                                                            \
      NPU_UNROLL for (int v = 0; v < VECTORS; ++v) acc[v] -= window_sum[v] * (int16)(g->weights_zero_point);       \
      NPU_DEPTHWISE_FINISH(VECTORS, STORE)                                                                         \
    }                                                                                                              \
  }

// column[D]: the input column `next`, which moves on.
#define NPU_DEPTHWISE_NEXT(D, COLUMN)                                                                              \
  {                                                                                                                \
    const bool hit = next >= 0 && next < g->in_w;                                                                  \
    __global const uchar *r0 = hit ? row[0] + next * advance[0] : fill, *r1 = hit ? row[1] + next * advance[1] : fill, \
                         *r2 = hit ? row[2] + next * advance[2] : fill, *r3 = hit ? row[3] + next * advance[3] : fill; \
    COLUMN(column[D], r0, r1, r2, r3);                                                                           \
    ++next;                                                                                                        \
  }

#define NPU_DEPTHWISE_OUT(VECTORS, A, B, C, STORE)                                                                 \
  {                                                                                                                \
    NPU_UNROLL for (int v = 0; v < VECTORS; ++v) {                                                                 \
      acc[v] = npu_load_int16(constants + 48 * v);                                                                 \
      acc[v] = npu_dot4_lanes(acc[v], npu_load_int16(weights + v * 16), column[A][v]);                             \
      acc[v] = npu_dot4_lanes(acc[v], npu_load_int16(weights + (VECTORS + v) * 16), column[B][v]);                 \
      acc[v] = npu_dot4_lanes(acc[v], npu_load_int16(weights + (2 * VECTORS + v) * 16), column[C][v]);             \
    }                                                                                                              \
    NPU_DEPTHWISE_FINISH(VECTORS, STORE)                                                                           \
  }

#define NPU_DEPTHWISE_FINISH(VECTORS, STORE)                                                                       \
  {                                                                                                                \
    if (NPU_DEPTHWISE_IS(form, 2)) {                                                                               \
      NPU_UNROLL for (int v = 0; v < VECTORS; ++v) acc[v] = npu_rescale16(acc[v], rescale[v], 0);                  \
    } else if (!NPU_DEPTHWISE_IS(form, 0)) {                                                                       \
      NPU_UNROLL for (int v = 0; v < VECTORS; ++v) acc[v] = npu_rescale16(acc[v], rescale[v], 1) + after;          \
    } else {                                                                                                       \
      NPU_UNROLL for (int v = 0; v < VECTORS; ++v) {                                                               \
        acc[v] = npu_finish16(npu_requantize_double16(acc[v], npu_load_int16(constants + 48 * v + 16),             \
                                                      npu_load_int16(constants + 48 * v + 32)),                    \
                              g->zero_point, g->range_min, g->range_max, g->storage_offset);                       \
      }                                                                                                            \
    }                                                                                                              \
    STORE(out, acc, low, high, channels);                                                                          \
    out += pixel;                                                                                                  \
  }

static inline uint16 npu_load_bytes(__global const uchar* p) { return convert_uint16(*(__global const npu_uchar16_u*)p); }

#define NPU_COLUMN16(column, r0, r1, r2, r3) \
  column[0] = npu_load_bytes(r0) | (npu_load_bytes(r1) << 8) | (npu_load_bytes(r2) << 16) | (npu_load_bytes(r3) << 24)
#define NPU_STORE16(to, acc, low, high, count) npu_store_block(to, acc[0], low, high, count)
NPU_DEPTHWISE_ROW(npu_depthwise_row16, 1, 16, NPU_COLUMN16, NPU_STORE16)

#ifdef NPU_HAS_CHANNELS64
#define NPU_COLUMN64(column, r0, r1, r2, r3) npu_interleave64(column, r0, r1, r2, r3)
#define NPU_STORE64(to, acc, low, high, count) npu_store_interleaved64(to, acc[0], acc[1], acc[2], acc[3], low, high, count)
NPU_DEPTHWISE_ROW(npu_depthwise_row64, 4, 64, NPU_COLUMN64, NPU_STORE64)
#endif

// weights16, weights64: [block of 16 channels or of 64 interleaved ones][group][16] int32 and [group][4][16], four
// taps per lane. constants16, constants64: per 16 lanes [3][16] bias, multiplier, shift. ones: per group, 1 in the bytes of taps that there are. fill: a pixel. Global size
// (ceil(channels / 64), chunks).
NPU_TILE_KERNEL void depthwise_conv2d(__global const uchar* in, __global const int* weights16,
                                      __global const int* constants16, __global const int* weights64,
                                      __global const int* constants64, __global const int* ones,
                                      __global const npu_depthwise_geometry* g,
                                      __global const npu_depthwise_tap* taps, __global const uchar* fill,
                                      __global uchar* out) {
  const int first = (int)get_global_id(0) * 64;
  const int chunk = (int)get_global_id(1);
  if (first >= g->channels || chunk >= g->chunks) return;
  const int end = npu_depthwise_first_row(chunk + 1, g);
  for (int row = npu_depthwise_first_row(chunk, g); row < end; ++row) {
    const int batch = row / g->out_h, y = row - batch * g->out_h;
    __global uchar* to = out + (long)row * g->out_w * g->channels;
    int channel = first;
#ifdef NPU_HAS_CHANNELS64
    /* Several blocks of 16 are faster as a part of 64; of sliding columns, which cost less, more than two. What is
       read past the last channel is not stored. */
    if (NPU_DEPTHWISE_HAS(NPU_DEPTHWISE_BLOCK64) &&
        (!NPU_DEPTHWISE_HAS(NPU_DEPTHWISE_BLOCK16) || g->channels - channel > (g->columns3 ? 32 : 16))) {
      npu_depthwise_row64(in + channel, weights64 + channel * g->groups, ones, constants64 + channel * 3, g, taps,
                          fill + channel, to + channel, y, batch, g->channels - channel);
      continue;
    }
    if (!NPU_DEPTHWISE_HAS(NPU_DEPTHWISE_BLOCK16)) continue;
#endif
    for (; channel < min(first + 64, g->channels); channel += 16) {
      npu_depthwise_row16(in + channel, weights16 + channel * g->groups, ones, constants16 + channel * 3, g, taps,
                          fill + channel, to + channel, y, batch, g->channels - channel);
    }
  }
}

#endif
