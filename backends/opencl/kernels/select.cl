// SELECT and SELECT_V2 (backends/ops/select.cc): y = condition ? a : b, for bytes and any broadcast of the three.
// Work-item (x, row): 16 elements of a row of `inner`. Rows are the iterations of `loops` outer loops, given
// innermost first as {size, stride of condition, of a, of b}; *_step: 0 if the row repeats one element.
// SPDX-License-Identifier: Apache-2.0

static inline uchar16 npu_select16(uchar16 condition, uchar16 a, uchar16 b) {
  const uchar16 mask = (uchar16)(0) - min(condition, (uchar16)(1));  // all bits, or none
  return (a & mask) | (b & ~mask);
}

__kernel void npu_select(__global const uchar* condition, __global const uchar* a, __global const uchar* b,
                         __global uchar* y, __global const int* table, int loops, int rows, int inner,
                         int condition_step, int a_step, int b_step) {
  const size_t row = get_global_id(1);
  size_t x = get_global_id(0) * 16;
  if (x >= (size_t)inner || row >= (size_t)rows) return;
  uint rest = (uint)row;
  for (int k = 0; k < loops; ++k) {
    const uint size = (uint)table[4 * k];
    const uint next = k + 1 < loops ? rest / size : 0;  // the outermost index is what is left
    const size_t index = rest - next * size;
    condition += index * (size_t)table[4 * k + 1];
    a += index * (size_t)table[4 * k + 2];
    b += index * (size_t)table[4 * k + 3];
    rest = next;
  }
  y += row * (size_t)inner;
  if (inner >= 16) {
    x = min(x, (size_t)inner - 16);  // the last vector overlaps the one before it
    const uchar16 vc = condition_step ? *(__global const npu_uchar16_u*)(condition + x) : (uchar16)(condition[0]);
    const uchar16 va = a_step ? *(__global const npu_uchar16_u*)(a + x) : (uchar16)(a[0]);
    const uchar16 vb = b_step ? *(__global const npu_uchar16_u*)(b + x) : (uchar16)(b[0]);
    *(__global npu_uchar16_u*)(y + x) = npu_select16(vc, va, vb);
    return;
  }
  for (int k = 0; k < inner; ++k) {
    y[k] = condition[k * condition_step] != 0 ? a[k * a_step] : b[k * b_step];
  }
}
