// The CPU backend: runs each room's Reference, op by op, in plain integer arithmetic. It is the golden
// answer that the OpenCL backend is compared with, what delegate-cpu segments run on, and the failover
// when a device is lost. Needs nothing but memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "backends/backend.h"

namespace npu {

std::shared_ptr<Backend> MakeCpuBackend();

}  // namespace npu
