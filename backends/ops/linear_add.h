// ADD and SUB of 8-bit tensors as one linear function of two bytes, clamp((a * x + b * y + c) >> shift), in 32-bit
// integers. The definition (binary.cc) rescales three times, twice rounded; a function with coefficients of 20 bits and
// more gives the same byte for every pair of bytes nearly always. "Nearly" is decided here: all 65,536 pairs are
// compared, coefficients next to the real ones are tried, and where none fits kernels compute the definition.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "schema/quantization.h"

namespace npu {

// What ADD makes of two stored bytes: clamp(zero + (x_part[x] + y_part[y]) * output, low, high).
struct ByteSum {
  std::array<int32_t, 256> x_part, y_part;  // each rising or falling; sums fit int32
  QuantizedMultiplier output;
  int32_t zero = 0, low = 0, high = 255;
};

struct LinearAdd {
  int32_t a = 0, b = 0, c = 0, shift = 0;

  // Before it is clamped. a * x + b * y + c fits int32 for all bytes.
  int32_t operator()(int32_t x, int32_t y) const { return (a * x + b * y + c) >> shift; }
};

// Exact for all pairs of bytes, or nullopt. About 0.1 ms; 1 ms where there is none.
std::optional<LinearAdd> FindLinearAdd(const ByteSum& sum);

}  // namespace npu
