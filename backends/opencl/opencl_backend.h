// The OpenCL backend: the stand-in for the accelerator. One context per device and process, shared by
// every executable; each executable has its own in-order queue, kernels and arena.
// No OpenCL type appears here: callers see a Backend.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/frames/frame_converter.h"
#include "backends/speed_model.h"

namespace npu {

// The device that `device` names: "auto" (first accelerator, GPU or CPU, in this order), a number
// (index into ListOpenClDevices) or a part of a device's name, any case. kDevice if there is none: the
// text lists what was found. Thread-safe; the same Backend comes back for the same arguments.
// cache_dir: a directory (file_cache.h) in which compiled programs are kept; empty: none. One that cannot be
// used costs a warning, nothing more.
Result<std::shared_ptr<Backend>> OpenClBackend(const std::string& device, const std::string& cache_dir = "");

// Of camera frames on the device that `device` names, restricted to `threads`: see frame_converter.h. kDevice.
Result<std::unique_ptr<FrameConverter>> OpenClFrameConverter(const std::string& device, int threads,
                                                             std::shared_ptr<const Conversion> conversion);

struct OpenClDeviceInfo {
  std::string platform, name, driver_version;
  std::string platform_version, device_version;
  std::string_view type;  // "accelerator", "GPU", "CPU", "other"
  int compute_units = 0;
  int64_t memory_bytes = 0, max_allocation_bytes = 0;
  bool shared_memory = false;  // host and device use one memory without copying
};
// In the order of their numbers. Opens none.
Result<std::vector<OpenClDeviceInfo>> ListOpenClDevices();

// What is only known of a device after trying it out.
struct OpenClMeasurement {
  std::string name;     // of the device
  int index = 0;        // into ListOpenClDevices()
  std::string variant;  // of its kernels (kernel_variant.h)
  struct Trial {
    std::string variant, problem;  // problem empty: it works
    double speedup = 0;            // over the form that it replaces; 0: not measured
  };
  std::vector<Trial> trials;  // of the variants that this device may have, best first, until one was taken
  SpeedModel speed;
};
// Of the device that `device` names, restricted to `threads`, as OpenClBackend and ComputeOptions::threads take them.
// About a second when nothing is compiled; nothing when cache_dir has it. kDevice.
Result<OpenClMeasurement> MeasureOpenClDevice(const std::string& device, int threads, const std::string& cache_dir);
// Only its speed. Measured at most once per process.
Result<SpeedModel> MeasureOpenClSpeed(const std::string& device, int threads, const std::string& cache_dir);
// Only the most 8-bit multiply-accumulates, in 1e9 a second: faster to know. Likewise.
Result<double> MeasureOpenClPeak(const std::string& device, int threads);

}  // namespace npu
