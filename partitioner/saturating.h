// Sums of work and of bytes: hostile shapes may ask for more than 64 bits count, and a report then says the
// most.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>

#include "base/checked.h"

namespace npu {

// Of two numbers >= 0.
inline int64_t SaturatingAdd(int64_t a, int64_t b) {
  return CheckedAdd(a, b).value_or(std::numeric_limits<int64_t>::max());
}

}  // namespace npu
