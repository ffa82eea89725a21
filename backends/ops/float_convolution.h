// The FLOAT32 forms (float_form.h) of CONV_2D and DEPTHWISE_CONV_2D. A sum runs over rows, columns and channels of the
// window in that order, from 0, taps outside the image left out; the bias is added last, then the activation.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backends/ops/float_form.h"
#include "backends/ops/window.h"

namespace npu {

struct FloatConvolution {
  // For operators that passed CheckFloatForm.
  explicit FloatConvolution(const OpView& op);
  Window window;
  int64_t batches, input_channels, output_channels;
  int64_t group_channels, groups;  // DEPTHWISE_CONV_2D: as many groups as input channels
  const Tensor *weights, *bias;    // bias: null if there is none
  FloatRange range;
};

// What CheckFloatForm asks of weights and bias.
void CheckFloatConvolution(const OpView& op, Verdict& verdict);

void ComputeFloatConvolution(const ReferenceArgs& args);
void ComputeFloatDepthwise(const ReferenceArgs& args);

// OpRoom::compile_cpu of CONV_2D: the same sums, of many outputs at once. Null where weights are not constant, or not
// finite (a tap left out is not then the same as one that adds nothing).
std::unique_ptr<CpuKernel> MakeFloatConvKernel(const OpView& op, int threads);

}  // namespace npu
