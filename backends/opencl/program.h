// Kernels by name, from one program per device: all embedded sources together, built when the first
// kernel is asked for and kept. One program, since a driver spends most of a build on what does not depend
// on the source's size (PoCL 3.1, 13 files: 0.07 s together from its cache, 0.04 s for each alone).
// The program is built in the best variant that works on the device (kernel_variant.h), which is chosen then;
// a variant that does not work costs one warning. Thread-safe: two threads asking at once build once.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "backends/opencl/cl.h"
#include "backends/opencl/kernel_sources.h"
#include "backends/opencl/kernel_variant.h"

namespace npu {

class ProgramCache {
 public:
  // sources: rows ended by a null row, which outlive the cache.
  ProgramCache(cl::Context context, cl::Device device, std::string device_name,
               const KernelSource* sources = kKernelSources);

  // A kernel object of the caller's own (arguments are not shared). kDevice with the beginning of the
  // build log if the program does not compile, kInternal if it has no such kernel.
  // variant: null for the chosen one; tests name others, which get no self-test.
  Result<cl::Kernel> CreateKernel(std::string_view kernel, const KernelVariant* variant = nullptr);
  // The variant that CreateKernel uses; kPortableVariant before any program has been built.
  const KernelVariant& variant();

 private:
  void Choose();
  Result<cl::Program> Build(const KernelVariant& variant) const;
  Result<cl::Program>& Built(const KernelVariant& variant);

  cl::Context context_;
  cl::Device device_;
  std::string device_name_;
  const KernelSource* sources_;
  std::mutex mutex_;
  std::map<const KernelVariant*, Result<cl::Program>> programs_;  // under mutex_, like all below
  const KernelVariant* chosen_ = nullptr;
};

}  // namespace npu
