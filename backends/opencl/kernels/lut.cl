// y = table[x] for every element: operators of one 8-bit or INT16 value (backends/ops/elementwise.h).
// 64 bytes per work-item, or 16 INT16 values.
// SPDX-License-Identifier: Apache-2.0

__kernel void npu_lut(__global const uchar* restrict x, __global uchar* restrict y,
                      __global const uchar* restrict table, int count) {
  const int i = (int)get_global_id(0) * 64;
  if (i < count) npu_lookup64(y + i, x + i, table, count - i);
}

__kernel void npu_lut_int16(__global const ushort* restrict x, __global short* restrict y,
                            __global const short* restrict table, int count) {
  const size_t i = get_global_id(0) * 16;
  const size_t end = min(i + 16, (size_t)count);
  for (size_t k = i; k < end; ++k) y[k] = table[x[k]];
}
