// Whether the strip kernels of camera frames may be used on a device: they build, give the reference's bytes
// on small frames and take less time than the kernel of single pixels. Tried once per device, with a line in
// the log.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "backends/opencl/device.h"

namespace npu {

bool StripsWork(const std::shared_ptr<OpenClDevice>& device);

}  // namespace npu
