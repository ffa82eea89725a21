// What both strip kernels of camera frames are made of: x86 CPUs with AVX-512 BW, VBMI and VNNI, through inline assembly
// (kernels/dot_product.h says why). Bytes that lie anywhere in 64-byte windows of a row are brought into order by one
// permutation; 16 output pixels are computed at a time.
// SPDX-License-Identifier: Apache-2.0
#ifdef NPU_FRAME_X86

typedef uchar npu_uchar64 __attribute__((ext_vector_type(64)));
typedef npu_uchar64 npu_uchar64_bytes __attribute__((aligned(1)));
typedef uchar npu_uchar32 __attribute__((ext_vector_type(32)));
typedef npu_uchar32 npu_uchar32_bytes __attribute__((aligned(1)));
typedef uchar16 npu_uchar16_bytes __attribute__((aligned(1)));

// Numbers of a conversion as strips need them, in the order of backends/opencl/frame_strips.cc; offsets into the ints.
enum {
  kWidth, kHeight, kRoiX, kRoiY, kRoiWidth, kRoiHeight, kGroups, kFlip, kUseTables,
  kFactors = 10,  // per channel: of Y and U in the halves of an int, of V
  kBias = 16,
  kLoads = 24,    // per load, 8 numbers each:
  kBases = 0, kIndices, kWeights, kRows, kReciprocal, kShift, kTotal, kFullY, kLoadNumbers
};

// Where components are: in two planes, in one (of Y, U and V, or of R, G and B), in three.
enum { kSemiPlanar, kPackedYuv, kPackedRgb, kPlanar };

static inline int16 npu_frame_ints(__global const int* at) { return *(__global const int16*)at; }

static inline npu_uchar64 npu_frame_bytes(__global const uchar* at) { return *(__global const npu_uchar64_bytes*)at; }

// Bytes of two windows by index: bit 6 says which.
static inline int16 npu_frame_pick(__global const uchar* low, __global const uchar* high, int16 index) {
  __asm__("vpermi2b %2, %1, %0" : "+v"(index) : "v"(npu_frame_bytes(low)), "v"(npu_frame_bytes(high)));
  return index;
}

static inline npu_uchar64 npu_frame_look_up(__global const uchar* table, npu_uchar64 bytes) {
  npu_uchar64 low = bytes, high = bytes;
  __asm__("vpermi2b %2, %1, %0" : "+v"(low) : "v"(npu_frame_bytes(table)), "v"(npu_frame_bytes(table + 64)));
  __asm__("vpermi2b %2, %1, %0" : "+v"(high) : "v"(npu_frame_bytes(table + 128)), "v"(npu_frame_bytes(table + 192)));
  __asm__("vpmovb2m %2, %%k1\n\tvmovdqu8 %1, %0%{%%k1%}" : "+v"(low) : "v"(high), "v"(bytes) : "k1");
  return low;
}

static inline void npu_frame_prefetch(__global const uchar* at) { __asm__ volatile("prefetcht0 %0" : : "m"(*at)); }

// acc + products of signed 16-bit pairs.
static inline int16 npu_frame_pairs(int16 acc, int16 a, int16 b) {
  __asm__("vpdpwssd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(b));
  return acc;
}

static inline int16 npu_frame_mul_rounded(int16 a, int16 b) {
  int16 product;
  __asm__("vpmulhrsw %2, %1, %0" : "=v"(product) : "v"(a), "v"(b));
  return product;
}

static inline int16 npu_frame_subtract_pairs(int16 a, int16 b) {
  int16 difference;
  __asm__("vpsubw %2, %1, %0" : "=v"(difference) : "v"(a), "v"(b));
  return difference;
}

// Where a load's numbers are. Copies of what the tables say: to the compiler every store of pixels may change the tables.
typedef struct {
  __global const int *bases, *indices, *weights, *rows;
  int full, total, shift;
  uint reciprocal;
} npu_frame_numbers_of_load;

static inline __attribute__((always_inline)) npu_frame_numbers_of_load npu_frame_load_numbers(__global const int* t,
                                                                                              int load) {
  __global const int* l = t + kLoads + load * kLoadNumbers;
  const npu_frame_numbers_of_load numbers = {t + l[kBases], t + l[kIndices], t + l[kWeights],  t + l[kRows],
                                             l[kFullY],     l[kTotal],       l[kShift],        (uint)l[kReciprocal]};
  return numbers;
}

// The same for what becomes of the samples.
typedef struct {
  int16 bias[3], factor[6];
  npu_uchar64 flip;
  __global const uchar* tables;
  int use_tables;
} npu_frame_colour;

static inline __attribute__((always_inline)) npu_frame_colour npu_frame_colours(__global const int* t,
                                                                                __global const uchar* tables) {
  npu_frame_colour colour;
#pragma unroll
  for (int k = 0; k < 3; ++k) {
    colour.bias[k] = (int16)(t[kBias + k]);
    colour.factor[2 * k] = (int16)(t[kFactors + 2 * k]);
    colour.factor[2 * k + 1] = (int16)(t[kFactors + 2 * k + 1]);
  }
  colour.flip = (npu_uchar64)((uchar)t[kFlip]);
  colour.tables = tables;
  colour.use_tables = t[kUseTables];
  return colour;
}

// The first `count` (1 to 16) of 16 pixels, whose three channels are the low bytes of each lane.
static inline __attribute__((always_inline)) void npu_frame_store(__global uchar* to, npu_uchar64 pixels, int count) {
  const npu_uchar64 packed = __builtin_shufflevector(
      pixels, pixels, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 16, 17, 18, 20, 21, 22, 24, 25, 26, 28, 29, 30, 32, 33, 34,
      36, 37, 38, 40, 41, 42, 44, 45, 46, 48, 49, 50, 52, 53, 54, 56, 57, 58, 60, 61, 62, -1, -1, -1, -1, -1, -1, -1, -1,
      -1, -1, -1, -1, -1, -1, -1, -1);
  if (count >= 16) {  // stores with a mask take many times as long on some processors
    *(__global npu_uchar32_bytes*)to = __builtin_shufflevector(
        packed, packed, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
        27, 28, 29, 30, 31);
    *(__global npu_uchar16_bytes*)(to + 32) = __builtin_shufflevector(packed, packed, 32, 33, 34, 35, 36, 37, 38, 39, 40,
                                                                      41, 42, 43, 44, 45, 46, 47);
    return;
  }
  const ulong mask = (1UL << (3 * count)) - 1;
  __asm__ volatile("kmovq %2, %%k1\n\tvmovdqu8 %1, (%0)%{%%k1%}" : : "r"(to), "v"(packed), "r"(mask) : "memory", "k1");
}

// Pixels from..to of a row in the colour of the bars.
static inline void npu_frame_bar(__global uchar* row, int from, int to, __global const uchar* tables) {
  const int colour = tables[768] | tables[769] << 8 | tables[770] << 16;
  const npu_uchar64 pixels = __builtin_astype((int16)(colour), npu_uchar64);
  for (int x = from; x < to; x += 16) npu_frame_store(row + 3 * x, pixels, min(16, to - x));
}

// Three channels in 0..255 through the byte tables.
static inline __attribute__((always_inline)) void npu_frame_finish(const npu_frame_colour* colour, int16 a, int16 b,
                                                                   int16 c, __global uchar* to, int count) {
  npu_uchar64 pixels = __builtin_astype(a | b << 8 | c << 16, npu_uchar64);
  if (colour->use_tables) {
    __global const uchar* tables = colour->tables;
    const int16 low = 255;
    const int16 first = __builtin_astype(npu_frame_look_up(tables, pixels), int16);
    const int16 second = __builtin_astype(npu_frame_look_up(tables + 256, pixels), int16);
    const int16 third = __builtin_astype(npu_frame_look_up(tables + 512, pixels), int16);
    pixels = __builtin_astype((first & low) | (second & low << 8) | (third & low << 16), npu_uchar64);
  } else {
    pixels ^= colour->flip;
  }
  npu_frame_store(to, pixels, count);
}

// Planes of 7 fractional bits times the matrix.
static inline __attribute__((always_inline)) void npu_frame_matrix(const npu_frame_colour* colour, int16 y, int16 u,
                                                                   int16 v, __global uchar* to, int count) {
  const int16 yu = y | u << 16;
  int16 channel[3];
#pragma unroll
  for (int k = 0; k < 3; ++k) {
    const int16 sum = npu_frame_pairs(npu_frame_pairs(colour->bias[k], yu, colour->factor[2 * k]), v,
                                      colour->factor[2 * k + 1]);
    channel[k] = clamp(sum >> 20, 0, 255);
  }
  npu_frame_finish(colour, channel[0], channel[1], channel[2], to, count);
}

#endif  // NPU_FRAME_X86
