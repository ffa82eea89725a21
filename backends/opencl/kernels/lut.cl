// y = table[x] for every byte: operators of one 8-bit value (backends/ops/elementwise.h).
// 16 elements per work-item.
// SPDX-License-Identifier: Apache-2.0

__kernel void npu_lut(__global const uchar* x, __global uchar* y, __global const uchar* table, int count) {
  const size_t i = get_global_id(0) * 16;
  if (i >= (size_t)count) return;
  const size_t end = min(i + 16, (size_t)count);
  for (size_t k = i; k < end; ++k) y[k] = table[x[k]];
}
