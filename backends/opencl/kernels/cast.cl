// CAST between integers of 1, 4 and 8 bytes and BOOL (backends/ops/cast.cc). *_size: bytes of an element;
// *_offset: what is added to a byte's number to store it; *_bool: the type is BOOL. 16 elements per work-item.
// SPDX-License-Identifier: Apache-2.0

__kernel void npu_cast(__global const uchar* x, __global uchar* y, int count, int from_size, int from_offset,
                       int from_bool, int to_size, int to_offset, int to_bool) {
  const int first = (int)get_global_id(0) * 16;
  for (int i = first; i < min(first + 16, count); ++i) {
    long value = from_size == 1   ? (long)x[i] - from_offset
                 : from_size == 4 ? (long)((__global const int*)x)[i]
                                  : ((__global const long*)x)[i];
    if (from_bool || to_bool) value = value != 0 ? 1 : 0;
    if (to_size == 1) {
      y[i] = (uchar)(value + to_offset);
    } else if (to_size == 4) {
      ((__global int*)y)[i] = (int)value;
    } else {
      ((__global long*)y)[i] = value;
    }
  }
}
