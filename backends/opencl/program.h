// Kernels by name, compiled when they are first asked for and kept. A program holds the kernels that a segment needs
// and that have not been compiled before, all together: a driver's compiler takes its time for every program (PoCL 3.1:
// 0.1 s) and for what is in it (CONV_2D with all its forms: 0.9 s). Kernels with optional parts (KernelLaunch::parts)
// have those that are asked for; when others are asked for later these are added, and the time after that all.
// Programs are built in the best variant that works on the device (kernel_variant.h), which is chosen when the first is;
// a variant that gives wrong numbers costs one warning, one that does not compile a line at level info.
// Thread-safe: two threads asking at once build once.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "backends/opencl/cl.h"
#include "backends/opencl/kernel_sources.h"
#include "backends/opencl/kernel_variant.h"
#include "backends/opencl/segment_layout.h"

namespace npu {

// The program that has each kernel.
using KernelPrograms = std::map<std::string_view, cl::Program>;

class ProgramCache {
 public:
  // sources: rows ended by a null row, which outlive the cache.
  ProgramCache(cl::Context context, cl::Device device, std::string device_name,
               const KernelSource* sources = kKernelSources);

  // Every device has 1.2. No fast-math: kernels that use floats rely on IEEE rounding.
  static constexpr const char* kBuildOptions = "-cl-std=CL1.2";

  // Programs with these kernels, in `variant` (null: the chosen one; tests name others, which get no self-test). kDevice
  // with the beginning of the build log if one does not compile.
  Result<KernelPrograms> Programs(std::span<const KernelNeed> needs, const KernelVariant* variant = nullptr,
                                  Requantize requantize = Requantize::kExact);
  // One program with all kernels and their parts, built when it is first asked for. Errors likewise.
  Result<cl::Program> Program(const KernelVariant* variant = nullptr, Requantize requantize = Requantize::kExact);
  // A program of the caller's own with these kernels alone, in the chosen variant. kDevice likewise.
  Result<cl::Program> BuildWith(std::span<const KernelNeed> needs, Requantize requantize = Requantize::kExact);
  // A kernel object of the caller's own (arguments are not shared). kInternal if the program has
  // no such kernel.
  Result<cl::Kernel> CreateKernel(const cl::Program& program, std::string_view kernel) const;
  // SHA-256 of the sources; computed once.
  const std::string& sources_digest();
  // A program kept for this process under a name that says all there is to know of it; null: none is.
  cl::Program Kept(const std::string& name);
  void Keep(const std::string& name, cl::Program program);
  // Chooses the variant if that has not been done.
  void ChooseVariant();
  // The chosen one; kPortableVariant before there is one.
  const KernelVariant& variant();
  // What became of each variant that was tried; empty before one is chosen.
  struct Trial {
    const KernelVariant* variant;
    std::string problem;  // empty: it works
    double speedup;       // over the form that it replaces; 0: not measured
  };
  std::vector<Trial> trials();

 private:
  using KernelKey = std::tuple<const KernelVariant*, Requantize, std::string>;
  struct Compiled {
    cl::Program program;
    uint32_t parts = 0;
    int times = 0;  // that the kernel was compiled
  };

  void Choose(std::span<const KernelNeed> needs, Requantize requantize);
  std::vector<KernelNeed> Missing(std::span<const KernelNeed> needs, const KernelVariant* variant,
                                  Requantize requantize) const;
  void Add(std::span<const KernelNeed> needs, const KernelVariant* variant, Requantize requantize,
           const cl::Program& program);
  std::string Text(std::span<const KernelNeed> needs, const KernelVariant* variant) const;
  Result<cl::Program> Build(const KernelVariant& variant, Requantize requantize, const std::string& text) const;

  cl::Context context_;
  cl::Device device_;
  std::string device_name_;
  const KernelSource* sources_;
  const std::string_view prelude_;
  std::mutex mutex_;
  // Under mutex_, like all below.
  std::map<KernelKey, Compiled> kernels_;
  std::map<std::pair<const KernelVariant*, Requantize>, Result<cl::Program>> programs_;
  const KernelVariant* chosen_ = nullptr;
  std::vector<Trial> trials_;
  std::string digest_;
  std::map<std::string, cl::Program> kept_;
};

}  // namespace npu
