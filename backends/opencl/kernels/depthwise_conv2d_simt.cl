// DEPTHWISE_CONV_2D, one channel per work-item (simt.h): the arguments and numbers of kernels/depthwise_conv2d.cl, whose
// weights of single blocks it reads. OpenCL C. Rows of a group take output pixels by turns.
// SPDX-License-Identifier: Apache-2.0

#ifdef NPU_SIMT

#define NPU_DEPTHWISE_ROWS 4  // of a group

NPU_SIMT_KERNEL(NPU_DEPTHWISE_ROWS) void depthwise_conv2d(
    __global const uchar* in, __global const int* weights16, __global const int* constants16,
    __global const int* weights64, __global const int* constants64, __global const int* ones,
    __global const npu_depthwise_geometry* g, __global const npu_depthwise_tap* taps, __global const uchar* fill,
    __global uchar* out) {
  const int channel = npu_simt_item0() * NPU_SIMT_CHANNELS + (int)get_local_id(0);
  const int chunk = npu_simt_item1(NPU_DEPTHWISE_ROWS);
  if (channel >= g->channels || chunk >= g->chunks) return;
  const int first = npu_depthwise_first_row(chunk, g), end = npu_depthwise_first_row(chunk + 1, g) * g->out_w;
  const int groups = g->groups, lane = channel % 16;
  const long pixel = g->channels, line = g->in_w * pixel;
  weights16 += channel / 16 * groups * 16 + lane;
  __global const int* constants = constants16 + channel / 16 * 48 + lane;
  const int bias = constants[0], multiplier = constants[16], shift = constants[32];
  const uint zero = fill[channel];
  in += channel;
  const int row = npu_simt_piece(NPU_DEPTHWISE_ROWS) * NPU_DEPTHWISE_ROWS + (int)get_local_id(1);
  for (int p = first * g->out_w + row; p < end; p += NPU_SIMT_PIECES * NPU_DEPTHWISE_ROWS) {
    const int out_row = p / g->out_w, batch = out_row / g->out_h;
    const int first_y = (out_row - batch * g->out_h) * g->stride_h, first_x = (p - out_row * g->out_w) * g->stride_w;
    __global const uchar* image = in + batch * g->in_h * line;
    int acc = bias, window_sum = 0;
    for (int n = 0; n < groups; ++n) {
      uint word = 0;
      NPU_UNROLL for (int r = 0; r < 4; ++r) {
        const npu_depthwise_tap tap = taps[4 * n + r];
        const int y = first_y + tap.dy, x = first_x + tap.dx;
        const bool inside = y >= 0 && y < g->in_h && x >= 0 && x < g->in_w;
        word |= (inside ? (uint)image[y * line + x * pixel] : zero) << (8 * r);
      }
      acc = npu_dot4_lane(acc, weights16[n * 16], word);
      if (g->weights_zero_point != 0) window_sum = npu_dot4_lane(window_sum, ones[n], word);
    }
    const int scaled = npu_requantize_double(acc - window_sum * g->weights_zero_point, multiplier, shift);
    out[p * pixel + channel] =
        npu_simt_finish(scaled, g->zero_point, g->range_min, g->range_max, g->storage_offset);
  }
}

#endif
