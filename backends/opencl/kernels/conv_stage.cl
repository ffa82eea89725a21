// Input staging of CONV_2D and DEPTHWISE_CONV_2D (backends/ops/convolution.h).
// SPDX-License-Identifier: Apache-2.0

// Copies an NHWC image into one with a border of `fill` pixels around it, and repeats every channel
// `repeat` times (DEPTHWISE_CONV_2D with a multiplier). One work-item per staged row:
// global size (staged height, batch).
__kernel void conv_stage(__global const uchar* in, __global uchar* out, int in_h, int in_w, int channels,
                         int repeat, int top, int left, int out_h, int out_w, int fill) {
  const int y = (int)get_global_id(0);
  const int batch = (int)get_global_id(1);
  if (y >= out_h) return;
  const int in_y = y - top;
  const int pixel = channels * repeat;
  __global uchar* row = out + (batch * out_h + y) * out_w * pixel;
  const bool inside = in_y >= 0 && in_y < in_h;
  const int begin = inside ? left * pixel : out_w * pixel;
  const int copied = inside ? in_w * pixel : 0;
  for (int i = 0; i < begin; ++i) row[i] = (uchar)fill;
  for (int i = begin + copied; i < out_w * pixel; ++i) row[i] = (uchar)fill;
  row += begin;
  __global const uchar* from = in + (batch * in_h + in_y) * in_w * channels;
  if (repeat == 1) {
    int i = 0;
    for (; i + 16 <= copied; i += 16) *(__global npu_uchar16_u*)(row + i) = *(__global const npu_uchar16_u*)(from + i);
    for (; i < copied; ++i) row[i] = from[i];
    return;
  }
  for (int i = 0; i * repeat < copied; ++i) {
    for (int r = 0; r < repeat; ++r) row[i * repeat + r] = from[i];
  }
}
