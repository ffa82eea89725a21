// Camera frames on any device: one work-item per pixel of the input. The integers are those of
// backends/frames/reference.cc, which says what they mean.
// SPDX-License-Identifier: Apache-2.0

// Numbers of a conversion, in the order that backends/opencl/frame_tables.cc writes them.
typedef struct {
  int width, height, channels;
  int roi_x, roi_y, roi_width, roi_height;
  int transposed, area, direct, components;
  int source[3];
  int factor[9];
  int bias[3];
  int step[3];
  int axis_x[3], axis_y[3];  // where the entries of each component's axes begin
  int full_x[3], full_y[3], total_x[3], total_y[3];
} npu_frame_numbers;

static inline int npu_mul_rounded(int a, int b) { return (a * b + (1 << 14)) >> 15; }

static inline int npu_frame_bilinear(__global const uchar* first, size_t stride, int step, int4 x, int4 y) {
  __global const uchar* top = first + (size_t)y.x * stride + (size_t)x.x * step;
  __global const uchar* bottom = top + (size_t)(y.y - 1) * stride;
  const int next = (x.y - 1) * step;
  const int right = 8 * x.z, left = 16384 - right;
  const int share = min((2048 - y.z) * 16, 32767);
  const int top_left = npu_mul_rounded(left, share), top_right = npu_mul_rounded(right, share);
  return top[0] * top_left + top[next] * top_right + bottom[0] * (left - top_left) + bottom[next] * (right - top_right);
}

static inline ulong npu_frame_area(__global const uchar* first, size_t stride, int step, int4 x, int4 y, int full_x,
                                   int full_y) {
  ulong sum = 0;
  __global const uchar* row = first + (size_t)y.x * stride + (size_t)x.x * step;
  for (int j = 0; j < y.y; ++j, row += stride) {
    // 65535 samples of 255 times weights that add up to less than 2^19.
    ulong in_row = (ulong)row[0] * x.z;
    for (int i = 1; i < x.y; ++i) in_row += (ulong)row[(size_t)i * step] * (i == x.y - 1 ? x.w : full_x);
    sum += in_row * (j == 0 ? y.z : j == y.y - 1 ? y.w : full_y);
  }
  return sum;
}

__kernel void frame_pixels(__global const uchar* plane0, __global const uchar* plane1, __global const uchar* plane2,
                           ulong offset0, ulong offset1, ulong offset2, uint stride0, uint stride1, uint stride2,
                           __global uchar* out, __global const npu_frame_numbers* n, __global const int4* axes,
                           __global const uchar* tables) {
  const int column = get_global_id(0), row = get_global_id(1);
  if (column >= n->width || row >= n->height) return;
  __global uchar* to = out + ((size_t)row * n->width + column) * n->channels;
  const int u = column - n->roi_x, v = row - n->roi_y;
  if (u < 0 || v < 0 || u >= n->roi_width || v >= n->roi_height) {
    for (int k = 0; k < n->channels; ++k) to[k] = tables[768 + k];
    return;
  }
  const int x = n->transposed ? v : u, y = n->transposed ? u : v;
  int sample[3] = {0, 0, 0};
  for (int i = 0; i < n->components; ++i) {
    __global const uchar* first = i == 0 ? plane0 + offset0 : i == 1 ? plane1 + offset1 : plane2 + offset2;
    const size_t stride = i == 0 ? stride0 : i == 1 ? stride1 : stride2;
    const int4 at_x = axes[n->axis_x[i] + x], at_y = axes[n->axis_y[i] + y];
    if (n->area) {
      const ulong sum = npu_frame_area(first, stride, n->step[i], at_x, at_y, n->full_x[i], n->full_y[i]);
      const ulong total = (ulong)n->total_x[i] * (ulong)n->total_y[i];
      sample[i] = (int)((sum * (n->direct ? 2 : 256) + total) / (2 * total));
    } else {
      const int sum = npu_frame_bilinear(first, stride, n->step[i], at_x, at_y);
      sample[i] = n->direct ? (sum + 8192) >> 14 : (sum + 64) >> 7;
    }
  }
  for (int i = n->components; i < 3; ++i) sample[i] = sample[0];
  for (int k = 0; k < n->channels; ++k) {
    const int* s = sample;
    int byte = s[n->source[k]];
    if (!n->direct) {
      byte = n->bias[k] + n->factor[3 * k] * s[0] + n->factor[3 * k + 1] * s[1] + n->factor[3 * k + 2] * s[2];
      byte = clamp(byte >> 21, 0, 255);
    }
    to[k] = tables[256 * k + byte];
  }
}
