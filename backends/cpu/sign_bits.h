// Signs of numbers as bits, 32 in a word, the first in the lowest bit (ops/lce.h): what LceQuantize does with one row.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace npu {

// bit i % 32 of out[i / 32] = (x[i] < 0); 0 and -0 give 0, and so do NaNs, as the comparison does. Bits past `count`
// are 0. Any alignment.
void PackSigns(const float* x, int64_t count, uint32_t* out);
// ... = (x[i] < zero_point)
void PackSigns(const int8_t* x, int64_t count, int32_t zero_point, uint32_t* out);
// ... = (x[i] == 0)
void PackFalse(const uint8_t* x, int64_t count, uint32_t* out);

}  // namespace npu
