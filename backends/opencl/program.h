// Kernels by name. Each .cl file is a program of its own, with the shared headers before it, built for a
// device when the first of its kernels is asked for and kept: a model pays for the kernels it uses.
// A kernel's name must be written out in its file (no token pasting), and be there only once.
// Thread-safe: two threads asking for one file build it once.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
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
  // build log if its file does not compile, kInternal if no embedded file has this kernel.
  Result<cl::Kernel> CreateKernel(std::string_view kernel);

 private:
  Result<cl::Program> Build(int source);

  cl::Context context_;
  cl::Device device_;
  std::string device_name_;
  const KernelSource* sources_;
  std::mutex mutex_;
  std::map<int, Result<cl::Program>> programs_;  // by row of sources_; under mutex_
};

}  // namespace npu
