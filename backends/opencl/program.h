// Kernels by name, from one program per device: all embedded sources together, built when the first
// kernel is asked for and kept. One program, since a driver spends most of a build on what does not depend
// on the source's size (PoCL 3.1, 13 files: 0.07 s together from its cache, 0.04 s for each alone).
// Thread-safe: two threads asking at once build once.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "backends/opencl/cl.h"
#include "backends/opencl/kernel_sources.h"

namespace npu {

class ProgramCache {
 public:
  // sources: rows ended by a null row, which outlive the cache.
  ProgramCache(cl::Context context, cl::Device device, std::string device_name,
               const KernelSource* sources = kKernelSources);

  // A kernel object of the caller's own (arguments are not shared). kDevice with the beginning of the
  // build log if the program does not compile, kInternal if it has no such kernel.
  Result<cl::Kernel> CreateKernel(std::string_view kernel);

 private:
  Result<cl::Program> Build() const;

  cl::Context context_;
  cl::Device device_;
  std::string device_name_;
  const KernelSource* sources_;
  std::mutex mutex_;
  std::optional<Result<cl::Program>> program_;  // under mutex_
};

}  // namespace npu
