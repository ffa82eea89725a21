// CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV with 16-bit activations and 8-bit weights, all in one form:
//   acc[b, y, x, n] = bias[n] + sum over ky, kx, c of in[b, row(y, ky), column(x, kx), first(n) + c]
//                                                     * weights[n * channel_step + tap * tap_step + c]
//   out = clamp(round(acc * s_in * s_w[n] / s_out), range of the fused activation),  tap = ky * KW + kx
// over the taps that meet a position inside the input. acc has 64 bits; round: one 16-bit multiplier per
// channel (int16_arithmetic.h). All zero points are 0. FULLY_CONNECTED shares the rules and the bias. Source:
// LiteRT 2.3 BUILTIN_REF, bit for bit (its FULLY_CONNECTED rounds otherwise: see that room).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backends/ops/convolution.h"
#include "backends/ops/room.h"
#include "backends/ops/window.h"
#include "schema/quantization.h"

namespace npu {

// Output position o and tap k meet input position (o * up + offset + k * step) / down, if that is a whole
// number inside the input.
struct TapAxis {
  int32_t input = 0, filter = 0, output = 0;
  int32_t up = 1, offset = 0, step = 1, down = 1;
};
TapAxis ForwardTaps(const WindowAxis& axis);

struct Int16Convolution {
  const Tensor &input, &weights, &output;
  const Tensor* bias;  // may be null
  TapAxis rows, columns;
  int32_t group_depth = 0;                 // input channels that an output channel sees
  int32_t group_channels = 1;              // neighbouring output channels that see the same ones
  int32_t channels = 0;                    // of the output
  int32_t channel_step = 0, tap_step = 0;  // weights
  ActivationRange range;
};

// Check, for an operator whose input 0 is INT16: sums of `products` products and a constant bias (operand 2)
// stay below 2^47 and every input scale * weights scale / output scale below 2^7, where LiteRT's arithmetic
// is defined.
void CheckInt16Sums(const OpView& op, int64_t products, Verdict& verdict);

// A constant bias of INT32 or INT64 as numbers; zeros when there is none.
std::vector<int64_t> WideBiasValues(const Tensor* bias, int channels);

void ConvolveInt16(const Int16Convolution& conv, const int16_t* in, const int8_t* weights, int16_t* out);
void LowerInt16Convolution(const Int16Convolution& conv, TensorArg input, TensorArg output,
                           Lowering& lowering);

}  // namespace npu
