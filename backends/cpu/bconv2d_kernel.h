// LceBconv2d made ready for many runs: filters laid out for the XOR+popcount loops of this CPU, the output transform
// worked out, memory for the windows of a few pixels per thread. Same bytes as the room's reference.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "backends/cpu/xor_popcount.h"
#include "backends/ops/room.h"

namespace npu {

// For an operator that passed its room's check_cpu. With the fastest form that this CPU has.
std::unique_ptr<CpuKernel> MakeBconv2dKernel(const OpView& op, int threads);
std::unique_ptr<CpuKernel> MakeBconv2dKernel(const OpView& op, int threads, const XorPopcount& form);

}  // namespace npu
