// LOGISTIC and TANH of INT16, by TFLite's table of sigmoid(i / 24), i = 0 .. 255, with straight lines in
// between (reference/integer_ops/logistic.h, tanh.h). tanh(x) = 2 * sigmoid(2 * x) - 1 reads it at twice the
// distance. x is first rescaled to 1/12288: 3/4 of a power of two, so that the table reaches to 10.7 instead
// of 8. The output scale is 1/32768, the input's any that RequireSigmoidScale lets pass.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backends/ops/elementwise.h"

namespace npu {

// Check: the rescaled input stays inside 32 bits, and does not vanish.
void RequireSigmoidScale(const Tensor& input, Verdict& verdict);

WideTable LogisticInt16Table(float input_scale);
WideTable TanhInt16Table(float input_scale);

}  // namespace npu
