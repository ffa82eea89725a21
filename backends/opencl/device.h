// The OpenCL devices of this process: found once, opened once, shared by every executable.
// Finding devices leaves the host's signal handlers as they were (PoCL replaces ten of them), and a
// process forked after OpenCL was started gets an Error instead of the hang that drivers give it.
// Devices stay open until the process ends, without a call into the driver at exit: several drivers hang
// or crash there. Thread-safe.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backends/opencl/cl.h"
#include "backends/opencl/constant_pool.h"
#include "backends/opencl/kernel_forms.h"
#include "backends/opencl/program.h"

namespace npu {

struct OpenClDeviceLimits {
  cl_device_type type = 0;
  int compute_units = 1;
  int64_t max_allocation_bytes = 0;
  int64_t alignment_bytes = 128;  // of sub-buffers; at least 128
  size_t max_work_group_size = 1;
  // Host and device see one memory without mapping it (fine-grained SVM on a unified memory).
  bool shared_memory = false;
  // A command runs in the thread that enqueues it, and has ended when that call returns.
  bool runs_in_caller = false;
};

OpenClDeviceLimits ReadLimits(const cl::Device& device);

class OpenClDevice : public std::enable_shared_from_this<OpenClDevice> {
 public:
  // kDevice if the device does not give a context. `name` is what errors call it.
  // in_caller: see FoundDevice.
  static Result<std::shared_ptr<OpenClDevice>> Open(const cl::Device& device, std::string name,
                                                    const std::optional<cl::Device>& in_caller = {});

  const std::string& name() const { return name_; }
  const OpenClDeviceLimits& limits() const { return limits_; }
  const cl::Device& device() const { return device_; }
  const cl::Context& context() const { return context_; }
  ProgramCache& programs() { return programs_; }
  // Kernels for camera frames; built when the first is asked for, without a choice of variants.
  ProgramCache& frame_programs() { return frame_programs_; }
  KernelForms& forms() { return forms_; }
  ConstantPool& constants() { return constants_; }

  // This device restricted to `threads` compute units, itself when threads is 0, not fewer than it has,
  // or the device (GPUs) cannot be divided. The same object comes back for the same count. Where the driver
  // offers it, that is FoundDevice::in_caller for every count: threads of our own divide the work (launch_team.h).
  Result<std::shared_ptr<OpenClDevice>> WithThreads(int threads);
  // How many threads are wanted there: `threads`, at most as many as there are compute units; 0: as many.
  int TeamSize(int threads) const;

 private:
  OpenClDevice(cl::Device device, cl::Context context, std::string name, OpenClDeviceLimits limits,
               std::optional<cl::Device> in_caller);

  cl::Device device_;
  cl::Context context_;
  std::string name_;
  OpenClDeviceLimits limits_;
  std::optional<cl::Device> in_caller_;
  ProgramCache programs_;
  ProgramCache frame_programs_;
  KernelForms forms_;
  ConstantPool constants_;
  std::mutex mutex_;
  std::map<int, std::shared_ptr<OpenClDevice>> parts_;  // by compute units, 0: in_caller_; under mutex_
};

// A device that was found but not necessarily opened.
struct FoundDevice {
  cl::Device device;
  cl_device_type type = 0;
  std::string platform, name, driver_version;
  // The same processor as a device that runs its commands in the thread that enqueues them. PoCL has one,
  // named "basic"; starting its thread pool instead costs 5 to 50 us for every invocation and 1 us per
  // kernel.
  std::optional<cl::Device> in_caller;
};

// Devices that can compile and run kernels, in the platforms' order. Empty when there are none; kDevice
// when a driver fails. PoCL gives out its "basic" device on request only, by an environment variable: the
// first call sets POCL_DEVICES to "pthread basic", where it is not set, until the platforms have answered; a value that the
// user has set is obeyed.
Result<std::vector<FoundDevice>> FindDevices();

// The shared OpenClDevice of a FoundDevice.
Result<std::shared_ptr<OpenClDevice>> OpenDevice(const FoundDevice& found);

// kDevice in a process that was forked after OpenCL had been started in its parent.
Status CheckProcess();

}  // namespace npu
