// What both strip kernels of camera frames are made of: x86 CPUs with AVX-512 BW, VBMI and VNNI, through inline assembly
// (kernels/dot_product.h says why). Bytes that lie anywhere in 64-byte windows of a row are brought into order by one
// permutation; 16 output pixels are computed at a time.
// SPDX-License-Identifier: Apache-2.0
#ifdef NPU_FRAME_X86

typedef uchar npu_uchar64 __attribute__((ext_vector_type(64)));
typedef npu_uchar64 npu_uchar64_bytes __attribute__((aligned(1)));
typedef ushort npu_ushort32 __attribute__((ext_vector_type(32)));
typedef uchar npu_uchar32 __attribute__((ext_vector_type(32)));
typedef npu_uchar32 npu_uchar32_bytes __attribute__((aligned(1)));
typedef uchar16 npu_uchar16_bytes __attribute__((aligned(1)));

// Numbers of a conversion as strips need them, in the order of backends/opencl/frame_strips.cc; offsets into the ints.
enum {
  kWidth, kHeight, kRoiX, kRoiY, kColumns, kRows, kGroups, kFlip, kUseTables, kChannels,
  kFactors = 10,  // per channel: of Y and U in the halves of an int, of V and of what is left of U
  kBias = 16,
  kDirect = 19,   // samples are bytes of the channels
  kTurned = 20,   // the picture lies on its side: its rows are columns of the input
  kLoads = 24,    // per load, 8 numbers each:
  kBases = 0, kIndices, kWeights, kRowList, kReciprocal, kShift, kTotal, kFullY, kLoadNumbers
};

// Where components are: in two planes, in one (of Y, U and V, or of R, G and B), in three; or there is but one.
enum { kSemiPlanar, kPackedYuv, kPackedRgb, kPlanar, kOne };

static inline int16 npu_frame_ints(__global const int* at) { return *(__global const int16*)at; }

static inline npu_uchar64 npu_frame_bytes(__global const uchar* at) { return *(__global const npu_uchar64_bytes*)at; }

// Where `mask` has a bit, bytes of a window by index; elsewhere what they were. On many processors two of these take less
// than one permutation of two windows.
static inline __attribute__((always_inline)) int16 npu_frame_pick_some(int16 others, __global const uchar* window,
                                                                       int16 index, ulong mask) {
  __asm__("vpermb %1, %2, %0%{%3%}"
          : "+v"(others)
          : "m"(*(__global const npu_uchar64_bytes*)window), "v"(index), "Yk"(mask));
  return others;
}

// The same, 0 elsewhere.
static inline __attribute__((always_inline)) int16 npu_frame_pick_only(__global const uchar* window, int16 index, ulong mask) {
  int16 bytes;
  if (mask == ~0UL) {
    __asm__("vpermb %1, %2, %0" : "=v"(bytes) : "m"(*(__global const npu_uchar64_bytes*)window), "v"(index));
  } else {
    __asm__("vpermb %1, %2, %0%{%3%}%{z%}"
            : "=v"(bytes)
            : "m"(*(__global const npu_uchar64_bytes*)window), "v"(index), "Yk"(mask));
  }
  return bytes;
}

static inline __attribute__((always_inline)) int16 npu_frame_pick_one(__global const uchar* window, int16 index) {
  int16 bytes;
  __asm__("vpermb %1, %2, %0" : "=v"(bytes) : "m"(*(__global const npu_uchar64_bytes*)window), "v"(index));
  return bytes;
}

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

// Bytes 1 and 3 of each lane in its halves.
static inline int16 npu_frame_high_bytes(int16 bytes) {
  return __builtin_astype(__builtin_astype(bytes, npu_ushort32) >> (npu_ushort32)(8), int16);
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
  const npu_frame_numbers_of_load numbers = {t + l[kBases], t + l[kIndices], t + l[kWeights],  t + l[kRowList],
                                             l[kFullY],     l[kTotal],       l[kShift],        (uint)l[kReciprocal]};
  return numbers;
}

// The same for what becomes of the samples, and where the pixels go.
typedef struct {
  int16 bias[3], factor[6];
  npu_uchar64 flip;
  __global const uchar* tables;
  int use_tables, direct, channels;
  size_t pixel_step;  // from a pixel to the next one of the source's row
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
  colour.direct = t[kDirect];
  colour.channels = t[kChannels];
  colour.pixel_step = (t[kTurned] ? (size_t)t[kWidth] : 1) * colour.channels;
  return colour;
}

// The first `count` (1 to 48) of 48 bytes.
static inline __attribute__((always_inline)) void npu_frame_store(__global uchar* to, npu_uchar64 packed, int count) {
  if (count >= 48) {  // stores with a mask take many times as long on some processors
    *(__global npu_uchar32_bytes*)to = __builtin_shufflevector(
        packed, packed, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
        27, 28, 29, 30, 31);
    *(__global npu_uchar16_bytes*)(to + 32) = __builtin_shufflevector(packed, packed, 32, 33, 34, 35, 36, 37, 38, 39, 40,
                                                                      41, 42, 43, 44, 45, 46, 47);
    return;
  }
  const ulong mask = (1UL << count) - 1;
  __asm__ volatile("kmovq %2, %%k1\n\tvmovdqu8 %1, (%0)%{%%k1%}" : : "r"(to), "v"(packed), "r"(mask) : "memory", "k1");
}

// Pixels from..to of a row in the colour of the bars.
static void npu_frame_bar(__global uchar* row, int from, int to, int channels, __global const uchar* tables) {
  if (from >= to) return;
  npu_uchar64 pixels = (npu_uchar64)(tables[768]);
#pragma unroll
  for (int i = 0; i < 48; ++i) {
    if (channels == 3) pixels[i] = tables[768 + i % 3];
  }
  for (int at = from * channels; at < to * channels; at += 48) npu_frame_store(row + at, pixels, min(48, to * channels - at));
}

// What lies around the picture in the output rows begin..end.
static void npu_frame_bars(__global const int* t, __global uchar* out, int begin, int end, __global const uchar* tables) {
  const int width = t[kWidth], left = t[kRoiX], top = t[kRoiY], channels = t[kChannels];
  const int columns = t[t[kTurned] ? kRows : kColumns], rows = t[t[kTurned] ? kColumns : kRows];
  for (int row = begin; row < end; ++row) {
    __global uchar* to = out + (size_t)row * width * channels;
    const bool whole = row < top || row >= top + rows;
    npu_frame_bar(to, 0, whole ? width : left, channels, tables);
    if (!whole) npu_frame_bar(to, left + columns, width, channels, tables);
  }
}

// The rows of the picture that strip `strip` makes, and the bars that it paints.
static inline int2 npu_frame_strip(__global const int* t, __global uchar* out, int strip, __global const uchar* tables) {
  const int begin = (int)get_global_id(0) * strip;
  if (t[kTurned]) {  // the first strip paints them all
    if (begin == 0) npu_frame_bars(t, out, 0, t[kHeight], tables);
    return (int2)(begin, min(begin + strip, t[kRows]));
  }
  const int end = min(begin + strip, t[kHeight]), top = t[kRoiY];
  npu_frame_bars(t, out, begin, end, tables);
  return (int2)(clamp(begin - top, 0, t[kRows]), clamp(end - top, 0, t[kRows]));
}

// Where the first pixel of a row of the picture goes.
static inline __global uchar* npu_frame_row(__global const int* t, __global uchar* out, int row) {
  const int x = t[kRoiX] + (t[kTurned] ? row : 0), y = t[kRoiY] + (t[kTurned] ? 0 : row);
  return out + ((size_t)y * t[kWidth] + x) * t[kChannels];
}

// The first `count` (1 to 16) of 16 pixels of 3 bytes, in a column.
static void npu_frame_store_column(__global uchar* to, size_t step, npu_uchar64 packed, int count) {
  uchar bytes[64];
  *(npu_uchar64*)bytes = packed;
  for (int i = 0; i < count; ++i, to += step) {
    to[0] = bytes[3 * i];
    to[1] = bytes[3 * i + 1];
    to[2] = bytes[3 * i + 2];
  }
}

// One channel, clamped to 0..255, through the byte table; the first `count` of 16 pixels.
static inline __attribute__((always_inline)) void npu_frame_finish_one(const npu_frame_colour* colour, int16 a,
                                                                       __global uchar* to, int count) {
  uchar16 bytes;
  __asm__("vpmovusdb %1, %0" : "=v"(bytes) : "v"(max(a, (int16)(0))));
  npu_uchar64 pixels = __builtin_shufflevector(bytes, bytes, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, -1, -1, -1, -1, -1, -1,
                                               -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                               -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                               -1, -1);
  pixels = colour->use_tables ? npu_frame_look_up(colour->tables, pixels) : pixels ^ colour->flip;
  if (colour->pixel_step == 1) {
    npu_frame_store(to, pixels, count);
    return;
  }
  uchar column[64];
  *(npu_uchar64*)column = pixels;
  for (int i = 0; i < count; ++i, to += colour->pixel_step) *to = column[i];
}

// Three channels, clamped to 0..255, through the byte tables.
static inline __attribute__((always_inline)) void npu_frame_finish(const npu_frame_colour* colour, int16 a, int16 b,
                                                                   int16 c, __global uchar* to, int count) {
  // Four pixels in 128 bits: four bytes of each channel.
  int16 ab, cc;
  __asm__("vpackssdw %2, %1, %0" : "=v"(ab) : "v"(a), "v"(b));
  __asm__("vpackssdw %1, %1, %0" : "=v"(cc) : "v"(c));
  npu_uchar64 pixels;
  __asm__("vpackuswb %2, %1, %0" : "=v"(pixels) : "v"(ab), "v"(cc));
  if (colour->use_tables) {
    __global const uchar* tables = colour->tables;
    const int16 first = __builtin_astype(npu_frame_look_up(tables, pixels), int16);
    const int16 second = __builtin_astype(npu_frame_look_up(tables + 256, pixels), int16);
    const int16 third = __builtin_astype(npu_frame_look_up(tables + 512, pixels), int16);
    const int16 two = __builtin_shufflevector(first, second, 0, 17, 2, 3, 4, 21, 6, 7, 8, 25, 10, 11, 12, 29, 14, 15);
    const int16 three = __builtin_shufflevector(two, third, 0, 1, 18, 3, 4, 5, 22, 7, 8, 9, 26, 11, 12, 13, 30, 15);
    pixels = __builtin_astype(three, npu_uchar64);
  } else {
    pixels ^= colour->flip;
  }
  pixels = __builtin_shufflevector(pixels, pixels, 0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, 16, 20, 24, 17, 21, 25, 18, 22, 26,
                                   19, 23, 27, 32, 36, 40, 33, 37, 41, 34, 38, 42, 35, 39, 43, 48, 52, 56, 49, 53, 57, 50,
                                   54, 58, 51, 55, 59, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  if (colour->pixel_step == 3) {
    npu_frame_store(to, pixels, 3 * count);
  } else {
    npu_frame_store_column(to, colour->pixel_step, pixels, count);
  }
}

// Channel k of planes of 7 fractional bits: two in the halves of each lane of `first`, the third in the low half of
// `second`, in whose high half the second is again.
static inline __attribute__((always_inline)) int16 npu_frame_channel(const npu_frame_colour* colour, int k, int16 first,
                                                                     int16 second) {
  return npu_frame_pairs(npu_frame_pairs(colour->bias[k], first, colour->factor[2 * k]), second,
                         colour->factor[2 * k + 1]) >> 21;
}

// Three planes of 7 fractional bits times the matrix.
static inline __attribute__((always_inline)) void npu_frame_matrix(const npu_frame_colour* colour, int16 a, int16 b, int16 c,
                                                                   __global uchar* to, int count) {
  const int16 high = b << 16, first = a | high, second = c | high;
  if (colour->channels == 1) {
    npu_frame_finish_one(colour, npu_frame_channel(colour, 0, first, second), to, count);
    return;
  }
  npu_frame_finish(colour, npu_frame_channel(colour, 0, first, second), npu_frame_channel(colour, 1, first, second),
                   npu_frame_channel(colour, 2, first, second), to, count);
}

// One plane: of 7 fractional bits, or of bytes where direct.
static inline __attribute__((always_inline)) void npu_frame_one(const npu_frame_colour* colour, int16 a, __global uchar* to,
                                                                int count) {
  // The matrix has one row, the same for every channel.
  if (!colour->direct) a = npu_frame_pairs(colour->bias[0], a, colour->factor[0]) >> 21;
  if (colour->channels == 1) {
    npu_frame_finish_one(colour, a, to, count);
  } else {
    npu_frame_finish(colour, a, a, a, to, count);
  }
}

#endif  // NPU_FRAME_X86
