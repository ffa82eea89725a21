// y = table[x] for every byte: operators of one 8-bit value (backends/ops/elementwise.h).
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
