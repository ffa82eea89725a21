// ARG_MAX and ARG_MIN (backends/ops/arg_min_max.cc). The input is [outer, size, inner]; the output
// [outer, inner] holds where along `size` the first largest value of in ^ flip is; flip is 0, or 255 for the
// smallest. One work-item: one output; global size (inner, outer).
// SPDX-License-Identifier: Apache-2.0

static inline int npu_arg_extreme(__global const uchar* line, int size, int inner, int flip) {
  int best = 0;
  int largest = line[0] ^ flip;
  for (int i = 1; i < size; ++i) {
    const int value = line[i * inner] ^ flip;
    best = value > largest ? i : best;
    largest = max(largest, value);
  }
  return best;
}

__kernel void arg_extreme_int(__global const uchar* in, __global int* out, int outer, int size, int inner,
                              int flip) {
  const int i = (int)get_global_id(0);
  const int o = (int)get_global_id(1);
  if (i >= inner || o >= outer) return;
  out[o * inner + i] = npu_arg_extreme(in + o * size * inner + i, size, inner, flip);
}

__kernel void arg_extreme_long(__global const uchar* in, __global long* out, int outer, int size, int inner,
                               int flip) {
  const int i = (int)get_global_id(0);
  const int o = (int)get_global_id(1);
  if (i >= inner || o >= outer) return;
  out[o * inner + i] = npu_arg_extreme(in + o * size * inner + i, size, inner, flip);
}
