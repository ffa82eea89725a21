// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/quantize_floats.h"

#include <cstring>
#include <limits>

#include "backends/cpu_features.h"

namespace npu {
namespace {

#define NPU_INLINE inline __attribute__((always_inline))

// Clamped first, which changes nothing since the bounds are whole numbers: the conversion to an integer cannot
// overflow, and compilers can vectorize.
template <typename T>
NPU_INLINE void Quantize(const std::byte* from, int64_t count, float scale, int32_t zero_point, T* to) {
  const auto low = static_cast<float>(std::numeric_limits<T>::min() - zero_point);
  const auto high = static_cast<float>(std::numeric_limits<T>::max() - zero_point);
  for (int64_t i = 0; i < count; ++i) {
    float x;
    std::memcpy(&x, from + i * sizeof(x), sizeof(x));
    x /= scale;
    x = x > low ? x : low;  // NaN, too
    x = x < high ? x : high;
    const auto whole = static_cast<int32_t>(x);
    const float rest = x - static_cast<float>(whole);  // exact
    to[i] = static_cast<T>(whole + (rest >= 0.5f) - (rest <= -0.5f) + zero_point);
  }
}

// The exact product has at most 24 + 17 bits, so that a product in float, rounded once, is that of the doubles rounded
// to float.
template <typename T>
NPU_INLINE void Dequantize(const T* from, int64_t count, float scale, int32_t zero_point, std::byte* to) {
  for (int64_t i = 0; i < count; ++i) {
    const float x = scale * static_cast<float>(from[i] - zero_point);
    std::memcpy(to + i * sizeof(x), &x, sizeof(x));
  }
}

#if defined(__x86_64__)

#define NPU_AVX2 __attribute__((target("avx2")))
#define NPU_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

template <typename T>
NPU_AVX2 void QuantizeAvx2(const std::byte* from, int64_t count, float scale, int32_t zero_point, T* to) {
  Quantize(from, count, scale, zero_point, to);
}
template <typename T>
NPU_AVX512 void QuantizeAvx512(const std::byte* from, int64_t count, float scale, int32_t zero_point, T* to) {
  Quantize(from, count, scale, zero_point, to);
}
template <typename T>
NPU_AVX2 void DequantizeAvx2(const T* from, int64_t count, float scale, int32_t zero_point, std::byte* to) {
  Dequantize(from, count, scale, zero_point, to);
}
template <typename T>
NPU_AVX512 void DequantizeAvx512(const T* from, int64_t count, float scale, int32_t zero_point, std::byte* to) {
  Dequantize(from, count, scale, zero_point, to);
}

enum class Level { kBase, kAvx2, kAvx512 };

Level LevelOfThisCpu() {
  static const Level level = CpuHasAvx512() ? Level::kAvx512 : CpuHasAvx2() ? Level::kAvx2 : Level::kBase;
  return level;
}

#endif

}  // namespace

template <typename T>
void QuantizeFloats(const std::byte* from, int64_t count, float scale, int32_t zero_point, T* to) {
#if defined(__x86_64__)
  if (LevelOfThisCpu() == Level::kAvx512) return QuantizeAvx512(from, count, scale, zero_point, to);
  if (LevelOfThisCpu() == Level::kAvx2) return QuantizeAvx2(from, count, scale, zero_point, to);
#endif
  Quantize(from, count, scale, zero_point, to);
}

template <typename T>
void DequantizeToFloats(const T* from, int64_t count, float scale, int32_t zero_point, std::byte* to) {
#if defined(__x86_64__)
  if (LevelOfThisCpu() == Level::kAvx512) return DequantizeAvx512(from, count, scale, zero_point, to);
  if (LevelOfThisCpu() == Level::kAvx2) return DequantizeAvx2(from, count, scale, zero_point, to);
#endif
  Dequantize(from, count, scale, zero_point, to);
}

template void QuantizeFloats(const std::byte*, int64_t, float, int32_t, int8_t*);
template void QuantizeFloats(const std::byte*, int64_t, float, int32_t, uint8_t*);
template void QuantizeFloats(const std::byte*, int64_t, float, int32_t, int16_t*);
template void DequantizeToFloats(const int8_t*, int64_t, float, int32_t, std::byte*);
template void DequantizeToFloats(const uint8_t*, int64_t, float, int32_t, std::byte*);
template void DequantizeToFloats(const int16_t*, int64_t, float, int32_t, std::byte*);

}  // namespace npu
