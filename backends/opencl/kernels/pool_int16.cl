// AVERAGE_POOL_2D and MAX_POOL_2D of INT16 (backends/ops/pool.cc). Arguments as in pool.cl. One output per work-item:
// global size (channels, out_w, out_h * batches).
// SPDX-License-Identifier: Apache-2.0

__kernel void pool_int16(__global const short* in, __global short* out, int channels, int in_h, int out_h,
                         int stride_h, int filter_h, int pad_h, int in_w, int out_w, int stride_w, int filter_w,
                         int pad_w, int batches, int range_min, int range_max, int average) {
  const int c = (int)get_global_id(0);
  const int x = (int)get_global_id(1);
  const int y_batch = (int)get_global_id(2);
  if (c >= channels || x >= out_w || y_batch >= out_h * batches) return;
  const int batch = y_batch / out_h, y = y_batch - batch * out_h;
  const int begin_y = max(y * stride_h - pad_h, 0), end_y = min(y * stride_h - pad_h + filter_h, in_h);
  const int begin_x = max(x * stride_w - pad_w, 0), end_x = min(x * stride_w - pad_w + filter_w, in_w);
  long sum = 0;
  int largest = SHRT_MIN;
  for (int in_y = begin_y; in_y < end_y; ++in_y) {
    for (int in_x = begin_x; in_x < end_x; ++in_x) {
      const int value = in[((batch * in_h + in_y) * in_w + in_x) * channels + c];
      sum += value;
      largest = max(largest, value);
    }
  }
  const long count = (long)(end_y - begin_y) * (end_x - begin_x);
  const int mean = (int)((sum >= 0 ? sum + count / 2 : sum - count / 2) / count);
  out[(y_batch * out_w + x) * channels + c] = (short)clamp(average != 0 ? mean : largest, range_min, range_max);
}
