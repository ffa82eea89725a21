// SPDX-License-Identifier: Apache-2.0
#include "backends/host_speed.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <thread>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "backends/cpu_features.h"

namespace npu {
namespace {

constexpr int kRounds = 20'000, kSums = 12;

// Each: kRounds rounds of kSums independent sums; returns the multiply-accumulates. The result keeps the products alive.
using Loop = double (*)(int32_t* result);

double PortableLoop(int32_t* result) {
  constexpr int kLanes = 64;
  std::array<uint8_t, kLanes> x;
  std::array<int8_t, kLanes> w;
  for (int i = 0; i < kLanes; ++i) {
    x[i] = static_cast<uint8_t>(37 * i);
    w[i] = static_cast<int8_t>(11 * i);
  }
  std::array<int32_t, kLanes> sums{};
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kLanes; ++i) sums[i] += x[i] * w[i];
    x[round % kLanes] += 1;
  }
  for (int32_t sum : sums) *result += sum;
  return static_cast<double>(kRounds) * kLanes;
}

#if defined(__x86_64__)

// Named one by one: gcc 12 keeps no array of vectors in registers. The empty asm keeps the compiler from multiplying by
// the number of rounds instead.
#define NPU_EACH_SUM(M) M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11)

__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) double VnniLoop(int32_t* result) {
#define NPU_SUM(i) __m512i sum##i = _mm512_set1_epi32(i);
  NPU_EACH_SUM(NPU_SUM)
#undef NPU_SUM
  const __m512i x = _mm512_set1_epi32(0x01020304 + *result), w = _mm512_set1_epi32(0x03010201);
  for (int round = 0; round < kRounds; ++round) {
#define NPU_SUM(i)                              \
  sum##i = _mm512_dpbusd_epi32(sum##i, x, w); \
  __asm__ volatile("" : "+v"(sum##i));
    NPU_EACH_SUM(NPU_SUM)
#undef NPU_SUM
  }
  int32_t lanes[16];
#define NPU_SUM(i)                       \
  _mm512_storeu_si512(lanes, sum##i); \
  *result += lanes[0];
  NPU_EACH_SUM(NPU_SUM)
#undef NPU_SUM
  return static_cast<double>(kRounds) * kSums * 64;
}

__attribute__((target("avx2"))) double Avx2Loop(int32_t* result) {
#define NPU_SUM(i) __m256i sum##i = _mm256_set1_epi32(i);
  NPU_EACH_SUM(NPU_SUM)
#undef NPU_SUM
  __m256i x = _mm256_set1_epi16(static_cast<int16_t>(3 + *result));
  const __m256i w = _mm256_set1_epi16(5);
  for (int round = 0; round < kRounds; ++round) {
#define NPU_SUM(i)                                                \
  sum##i = _mm256_add_epi32(sum##i, _mm256_madd_epi16(x, w)); \
  __asm__ volatile("" : "+x"(sum##i), "+x"(x));
    NPU_EACH_SUM(NPU_SUM)
#undef NPU_SUM
  }
#define NPU_SUM(i) *result += _mm256_extract_epi32(sum##i, 0);
  NPU_EACH_SUM(NPU_SUM)
#undef NPU_SUM
  return static_cast<double>(kRounds) * kSums * 16;
}

#endif

Loop BestLoop() {
#if defined(__x86_64__)
  if (CpuHasVnni()) return VnniLoop;
  if (CpuHasAvx2()) return Avx2Loop;
#endif
  return PortableLoop;
}

}  // namespace

double MeasureCoreGmacs() {
  const Loop loop = BestLoop();
  // The best of several: another process may take the core during some.
  constexpr int kRuns = 5;
  double best = 0;
  int32_t result = 0;
  for (int run = 0; run < kRuns; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    const double macs = loop(&result);
    const std::chrono::duration<double, std::nano> ns = std::chrono::steady_clock::now() - begin;
    best = std::max(best, macs / std::max(ns.count(), 1.0));
  }
  // The sums are used, whatever they are.
  return result == 0x5eed ? best * 1.0000001 : best;
}

// What XNNPACK of LiteRT 2.3 makes of a core, inside whole networks on one thread: fitted to the times that
// bench/placement.py prints, on Sapphire Rapids (385 GMAC/s a core; docs/performance.md). Without tiles: the share that
// XNNPACK reached on a core of Zen 5, which has none.
SpeedModel HostSpeedOf(double core_gmacs, bool has_tiles, int threads) {
  const double cores = 1 + 0.75 * (std::max(threads, 1) - 1);  // two threads were 1.75 times as fast as one
  SpeedModel model;
  model.peak_gmacs = core_gmacs * std::max(threads, 1);
  model.convolution_gmacs = cores * core_gmacs * (has_tiles ? 3.1 : 0.95);
  model.convolution_gouts = cores * core_gmacs * 0.0055;
  model.depthwise_gmacs = cores * core_gmacs * 0.1;
  model.fully_connected_gmacs = cores * core_gmacs * 0.065;
  model.move_gbs = cores * 20;
  model.launch_us = 3.4;
  // The host's tensors are where its kernels find them.
  model.invoke_us = 1e-3;
  model.copy_gbs = 1e6;
  return model;
}

SpeedModel HostSpeed(int threads) {
  static const double core_gmacs = MeasureCoreGmacs();
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return HostSpeedOf(core_gmacs, CpuHasAmxInt8(), threads > 0 ? std::min(threads, cores) : cores);
}

}  // namespace npu
