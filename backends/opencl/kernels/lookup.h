// Looking up bytes in a table of 256. OpenCL C; a primitive with a form of its own per kernel variant
// (backends/opencl/kernel_variant.h), checked by self_test.cl:
//   (nothing defined)   plain OpenCL C
//   NPU_X86_VBMI        x86 CPUs with AVX-512 BW and VBMI: 64 bytes at once, from a table in four registers
// SPDX-License-Identifier: Apache-2.0

// y[i] = table[x[i]] for the first `count` (64 if it is more) of 64 bytes, all of which may be read.
#ifdef NPU_X86_VBMI
static inline void npu_lookup64(__global uchar* y, __global const uchar* x, __global const uchar* table, int count) {
  __global const npu_int16_bytes* quarters = (__global const npu_int16_bytes*)table;
  int16 low = *(__global const npu_int16_bytes*)x, high = low;
  // A permutation takes seven bits of the index; the eighth says whose result it is.
  __asm__("vpmovb2m %0, %%k1\n\t"
          "vpermi2b %3, %2, %0\n\t"
          "vpermi2b %5, %4, %1\n\t"
          "vpblendmb %1, %0, %0%{%%k1%}"
          : "+v"(low), "+v"(high)
          : "v"(quarters[0]), "v"(quarters[1]), "v"(quarters[2]), "v"(quarters[3])
          : "k1");
  npu_store_first(y, low, count);
}
#else
static inline void npu_lookup64(__global uchar* y, __global const uchar* x, __global const uchar* table, int count) {
  const int end = min(count, 64);
  for (int i = 0; i < end; ++i) y[i] = table[x[i]];
}
#endif
