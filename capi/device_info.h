// npu_device_info_json: the OpenCL devices and what was measured of one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "partitioner/options.h"

namespace npu {

// {"schema_version", "devices": [...], "selected": {...} or null, "error"}: docs/profiling.md.
std::string DeviceInfoJson(const Options& options);

}  // namespace npu
