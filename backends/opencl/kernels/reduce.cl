// REDUCE_MAX, REDUCE_MIN and REDUCE_PROD in the u8 domain (backends/ops/reduce.cc). The input is
// [k0, r0, k1, r1, k2, r2], r0, r1 and r2 are reduced, and the output is [k0, k1, k2]. SUM runs in mean.cl.
// SPDX-License-Identifier: Apache-2.0

// The largest value of in ^ flip; flip is 0, or 255 for the smallest. Last dimension kept (r2 == 1). One
// work-item: 16 consecutive outputs along k2, fewer in a short row; global size (ceil(k2 / 16), k1, k0). The
// last block of a k2 that 16 does not divide starts earlier, as in mean.cl.
__kernel void reduce_extreme_channels(__global const uchar* in, __global uchar* out, int k0, int r0, int k1,
                                      int r1, int k2, int flip) {
  const int block = (int)get_global_id(0) * 16;
  const int i1 = (int)get_global_id(1);
  const int i0 = (int)get_global_id(2);
  if (block >= k2 || i1 >= k1 || i0 >= k0) return;
  const int first = max(min(block, k2 - 16), 0);
  const int row = k1 * r1 * k2;  // from one value of r0 to the next
  __global const uchar* from = in + i0 * r0 * row + i1 * r1 * k2 + first;
  __global uchar* to = out + (i0 * k1 + i1) * k2 + first;
  if (k2 >= 16) {
    uchar16 largest = (uchar16)(0);
    for (int y = 0; y < r0; ++y) {
      for (int x = 0; x < r1; ++x) largest = max(largest, vload16(0, from + y * row + x * k2) ^ (uchar16)(flip));
    }
    npu_store_uchar16(to, convert_int16(largest ^ (uchar16)(flip)));
    return;
  }
  for (int c = 0; c < k2; ++c) {
    int largest = 0;
    for (int y = 0; y < r0; ++y) {
      for (int x = 0; x < r1; ++x) largest = max(largest, from[y * row + x * k2 + c] ^ flip);
    }
    to[c] = (uchar)(largest ^ flip);
  }
}

// Last dimension reduced (r2 > 1). One work-item: one output; global size (k2, k1, k0).
__kernel void reduce_extreme_last(__global const uchar* in, __global uchar* out, int k0, int r0, int k1, int r1,
                                  int k2, int flip, int r2) {
  const int i2 = (int)get_global_id(0);
  const int i1 = (int)get_global_id(1);
  const int i0 = (int)get_global_id(2);
  if (i2 >= k2 || i1 >= k1 || i0 >= k0) return;
  const int line = k2 * r2;        // from one value of r1 to the next
  const int row = k1 * r1 * line;  // from one value of r0 to the next
  __global const uchar* from = in + i0 * r0 * row + i1 * r1 * line + i2 * r2;
  uchar16 lanes = (uchar16)(0);
  int largest = 0;
  for (int y = 0; y < r0; ++y) {
    for (int x = 0; x < r1; ++x) {
      __global const uchar* values = from + y * row + x * line;
      int i = 0;
      for (; i + 16 <= r2; i += 16) lanes = max(lanes, vload16(0, values + i) ^ (uchar16)(flip));
      for (; i < r2; ++i) largest = max(largest, values[i] ^ flip);
    }
  }
  const uchar8 eight = max(lanes.lo, lanes.hi);
  const uchar4 four = max(eight.lo, eight.hi);
  const uchar2 pair = max(four.lo, four.hi);
  largest = max(largest, (int)max(pair.x, pair.y));
  out[(i0 * k1 + i1) * k2 + i2] = (uchar)(largest ^ flip);
}

// x * multiplier * 2^-shift, rounded once; the low 32 bits.
static inline int npu_reduce_scale(long x, int multiplier, int shift) {
  return (int)(uint)(ulong)((x * multiplier + (1L << (shift - 1))) >> shift);
}

// Products, one factor after the other in the input's order. One work-item: one output; global size
// (k2, k1, k0).
__kernel void reduce_product(__global const uchar* in, __global uchar* out, int k0, int r0, int k1, int r1,
                             int k2, int r2, int in_zero, int multiplier, int shift, int zero_point) {
  const int i2 = (int)get_global_id(0);
  const int i1 = (int)get_global_id(1);
  const int i0 = (int)get_global_id(2);
  if (i2 >= k2 || i1 >= k1 || i0 >= k0) return;
  const int line = k2 * r2;
  const int row = k1 * r1 * line;
  __global const uchar* from = in + i0 * r0 * row + i1 * r1 * line + i2 * r2;
  int product = from[0] - in_zero;
  int first = 1;
  for (int y = 0; y < r0; ++y) {
    for (int x = 0; x < r1; ++x) {
      __global const uchar* values = from + y * row + x * line;
      for (int i = first; i < r2; ++i) {
        product = npu_reduce_scale((long)product * (values[i] - in_zero), multiplier, shift);
      }
      first = 0;
    }
  }
  const long value = (long)npu_reduce_scale(product, multiplier, shift) + zero_point;
  out[(i0 * k1 + i1) * k2 + i2] = (uchar)clamp(value, 0L, 255L);
}
