// CONV_2D, one output channel per work-item (simt.h): the same arguments, weights and numbers as kernels/conv2d.cl.
// OpenCL C. The work-items of a row read one word of weights each, side by side, and all the same words of activations,
// which the hardware fetches once. They compute tiles of 8 pixels, whose sums stay in registers. Windows that leave the
// image read `fill`, or gather a run, as conv2d.cl says.
// SPDX-License-Identifier: Apache-2.0

#ifdef NPU_SIMT

#define NPU_CONV_ROWS 2  // of a group
#define NPU_CONV_PIXELS 8

// What the strip's outliers add to channel `lane` at an output pixel.
static inline int npu_simt_outliers(const npu_conv_outliers outliers, int lane, npu_conv_at at, __global const uchar* window,
                                    __global const npu_conv_geometry* g, __global const npu_conv_tap* taps, uchar fill) {
  int sum = 0;
  for (int n = 0; n < outliers.count; ++n) {
    const npu_conv_outlier outlier = outliers.first[n];
    if (outlier.channel == lane) sum += npu_conv_outlier_product(outlier, at, window, g, taps, fill);
  }
  return sum;
}

NPU_SIMT_KERNEL(NPU_CONV_ROWS) void conv2d(__global const uchar* in, __global const int* tiles,
                            __global const int* channel_constants, __global const npu_conv_geometry* g,
                            __global const npu_conv_tap* taps, __global const uchar* fill, __global const int* sums,
                            __global const int* outliers, __global uchar* out) {
  // Blocks are shared among strips as evenly as they go (BlockStrips of backends/ops/convolution.h).
  const int blocks = (g->group_channels + 15) / 16, strips = (blocks + 3) / 4;
  const int strip = npu_simt_item0(), lane = (int)get_local_id(0);
  const int group = (int)get_global_id(2);
  if (strip >= strips || group >= g->groups) return;
  const int least = blocks / strips, extra = blocks % strips;
  const int first = strip * least + min(strip, extra), count = least + (strip < extra ? 1 : 0);
  const int channel = first * 16 + lane;
  if (lane >= count * 16 || channel >= g->group_channels) return;
  const npu_conv_outliers mine = npu_conv_find_outliers(outliers, group * strips + strip, g->groups * strips);
  in += group * g->group_step;
  tiles += (long)(group * blocks + first) * g->taps * g->words * 16 + lane;
  __global const int* constants = channel_constants + (group * blocks + first + lane / 16) * 48 + lane % 16;
  out += group * g->group_channels + channel;
  const int bias = constants[0], multiplier = constants[16], shift = constants[32];
  const int words = g->words, step = 16 * count;
  const long out_step = (long)g->groups * g->group_channels;
  const int aligned = ((g->depth | g->group_step) & 3) == 0;

  const int chunk = npu_simt_item1(NPU_CONV_ROWS);
  const int begin = npu_conv_chunk_begin(chunk, g), end = npu_conv_chunk_begin(chunk + 1, g);
  const int row = npu_simt_piece(NPU_CONV_ROWS) * NPU_CONV_ROWS + (int)get_local_id(1);
  for (int pixel = begin + row * NPU_CONV_PIXELS; pixel < end; pixel += NPU_SIMT_PIECES * NPU_CONV_ROWS * NPU_CONV_PIXELS) {
    npu_conv_at at[NPU_CONV_PIXELS];
    __global const uchar* from[NPU_CONV_PIXELS];
    int acc[NPU_CONV_PIXELS];
    NPU_UNROLL for (int i = 0; i < NPU_CONV_PIXELS; ++i) {
      // Pixels past the end repeat the last one and are not stored.
      const int p = min(pixel + i, end - 1);
      at[i] = npu_conv_find(p, g);
      from[i] = in + ((long)(at[i].batch * g->in_h + at[i].y * g->stride_h) * g->in_w + at[i].x * g->stride_w) * g->depth;
      acc[i] = bias;
      if (g->weights_zero_point != 0) acc[i] -= g->weights_zero_point * sums[(long)group * g->out_pixels + p];
      if (mine.count != 0) acc[i] += npu_simt_outliers(mine, lane, at[i], from[i], g, taps, fill[0]);
    }
    __global const int* tile = tiles;
    for (int t = 0; t < g->taps; ++t) {
      const npu_conv_tap tap = taps[t];
      if (g->run_taps == 1) {
        __global const uchar* run[NPU_CONV_PIXELS];
        NPU_UNROLL for (int i = 0; i < NPU_CONV_PIXELS; ++i) {
          run[i] = g->dense || npu_conv_tap_inside(at[i], tap, g) ? from[i] + tap.bytes : fill;
        }
        for (int k = 0; k < words; ++k, tile += step) {
          const int w = *tile;
          NPU_UNROLL for (int i = 0; i < NPU_CONV_PIXELS; ++i) {
            acc[i] = npu_dot4_lane(acc[i], w, npu_simt_word(run[i] + 4 * k, aligned));
          }
        }
        continue;
      }
      // Filter rows of a few channels: runs that leave the image are put together byte by byte.
      for (int k = 0; k < words; ++k, tile += step) {
        const int w = *tile;
        NPU_UNROLL for (int i = 0; i < NPU_CONV_PIXELS; ++i) {
          const int y = at[i].y * g->stride_h + tap.dy, x = at[i].x * g->stride_w + tap.dx;
          uint word = 0;
          for (int b = 0; b < 4; ++b) {
            // Bytes past the run's end meet weights of 0.
            const int byte = min(4 * k + b, g->length - 1), column = x + byte / g->depth;
            const bool inside = y >= 0 && y < g->in_h && column >= 0 && column < g->in_w;
            word |= (uint)(inside ? from[i][tap.bytes + byte] : fill[0]) << (8 * b);
          }
          acc[i] = npu_dot4_lane(acc[i], w, word);
        }
      }
    }
    NPU_UNROLL for (int i = 0; i < NPU_CONV_PIXELS; ++i) {
      if (pixel + i >= end) continue;
      const int scaled = npu_requantize_double(acc[i], multiplier, shift);
      out[(long)(pixel + i) * out_step] =
          npu_simt_finish(scaled, g->zero_point, g->range_min, g->range_max, g->storage_offset);
    }
  }
}

#endif
