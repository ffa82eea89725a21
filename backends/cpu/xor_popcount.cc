// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/xor_popcount.h"

#include <array>
#include <cstring>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "backends/cpu_features.h"

namespace npu {
namespace {

// --- What follows the counting, written once and compiled for each kind of CPU ---

#define NPU_INLINE inline __attribute__((always_inline))

// The largest float below 0.5: added before cutting off, it rounds half away from zero, exactly, for every float.
constexpr float kBelowHalf = 0.49999997f;

NPU_INLINE float Transformed(int32_t accum, int32_t extra, const AccumTransform& t, int64_t o) {
  int32_t x = 2 * accum + extra;
  x = x < t.clamp_min ? t.clamp_min : x;
  x = x > t.clamp_max ? t.clamp_max : x;
  return static_cast<float>(x) * t.multiplier[o] + t.bias[o];
}

NPU_INLINE void ToFloat(const int32_t* accum, int64_t outputs, int32_t extra, const AccumTransform& transform,
                        float* out) {
  const AccumTransform t = transform;
  for (int64_t o = 0; o < outputs; ++o) out[o] = Transformed(accum[o], extra, t, o);
}

NPU_INLINE void ToInt8(const int32_t* accum, int64_t outputs, int32_t extra, const AccumTransform& transform,
                       int8_t* out) {
  const AccumTransform t = transform;
  for (int64_t o = 0; o < outputs; ++o) {
    float y = Transformed(accum[o], extra, t, o);
    y = y > -128.0f ? y : -128.0f;  // NaN, too
    y = y < 127.0f ? y : 127.0f;
    out[o] = static_cast<int8_t>(static_cast<int32_t>(y + (y < 0 ? -kBelowHalf : kBelowHalf)));
  }
}

NPU_INLINE void ToSigns(const int32_t* accum, int64_t outputs, int32_t extra, const AccumTransform& transform,
                        uint32_t* out) {
  for (int64_t o = 0; o < outputs; o += 32) {
    uint32_t word = 0;
    // Negative exactly where the bit is 1; thresholds are such that nothing overflows (bconv2d_kernel.cc).
    for (int j = 0; j < 32; ++j) {
      const int32_t below = transform.two_thresholds[o + j] - (2 * accum[o + j] + extra);
      word |= (static_cast<uint32_t>(below) >> 31) << j;
    }
    *out++ = outputs - o < 32 ? word & ((uint32_t{1} << (outputs - o)) - 1) : word;
  }
}

// --- Plain C++: bytes of a 64-bit word count for two filters at once ---

// A byte counts up to 255; a word adds at most 8.
constexpr int64_t kWordsPerFlush = 31;

uint64_t ByteCounts(uint64_t v) {
  v -= (v >> 1) & 0x5555555555555555u;
  v = (v & 0x3333333333333333u) + ((v >> 2) & 0x3333333333333333u);
  return (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fu;
}

constexpr int kPlainPixels = 2, kPlainOutputs = 8;

void CountPlain(const uint32_t* windows, int64_t words, const uint32_t* filters, int32_t* accum, int64_t stride) {
  for (int p = 0; p < kPlainPixels; ++p) {
    std::memset(accum + p * stride, 0, kPlainOutputs * sizeof(int32_t));
    for (int64_t begin = 0; begin < words; begin += kWordsPerFlush) {
      const int64_t end = begin + kWordsPerFlush < words ? begin + kWordsPerFlush : words;
      std::array<uint64_t, kPlainOutputs / 2> counts{};
      for (int64_t k = begin; k < end; ++k) {
        const uint64_t x = windows[p * words + k] * 0x100000001u;
        for (int pair = 0; pair < kPlainOutputs / 2; ++pair) {
          uint64_t filter;
          std::memcpy(&filter, filters + k * kPlainOutputs + 2 * pair, sizeof(filter));
          counts[pair] += ByteCounts(x ^ filter);
        }
      }
      for (int o = 0; o < kPlainOutputs; ++o) {
        uint64_t pair = counts[o / 2];
        // Which half of a 64-bit word holds the first filter is the machine's byte order.
        if constexpr (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
          pair >>= o % 2 * 32;
        } else {
          pair >>= (1 - o % 2) * 32;
        }
        for (int byte = 0; byte < 4; ++byte) accum[p * stride + o] += static_cast<int32_t>(pair >> (8 * byte) & 0xff);
      }
    }
  }
}

void PlainToFloat(const int32_t* a, int64_t n, int32_t e, const AccumTransform& t, float* out) { ToFloat(a, n, e, t, out); }
void PlainToInt8(const int32_t* a, int64_t n, int32_t e, const AccumTransform& t, int8_t* out) { ToInt8(a, n, e, t, out); }
void PlainToSigns(const int32_t* a, int64_t n, int32_t e, const AccumTransform& t, uint32_t* out) { ToSigns(a, n, e, t, out); }

constexpr XorPopcount kPlain{"plain", kPlainPixels, kPlainOutputs, CountPlain, PlainToFloat, PlainToInt8, PlainToSigns};

#if defined(__x86_64__)

// --- AVX2: a table of the ones in four bits, counters of one byte ---

#define NPU_AVX2 __attribute__((target("avx2")))
constexpr int kAvx2Pixels = 4, kAvx2Vectors = 2, kAvx2Outputs = 8 * kAvx2Vectors;

NPU_AVX2 void CountAvx2(const uint32_t* windows, int64_t words, const uint32_t* filters, int32_t* accum,
                        int64_t stride) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                         0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_set1_epi8(0x0f);
  __m256i sums[kAvx2Pixels][kAvx2Vectors];
  for (auto& row : sums) {
    for (__m256i& sum : row) sum = _mm256_setzero_si256();
  }
  for (int64_t begin = 0; begin < words; begin += kWordsPerFlush) {
    const int64_t end = begin + kWordsPerFlush < words ? begin + kWordsPerFlush : words;
    __m256i counts[kAvx2Pixels][kAvx2Vectors];
    for (auto& row : counts) {
      for (__m256i& count : row) count = _mm256_setzero_si256();
    }
    for (int64_t k = begin; k < end; ++k) {
      __m256i filter[kAvx2Vectors];
      for (int v = 0; v < kAvx2Vectors; ++v) {
        filter[v] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(filters + k * kAvx2Outputs + 8 * v));
      }
      for (int p = 0; p < kAvx2Pixels; ++p) {
        const __m256i x = _mm256_set1_epi32(static_cast<int32_t>(windows[p * words + k]));
        for (int v = 0; v < kAvx2Vectors; ++v) {
          const __m256i bits = _mm256_xor_si256(x, filter[v]);
          const __m256i ones_low = _mm256_shuffle_epi8(table, _mm256_and_si256(bits, low));
          const __m256i ones_high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bits, 4), low));
          counts[p][v] = _mm256_add_epi8(counts[p][v], _mm256_add_epi8(ones_low, ones_high));
        }
      }
    }
    for (int p = 0; p < kAvx2Pixels; ++p) {
      for (int v = 0; v < kAvx2Vectors; ++v) {
        const __m256i pairs = _mm256_maddubs_epi16(counts[p][v], _mm256_set1_epi8(1));
        sums[p][v] = _mm256_add_epi32(sums[p][v], _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
      }
    }
  }
  for (int p = 0; p < kAvx2Pixels; ++p) {
    for (int v = 0; v < kAvx2Vectors; ++v) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(accum + p * stride + 8 * v), sums[p][v]);
    }
  }
}

NPU_AVX2 void Avx2ToFloat(const int32_t* a, int64_t n, int32_t e, const AccumTransform& t, float* out) { ToFloat(a, n, e, t, out); }
NPU_AVX2 void Avx2ToInt8(const int32_t* a, int64_t n, int32_t e, const AccumTransform& t, int8_t* out) { ToInt8(a, n, e, t, out); }
NPU_AVX2 void Avx2ToSigns(const int32_t* accum, int64_t outputs, int32_t extra, const AccumTransform& t,
                          uint32_t* out) {
  const __m256i extras = _mm256_set1_epi32(extra);
  for (int64_t o = 0; o < outputs; o += 32) {
    uint32_t word = 0;
    for (int j = 0; j < 32; j += 8) {
      const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(accum + o + j));
      const __m256i limit = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(t.two_thresholds + o + j));
      const __m256i x = _mm256_add_epi32(_mm256_add_epi32(a, a), extras);
      word |= static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_sub_epi32(limit, x)))) << j;
    }
    *out++ = outputs - o < 32 ? word & ((uint32_t{1} << (outputs - o)) - 1) : word;
  }
}

constexpr XorPopcount kAvx2{"avx2", kAvx2Pixels, kAvx2Outputs, CountAvx2, Avx2ToFloat, Avx2ToInt8, Avx2ToSigns};

// --- AVX-512 with VPOPCNTDQ: the CPU counts the ones of 16 words at once ---

#define NPU_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq")))
constexpr int kAvx512Pixels = 8, kAvx512Vectors = 2, kAvx512Outputs = 16 * kAvx512Vectors;

NPU_AVX512 void CountAvx512(const uint32_t* windows, int64_t words, const uint32_t* filters, int32_t* accum,
                            int64_t stride) {
  __m512i sums[kAvx512Pixels][kAvx512Vectors];
  for (auto& row : sums) {
    for (__m512i& sum : row) sum = _mm512_setzero_si512();
  }
  for (int64_t k = 0; k < words; ++k) {
    const __m512i first = _mm512_loadu_si512(filters + k * kAvx512Outputs);
    const __m512i second = _mm512_loadu_si512(filters + k * kAvx512Outputs + 16);
    for (int p = 0; p < kAvx512Pixels; ++p) {
      const __m512i x = _mm512_set1_epi32(static_cast<int32_t>(windows[p * words + k]));
      sums[p][0] = _mm512_add_epi32(sums[p][0], _mm512_popcnt_epi32(_mm512_xor_si512(x, first)));
      sums[p][1] = _mm512_add_epi32(sums[p][1], _mm512_popcnt_epi32(_mm512_xor_si512(x, second)));
    }
  }
  for (int p = 0; p < kAvx512Pixels; ++p) {
    for (int v = 0; v < kAvx512Vectors; ++v) _mm512_storeu_si512(accum + p * stride + 16 * v, sums[p][v]);
  }
}

NPU_AVX512 void Avx512ToFloat(const int32_t* a, int64_t n, int32_t e, const AccumTransform& t, float* out) { ToFloat(a, n, e, t, out); }
NPU_AVX512 void Avx512ToInt8(const int32_t* a, int64_t n, int32_t e, const AccumTransform& t, int8_t* out) { ToInt8(a, n, e, t, out); }

constexpr XorPopcount kAvx512{"avx512-vpopcntdq", kAvx512Pixels, kAvx512Outputs, CountAvx512,
                              Avx512ToFloat, Avx512ToInt8, Avx2ToSigns};

#elif defined(__aarch64__)

// --- NEON, which every AArch64 has: ones of each byte, counters of one byte ---

constexpr int kNeonPixels = 4, kNeonVectors = 2, kNeonOutputs = 4 * kNeonVectors;

void CountNeon(const uint32_t* windows, int64_t words, const uint32_t* filters, int32_t* accum, int64_t stride) {
  uint32x4_t sums[kNeonPixels][kNeonVectors];
  for (auto& row : sums) {
    for (uint32x4_t& sum : row) sum = vdupq_n_u32(0);
  }
  for (int64_t begin = 0; begin < words; begin += kWordsPerFlush) {
    const int64_t end = begin + kWordsPerFlush < words ? begin + kWordsPerFlush : words;
    uint8x16_t counts[kNeonPixels][kNeonVectors];
    for (auto& row : counts) {
      for (uint8x16_t& count : row) count = vdupq_n_u8(0);
    }
    for (int64_t k = begin; k < end; ++k) {
      uint32x4_t filter[kNeonVectors];
      for (int v = 0; v < kNeonVectors; ++v) filter[v] = vld1q_u32(filters + k * kNeonOutputs + 4 * v);
      for (int p = 0; p < kNeonPixels; ++p) {
        const uint32x4_t x = vdupq_n_u32(windows[p * words + k]);
        for (int v = 0; v < kNeonVectors; ++v) {
          counts[p][v] = vaddq_u8(counts[p][v], vcntq_u8(vreinterpretq_u8_u32(veorq_u32(x, filter[v]))));
        }
      }
    }
    for (int p = 0; p < kNeonPixels; ++p) {
      for (int v = 0; v < kNeonVectors; ++v) sums[p][v] = vpadalq_u16(sums[p][v], vpaddlq_u8(counts[p][v]));
    }
  }
  for (int p = 0; p < kNeonPixels; ++p) {
    for (int v = 0; v < kNeonVectors; ++v) vst1q_s32(accum + p * stride + 4 * v, vreinterpretq_s32_u32(sums[p][v]));
  }
}

constexpr XorPopcount kNeon{"neon", kNeonPixels, kNeonOutputs, CountNeon, PlainToFloat, PlainToInt8, PlainToSigns};

#endif

std::vector<XorPopcount> FindForms() {
  std::vector<XorPopcount> forms;
#if defined(__x86_64__)
  if (CpuHasVpopcntdq()) forms.push_back(kAvx512);
  if (CpuHasAvx2()) forms.push_back(kAvx2);
#elif defined(__aarch64__)
  forms.push_back(kNeon);
#endif
  forms.push_back(kPlain);
  return forms;
}

}  // namespace

std::span<const XorPopcount> XorPopcountForms() {
  static const std::vector<XorPopcount> forms = FindForms();
  return forms;
}

}  // namespace npu
