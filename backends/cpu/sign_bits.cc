// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/sign_bits.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace npu {
namespace {

// pack32(block) gives the bits of 32 values, bit(value) that of one.
template <typename T, typename Pack32, typename Bit>
void Pack(const T* x, int64_t count, uint32_t* out, Pack32 pack32, Bit bit) {
  int64_t i = 0;
  for (; i + 32 <= count; i += 32) *out++ = pack32(x + i);
  if (i == count) return;
  uint32_t word = 0;
  for (int64_t j = 0; i + j < count; ++j) word |= uint32_t{bit(x[i + j])} << j;
  *out = word;
}

}  // namespace

#if defined(__SSE2__)

void PackSigns(const float* x, int64_t count, uint32_t* out) {
  const auto pack32 = [](const float* block) {
    uint32_t word = 0;
    for (int j = 0; j < 32; j += 4) {
      const __m128 negative = _mm_cmplt_ps(_mm_loadu_ps(block + j), _mm_setzero_ps());
      word |= static_cast<uint32_t>(_mm_movemask_ps(negative)) << j;
    }
    return word;
  };
  Pack(x, count, out, pack32, [](float value) { return value < 0.0f; });
}

void PackSigns(const int8_t* x, int64_t count, int32_t zero_point, uint32_t* out) {
  const __m128i zero = _mm_set1_epi8(static_cast<char>(zero_point));
  const auto pack32 = [&](const int8_t* block) {
    uint32_t word = 0;
    for (int j = 0; j < 32; j += 16) {
      const __m128i values = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + j));
      word |= static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmplt_epi8(values, zero))) << j;
    }
    return word;
  };
  Pack(x, count, out, pack32, [&](int8_t value) { return value < zero_point; });
}

void PackFalse(const uint8_t* x, int64_t count, uint32_t* out) {
  const auto pack32 = [](const uint8_t* block) {
    uint32_t word = 0;
    for (int j = 0; j < 32; j += 16) {
      const __m128i values = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + j));
      word |= static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(values, _mm_setzero_si128()))) << j;
    }
    return word;
  };
  Pack(x, count, out, pack32, [](uint8_t value) { return value == 0; });
}

#else

namespace {

template <typename T, typename Bit>
void PackPlainly(const T* x, int64_t count, uint32_t* out, Bit bit) {
  const auto pack32 = [&](const T* block) {
    uint32_t word = 0;
    for (int j = 0; j < 32; ++j) word |= uint32_t{bit(block[j])} << j;
    return word;
  };
  Pack(x, count, out, pack32, bit);
}

}  // namespace

void PackSigns(const float* x, int64_t count, uint32_t* out) {
  PackPlainly(x, count, out, [](float value) { return value < 0.0f; });
}

void PackSigns(const int8_t* x, int64_t count, int32_t zero_point, uint32_t* out) {
  PackPlainly(x, count, out, [&](int8_t value) { return value < zero_point; });
}

void PackFalse(const uint8_t* x, int64_t count, uint32_t* out) {
  PackPlainly(x, count, out, [](uint8_t value) { return value == 0; });
}

#endif

}  // namespace npu
