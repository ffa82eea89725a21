// RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR of INT16. Arguments, tables and global size as in resize.cl: one
// work-item makes up to 16 channels of one output pixel, element by element.
// SPDX-License-Identifier: Apache-2.0

__kernel void resize_nearest_int16(__global const short* in, __global short* out, __global const int* rows,
                                   __global const int* columns, int batches, int in_h, int in_w, int channels,
                                   int out_h, int out_w) {
  const int first = (int)get_global_id(0) * 16;
  const int x = (int)get_global_id(1);
  const int y_batch = (int)get_global_id(2);
  if (first >= channels || x >= out_w || y_batch >= out_h * batches) return;
  const int batch = y_batch / out_h;
  in += ((batch * in_h + rows[y_batch - batch * out_h]) * in_w + columns[x]) * channels;
  out += (y_batch * out_w + x) * channels;
  const int end = min(first + 16, channels);
  for (int c = first; c < end; ++c) out[c] = in[c];
}

__kernel void resize_bilinear_int16(__global const short* in, __global short* out,
                                    __global const npu_resize_blend_integer* rows,
                                    __global const npu_resize_blend_integer* columns, int batches, int in_h,
                                    int in_w, int channels, int out_h, int out_w) {
  const int first = (int)get_global_id(0) * 16;
  const int x = (int)get_global_id(1);
  const int y_batch = (int)get_global_id(2);
  if (first >= channels || x >= out_w || y_batch >= out_h * batches) return;
  const int batch = y_batch / out_h;
  const npu_resize_blend_integer row = rows[y_batch - batch * out_h];
  const npu_resize_blend_integer column = columns[x];
  __global const short* lower = in + (batch * in_h + row.lower) * in_w * channels;
  __global const short* upper = in + (batch * in_h + row.upper) * in_w * channels;
  const int left = column.lower * channels, right = column.upper * channels;
  const long w00 = (1024 - row.weight) * (1024 - column.weight);
  const long w10 = row.weight * (1024 - column.weight);
  const long w01 = (1024 - row.weight) * column.weight;
  const long w11 = row.weight * column.weight;
  out += (y_batch * out_w + x) * channels;
  const int end = min(first + 16, channels);
  for (int c = first; c < end; ++c) {
    const long sum =
        lower[left + c] * w00 + upper[left + c] * w10 + lower[right + c] * w01 + upper[right + c] * w11;
    out[c] = (short)((sum + (sum > 0 ? 1L << 19 : -(1L << 19))) / (1L << 20));
  }
}
