// Kernels by name, from one program per device: all embedded sources together, built when the first
// kernel is asked for and kept. One program, since a driver spends most of a build on what does not depend
// on the source's size (PoCL 3.1, 13 files: 0.07 s together from its cache, 0.04 s for each alone).
// The program is built in the best variant that works on the device (kernel_variant.h), which is chosen then;
// a variant that gives wrong numbers costs one warning, one that does not compile a line at level info.
// Thread-safe: two threads asking at once build once.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "backends/opencl/cl.h"
#include "backends/opencl/kernel_sources.h"
#include "backends/opencl/kernel_variant.h"

namespace npu {

class ProgramCache {
 public:
  // sources: rows ended by a null row, which outlive the cache.
  ProgramCache(cl::Context context, cl::Device device, std::string device_name,
               const KernelSource* sources = kKernelSources);

  // Every device has 1.2. No fast-math: kernels that use floats rely on IEEE rounding.
  static constexpr const char* kBuildOptions = "-cl-std=CL1.2";

  // The program in `variant` (null: the chosen one; tests name others, which get no self-test), built when it
  // is first asked for. kDevice with the beginning of the build log if it does not compile.
  Result<cl::Program> Program(const KernelVariant* variant = nullptr, Requantize requantize = Requantize::kExact);
  // A program of the caller's own with these kernels alone, in the chosen variant. kDevice likewise.
  Result<cl::Program> BuildWith(std::span<const std::string_view> kernels,
                                Requantize requantize = Requantize::kExact);
  // A kernel object of the caller's own (arguments are not shared). kInternal if the program has
  // no such kernel.
  Result<cl::Kernel> CreateKernel(const cl::Program& program, std::string_view kernel) const;
  // SHA-256 of the sources; computed once.
  const std::string& sources_digest();
  // A program kept for this process under a name that says all there is to know of it; null: none is.
  cl::Program Kept(const std::string& name);
  void Keep(const std::string& name, cl::Program program);
  // The variant that Program chose; kPortableVariant before any program has been built.
  const KernelVariant& variant();
  // What became of each variant that was tried; empty before any program has been built.
  struct Trial {
    const KernelVariant* variant;
    std::string problem;  // empty: it works
    double speedup;       // over the form that it replaces; 0: not measured
  };
  std::vector<Trial> trials();

 private:
  void Choose();
  std::string Text(std::span<const std::string_view> kernels) const;
  Result<cl::Program> Build(const KernelVariant& variant, Requantize requantize, const std::string& text) const;

  cl::Context context_;
  cl::Device device_;
  std::string device_name_;
  const KernelSource* sources_;
  const std::string_view prelude_;
  std::mutex mutex_;
  // Under mutex_, like all below.
  std::map<std::pair<const KernelVariant*, Requantize>, Result<cl::Program>> programs_;
  const KernelVariant* chosen_ = nullptr;
  std::vector<Trial> trials_;
  std::string digest_;
  std::map<std::string, cl::Program> kept_;
};

}  // namespace npu
