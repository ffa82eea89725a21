// CONV_2D in the u8 domain (backends/ops/conv2d.cc), grouped or not.
// SPDX-License-Identifier: Apache-2.0

// The sum of the bytes of every pixel's window, for weights with a zero point. Global size
// (output pixels, groups).
__kernel void conv2d_window_sums(__global const uchar* in, __global int* sums, __global const int* segment_offsets,
                                 int segments, int length, int out_w, int out_h, int pixel_step, int row_step,
                                 int batch_step, int origin, int pixels, int group_step) {
  const int p = (int)get_global_id(0);
  const int group = (int)get_global_id(1);
  if (p >= pixels) return;
  const int y = p / out_w, batch = y / out_h;
  __global const uchar* window = in + origin + batch * batch_step + (y - batch * out_h) * row_step +
                                 (p - y * out_w) * pixel_step + group * group_step;
  int16 lanes = (int16)(0);
  int sum = 0;
  for (int s = 0; s < segments; ++s) {
    __global const uchar* from = window + segment_offsets[s];
    int i = 0;
    for (; i + 16 <= length; i += 16) lanes += convert_int16(*(__global const npu_uchar16_u*)(from + i));
    for (; i < length; ++i) sum += from[i];
  }
  const int8 a = lanes.lo + lanes.hi;
  const int4 b = a.lo + a.hi;
  const int2 c = b.lo + b.hi;
  sums[group * pixels + p] = sum + c.x + c.y;
}

// `pixels` output pixels x `blocks` blocks of 16 channels; literals at every call.
inline void npu_conv2d_tile(const int pixels, const int blocks, __global const uchar* in,
                            __global const int* tiles, __global const int* channel_constants,
                            __global const int* segment_offsets, __global const int* sums, __global uchar* out,
                            int segments, int words, int out_w, int out_h, int pixel_step, int row_step,
                            int batch_step, int origin, int out_pixels, int group_channels, int group_step,
                            int groups, int weights_zero_point, int zero_point, int range_min, int range_max) {
  const int all_blocks = (group_channels + 15) / 16;
  const int first_block = (int)get_global_id(0) * blocks;
  const int first_pixel = (int)get_global_id(1) * pixels;
  const int group = (int)get_global_id(2);
  if (first_block >= all_blocks || first_pixel >= out_pixels || group >= groups) return;

  // Pixels and blocks past the end repeat the last one: the tile stays whole, and nothing is stored twice.
  __global const uchar* pixel[NPU_MAX_PIXELS];
  int16 acc[NPU_MAX_PIXELS][NPU_MAX_BLOCKS];
  __global const int* tile[NPU_MAX_BLOCKS];
  __global const int* constants = channel_constants + group * all_blocks * 48;
  NPU_UNROLL for (int j = 0; j < blocks; ++j) {
    const int block = min(first_block + j, all_blocks - 1);
    tile[j] = tiles + (long)(group * all_blocks + block) * segments * words * 16;
    const int16 bias = npu_load_int16(constants + block * 48);
    NPU_UNROLL for (int i = 0; i < pixels; ++i) acc[i][j] = bias;
  }
  NPU_UNROLL for (int i = 0; i < pixels; ++i) {
    const int p = min(first_pixel + i, out_pixels - 1);
    const int y = p / out_w, batch = y / out_h;
    pixel[i] = in + origin + batch * batch_step + (y - batch * out_h) * row_step + (p - y * out_w) * pixel_step +
               group * group_step;
    if (weights_zero_point != 0) {
      const int correction = weights_zero_point * sums[group * out_pixels + p];
      NPU_UNROLL for (int j = 0; j < blocks; ++j) acc[i][j] -= (int16)(correction);
    }
  }
  npu_accumulate(pixels, blocks, acc, pixel, tile, segments, words, segment_offsets);

  const int out_channels = groups * group_channels;
  NPU_UNROLL for (int j = 0; j < blocks; ++j) {
    const int block = first_block + j;
    if (block >= all_blocks) break;
    const int16 multiplier = npu_load_int16(constants + block * 48 + 16);
    const int16 shift = npu_load_int16(constants + block * 48 + 32);
    NPU_UNROLL for (int i = 0; i < pixels; ++i) {
      if (first_pixel + i < out_pixels) {
        const int16 scaled = npu_requantize_double16(acc[i][j], multiplier, shift) + (int16)(zero_point);
        npu_store_lanes(out + (first_pixel + i) * out_channels + group * group_channels + block * 16,
                        clamp(scaled, (int16)(range_min), (int16)(range_max)), group_channels - block * 16);
      }
    }
  }
}

// Global size (ceil(blocks / N), ceil(output pixels / P), groups) of conv2d_PxN.
#define NPU_CONV2D_KERNEL(name, pixels, blocks)                                                                \
  NPU_TILE_KERNEL void name(__global const uchar* in, __global const int* tiles,                               \
                            __global const int* channel_constants, __global const int* segment_offsets,        \
                            __global const int* sums, __global uchar* out, int segments, int words, int out_w, \
                            int out_h, int pixel_step, int row_step, int batch_step, int origin,               \
                            int out_pixels, int group_channels, int group_step, int groups,                    \
                            int weights_zero_point, int zero_point, int range_min, int range_max) {            \
    npu_conv2d_tile(pixels, blocks, in, tiles, channel_constants, segment_offsets, sums, out, segments, words, \
                    out_w, out_h, pixel_step, row_step, batch_step, origin, out_pixels, group_channels,        \
                    group_step, groups, weights_zero_point, zero_point, range_min, range_max);                 \
  }

NPU_CONV2D_KERNEL(conv2d_8x1, 8, 1)
NPU_CONV2D_KERNEL(conv2d_6x2, 6, 2)
NPU_CONV2D_KERNEL(conv2d_4x4, 4, 4)
