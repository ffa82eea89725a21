// Measures a device: how fast it computes each kind of operator, and what starting work there costs. A fraction of a second
// beside compiling the kernels, on small operators of usual shapes; the best of several runs counts, since other
// processes only ever make a run slower.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "backends/file_cache.h"
#include "backends/opencl/device.h"
#include "backends/speed_model.h"

namespace npu {

// The device's most 8-bit multiply-accumulates in 1e9 a second, all its compute units together. kDevice.
Result<double> MeasurePeakGmacs(OpenClDevice& device);

// Everything. From `files` if it was measured before with the same kernels, device and driver; else it is kept there.
// files may be null. kDevice.
Result<SpeedModel> Calibrate(const std::shared_ptr<OpenClDevice>& device, const FileCache* files);

}  // namespace npu
