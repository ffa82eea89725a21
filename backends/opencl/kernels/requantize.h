// Rescaling of accumulators, as schema/quantization.h derives it. OpenCL C; included by every kernel file
// through concatenation (no #include is resolved on the device).
// SPDX-License-Identifier: Apache-2.0

#pragma OPENCL FP_CONTRACT OFF

// acc * multiplier * 2^(shift-31), rounded twice: TFLite's builtin kernels.
inline int npu_requantize_double(int acc, int multiplier, int shift) {
  const int left = max(shift, 0);
  const int right = max(-shift, 0);
  const long product = (long)(int)((uint)acc << left) * multiplier;
  // Rounding doubling high multiply. multiplier is in [0, 2^31), so the one overflow case of the general
  // form (both operands INT_MIN) cannot occur; floor((p + 2^30) / 2^31) equals its definition for both
  // signs, since the negative nudge 1 - 2^30 with truncation rounds the same way.
  const int high = (int)((product + (1L << 30)) >> 31);
  const int mask = (int)((1L << right) - 1);
  const int remainder = high & mask;
  const int threshold = (mask >> 1) + (high < 0 ? 1 : 0);
  return (high >> right) + (remainder > threshold ? 1 : 0);
}

// 16 lanes of npu_requantize_double, each with its own multiplier and shift.
inline int16 npu_requantize_double16(int16 acc, int16 multiplier, int16 shift) {
  const int16 left = max(shift, (int16)(0));
  const int16 right = max(-shift, (int16)(0));
  const long16 product = convert_long16(as_int16(as_uint16(acc) << as_uint16(left))) * convert_long16(multiplier);
  const int16 high = convert_int16((product + (long16)(1L << 30)) >> (long16)(31));
  const int16 mask = as_int16(((uint16)(1u) << as_uint16(right)) - (uint16)(1u));
  const int16 remainder = high & mask;
  // Signs are taken by shifts, not by vector comparisons: Oclgrind 21.10 widens those wrongly. The difference
  // cannot overflow, since both sides are in [0, 2^31).
  const int16 threshold = (mask >> 1) + ((high >> 31) & (int16)(1));
  const int16 carry = ((threshold - remainder) >> 31) & (int16)(1);
  return (high >> right) + carry;
}
