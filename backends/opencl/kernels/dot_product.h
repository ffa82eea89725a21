// The primitives that have a form of their own per kernel variant (backends/opencl/kernel_variant.h): dot products of
// four bytes per 32-bit lane, and storing lanes as bytes. OpenCL C. Every form gives the same numbers; self_test.cl
// checks them on the device before a variant is used.
//   (nothing defined)   plain OpenCL C
//   NPU_X86_VNNI        x86 CPUs with AVX-512 BW, VL and VNNI, through the compiler's inline assembly. The assembler
//                       takes every instruction whatever the compilation target is; target attributes instead
//                       make PoCL 3.1 end the process (its work-group functions lack the feature).
// SPDX-License-Identifier: Apache-2.0

// acc += words (4 signed weights per lane) times the 4 unsigned bytes in each lane of x. Wraps.
inline int16 npu_dot4_portable(int16 acc, int16 words, uint16 x) {
  acc += ((words << 24) >> 24) * as_int16(x & (uint16)(255u));
  acc += ((words << 16) >> 24) * as_int16((x >> 8) & (uint16)(255u));
  acc += ((words << 8) >> 24) * as_int16((x >> 16) & (uint16)(255u));
  acc += (words >> 24) * as_int16(x >> 24);
  return acc;
}

#ifdef NPU_X86_VNNI

inline int16 npu_dot4_lanes(int16 acc, int16 words, uint16 x) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(words));
  return acc;
}

// 4 x 16 lanes, clamped to [low, high] within [0, 255], as the first `count` (1 to 64) of 64 bytes.
// Packing saturates, so that the clamp takes bytes, four lanes' worth at once. Packs work within 128-bit quarters:
// afterwards quarter i holds lanes 4i..4i+3 of a, b, c, d, and a permutation of 32-bit lanes sorts them.
inline void npu_store_blocks4(__global uchar* p, int16 a, int16 b, int16 c, int16 d, int low, int high, int count) {
  int16 ab, cd, bytes;
  __asm__("vpackssdw %2, %1, %0" : "=v"(ab) : "v"(a), "v"(b));
  __asm__("vpackssdw %2, %1, %0" : "=v"(cd) : "v"(c), "v"(d));
  __asm__("vpackuswb %2, %1, %0" : "=v"(bytes) : "v"(ab), "v"(cd));
  __asm__("vpmaxub %2, %1, %0" : "=v"(bytes) : "v"(bytes), "v"((int16)(low * 0x01010101)));
  __asm__("vpminub %2, %1, %0" : "=v"(bytes) : "v"(bytes), "v"((int16)(high * 0x01010101)));
  const int16 sorted = __builtin_shufflevector(bytes, bytes, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  if (count >= 64) {
    *(__global npu_int16_bytes*)p = sorted;
    return;
  }
  const ulong mask = (1UL << count) - 1;
  __asm__ volatile("kmovq %2, %%k1\n\tvmovdqu8 %1, (%0)%{%%k1%}" : : "r"(p), "v"(sorted), "r"(mask) : "memory", "k1");
}

#else

inline int16 npu_dot4_lanes(int16 acc, int16 words, uint16 x) { return npu_dot4_portable(acc, words, x); }

inline void npu_store_blocks4(__global uchar* p, int16 a, int16 b, int16 c, int16 d, int low, int high, int count) {
  npu_store_lanes(p, clamp(a, (int16)(low), (int16)(high)), count);
  if (count > 16) npu_store_lanes(p + 16, clamp(b, (int16)(low), (int16)(high)), count - 16);
  if (count > 32) npu_store_lanes(p + 32, clamp(c, (int16)(low), (int16)(high)), count - 32);
  if (count > 48) npu_store_lanes(p + 48, clamp(d, (int16)(low), (int16)(high)), count - 48);
}

#endif

// acc += words times the same 4 bytes for every lane.
inline int16 npu_dot4(int16 acc, int16 words, uint x) { return npu_dot4_lanes(acc, words, (uint16)(x)); }
