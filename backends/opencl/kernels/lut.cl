// y = table[x] for every element: operators of one 8-bit or INT16 value (backends/ops/elementwise.h).
// 16 elements per work-item.
// SPDX-License-Identifier: Apache-2.0

__kernel void npu_lut(__global const uchar* restrict x, __global uchar* restrict y,
                      __global const uchar* restrict table, int count) {
  const size_t i = get_global_id(0) * 16;
  if (i >= (size_t)count) return;
  if (i + 16 <= (size_t)count) {
    NPU_UNROLL
    for (int k = 0; k < 16; ++k) y[i + k] = table[x[i + k]];
    return;
  }
  for (size_t k = i; k < (size_t)count; ++k) y[k] = table[x[k]];
}

__kernel void npu_lut_int16(__global const ushort* restrict x, __global short* restrict y,
                            __global const short* restrict table, int count) {
  const size_t i = get_global_id(0) * 16;
  const size_t end = min(i + 16, (size_t)count);
  for (size_t k = i; k < end; ++k) y[k] = table[x[k]];
}
