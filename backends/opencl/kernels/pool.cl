// AVERAGE_POOL_2D and MAX_POOL_2D in the u8 domain (backends/ops/pool.cc).
// One work-item: 16 channels of one output row; global size (ceil(channels / 16), height * batch).
// The last block of a channel count that 16 does not divide starts earlier, so that it is full, too: the
// channels it shares with its neighbour get the same bytes twice. Fewer than 16 channels: one by one.
// SPDX-License-Identifier: Apache-2.0

// Mean of `count` values whose stored sum is `sum`, ties away from zero on the values themselves, which are
// `offset` smaller than the stored ones. Returns the stored mean.
int npu_pool_mean(int sum, int count, int offset) {
  const int acc = sum - offset * count;
  const int magnitude = (int)((abs(acc) + (uint)(count / 2)) / (uint)count);
  return (acc < 0 ? -magnitude : magnitude) + offset;
}

// The same for 16 lanes. A division per lane is slow, so windows of up to 181 values multiply by a
// reciprocal: m = floor(2^23 / count) + 1 = (2^23 + e) / count with 0 < e <= count. The numerator n is below
// 256 * count, thus n * m / 2^23 exceeds n / count by n * e / (count * 2^23) < 1 / count as long as
// 256 * count^2 <= 2^23: the floor is the same. n * m < 2^31 + 256 * count fits into 32 bits.
int16 npu_pool_mean16(int16 sum, int count, int offset) {
  const int16 acc = sum - (int16)(offset * count);
  const uint16 numerator = abs(acc) + (uint16)(count / 2);
  const uint16 magnitude = count <= 181
                               ? (numerator * (uint16)((1u << 23) / (uint)count + 1u)) >> (uint16)(23)
                               : numerator / (uint16)((uint)count);
  const int16 mean = as_int16(magnitude);
  return select(mean, -mean, acc < (int16)(0)) + (int16)(offset);
}

// Where a work-item reads and writes: its window, cut at the image's border, and its channels.
typedef struct {
  int y_begin, y_end, x_begin, x_end;
  int row;      // elements from one input row to the next
  int in_base;  // offset of (batch, 0, 0, first channel)
  int out_base;
} npu_pool_window;

npu_pool_window npu_pool_locate(int channel, int x, int y_batch, int channels, int in_h, int out_h,
                                int stride_h, int filter_h, int pad_h, int in_w, int out_w, int stride_w,
                                int filter_w, int pad_w) {
  npu_pool_window w;
  const int batch = y_batch / out_h;
  const int y_origin = (y_batch - batch * out_h) * stride_h - pad_h;
  const int x_origin = x * stride_w - pad_w;
  w.y_begin = max(y_origin, 0);
  w.y_end = min(y_origin + filter_h, in_h);
  w.x_begin = max(x_origin, 0);
  w.x_end = min(x_origin + filter_w, in_w);
  w.row = in_w * channels;
  w.in_base = batch * in_h * w.row + channel;
  w.out_base = (y_batch * out_w + x) * channels + channel;
  return w;
}

NPU_TILE_KERNEL void pool_average(__global const uchar* in, __global uchar* out, int channels, int in_h,
                                  int out_h, int stride_h, int filter_h, int pad_h, int in_w, int out_w,
                                  int stride_w, int filter_w, int pad_w, int batches, int range_min,
                                  int range_max, int offset) {
  const int block = (int)get_global_id(0) * 16;
  const int y_batch = (int)get_global_id(1);
  if (block >= channels || y_batch >= out_h * batches) return;
  const int channel = max(min(block, channels - 16), 0);
  for (int x = 0; x < out_w; ++x) {
    const npu_pool_window w = npu_pool_locate(channel, x, y_batch, channels, in_h, out_h, stride_h, filter_h,
                                              pad_h, in_w, out_w, stride_w, filter_w, pad_w);
    const int count = (w.y_end - w.y_begin) * (w.x_end - w.x_begin);
    if (channels >= 16) {
      int16 sum = (int16)(0);
      for (int y = w.y_begin; y < w.y_end; ++y) {
        for (int i = w.x_begin; i < w.x_end; ++i) {
          sum += convert_int16(*(__global const npu_uchar16_u*)(in + w.in_base + y * w.row + i * channels));
        }
      }
      const int16 mean = npu_pool_mean16(sum, count, offset);
      npu_store_uchar16(out + w.out_base, clamp(mean, (int16)(range_min), (int16)(range_max)));
      continue;
    }
    for (int c = 0; c < channels; ++c) {
      int sum = 0;
      for (int y = w.y_begin; y < w.y_end; ++y) {
        for (int i = w.x_begin; i < w.x_end; ++i) sum += in[w.in_base + y * w.row + i * channels + c];
      }
      out[w.out_base + c] = (uchar)clamp(npu_pool_mean(sum, count, offset), range_min, range_max);
    }
  }
}

NPU_TILE_KERNEL void pool_max(__global const uchar* in, __global uchar* out, int channels, int in_h, int out_h,
                              int stride_h, int filter_h, int pad_h, int in_w, int out_w, int stride_w,
                              int filter_w, int pad_w, int batches, int range_min, int range_max) {
  const int block = (int)get_global_id(0) * 16;
  const int y_batch = (int)get_global_id(1);
  if (block >= channels || y_batch >= out_h * batches) return;
  const int channel = max(min(block, channels - 16), 0);
  for (int x = 0; x < out_w; ++x) {
    const npu_pool_window w = npu_pool_locate(channel, x, y_batch, channels, in_h, out_h, stride_h, filter_h,
                                              pad_h, in_w, out_w, stride_w, filter_w, pad_w);
    if (channels >= 16) {
      uchar16 largest = (uchar16)((uchar)range_min);
      for (int y = w.y_begin; y < w.y_end; ++y) {
        for (int i = w.x_begin; i < w.x_end; ++i) {
          largest = max(largest, *(__global const npu_uchar16_u*)(in + w.in_base + y * w.row + i * channels));
        }
      }
      *(__global npu_uchar16_u*)(out + w.out_base) = min(largest, (uchar16)((uchar)range_max));
      continue;
    }
    for (int c = 0; c < channels; ++c) {
      int largest = range_min;
      for (int y = w.y_begin; y < w.y_end; ++y) {
        for (int i = w.x_begin; i < w.x_end; ++i) {
          largest = max(largest, (int)in[w.in_base + y * w.row + i * channels + c]);
        }
      }
      out[w.out_base + c] = (uchar)min(largest, range_max);
    }
  }
}
