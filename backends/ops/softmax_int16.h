// SOFTMAX of INT16, part of the room in softmax.cc, as TFLite's reference kernel (SoftmaxInt16) computes it:
//   d   = row maximum - x, 0 to 65535, rescaled so that 65535 is 10: exp(-10) and less is nothing
//   e_d = exp(-d) in Q0.15, interpolated between 513 points (int16_arithmetic.h); a table of all d here
//   sum = total of e_d in Q16.15 = (1 + f) * 2^n;  1 / (1 + f) interpolated likewise
//   y   = e_d / sum in units of the output scale, 1/32768
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backends/ops/room.h"

namespace npu {

// The rules beyond those of all types.
void CheckSoftmaxInt16(const OpView& op, Verdict& verdict);
// For operators that passed Check.
Status ComputeSoftmaxInt16(const ReferenceArgs& args);
Status LowerSoftmaxInt16(const OpView& op, Lowering& lowering);

}  // namespace npu
