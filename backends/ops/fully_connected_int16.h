// FULLY_CONNECTED with 16-bit activations and 8-bit weights, part of the room in fully_connected.cc:
//   acc = bias[n] + sum over k of in[b, k] * weights[n, k], in 64 bits (with a bias of INT32: modulo 2^32)
//   out[b, n] = clamp(round(acc * s_in * s_w[n] / s_out), range of the fused activation)
// round: single  std::round(double(acc) * scale), ties away from zero, saturated at 2^30; LiteRT 2.3
//        double  the 16-bit multiplier of int16_arithmetic.h, as tflite-runtime 2.14 does
// All zero points are 0. For operators that passed Check.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backends/ops/room.h"

namespace npu {

Status ComputeFullyConnectedInt16(const ReferenceArgs& args);
Status LowerFullyConnectedInt16(const OpView& op, const ComputeOptions& options, Lowering& lowering);

}  // namespace npu
