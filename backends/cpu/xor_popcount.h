// The inner loops of binary convolutions, one form for each kind of CPU; which one runs is decided when the program
// runs. All give the same numbers: counts are whole, and the floats behind them are computed by the same operations in
// the same order (no fused multiply-add). Start at XorPopcountForms.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace npu {

// Accumulators to results (ops/lce_bconv2d.h): x = clamp(2 * accum + extra); y = float(x) * multiplier + bias.
struct AccumTransform {
  int32_t clamp_min = 0, clamp_max = 0;
  const float* multiplier = nullptr;  // one for each accumulator, and so are the others
  const float* bias = nullptr;
  const int32_t* two_thresholds = nullptr;  // twice the threshold
};

struct XorPopcount {
  std::string_view name;
  int pixels;   // windows that `count` takes at once
  int outputs;  // filters that it takes at once; a multiple of 4

  // accum[p * stride + o] = the number of ones in (window p XOR filter o), for every p < pixels and o < outputs.
  //   windows  [pixels][words]
  //   filters  [words][outputs]: word by word, those of all filters side by side
  void (*count)(const uint32_t* windows, int64_t words, const uint32_t* filters, int32_t* accum, int64_t stride);

  // `outputs` accumulators of one pixel to results.
  void (*to_float)(const int32_t* accum, int64_t outputs, int32_t extra, const AccumTransform& transform, float* out);
  void (*to_int8)(const int32_t* accum, int64_t outputs, int32_t extra, const AccumTransform& transform, int8_t* out);
  // Bit o % 32 of out[o / 32] = (2 * accum + extra > two_thresholds[o]). Reads up to the next multiple of 32.
  void (*to_signs)(const int32_t* accum, int64_t outputs, int32_t extra, const AccumTransform& transform,
                   uint32_t* out);
};

// Those that this CPU can run, the fastest first. The last one is plain C++.
std::span<const XorPopcount> XorPopcountForms();

}  // namespace npu
