// DEPTHWISE_CONV_2D in the u8 domain (backends/ops/depthwise_conv2d.cc).
// A lane is an output channel: its input has been staged with channels repeated, so that input and output
// channels are the same, and with slack, so that the last 16 lanes can be read whole.
// SPDX-License-Identifier: Apache-2.0

// Output pixels of one work-item: weights are loaded once for all of them.
#define NPU_DEPTHWISE_PIXELS 4

typedef short16 __attribute__((aligned(2))) npu_short16_u;

// weights: [block][tap][16] int16, zero point subtracted. channel_constants: [block][3][16] bias, multiplier,
// shift. Global size (ceil(channels / 16), ceil(out_pixels / NPU_DEPTHWISE_PIXELS)).
NPU_TILE_KERNEL void depthwise_conv2d(__global const uchar* in, __global const short* weights,
                                      __global const int* channel_constants, __global const int* tap_offsets,
                                      __global uchar* out, int taps, int channels, int out_w, int out_h,
                                      int pixel_step, int row_step, int batch_step, int origin, int out_pixels,
                                      int zero_point, int range_min, int range_max, int storage_offset) {
  const int channel = (int)get_global_id(0) * 16;
  const int first = (int)get_global_id(1) * NPU_DEPTHWISE_PIXELS;
  if (channel >= channels || first >= out_pixels) return;
  __global const int* constants = channel_constants + channel * 3;
  __global const short* w = weights + channel * taps;
  int16 acc[NPU_DEPTHWISE_PIXELS];
  __global const uchar* pixel[NPU_DEPTHWISE_PIXELS];
  NPU_UNROLL for (int i = 0; i < NPU_DEPTHWISE_PIXELS; ++i) {
    acc[i] = npu_load_int16(constants);
    // Pixels past the end repeat the last one and are not stored.
    pixel[i] = in + origin + channel +
               npu_window_offset(min(first + i, out_pixels - 1), out_w, out_h, pixel_step, row_step, batch_step);
  }
  for (int t = 0; t < taps; ++t) {
    const int16 weight = convert_int16(*(__global const npu_short16_u*)(w + t * 16));
    const int offset = tap_offsets[t];
    NPU_UNROLL for (int i = 0; i < NPU_DEPTHWISE_PIXELS; ++i) {
      acc[i] += convert_int16(*(__global const npu_uchar16_u*)(pixel[i] + offset)) * weight;
    }
  }
  const int16 multiplier = npu_load_int16(constants + 16);
  const int16 shift = npu_load_int16(constants + 32);
  NPU_UNROLL for (int i = 0; i < NPU_DEPTHWISE_PIXELS; ++i) {
    const int16 result = npu_finish16(npu_requantize_double16(acc[i], multiplier, shift), zero_point, range_min,
                                      range_max, storage_offset);
    if (first + i < out_pixels) npu_store_lanes(out + (first + i) * channels + channel, result, channels - channel);
  }
}
