// Colour in integers: planes of 7 fractional bits times a matrix of 14, clamped to a byte; then a table per
// channel that makes a byte what the input wants.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "backends/frames/frame.h"
#include "backends/frames/pixel_format.h"
#include "base/result.h"
#include "schema/graph.h"

namespace npu {

// Channel k of the input is clamp((bias[k] + sum over i of factor[k][i] * plane[i]) >> 21, 0, 255) of planes
// in 0..32640, or, where direct, plane[source[k]] itself, rounded once.
struct Colour {
  bool direct = false;
  std::array<int, 3> source{};
  std::array<std::array<int32_t, 3>, 3> factor{};
  std::array<int32_t, 3> bias{};
};

// channels: of the input, 1 (grey) or 3.
Colour MakeColour(const Frame& frame, const PixelFormat& format, const Fit& fit, int channels);

// What each byte becomes, per channel of the input, and the letterbox's bars. INT8 values are given as their
// bytes.
struct ByteTables {
  std::array<std::array<uint8_t, 256>, 3> table{};
  std::array<uint8_t, 3> pad{};
  // All tables are byte ^ flip.
  bool is_flip = false;
  uint8_t flip = 0;

  // Every byte exclusive-or'ed with `mask`, for memory that holds the input so.
  void Flip(uint8_t mask);
};

// tensor: INT8 or UINT8; with NPU_NORM_MEAN_STD quantized.
Result<ByteTables> MakeByteTables(const Tensor& tensor, const Fit& fit, int channels);

}  // namespace npu
