// What this process holds of the machine's memory, for tests of long runs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <string>

namespace npu::test {

// Sanitizers keep what was freed, for a while, and look for leaks by themselves. The build says so (NPU_SANITIZE): compilers
// have different macros for it.
#ifdef NPU_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

inline long ResidentKiB() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  }
  return 0;
}

}  // namespace npu::test
