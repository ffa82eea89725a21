// The OpenCL backend: the stand-in for the accelerator. One context per device and process, shared by
// every executable; each executable has its own in-order queue, kernels and arena.
// No OpenCL type appears here: callers see a Backend.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"

namespace npu {

// The device that `device` names: "auto" (first accelerator, GPU or CPU, in this order), a number
// (index into ListOpenClDevices) or a part of a device's name, any case. kDevice if there is none: the
// text lists what was found. Thread-safe; the same Backend comes back for the same arguments.
// cache_dir: a directory (file_cache.h) in which compiled programs are kept; empty: none. One that cannot be
// used costs a warning, nothing more.
Result<std::shared_ptr<Backend>> OpenClBackend(const std::string& device, const std::string& cache_dir = "");

struct OpenClDeviceInfo {
  std::string platform, name, driver_version;
};
Result<std::vector<OpenClDeviceInfo>> ListOpenClDevices();

}  // namespace npu
