// What convolutions do to their input first: staging with a border, and window sums. In the u8 domain.
// Called by the rooms that need it: TRANSPOSE_CONV (border), DEPTHWISE_CONV_2D (repeated channels), FULLY_CONNECTED.
// SPDX-License-Identifier: Apache-2.0

// Copies an NHWC image into one with a border of `fill` pixels around it, and repeats every channel
// `repeat` times (DEPTHWISE_CONV_2D with a multiplier). One work-item per staged row:
// global size (staged height, batch).
__kernel void conv_stage(__global const uchar* in, __global uchar* out, int in_h, int in_w, int channels,
                         int repeat, int top, int left, int out_h, int out_w, int batches, int fill) {
  const int y = (int)get_global_id(0);
  const int batch = (int)get_global_id(1);
  if (y >= out_h || batch >= batches) return;
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
    for (; i + 16 <= copied; i += 16) {
      *(__global npu_uchar16_u*)(row + i) = *(__global const npu_uchar16_u*)(from + i);
    }
    for (; i < copied; ++i) row[i] = from[i];
    return;
  }
  for (int i = 0; i * repeat < copied; ++i) {
    for (int r = 0; r < repeat; ++r) row[i * repeat + r] = from[i];
  }
}

// The sum of the bytes of every pixel's window, for weights with a zero point. Global size
// (output pixels, groups).
__kernel void conv_window_sums(__global const uchar* in, __global int* sums, __global const int* segment_offsets,
                               int segments, int length, int out_w, int out_h, int pixel_step, int row_step,
                               int batch_step, int origin, int pixels, int group_step, int groups) {
  const int p = (int)get_global_id(0);
  const int group = (int)get_global_id(1);
  if (p >= pixels || group >= groups) return;
  __global const uchar* window =
      in + origin + group * group_step + npu_window_offset(p, out_w, out_h, pixel_step, row_step, batch_step);
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
