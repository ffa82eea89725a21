// MEAN and SUM in the u8 domain (backends/ops/mean.cc, reduce.cc). The input is [k0, r0, k1, r1, k2, r2], sums
// are taken over r0, r1 and r2, and the output is [k0, k1, k2]. `correction` is the number of values times the
// zero point. A result is below 2^30 (Check), so adding the zero point cannot overflow.
// SPDX-License-Identifier: Apache-2.0

// Last dimension kept (r2 == 1). One work-item: 16 consecutive outputs along k2; global size
// (ceil(k2 / 16), k1, k0). The last block of a k2 that 16 does not divide starts earlier, so that it is full,
// too: shared outputs get the same bytes twice. Fewer than 16: one by one.
__kernel void mean_channels(__global const uchar* in, __global uchar* out, int k0, int r0, int k1, int r1,
                            int k2, int correction, int multiplier, int shift, int zero_point) {
  const int block = (int)get_global_id(0) * 16;
  const int i1 = (int)get_global_id(1);
  const int i0 = (int)get_global_id(2);
  if (block >= k2 || i1 >= k1 || i0 >= k0) return;
  const int first = max(min(block, k2 - 16), 0);
  const int row = k1 * r1 * k2;  // from one value of r0 to the next
  __global const uchar* from = in + i0 * r0 * row + i1 * r1 * k2 + first;
  __global uchar* to = out + (i0 * k1 + i1) * k2 + first;
  if (k2 >= 16) {
    int16 sum = (int16)(0);
    for (int y = 0; y < r0; ++y) {
      for (int x = 0; x < r1; ++x) sum += convert_int16(*(__global const npu_uchar16_u*)(from + y * row + x * k2));
    }
    const int16 value =
        npu_requantize_double16(sum - (int16)(correction), (int16)(multiplier), (int16)(shift));
    npu_store_uchar16(to, clamp(value + (int16)(zero_point), (int16)(0), (int16)(255)));
    return;
  }
  NPU_PLAIN_LOOP for (int c = 0; c < k2; ++c) {
    int sum = 0;
    for (int y = 0; y < r0; ++y) {
      NPU_PLAIN_LOOP for (int x = 0; x < r1; ++x) sum += from[y * row + x * k2 + c];
    }
    to[c] = (uchar)clamp(npu_requantize_double(sum - correction, multiplier, shift) + zero_point, 0, 255);
  }
}

// Last dimension reduced (r2 > 1). One work-item: one output; global size (k2, k1, k0).
__kernel void mean_last(__global const uchar* in, __global uchar* out, int k0, int r0, int k1, int r1, int k2,
                        int correction, int multiplier, int shift, int zero_point, int r2) {
  const int i2 = (int)get_global_id(0);
  const int i1 = (int)get_global_id(1);
  const int i0 = (int)get_global_id(2);
  if (i2 >= k2 || i1 >= k1 || i0 >= k0) return;
  const int line = k2 * r2;        // from one value of r1 to the next
  const int row = k1 * r1 * line;  // from one value of r0 to the next
  __global const uchar* from = in + i0 * r0 * row + i1 * r1 * line + i2 * r2;
  int16 sums = (int16)(0);
  int sum = 0;
  for (int y = 0; y < r0; ++y) {
    for (int x = 0; x < r1; ++x) {
      __global const uchar* values = from + y * row + x * line;
      int i = 0;
      for (; i + 16 <= r2; i += 16) sums += convert_int16(vload16(0, values + i));
      for (; i < r2; ++i) sum += values[i];
    }
  }
  const int8 half_sums = sums.lo + sums.hi;
  const int4 quarter_sums = half_sums.lo + half_sums.hi;
  sum += quarter_sums.x + quarter_sums.y + quarter_sums.z + quarter_sums.w;
  out[(i0 * k1 + i1) * k2 + i2] =
      (uchar)clamp(npu_requantize_double(sum - correction, multiplier, shift) + zero_point, 0, 255);
}

// MEAN of INT16, whose zero points are 0. One work-item: one output; global size (k2, k1, k0).
__kernel void mean_int16(__global const short* in, __global short* out, int k0, int r0, int k1, int r1, int k2,
                         int r2, int multiplier, int shift) {
  const int i2 = (int)get_global_id(0);
  const int i1 = (int)get_global_id(1);
  const int i0 = (int)get_global_id(2);
  if (i2 >= k2 || i1 >= k1 || i0 >= k0) return;
  const int line = k2 * r2;        // from one value of r1 to the next
  const int row = k1 * r1 * line;  // from one value of r0 to the next
  __global const short* from = in + i0 * r0 * row + i1 * r1 * line + i2 * r2;
  int sum = 0;
  for (int y = 0; y < r0; ++y) {
    for (int x = 0; x < r1; ++x) {
      for (int i = 0; i < r2; ++i) sum += from[y * row + x * line + i];
    }
  }
  out[(i0 * k1 + i1) * k2 + i2] =
      (short)clamp(npu_requantize_double(sum, multiplier, shift), (int)SHRT_MIN, (int)SHRT_MAX);
}
