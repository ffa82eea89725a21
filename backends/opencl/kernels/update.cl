// DYNAMIC_UPDATE_SLICE (backends/ops/update.cc): writes the update into a copy of the operand. sizes: the operand's
// dimensions, then the update's. starts: `rank` INT32 or INT64 numbers. Work-item (x, row): 64 bytes of a row of the
// update's last dimension.
// SPDX-License-Identifier: Apache-2.0

__kernel void npu_update_slice(__global const uchar* update, __global uchar* target, __global const uchar* starts,
                               __global const int* sizes, int rank, int rows, int run, int starts_are_long) {
  const int row = (int)get_global_id(1);
  const int first = (int)get_global_id(0) * 64;
  if (row >= rows || first >= run) return;
  int rest = row, stride = 1, offset = 0;
  for (int d = rank - 1; d >= 0; --d) {
    const int size = sizes[d], part = sizes[rank + d];
    const long start = starts_are_long ? ((__global const long*)starts)[d] : (long)((__global const int*)starts)[d];
    const int begin = (int)clamp(start, 0L, (long)(size - part));
    const int index = d == rank - 1 ? 0 : rest % part;
    if (d < rank - 1) rest /= part;
    offset += (begin + index) * stride;
    stride *= size;
  }
  const int last = min(first + 64, run);
  for (int i = first; i < last; ++i) target[offset + i] = update[(long)row * run + i];
}
