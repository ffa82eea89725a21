// FLOAT32 forms of operators that Larq's converter leaves between binary convolutions: ADD, SUB, MUL, RELU and its
// like, PRELU, CONCATENATION, PAD, pools, RESHAPE, MEAN, CONV_2D and DEPTHWISE_CONV_2D. They exist so that a binary
// network is not cut in pieces, and run on delegate-cpu only; which of them are taken is plan.cc's decision.
// Every number is that of LiteRT 2.3's BUILTIN_REF kernels, bit for bit: the same operations in the same order, sums
// included.
// A room with such a form names CheckFloatForm as its check_cpu; its Reference begins with the form (IsFloatForm), or
// moves elements of any type.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backends/ops/room.h"

namespace npu {

// Whether operators of this kind have a FLOAT32 form at all.
bool HasFloatForm(OpKind kind);
// This operator is asked for its FLOAT32 form: such a kind, with input 0 and output 0 FLOAT32.
bool IsFloatForm(const OpView& op);

// OpRoom::check_cpu. The output's shape must be the one that the room infers.
void CheckFloatForm(const OpView& op, Verdict& verdict);

// What a fused activation leaves of a float, as the hosts' kernels have it: without one the finite floats.
struct FloatRange {
  float min, max;
  // NaN passes.
  float operator()(float x) const {
    const float at_least = x < min ? min : x;
    return max < at_least ? max : at_least;
  }
};
FloatRange FloatActivationRange(Activation activation);

// ADD, SUB, MUL, PRELU: two operands that broadcast.
void ComputeFloatBinary(const ReferenceArgs& args);
// RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1.
void ComputeFloatUnary(const ReferenceArgs& args);

}  // namespace npu
