// The CPU backend: runs each room's Reference, op by op, in plain integer arithmetic. It is the golden
// answer that the OpenCL backend is compared with, and the failover when a device is lost. Delegate-cpu segments
// run on its fast form: the same bytes, from the rooms' CpuKernels where they have one, in several threads.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "backends/backend.h"

namespace npu {

// One thread, references alone.
std::shared_ptr<Backend> MakeCpuBackend();
// As many threads as ComputeOptions say; executables of one backend share them.
std::shared_ptr<Backend> MakeFastCpuBackend();

// What a compiled segment of MakeFastCpuBackend takes on this processor, whose kernels choose how weights are packed.
Result<MemoryUse> PlannedCpuMemory(const Graph& graph, const SegmentOps& segment);

}  // namespace npu
