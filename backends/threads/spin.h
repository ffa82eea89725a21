// Waiting for another thread that needs a microsecond: the processor is told so, and after a while others get
// it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <thread>

namespace npu {

// round: how often the caller has looked already.
inline void SpinOnce(int round) {
  constexpr int kPauses = 400;  // some 20 us: longer, and whom we wait for may want this core
  if (round >= kPauses) {
    std::this_thread::yield();
    return;
  }
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

}  // namespace npu
