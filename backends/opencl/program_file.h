// A segment's program, compiled, in the user's cache directory (option cache_dir): with it a process starts
// without the driver's compiler. An entry holds the program's binary as the driver gave it after the
// segment had run once, when every kernel was finished for the launches of just this segment.
// An entry is used only for the same kernel sources, build options, platform, device and driver. Packed
// weights are not kept.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/file_cache.h"
#include "backends/opencl/cl.h"
#include "backends/opencl/device.h"
#include "backends/opencl/segment_layout.h"

namespace npu {

class ProgramFile {
 public:
  // `files` outlives this object.
  ProgramFile(const FileCache& files, OpenClDevice& device, const SegmentLayout& layout, Requantize requantize);

  // Says all that an entry is used by.
  std::string key() const;

  // Ready for kernels. nullopt: none is stored, or the driver does not take it (one log line).
  std::optional<cl::Program> Load() const;
  // The program to store, built from source: of this segment's kernels and their parts alone, since drivers finish every
  // kernel of a program whose binary is asked for (PoCL 3.1: 0.1 s each and more).
  Result<cl::Program> Build() const;
  // What the driver made of `program` until now. A failure is one log line.
  void Store(const cl::Program& program) const;

 private:
  const FileCache& files_;
  OpenClDevice& device_;
  const Requantize requantize_;
  std::vector<KernelNeed> needs_;
  std::string name_;
  FileCache::Identity identity_;
};

}  // namespace npu
