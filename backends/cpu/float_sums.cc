// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/float_sums.h"

#include <cstring>
#include <vector>

#include "backends/cpu_features.h"

namespace npu {
namespace {

typedef float Float4 __attribute__((vector_size(16)));
typedef float Float8 __attribute__((vector_size(32)));
typedef float Float16 __attribute__((vector_size(64)));

// Two vectors of filters by `kWindows` windows: the accumulators fit the registers of the CPU that it is compiled for.
template <typename Vector, int kWindows>
inline __attribute__((always_inline)) void Compute(const float* windows, int64_t values, const float* filters,
                                                   float* sums, int64_t stride) {
  constexpr int kLanes = sizeof(Vector) / sizeof(float);
  Vector first[kWindows] = {}, second[kWindows] = {};
  for (int64_t k = 0; k < values; ++k, filters += 2 * kLanes) {
    Vector a, b;
    std::memcpy(&a, filters, sizeof(a));
    std::memcpy(&b, filters + kLanes, sizeof(b));
    for (int w = 0; w < kWindows; ++w) {
      first[w] += a * windows[w * values + k];
      second[w] += b * windows[w * values + k];
    }
  }
  for (int w = 0; w < kWindows; ++w) {
    std::memcpy(sums + w * stride, &first[w], sizeof(Vector));
    std::memcpy(sums + w * stride + kLanes, &second[w], sizeof(Vector));
  }
}

void ComputePlain(const float* w, int64_t n, const float* f, float* s, int64_t stride) { Compute<Float4, 4>(w, n, f, s, stride); }
constexpr FloatSums kPlain{"plain", 4, 8, ComputePlain};

#if defined(__x86_64__)
__attribute__((target("avx2"))) void ComputeAvx2(const float* w, int64_t n, const float* f, float* s, int64_t stride) {
  Compute<Float8, 4>(w, n, f, s, stride);
}
constexpr FloatSums kAvx2{"avx2", 4, 16, ComputeAvx2};

__attribute__((target("avx512f"))) void ComputeAvx512(const float* w, int64_t n, const float* f, float* s, int64_t stride) {
  Compute<Float16, 8>(w, n, f, s, stride);
}
constexpr FloatSums kAvx512{"avx512", 8, 32, ComputeAvx512};
#endif

std::vector<FloatSums> FindForms() {
  std::vector<FloatSums> forms;
#if defined(__x86_64__)
  if (CpuHasAvx512()) forms.push_back(kAvx512);
  if (CpuHasAvx2()) forms.push_back(kAvx2);
#endif
  forms.push_back(kPlain);
  return forms;
}

}  // namespace

std::span<const FloatSums> FloatSumsForms() {
  static const std::vector<FloatSums> forms = FindForms();
  return forms;
}

}  // namespace npu
