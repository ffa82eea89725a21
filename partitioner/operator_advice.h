// The advice for operators that nothing here computes, whatever their operands are, and which tensors are pictures.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "partitioner/advice.h"

namespace npu {

// nullopt for operators that have an 8-bit form here.
MaybeAdvice AdviseOperator(const Op& op);

// Whether a tensor looks like a camera's pictures: [N, height, width, channels] with 3 or 4 channels, both sides at least 8.
bool IsImage(const Tensor& tensor);
// The same with one channel, which may also be a spectrogram.
bool MayBeGreyImage(const Tensor& tensor);

}  // namespace npu
