// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
// The name must be a literal.
#define NPU_CPU_SUPPORTS(feature) (__builtin_cpu_supports(feature) != 0)
#else
#define NPU_CPU_SUPPORTS(feature) false
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace npu {

bool CpuHasAvx2() { return NPU_CPU_SUPPORTS("avx2"); }

bool CpuHasAvx512() {
  return CpuHasAvx2() && NPU_CPU_SUPPORTS("avx512f") && NPU_CPU_SUPPORTS("avx512bw") && NPU_CPU_SUPPORTS("avx512dq") &&
         NPU_CPU_SUPPORTS("avx512vl");
}

bool CpuHasVnni() { return CpuHasAvx512() && NPU_CPU_SUPPORTS("avx512vnni"); }

bool CpuHasVbmi() { return CpuHasVnni() && NPU_CPU_SUPPORTS("avx512vbmi"); }

bool CpuHasVpopcntdq() { return CpuHasAvx512() && NPU_CPU_SUPPORTS("avx512vpopcntdq"); }

bool CpuHasAmxInt8() {
#if defined(__x86_64__)
  constexpr unsigned kAmxTile = 1u << 24, kAmxInt8 = 1u << 25;
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kAmxTile) != 0 && (d & kAmxInt8) != 0;
#else
  return false;
#endif
}

bool CpuHasArmDot() {
#if defined(__aarch64__) && defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#else
  return false;
#endif
}

bool CpuHasArmI8mm() {
#if defined(__aarch64__) && defined(__linux__)
  return CpuHasArmDot() && (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0;
#else
  return false;
#endif
}

}  // namespace npu
