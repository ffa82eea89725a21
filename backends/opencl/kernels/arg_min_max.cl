// ARG_MAX and ARG_MIN (backends/ops/arg_min_max.cc). The input is [outer, size, inner]; the output
// [outer, inner] holds where along `size` the first largest value of in ^ flip is; flip is 0, or 255 for the
// smallest. One work-item: one output; global size (inner, outer).
// SPDX-License-Identifier: Apache-2.0

// Of 16 to 256 values side by side: value and place in one number, the first place being the largest, 16 at a time.
static inline int npu_arg_extreme_dense(__global const uchar* line, int size, int flip) {
  const ushort16 places = (ushort16)(255, 254, 253, 252, 251, 250, 249, 248, 247, 246, 245, 244, 243, 242, 241, 240);
  ushort16 largest = (ushort16)(0);
  for (int i = 0; i < size; i += 16) {
    const int at = min(i, size - 16);  // the last 16 overlap those before them
    const uchar16 values = *(__global const npu_uchar16_u*)(line + at) ^ (uchar16)((uchar)flip);
    largest = max(largest, (convert_ushort16(values) << (ushort16)(8)) | (places - (ushort16)((ushort)at)));
  }
  const ushort8 a = max(largest.lo, largest.hi);
  const ushort4 b = max(a.lo, a.hi);
  const ushort2 c = max(b.lo, b.hi);
  return 255 - (max(c.x, c.y) & 255);
}

static inline int npu_arg_extreme(__global const uchar* line, int size, int inner, int flip) {
  if (inner == 1 && size >= 16 && size <= 256) return npu_arg_extreme_dense(line, size, flip);
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
