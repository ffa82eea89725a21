// CONV_2D in the u8 domain (backends/ops/conv2d.cc), grouped or not.
// SPDX-License-Identifier: Apache-2.0

// A kernel whose work-items compute PIXELS output pixels x BLOCKS blocks of 16 channels of one group. Global size
// (ceil(blocks / BLOCKS), ceil(out_pixels / PIXELS), groups).
// Pixels and blocks past the end repeat the last one: the tile stays whole, and they are not stored.
#define NPU_CONV2D_KERNEL(name, PIXELS, BLOCKS)                                                                \
  NPU_TILE_KERNEL void name(__global const uchar* in, __global const int* tiles,                               \
                            __global const int* channel_constants, __global const int* segment_offsets,        \
                            __global const int* sums, __global uchar* out, int segments, int words, int out_w, \
                            int out_h, int pixel_step, int row_step, int batch_step, int origin,               \
                            int out_pixels, int group_channels, int group_step, int groups,                    \
                            int weights_zero_point, int zero_point, int range_min, int range_max,              \
                            int storage_offset) {                                                              \
    const int blocks = (group_channels + 15) / 16;                                                             \
    const int first_block = (int)get_global_id(0) * BLOCKS;                                                    \
    const int first_pixel = (int)get_global_id(1) * PIXELS;                                                    \
    const int group = (int)get_global_id(2);                                                                   \
    if (first_block >= blocks || first_pixel >= out_pixels || group >= groups) return;                         \
    __global const uchar* pixel[PIXELS];                                                                       \
    __global const int* tile[BLOCKS];                                                                          \
    __global const int* constants[BLOCKS];                                                                     \
    int16 acc[PIXELS][BLOCKS];                                                                                 \
    NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) {                                                              \
      const int block = group * blocks + min(first_block + j, blocks - 1);                                     \
      tile[j] = tiles + (long)block * segments * words * 16;                                                   \
      constants[j] = channel_constants + block * 48;                                                           \
      NPU_UNROLL for (int i = 0; i < PIXELS; ++i) acc[i][j] = npu_load_int16(constants[j]);                    \
    }                                                                                                          \
    NPU_UNROLL for (int i = 0; i < PIXELS; ++i) {                                                              \
      const int p = min(first_pixel + i, out_pixels - 1);                                                      \
      pixel[i] = in + origin + group * group_step +                                                            \
                 npu_window_offset(p, out_w, out_h, pixel_step, row_step, batch_step);                         \
      if (weights_zero_point != 0) {                                                                           \
        const int correction = weights_zero_point * sums[group * out_pixels + p];                              \
        NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) acc[i][j] -= (int16)(correction);                          \
      }                                                                                                        \
    }                                                                                                          \
    NPU_ACCUMULATE(PIXELS, BLOCKS, acc, pixel, tile, segments, words, segment_offsets)                         \
    NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) {                                                              \
      const int channel = (first_block + j) * 16;                                                              \
      const int16 multiplier = npu_load_int16(constants[j] + 16);                                              \
      const int16 shift = npu_load_int16(constants[j] + 32);                                                   \
      NPU_UNROLL for (int i = 0; i < PIXELS; ++i) {                                                            \
        const int16 result = npu_finish16(npu_requantize_double16(acc[i][j], multiplier, shift), zero_point,   \
                                          range_min, range_max, storage_offset);                               \
        if (first_pixel + i < out_pixels) {                                                                    \
          npu_store_lanes(out + ((first_pixel + i) * groups + group) * group_channels + channel, result,       \
                          group_channels - channel);                                                           \
        }                                                                                                      \
      }                                                                                                        \
    }                                                                                                          \
  }

NPU_CONV2D_KERNEL(conv2d_8x1, 8, 1)
NPU_CONV2D_KERNEL(conv2d_6x2, 6, 2)
NPU_CONV2D_KERNEL(conv2d_6x4, 6, 4)
