// CONV_2D in the u8 domain (backends/ops/conv2d.cc), grouped or not, on the unpadded input: no copy with a border
// is made. OpenCL C.
//
// A work-item computes a strip: up to 4 blocks of 16 channels of one group, and a chunk of output pixels, tile by tile.
// A tile's pixels x blocks are as many accumulators as registers hold. A window is `taps` runs of `length` bytes:
// one filter tap each, or a whole filter row where taps are adjacent pixels of few channels (run_taps > 1). Tiles
// whose windows lie inside the image read it directly; in the others a run outside of it is read from `fill`, bytes
// of the zero point, which add nothing.
// SPDX-License-Identifier: Apache-2.0

#ifndef NPU_SIMT  // kernels/conv2d_simt.cl

// One run of every pixel: X is the word `k` of pixel i's.
#define NPU_CONV_RUN(PIXELS, BLOCKS, COUNT, X)                                                        \
  for (int k = 0; k < words; ++k, tile += 16 * (COUNT)) {                                             \
    int16 w[BLOCKS];                                                                                  \
    NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) w[j] = npu_load_int16(tile + 16 * min(j, COUNT - 1)); \
    NPU_UNROLL for (int i = 0; i < PIXELS; ++i) {                                                     \
      const uint x = X;                                                                               \
      NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) acc[i][j] = npu_dot4(acc[i][j], w[j], x);           \
    }                                                                                                 \
  }

#define NPU_CONV_RESCALE(PIXELS, BLOCKS, KEEP_SIGN)                                                   \
  NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) {                                                       \
    NPU_UNROLL for (int i = 0; i < PIXELS; ++i) acc[i][j] = npu_rescale16(acc[i][j], rescale[j], KEEP_SIGN); \
  }

// Adds what the outliers make to acc, [pixel][block][16]. from: where the pixels' windows start; first: where the first
// pixel is.
NPU_FUNCTION void npu_conv_strip_outliers(int* acc, int pixels, int blocks, npu_conv_at first, __global const uchar** from,
                                    const npu_conv_outliers outliers, __global const npu_conv_geometry* g,
                                    __global const npu_conv_tap* taps, uchar fill) {
  for (int n = 0; n < outliers.count; ++n) {
    const npu_conv_outlier outlier = outliers.first[n];
    npu_conv_at at = first;
    for (int i = 0; i < pixels; ++i) {
      acc[i * blocks * 16 + outlier.channel] += npu_conv_outlier_product(outlier, at, from[i], g, taps, fill);
      if (++at.x == g->out_w) {
        at.x = 0;
        if (++at.y == g->out_h) at.y = 0, ++at.batch;
      }
    }
  }
}

// Defines the function that computes the pixels [pixel, end) of COUNT blocks, at most `BLOCKS`. tiles: the strip's
// weights, word by word, block after block.
#define NPU_CONV_STRIP(name, PIXELS, BLOCKS, COUNT)                                                   \
  NPU_FUNCTION void name(__global const uchar* in, __global const int* tiles, __global const int* constants, \
                   __global const npu_conv_geometry* g, __global const npu_conv_tap* taps,            \
                   __global const uchar* fill, __global const int* sums, const npu_conv_outliers outliers, \
                   __global uchar* out, int pixel, int end, int channels, int count) {                \
    const int words = g->words, form = g->form;                                                       \
    const long out_step = (long)g->groups * g->group_channels;                                        \
    const int low = form == 0 ? 0 : g->range_min + g->storage_offset;                                 \
    const int high = form == 0 ? 255 : g->range_max + g->storage_offset;                              \
    npu_rescale rescale[BLOCKS];                                                                      \
    NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) {                                                     \
      __global const int* c = constants + 48 * min(j, COUNT - 1);                                     \
      rescale[j] = npu_prepare_rescale(npu_load_int16(c + 16), npu_load_int16(c + 32),                \
                                       form == 3 ? 0 : g->stored_zero_point);                         \
    }                                                                                                 \
    npu_conv_at at = npu_conv_find(pixel, g);                                                         \
    for (; pixel < end; pixel += PIXELS) {                                                            \
      int16 acc[PIXELS][BLOCKS];                                                                      \
      NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) {                                                   \
        const int16 bias = npu_load_int16(constants + 48 * min(j, COUNT - 1));                        \
        NPU_UNROLL for (int i = 0; i < PIXELS; ++i) acc[i][j] = bias;                                 \
      }                                                                                               \
      /* Pixels past the end repeat the last one and are not stored. */                               \
      __global const uchar* from[PIXELS];                                                             \
      const npu_conv_at first = at;                                                                   \
      bool inside = true;                                                                             \
      if (!NPU_CONV_STRIP_EDGES || g->dense) {                                                        \
        NPU_UNROLL for (int i = 0; i < PIXELS; ++i) from[i] = in + (long)min(pixel + i, end - 1) * g->depth; \
      } else {                                                                                        \
        NPU_UNROLL for (int i = 0; i < PIXELS; ++i) {                                                 \
          const int y = at.y * g->stride_h, x = at.x * g->stride_w;                                   \
          inside = inside && y >= g->y_low && y <= g->y_high && x >= g->x_low && x <= g->x_high;      \
          from[i] = in + ((long)(at.batch * g->in_h + y) * g->in_w + x) * g->depth;                   \
          if (pixel + i + 1 < end && ++at.x == g->out_w) {                                            \
            at.x = 0;                                                                                 \
            if (++at.y == g->out_h) at.y = 0, ++at.batch;                                             \
          }                                                                                           \
        }                                                                                             \
      }                                                                                               \
      if (NPU_CONV_HAS(NPU_CONV_ZERO_POINT) && g->weights_zero_point != 0) {                          \
        NPU_UNROLL for (int i = 0; i < PIXELS; ++i) {                                                 \
          const int correction = g->weights_zero_point * sums[min(pixel + i, end - 1)];               \
          NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) acc[i][j] -= (int16)(correction);               \
        }                                                                                             \
      }                                                                                               \
      __global const int* tile = tiles;                                                               \
      if (!NPU_CONV_STRIP_EDGES || inside) {                                                          \
        for (int t = 0; t < g->taps; ++t) {                                                           \
          const long offset = taps[t].bytes;                                                          \
          NPU_CONV_RUN(PIXELS, BLOCKS, COUNT, *(__global const npu_uint_u*)(from[i] + offset + 4 * k))       \
        }                                                                                             \
      } else if (g->run_taps == 1) {                                                                  \
        for (int t = 0; t < g->taps; ++t) {                                                           \
          const npu_conv_tap tap = taps[t];                                                           \
          __global const uchar* run[PIXELS];                                                          \
          npu_conv_at here = first;                                                                   \
          for (int i = 0; i < PIXELS; ++i) {                                                          \
            run[i] = npu_conv_tap_inside(here, tap, g) ? from[i] + tap.bytes : fill;                  \
            if (pixel + i + 1 < end && ++here.x == g->out_w) {                                        \
              here.x = 0;                                                                             \
              if (++here.y == g->out_h) here.y = 0, ++here.batch;                                     \
            }                                                                                         \
          }                                                                                           \
          NPU_CONV_RUN(PIXELS, BLOCKS, COUNT, *(__global const npu_uint_u*)(run[i] + 4 * k))                 \
        }                                                                                             \
      } else {                                                                                        \
        for (int t = 0; t < g->taps; ++t) {                                                           \
          const npu_conv_tap tap = taps[t];                                                           \
          uint edge[PIXELS][NPU_EDGE_BYTES / 4];                                                      \
          npu_conv_at here = first;                                                                   \
          for (int i = 0; i < PIXELS; ++i) {                                                          \
            if (npu_conv_run_inside(here, tap, g)) {                                                  \
              for (int k = 0; k < words; ++k) {                                                       \
                edge[i][k] = *(__global const npu_uint_u*)(from[i] + tap.bytes + 4 * k);              \
              }                                                                                       \
            } else {                                                                                  \
              npu_conv_gather((uchar*)edge[i], from[i] + tap.bytes, here, tap, fill[0], g);           \
            }                                                                                         \
            if (pixel + i + 1 < end && ++here.x == g->out_w) {                                        \
              here.x = 0;                                                                             \
              if (++here.y == g->out_h) here.y = 0, ++here.batch;                                     \
            }                                                                                         \
          }                                                                                           \
          NPU_CONV_RUN(PIXELS, BLOCKS, COUNT, edge[i][k])                                                    \
        }                                                                                             \
      }                                                                                               \
      if (NPU_CONV_IS(form, 0) || (NPU_CONV_HAS(NPU_CONV_OUTLIERS) && outliers.count != 0)) {         \
        int16 general[PIXELS * BLOCKS];                                                               \
        NPU_UNROLL for (int i = 0; i < PIXELS; ++i) {                                                 \
          NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) general[i * BLOCKS + j] = acc[i][j];            \
        }                                                                                             \
        npu_conv_strip_outliers((int*)general, min(PIXELS, end - pixel), BLOCKS, first, from, outliers, g, taps, fill[0]); \
        for (int n = 0; NPU_CONV_IS(form, 0) && n < PIXELS * BLOCKS; ++n) {                           \
          __global const int* c = constants + 48 * min(n % BLOCKS, COUNT - 1);                        \
          general[n] = npu_finish16(npu_requantize_double16(general[n], npu_load_int16(c + 16),       \
                                                            npu_load_int16(c + 32)),                  \
                                    g->zero_point, g->range_min, g->range_max, g->storage_offset);    \
        }                                                                                             \
        NPU_UNROLL for (int i = 0; i < PIXELS; ++i) {                                                 \
          NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) acc[i][j] = general[i * BLOCKS + j];            \
        }                                                                                             \
      }                                                                                               \
      if (NPU_CONV_IS(form, 2)) {                                                                     \
        NPU_CONV_RESCALE(PIXELS, BLOCKS, 0)                                                           \
      } else if (!NPU_CONV_IS(form, 0)) {                                                             \
        NPU_CONV_RESCALE(PIXELS, BLOCKS, 1)                                                           \
        if (NPU_CONV_IS(form, 3)) {                                                                   \
          const int16 zero_point = (int16)(g->stored_zero_point);                                     \
          NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) {                                               \
            NPU_UNROLL for (int i = 0; i < PIXELS; ++i) acc[i][j] += zero_point;                      \
          }                                                                                           \
        }                                                                                             \
      }                                                                                               \
      __global uchar* to = out + pixel * out_step;                                                    \
      NPU_UNROLL for (int i = 0; i < PIXELS; ++i) {                                                   \
        if (pixel + i < end) {                                                                        \
          npu_store_blocks4(to + i * out_step, acc[i][0], acc[i][1 % BLOCKS], acc[i][2 % BLOCKS],     \
                            acc[i][3 % BLOCKS], low, high, channels);                                 \
        }                                                                                             \
      }                                                                                               \
    }                                                                                                 \
  }

// The strips' windows may lie at the image's edge; strips have so many blocks.
#ifdef NPU_X86_AMX
#define NPU_CONV_STRIP_EDGES NPU_CONV_HAS(NPU_CONV_EDGES)
#define NPU_CONV_COUNT(count) NPU_CONV_HAS(NPU_CONV_BLOCKS << ((count) - 1))
#else
#define NPU_CONV_STRIP_EDGES NPU_CONV_HAS(NPU_CONV_EDGES | NPU_CONV_TILED(NPU_CONV_EDGES))
#define NPU_CONV_COUNT(count) \
  NPU_CONV_HAS((NPU_CONV_BLOCKS | NPU_CONV_TILED(NPU_CONV_BLOCKS)) << ((count) - 1))
#endif

#ifdef NPU_X86_AMX
// Few pixels or short windows are left to these: smaller and fewer, they compile in a fraction of the time. What they
// compute of blocks past the last is not stored.
NPU_CONV_STRIP(npu_conv_strip, 4, 4, count)
NPU_CONV_STRIP(npu_conv_strip_narrow, 8, 2, count)
#else
NPU_CONV_STRIP(npu_conv_strip1, 12, 1, 1)
NPU_CONV_STRIP(npu_conv_strip2, 12, 2, 2)
NPU_CONV_STRIP(npu_conv_strip3, 8, 3, 3)
NPU_CONV_STRIP(npu_conv_strip4, 6, 4, 4)
#endif

// tiles: [group][strip] weights as above. channel_constants: [group][block][3][16]. sums: see conv2d_window_sums,
// not read while the weights' zero point is 0. Global size (strips of blocks, chunks, groups).
NPU_TILE_KERNEL void conv2d(__global const uchar* in, __global const int* tiles,
                            __global const int* channel_constants, __global const npu_conv_geometry* g,
                            __global const npu_conv_tap* taps, __global const uchar* fill, __global const int* sums,
                            __global const int* outliers, __global uchar* out) {
  // Blocks are shared among strips as evenly as they go (BlockStrips of backends/ops/convolution.h).
  const int blocks = (g->group_channels + 15) / 16, strips = (blocks + 3) / 4;
  const int strip = (int)get_global_id(0), group = (int)get_global_id(2);
  const int chunk = (int)get_global_id(1);
  if (strip >= strips || chunk >= g->chunks || group >= g->groups) return;
  const int least = blocks / strips, extra = blocks % strips;
  const int first = strip * least + min(strip, extra), count = least + (strip < extra ? 1 : 0);
  const int pixel = npu_conv_chunk_begin(chunk, g), end = npu_conv_chunk_begin(chunk + 1, g);
  const int channels = min(count * 16, g->group_channels - first * 16);
  const npu_conv_outliers mine = npu_conv_find_outliers(outliers, group * strips + strip, g->groups * strips);
  in += group * g->group_step;
  tiles += (long)(group * blocks + first) * g->taps * g->words * 16;
  channel_constants += (group * blocks + first) * 48;
  sums += (long)group * g->out_pixels * (g->weights_zero_point != 0 ? 1 : 0);
  out += group * g->group_channels + first * 16;
#ifdef NPU_X86_AMX
  if (NPU_CONV_HAS(NPU_CONV_TILED(15u * NPU_CONV_BLOCKS)) && g->tile_words != 0) {
    npu_conv_tiles(in, tiles, channel_constants, g, taps, fill, sums, mine, out, chunk, g->chunks, count, channels);
    return;
  }
  if ((NPU_CONV_COUNT(1) || NPU_CONV_COUNT(2)) && count <= 2) {
    npu_conv_strip_narrow(in, tiles, channel_constants, g, taps, fill, sums, mine, out, pixel, end, channels, count);
  } else if (NPU_CONV_COUNT(3) || NPU_CONV_COUNT(4)) {
    npu_conv_strip(in, tiles, channel_constants, g, taps, fill, sums, mine, out, pixel, end, channels, count);
  }
#else
#define NPU_CONV_CASE(n)                                                                                                     \
  if (NPU_CONV_COUNT(n) && count == n) {                                                                                     \
    npu_conv_strip##n(in, tiles, channel_constants, g, taps, fill, sums, mine, out, pixel, end, channels, 0);                \
  }
  NPU_CONV_CASE(1)
  NPU_CONV_CASE(2)
  NPU_CONV_CASE(3)
  NPU_CONV_CASE(4)
#endif
}

#endif

// The sum of the bytes of every pixel's window, for weights with a zero point. Global size (output pixels, groups).
__kernel void conv2d_window_sums(__global const uchar* in, __global const npu_conv_geometry* g,
                                 __global const npu_conv_tap* taps, __global const uchar* fill,
                                 __global int* sums) {
  const int p = (int)get_global_id(0), group = (int)get_global_id(1);
  if (p >= g->out_pixels || group >= g->groups) return;
  const npu_conv_at at = npu_conv_find(p, g);
  const int bytes = g->length / g->run_taps;  // of one filter tap
  int16 lanes = (int16)(0);
  int sum = 0;
  for (int t = 0; t < g->taps; ++t) {
    for (int column = 0; column < g->run_taps; ++column) {
      npu_conv_tap tap = taps[t];
      tap.dx += column;
      if (!npu_conv_tap_inside(at, tap, g)) {
        sum += bytes * fill[0];
        continue;
      }
      const int y = at.y * g->stride_h + tap.dy, x = at.x * g->stride_w + tap.dx;
      __global const uchar* from =
          in + ((long)(at.batch * g->in_h + y) * g->in_w + x) * g->depth + group * g->group_step;
      int i = 0;
      for (; i + 16 <= bytes; i += 16) lanes += convert_int16(*(__global const npu_uchar16_u*)(from + i));
      for (; i < bytes; ++i) sum += from[i];
    }
  }
  const int8 a = lanes.lo + lanes.hi;
  const int4 b = a.lo + a.hi;
  const int2 c = b.lo + b.hi;
  sums[group * g->out_pixels + p] = sum + c.x + c.y;
}
