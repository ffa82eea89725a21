// CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV and FULLY_CONNECTED of 16-bit activations with 8-bit weights
// (backends/ops/convolution_int16.h, fully_connected.cc). One output per work-item.
// SPDX-License-Identifier: Apache-2.0

// The input position that tap k brings to output position o; -1: none. TapAxis in convolution_int16.h.
static inline int npu_tap_source(int o, int k, int input, int up, int offset, int step, int down) {
  const long at = (long)o * up + offset + (long)k * step;
  if (at < 0) return -1;
  if (down == 1) return at < input ? (int)at : -1;
  const long whole = at / down;
  return whole < input && whole * down == at ? (int)whole : -1;
}

// multipliers: {multiplier, shift} of every output channel. Global size (channels, out_w, out_h * batches).
__kernel void convolution_int16(__global const short* in, __global short* out, __global const char* weights,
                                __global const long* bias, __global const int* multipliers, int in_h,
                                int filter_h, int out_h, int up_h, int offset_h, int step_h, int down_h,
                                int in_w, int filter_w, int out_w, int up_w, int offset_w, int step_w,
                                int down_w, int batches, int depth, int group_depth, int group_channels,
                                int channels, int channel_step, int tap_step, int range_min, int range_max) {
  const int n = (int)get_global_id(0);
  const int x = (int)get_global_id(1);
  const int y_batch = (int)get_global_id(2);
  if (n >= channels || x >= out_w || y_batch >= out_h * batches) return;
  const int batch = y_batch / out_h, y = y_batch - batch * out_h;
  in += n / group_channels * group_depth;
  weights += n * channel_step;
  long acc = bias[n];
  for (int ky = 0; ky < filter_h; ++ky) {
    const int in_y = npu_tap_source(y, ky, in_h, up_h, offset_h, step_h, down_h);
    if (in_y < 0) continue;
    for (int kx = 0; kx < filter_w; ++kx) {
      const int in_x = npu_tap_source(x, kx, in_w, up_w, offset_w, step_w, down_w);
      if (in_x < 0) continue;
      acc += npu_dot_int16(in + ((batch * in_h + in_y) * in_w + in_x) * depth,
                           weights + (ky * filter_w + kx) * tap_step, group_depth);
    }
  }
  const int scaled = npu_multiply_wide(acc, multipliers[2 * n], multipliers[2 * n + 1]);
  out[(y_batch * out_w + x) * channels + n] = (short)clamp(scaled, range_min, range_max);
}

// mantissas, shifts: of every output channel's scale, as npu_round_scaled (requantize.h) takes it; with
// wide_rounding instead the multiplier and shift of npu_multiply_wide. narrow: accumulators wrap at 32 bits.
// Global size (channels, rows).
__kernel void fully_connected_int16(__global const short* in, __global short* out,
                                    __global const char* weights, __global const long* bias,
                                    __global const ulong* mantissas, __global const int* shifts, int rows,
                                    int depth, int channels, int wide_rounding, int narrow, int range_min,
                                    int range_max) {
  const int n = (int)get_global_id(0);
  const int row = (int)get_global_id(1);
  if (n >= channels || row >= rows) return;
  long acc = bias[n] + npu_dot_int16(in + (long)row * depth, weights + (long)n * depth, depth);
  if (narrow != 0) acc = (int)acc;
  const int scaled = wide_rounding != 0 ? npu_multiply_wide(acc, (int)mantissas[n], shifts[n])
                                        : npu_round_scaled(acc, mantissas[n], shifts[n]);
  out[row * channels + n] = (short)clamp(scaled, range_min, range_max);
}
