// TRANSPOSE_CONV in the u8 domain (backends/ops/transpose_conv.cc): output pixels that lie a stride apart see
// the same taps, so that each such phase is a convolution with stride 1. Nothing is scattered.
// SPDX-License-Identifier: Apache-2.0

// The sum of the bytes of one window, for weights with a zero point.
static inline int npu_phase_window_sum(__global const uchar* window, __global const int* segment_offsets, int segments,
                                int length) {
  int sum = 0;
  for (int s = 0; s < segments; ++s) {
    __global const uchar* from = window + segment_offsets[s];
    for (int i = 0; i < length; ++i) sum += from[i];
  }
  return sum;
}

// A kernel whose work-items compute PIXELS output pixels of one phase x BLOCKS blocks of 16 channels. Global size
// (ceil(blocks / BLOCKS), ceil(pixels of the largest phase / PIXELS), phases).
// phases: 10 numbers each: first tile (64 bytes), first channel constant, first segment, segments, bytes of a
// segment, staged byte of its first window, first output row and column, rows, columns.
// Pixels and blocks past the end repeat the last one and are not stored.
#define NPU_TRANSPOSE_CONV_KERNEL(name, PIXELS, BLOCKS)                                                        \
  NPU_TILE_KERNEL void name(__global const uchar* in, __global const int* tiles,                               \
                            __global const int* channel_constants, __global const int* segment_offsets,        \
                            __global const int* phases, __global uchar* out, int phase_count, int batches,     \
                            int out_w, int out_h, int channels, int stride_w, int stride_h, int pixel_step,    \
                            int row_step, int batch_step, int weights_zero_point, int zero_point,              \
                            int range_min, int range_max, int storage_offset) {                                \
    const int blocks = (channels + 15) / 16;                                                                   \
    const int first_block = (int)get_global_id(0) * BLOCKS;                                                    \
    const int first_pixel = (int)get_global_id(1) * PIXELS;                                                    \
    if ((int)get_global_id(2) >= phase_count || first_block >= blocks) return;                                 \
    __global const int* phase = phases + (int)get_global_id(2) * 10;                                           \
    const int segments = phase[3], length = phase[4], rows = phase[8], columns = phase[9];                     \
    const int words = (length + 3) / 4;                                                                        \
    const int pixels = rows * columns * batches;                                                               \
    if (first_pixel >= pixels) return;                                                                         \
    __global const int* offsets = segment_offsets + phase[2];                                                  \
    __global const uchar* pixel[PIXELS];                                                                       \
    int at[PIXELS];                                                                                            \
    __global const int* tile[BLOCKS];                                                                          \
    __global const int* constants[BLOCKS];                                                                     \
    int16 acc[PIXELS][BLOCKS];                                                                                 \
    NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) {                                                              \
      const int block = min(first_block + j, blocks - 1);                                                      \
      tile[j] = tiles + ((long)phase[0] + (long)block * segments * words) * 16;                                \
      constants[j] = channel_constants + phase[1] + block * 48;                                                \
      NPU_UNROLL for (int i = 0; i < PIXELS; ++i) acc[i][j] = npu_load_int16(constants[j]);                    \
    }                                                                                                          \
    NPU_UNROLL for (int i = 0; i < PIXELS; ++i) {                                                              \
      const int p = min(first_pixel + i, pixels - 1);                                                          \
      const int line = p / columns, batch = line / rows;                                                       \
      const int row = line - batch * rows, column = p - line * columns;                                        \
      pixel[i] = in + phase[5] + batch * batch_step + row * row_step + column * pixel_step;                    \
      at[i] = ((batch * out_h + phase[6] + row * stride_h) * out_w + phase[7] + column * stride_w) * channels; \
      if (weights_zero_point != 0) {                                                                           \
        const int correction =                                                                                 \
            weights_zero_point * npu_phase_window_sum(pixel[i], offsets, segments, length);                    \
        NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) acc[i][j] -= (int16)(correction);                          \
      }                                                                                                        \
    }                                                                                                          \
    NPU_ACCUMULATE(PIXELS, BLOCKS, acc, pixel, tile, segments, words, offsets)                                 \
    NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) {                                                              \
      const int channel = (first_block + j) * 16;                                                              \
      const int16 multiplier = npu_load_int16(constants[j] + 16);                                              \
      const int16 shift = npu_load_int16(constants[j] + 32);                                                   \
      NPU_UNROLL for (int i = 0; i < PIXELS; ++i) {                                                            \
        const int16 result = npu_finish16(npu_requantize_double16(acc[i][j], multiplier, shift), zero_point,   \
                                          range_min, range_max, storage_offset);                               \
        if (first_pixel + i < pixels) npu_store_lanes(out + at[i] + channel, result, channels - channel);      \
      }                                                                                                        \
    }                                                                                                          \
  }

NPU_TRANSPOSE_CONV_KERNEL(transpose_conv_8x1, 8, 1)
NPU_TRANSPOSE_CONV_KERNEL(transpose_conv_6x2, 6, 2)
