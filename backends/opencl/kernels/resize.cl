// RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR in the u8 domain (backends/ops/resize.cc). `rows` and `columns`
// hold one table entry per output row and column: where to read, and with which weights.
// One work-item: 16 channels of one output pixel; global size (ceil(channels / 16), out_w, out_h * batches).
// The last block of a channel count that 16 does not divide starts earlier, so that it is full, too: shared
// channels get the same bytes twice. Fewer than 16 channels: one by one.
// SPDX-License-Identifier: Apache-2.0

// UINT8 bilinear is defined by separately rounded products and sums.
#pragma OPENCL FP_CONTRACT OFF

typedef struct {
  int lower, upper, weight;
} npu_resize_blend_integer;

typedef struct {
  int lower, upper;
  float lower_weight, upper_weight;
} npu_resize_blend_float;

// Sum of four INT8 pixels with 20-bit weights, divided by 2^20, ties away from zero.
// |sum| <= 128 * (1536 + 512)^2 < 2^31: weights of one axis are within [-512, 1536] and add up to 1024.
int npu_resize_round(int sum) {
  const int magnitude = (int)((abs(sum) + (1u << 19)) >> 20);
  return sum < 0 ? -magnitude : magnitude;
}

int16 npu_resize_round16(int16 sum) {
  const int16 magnitude = as_int16((abs(sum) + (uint16)(1u << 19)) >> (uint16)(20));
  return select(magnitude, -magnitude, sum < (int16)(0));
}

// INT8 value of a stored byte.
int npu_resize_signed(uchar stored) { return (int)stored - 128; }
int16 npu_resize_load_signed16(__global const uchar* from) {
  return convert_int16(vload16(0, from)) - (int16)(128);
}

__kernel void resize_nearest(__global const uchar* in, __global uchar* out, __global const int* rows,
                             __global const int* columns, int batches, int in_h, int in_w, int channels,
                             int out_h, int out_w) {
  const int block = (int)get_global_id(0) * 16;
  const int x = (int)get_global_id(1);
  const int y_batch = (int)get_global_id(2);
  if (block >= channels || x >= out_w || y_batch >= out_h * batches) return;
  const int first = max(min(block, channels - 16), 0);
  const int batch = y_batch / out_h;
  __global const uchar* from =
      in + ((batch * in_h + rows[y_batch - batch * out_h]) * in_w + columns[x]) * channels + first;
  __global uchar* to = out + (y_batch * out_w + x) * channels + first;
  if (channels >= 16) {
    *(__global npu_uchar16_u*)to = vload16(0, from);
    return;
  }
  for (int c = 0; c < channels; ++c) to[c] = from[c];
}

__kernel void resize_bilinear_int8(__global const uchar* in, __global uchar* out,
                                   __global const npu_resize_blend_integer* rows,
                                   __global const npu_resize_blend_integer* columns, int batches, int in_h,
                                   int in_w, int channels, int out_h, int out_w) {
  const int block = (int)get_global_id(0) * 16;
  const int x = (int)get_global_id(1);
  const int y_batch = (int)get_global_id(2);
  if (block >= channels || x >= out_w || y_batch >= out_h * batches) return;
  const int first = max(min(block, channels - 16), 0);
  const int batch = y_batch / out_h;
  const npu_resize_blend_integer row = rows[y_batch - batch * out_h];
  const npu_resize_blend_integer column = columns[x];
  __global const uchar* lower = in + (batch * in_h + row.lower) * in_w * channels + first;
  __global const uchar* upper = in + (batch * in_h + row.upper) * in_w * channels + first;
  const int left = column.lower * channels;
  const int right = column.upper * channels;
  const int w00 = (1024 - row.weight) * (1024 - column.weight);
  const int w10 = row.weight * (1024 - column.weight);
  const int w01 = (1024 - row.weight) * column.weight;
  const int w11 = row.weight * column.weight;
  __global uchar* to = out + (y_batch * out_w + x) * channels + first;
  if (channels >= 16) {
    const int16 sum = npu_resize_load_signed16(lower + left) * (int16)(w00) +
                      npu_resize_load_signed16(upper + left) * (int16)(w10) +
                      npu_resize_load_signed16(lower + right) * (int16)(w01) +
                      npu_resize_load_signed16(upper + right) * (int16)(w11);
    npu_store_uchar16(to, npu_resize_round16(sum) + (int16)(128));
    return;
  }
  for (int c = 0; c < channels; ++c) {
    const int sum = npu_resize_signed(lower[left + c]) * w00 + npu_resize_signed(upper[left + c]) * w10 +
                    npu_resize_signed(lower[right + c]) * w01 + npu_resize_signed(upper[right + c]) * w11;
    to[c] = (uchar)(npu_resize_round(sum) + 128);
  }
}

// Work-items of this one compute 16 pixels of a row: global size (ceil(channels / 16), ceil(out_w / 16), out_h * batches).
// What an input pixel is in its row's weights serves all output pixels that look at it.
__kernel void resize_bilinear_uint8(__global const uchar* in, __global uchar* out,
                                    __global const npu_resize_blend_float* rows,
                                    __global const npu_resize_blend_float* columns, int batches, int in_h,
                                    int in_w, int channels, int out_h, int out_w) {
  const int block = (int)get_global_id(0) * 16;
  const int begin = (int)get_global_id(1) * 16;
  const int y_batch = (int)get_global_id(2);
  if (block >= channels || begin >= out_w || y_batch >= out_h * batches) return;
  const int first = max(min(block, channels - 16), 0), end = min(begin + 16, out_w);
  const int batch = y_batch / out_h;
  const npu_resize_blend_float row = rows[y_batch - batch * out_h];
  __global const uchar* lower = in + (batch * in_h + row.lower) * in_w * channels + first;
  __global const uchar* upper = in + (batch * in_h + row.upper) * in_w * channels + first;
  __global uchar* to = out + (y_batch * out_w + begin) * channels + first;
  if (channels >= 16) {
    int left = -1, right = -1;
    float16 lower_left = (float16)(0.0f), upper_left = lower_left, lower_right = lower_left, upper_right = lower_left;
    for (int x = begin; x < end; ++x, to += channels) {
      const npu_resize_blend_float column = columns[x];
      if (column.lower != left) {
        left = column.lower;
        lower_left = convert_float16(*(__global const npu_uchar16_u*)(lower + left * channels)) * row.lower_weight;
        upper_left = convert_float16(*(__global const npu_uchar16_u*)(upper + left * channels)) * row.upper_weight;
      }
      if (column.upper != right) {
        right = column.upper;
        lower_right = convert_float16(*(__global const npu_uchar16_u*)(lower + right * channels)) * row.lower_weight;
        upper_right = convert_float16(*(__global const npu_uchar16_u*)(upper + right * channels)) * row.upper_weight;
      }
      const float16 a = lower_left * column.lower_weight, b = upper_left * column.lower_weight;
      const float16 c = lower_right * column.upper_weight, d = upper_right * column.upper_weight;
      npu_store_uchar16(to, convert_int16_rtz(a + b + c + d + 0.5f));
    }
    return;
  }
  for (int x = begin; x < end; ++x, to += channels) {
    const npu_resize_blend_float column = columns[x];
    const int left = column.lower * channels, right = column.upper * channels;
    for (int i = 0; i < channels; ++i) {
      const float a = (float)lower[left + i] * row.lower_weight * column.lower_weight;
      const float b = (float)upper[left + i] * row.upper_weight * column.lower_weight;
      const float c = (float)lower[right + i] * row.lower_weight * column.upper_weight;
      const float d = (float)upper[right + i] * row.upper_weight * column.upper_weight;
      to[i] = (uchar)(int)(a + b + c + d + 0.5f);
    }
  }
}
