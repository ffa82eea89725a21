// What an LceBconv2d computes, worked out once from its parameters and shapes: used by its room (lce_bconv2d.cc) and
// by the fast kernel (cpu/bconv2d_kernel.h), which therefore cannot disagree about the arithmetic.
//
// Signs are bits (lce.h): a product of signs is -1 where the XOR of their bits is 1. With accum = the number of ones in
// (input XOR filter) over a window, the convolution is K - 2 * accum, K = taps * channels of one group. LCE works on
//   x = clamp(2 * accum)                   the fused activation, turned around: [K - max, K - min]
//   y = float(x) * multiplier[o] + bias[o] two roundings; the minus and the K are inside the two
// and then writes y, or round(y) saturated to INT8, or, packed, the bit (accum > threshold[o]).
// Padding that is +1 (pad_values 1) is the bit 0. Zero padding (pad_values 0) adds nothing to the sum, so a tap outside
// the image counts half of its channels, whatever its filter: 2 * accum gets the whole of them.
// Source: larq/compute-engine 0.16 (core/bconv2d/output_transform.h, tflite/kernels/bconv2d.cc).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "backends/ops/room.h"
#include "backends/ops/window.h"

namespace npu {

// Operands as the converter writes them, [input, filter, multiplier, bias, thresholds] with -1 for those that do not
// apply, or as LiteRT's compiled models hand them over, without the absent ones. Null: absent.
struct BconvOperands {
  explicit BconvOperands(const OpView& op);
  const Tensor* multiplier = nullptr;  // FLOAT32[O], of FLOAT32 and INT8 outputs, with bias
  const Tensor* bias = nullptr;
  const Tensor* thresholds = nullptr;  // INT32[O], of packed outputs
};

struct BconvShape {
  int32_t batches = 0;
  WindowAxis rows, columns;
  int32_t input_words = 0;  // of a pixel, all groups
  int32_t group_words = 0;  // of a pixel, one group
  int32_t groups = 1;
  int32_t group_channels = 0;   // input channels of one group
  int32_t output_channels = 0;  // of all groups
  bool zero_padding = false;    // taps outside the image are 0; else they are +1

  int32_t group_outputs() const { return output_channels / groups; }
  int64_t window_words() const { return int64_t{rows.filter} * columns.filter * group_words; }
  int64_t window_channels() const { return int64_t{rows.filter} * columns.filter * group_channels; }  // K
};

// nullopt if the parameters and the shapes of input and filter do not fit together, or a number does not fit 32 bits.
std::optional<BconvShape> MakeBconvShape(const LceBconv2dParams& params, const Tensor& input, const Tensor& filter);

// The transform of FLOAT32 and INT8 outputs.
struct BconvTransform {
  // For operators that passed check_cpu.
  BconvTransform(const OpView& op, const BconvShape& shape);

  // two_accum = 2 * accum, zero padding included.
  float Float(int32_t two_accum, int32_t channel) const {
    const int32_t x = two_accum < clamp_min ? clamp_min : two_accum > clamp_max ? clamp_max : two_accum;
    return static_cast<float>(x) * multiplier[channel] + bias[channel];
  }
  int8_t Int8(int32_t two_accum, int32_t channel) const;

  int32_t clamp_min = 0, clamp_max = 0;
  std::vector<float> multiplier, bias;
};

// round(y), ties away from zero, saturated; NaN is the smallest value.
int8_t RoundToInt8(float y);

}  // namespace npu
