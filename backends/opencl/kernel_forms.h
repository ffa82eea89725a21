// One compiled form per kernel, on devices that confuse several.
//
// PoCL 3.1 keeps, for every local size of a kernel, one form for ranges without an offset and one for ranges
// with one, and makes another whenever a range is wider than all before. When two threads run two forms of
// one kernel at a time it counts the users of the wrong one, and an assertion ends the process. It also
// unloads the forms used longest ago when there are more than 128. On its device that runs commands in the
// calling thread, where many threads share kernels (launch_team.h), we therefore see to it that there is one form,
// made for the widest range, and that it stays: the first launch of a kernel never starts, since it waits for
// an event that never comes. And every range has an offset, 1 in the third dimension, which kIdPrelude takes
// away again.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "backends/opencl/cl.h"

namespace npu {

// PoCL's "basic" device.
bool RunsInCaller(const cl::Device& device);

// Where every range has the offset kIdOffset: what comes before all sources.
inline constexpr std::string_view kIdPrelude =
    "#define get_global_id(d) ((d) == 2 ? get_global_id(2) - 1 : get_global_id(d))\n";
inline constexpr std::array<size_t, 3> kIdOffset = {0, 0, 1};

class KernelForms {
 public:
  KernelForms(cl::Context context, cl::Device device, std::string device_name);

  // The first offset of every range on this device: kIdOffset or zeros.
  const std::array<size_t, 3>& id_offset() const { return id_offset_; }

  // To be called before `kernel` of `program` is launched with this local size, where RunsInCaller; nothing
  // happens elsewhere and at the second call. argument_bytes: of each argument, 0 for an address. The kernel
  // and its program are kept until the process ends. Thread-safe.
  Status Fix(const cl::Program& program, std::string_view kernel, const std::array<size_t, 3>& local,
             std::span<const size_t> argument_bytes);

 private:
  Status Prepare();

  cl::Context context_;
  cl::Device device_;
  std::string device_name_;
  std::array<size_t, 3> id_offset_{};
  std::mutex mutex_;
  cl::CommandQueue queue_;  // under mutex_, like all below; out of order, never finished
  cl::UserEvent never_;
  std::set<std::tuple<cl_program, std::string, std::array<size_t, 3>>> fixed_;
};

}  // namespace npu
