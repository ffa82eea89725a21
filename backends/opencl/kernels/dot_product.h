// The primitives that have a form of their own per kernel variant (backends/opencl/kernel_variant.h): dot products of
// four bytes per 32-bit lane, and storing lanes as bytes. OpenCL C. Every form gives the same numbers; self_test.cl
// checks them on the device before a variant is used.
//   (nothing defined)   plain OpenCL C
//   NPU_X86_AVX2        x86 CPUs with AVX2 alone: sums of products of 16-bit pairs
//   NPU_X86_AVX512BW    x86 CPUs with AVX-512 BW but no VNNI: the same, twice as wide
//   NPU_X86_VNNI        x86 CPUs with AVX-512 BW, VL and VNNI, through the compiler's inline assembly. The assembler
//                       takes every instruction whatever the compilation target is; target attributes instead
//                       make PoCL 3.1 end the process (its work-group functions lack the feature).
//   NPU_NVIDIA_DP4A     NVIDIA GPUs, by inline PTX
//   NPU_KHR_DOT         devices with cl_khr_integer_dot_product
// SPDX-License-Identifier: Apache-2.0

// acc += words (4 signed weights per lane) times the 4 unsigned bytes in each lane of x. Wraps.
static inline int16 npu_dot4_portable(int16 acc, int16 words, uint16 x) {
  acc += ((words << 24) >> 24) * as_int16(x & (uint16)(255u));
  acc += ((words << 16) >> 24) * as_int16((x >> 8) & (uint16)(255u));
  acc += ((words << 8) >> 24) * as_int16((x >> 16) & (uint16)(255u));
  acc += (words >> 24) * as_int16(x >> 24);
  return acc;
}

// One lane of it, for kernels whose work-items are lanes.
static inline int npu_dot4_lane(int acc, int word, uint x) {
#if defined(NPU_NVIDIA_DP4A)
  int sum;
  __asm__("dp4a.s32.u32 %0, %1, %2, %3;" : "=r"(sum) : "r"(word), "r"(x), "r"(acc));
  return sum;
#elif defined(NPU_KHR_DOT)
  return acc + dot_4x8packed_su_int(as_uint(word), x);
#else
  acc += ((word << 24) >> 24) * (int)(x & 255u);
  acc += ((word << 16) >> 24) * (int)((x >> 8) & 255u);
  acc += ((word << 8) >> 24) * (int)((x >> 16) & 255u);
  return acc + (word >> 24) * (int)(x >> 24);
#endif
}

#ifdef NPU_X86_VNNI

static inline int16 npu_dot4_lanes(int16 acc, int16 words, uint16 x) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(words));
  return acc;
}

// 4 x 16 lanes as bytes, clamped to [low, high] within [0, 255]. Packing saturates, so that the clamp takes bytes, four
// lanes' worth at once. Packs work within 128-bit quarters: quarter i gets lanes 4i..4i+3 of a, b, c and d.
static inline int16 npu_pack_bytes(int16 a, int16 b, int16 c, int16 d, int low, int high) {
  int16 ab, cd, bytes;
  __asm__("vpackssdw %2, %1, %0" : "=v"(ab) : "v"(a), "v"(b));
  __asm__("vpackssdw %2, %1, %0" : "=v"(cd) : "v"(c), "v"(d));
  __asm__("vpackuswb %2, %1, %0" : "=v"(bytes) : "v"(ab), "v"(cd));
  if (low > 0 || high < 255) {
    __asm__("vpmaxub %2, %1, %0" : "=v"(bytes) : "v"(bytes), "v"((int16)(low * 0x01010101)));
    __asm__("vpminub %2, %1, %0" : "=v"(bytes) : "v"(bytes), "v"((int16)(high * 0x01010101)));
  }
  return bytes;
}

// The first `count` (64 if it is more) of 64 bytes.
static inline void npu_store_first(__global uchar* p, int16 bytes, int count) {
  if (count >= 64) {
    *(__global npu_int16_bytes*)p = bytes;
    return;
  }
  const ulong mask = (1UL << count) - 1;
  __asm__ volatile("kmovq %2, %%k1\n\tvmovdqu8 %1, (%0)%{%%k1%}" : : "r"(p), "v"(bytes), "r"(mask) : "memory", "k1");
}

// 4 x 16 lanes, clamped to [low, high], as the first `count` (1 to 64) of 64 bytes.
static inline void npu_store_blocks4(__global uchar* p, int16 a, int16 b, int16 c, int16 d, int low, int high, int count) {
  const int16 bytes = npu_pack_bytes(a, b, c, d, low, high);
  const int16 sorted = __builtin_shufflevector(bytes, bytes, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  npu_store_first(p, sorted, count);
}

// The first `count` (16 if it is more) of 16 bytes.
static inline void npu_store16_first(__global uchar* p, uchar16 bytes, int count) {
  if (count >= 16) {
    *(__global npu_uchar16_u*)p = bytes;
    return;
  }
  const uint mask = (1u << count) - 1;
  __asm__ volatile("kmovd %2, %%k1\n\tvmovdqu8 %1, (%0)%{%%k1%}" : : "r"(p), "v"(bytes), "r"(mask) : "memory", "k1");
}

// The first `count` of 16 lanes, clamped to [low, high], as bytes.
static inline void npu_store_block(__global uchar* p, int16 lanes, int low, int high, int count) {
  npu_store16_first(p, convert_uchar16(clamp(lanes, (int16)(low), (int16)(high))), count);
}

// 64 channels at once, interleaved: lane 4i + e of vector v is channel 16i + 4v + e, which is how unpacking bytes
// within 128-bit quarters leaves them and how packing takes them back.
#define NPU_HAS_CHANNELS64

// lanes[v]: the bytes of a channel in rows r0 (lowest) to r3.
static inline void npu_interleave64(uint16* lanes, __global const uchar* r0, __global const uchar* r1,
                             __global const uchar* r2, __global const uchar* r3) {
  const int16 a = *(__global const npu_int16_bytes*)r0, b = *(__global const npu_int16_bytes*)r1;
  const int16 c = *(__global const npu_int16_bytes*)r2, d = *(__global const npu_int16_bytes*)r3;
  int16 ab_low, ab_high, cd_low, cd_high;
  __asm__("vpunpcklbw %2, %1, %0" : "=v"(ab_low) : "v"(a), "v"(b));
  __asm__("vpunpckhbw %2, %1, %0" : "=v"(ab_high) : "v"(a), "v"(b));
  __asm__("vpunpcklbw %2, %1, %0" : "=v"(cd_low) : "v"(c), "v"(d));
  __asm__("vpunpckhbw %2, %1, %0" : "=v"(cd_high) : "v"(c), "v"(d));
  __asm__("vpunpcklwd %2, %1, %0" : "=v"(lanes[0]) : "v"(ab_low), "v"(cd_low));
  __asm__("vpunpckhwd %2, %1, %0" : "=v"(lanes[1]) : "v"(ab_low), "v"(cd_low));
  __asm__("vpunpcklwd %2, %1, %0" : "=v"(lanes[2]) : "v"(ab_high), "v"(cd_high));
  __asm__("vpunpckhwd %2, %1, %0" : "=v"(lanes[3]) : "v"(ab_high), "v"(cd_high));
}

// Four such vectors, clamped to [low, high], as the first `count` (64 if it is more) of 64 bytes.
static inline void npu_store_interleaved64(__global uchar* p, int16 a, int16 b, int16 c, int16 d, int low, int high,
                                    int count) {
  npu_store_first(p, npu_pack_bytes(a, b, c, d, low, high), count);
}

#else

static inline void npu_store16_first(__global uchar* p, uchar16 bytes, int count) {
  npu_store_lanes(p, convert_int16(bytes), count);
}

static inline void npu_store_block(__global uchar* p, int16 lanes, int low, int high, int count) {
  npu_store_lanes(p, clamp(lanes, (int16)(low), (int16)(high)), count);
}

#if defined(NPU_X86_AVX512BW) || defined(NPU_X86_AVX2)

// y = what the instruction makes of 16-bit lanes. One vector, or two halves of it.
#ifdef NPU_X86_AVX512BW
#define NPU_WORDS_OP(instruction, y, a) __asm__(instruction " %1, %0" : "=v"(y) : "v"(a))
#define NPU_WORDS_OP2(instruction, y, a, b) __asm__(instruction " %2, %1, %0" : "=v"(y) : "v"(a), "v"(b))
#else
#define NPU_WORDS_OP(instruction, y, a)                      \
  __asm__(instruction " %1, %0" : "=x"(y.lo) : "x"((a).lo)); \
  __asm__(instruction " %1, %0" : "=x"(y.hi) : "x"((a).hi))
#define NPU_WORDS_OP2(instruction, y, a, b)                                   \
  __asm__(instruction " %2, %1, %0" : "=x"(y.lo) : "x"((a).lo), "x"((b).lo)); \
  __asm__(instruction " %2, %1, %0" : "=x"(y.hi) : "x"((a).hi), "x"((b).hi))
#endif

// Bytes 0 and 2 of every lane, and 1 and 3, as pairs of 16-bit numbers: products of 255 and -128 fit, sums of two in 32.
static inline int16 npu_dot4_lanes(int16 acc, int16 words, uint16 x) {
  int16 shifted, even, odd, even_sums, odd_sums;
  NPU_WORDS_OP("vpsllw $8,", shifted, words);
  NPU_WORDS_OP("vpsraw $8,", even, shifted);
  NPU_WORDS_OP("vpsraw $8,", odd, words);
  const int16 x_even = as_int16(x & (uint16)(0x00ff00ffu)), x_odd = as_int16((x >> 8) & (uint16)(0x00ff00ffu));
  NPU_WORDS_OP2("vpmaddwd", even_sums, x_even, even);
  NPU_WORDS_OP2("vpmaddwd", odd_sums, x_odd, odd);
  return acc + even_sums + odd_sums;
}

#elif defined(NPU_NVIDIA_DP4A) || defined(NPU_KHR_DOT)

static inline int16 npu_dot4_lanes(int16 acc, int16 words, uint16 x) {
  for (int i = 0; i < 16; ++i) ((int*)&acc)[i] = npu_dot4_lane(((int*)&acc)[i], ((int*)&words)[i], ((uint*)&x)[i]);
  return acc;
}

#else

static inline int16 npu_dot4_lanes(int16 acc, int16 words, uint16 x) { return npu_dot4_portable(acc, words, x); }

#endif

static inline void npu_store_blocks4(__global uchar* p, int16 a, int16 b, int16 c, int16 d, int low, int high, int count) {
  npu_store_lanes(p, clamp(a, (int16)(low), (int16)(high)), count);
  if (count > 16) npu_store_lanes(p + 16, clamp(b, (int16)(low), (int16)(high)), count - 16);
  if (count > 32) npu_store_lanes(p + 32, clamp(c, (int16)(low), (int16)(high)), count - 32);
  if (count > 48) npu_store_lanes(p + 48, clamp(d, (int16)(low), (int16)(high)), count - 48);
}

#endif

// acc += words times the same 4 bytes for every lane.
static inline int16 npu_dot4(int16 acc, int16 words, uint x) { return npu_dot4_lanes(acc, words, (uint16)(x)); }
