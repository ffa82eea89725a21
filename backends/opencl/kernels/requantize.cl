// QUANTIZE from or to INT16 (backends/ops/quantize.cc). 16 elements per work-item. Zero points, low and high are those
// of stored values (backends/ops/lowering.h).
// SPDX-License-Identifier: Apache-2.0

#define NPU_REQUANTIZE_KERNEL(NAME, FROM, TO)                                                                          \
  __kernel void NAME(__global const FROM* x, __global TO* y, int count, int zero_in, int multiplier, int shift, \
                     int zero_out, int low, int high) {                                                         \
    const size_t i = get_global_id(0) * 16;                                                                     \
    const size_t end = min(i + 16, (size_t)count);                                                              \
    for (size_t k = i; k < end; ++k) {                                                                          \
      const int scaled = npu_requantize_double((int)x[k] - zero_in, multiplier, shift);                         \
      y[k] = (TO)clamp(scaled + zero_out, low, high);                                                           \
    }                                                                                                           \
  }

NPU_REQUANTIZE_KERNEL(requantize_8_to_16, uchar, short)
NPU_REQUANTIZE_KERNEL(requantize_16_to_8, short, uchar)
NPU_REQUANTIZE_KERNEL(requantize_16_to_16, short, short)
NPU_REQUANTIZE_KERNEL(requantize_16_to_32, short, int)
