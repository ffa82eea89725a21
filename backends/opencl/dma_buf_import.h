// DMA-BUFs as memory of a device that does not share the host's, without the CPU: cl_khr_external_memory_dma_buf. A camera's
// few buffers are imported once each and acquired around every launch that reads them. Where the device or its driver
// has no such thing, or refuses a buffer, frames are copied as before.
// No device here has the extension: tests put functions of their own in, which map the memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "backends/frames/buffer_cache.h"
#include "backends/opencl/device.h"

namespace npu {

struct ExternalMemory {
  decltype(&clCreateBufferWithProperties) create;
  clEnqueueAcquireExternalMemObjectsKHR_fn acquire;
  clEnqueueReleaseExternalMemObjectsKHR_fn release;
};

// nullopt: the device does not import DMA-BUFs, or the loader is older than OpenCL 3.0.
std::optional<ExternalMemory> FindExternalMemory(const OpenClDevice& device);

class DmaBufImports {
 public:
  DmaBufImports(const OpenClDevice& device, std::optional<ExternalMemory> functions)
      : context_(device.context()), device_(device.device()), device_name_(device.name()), functions_(functions) {}

  // The whole buffer as the device's memory. Null: it is no DMA-BUF (known once it has been read), or it cannot be
  // imported, which is warned of once.
  cl_mem Import(const std::shared_ptr<SharedBuffer>& buffer);
  // Around the commands that read them; both at the end of `queue`.
  Status Acquire(cl_command_queue queue, std::span<const cl_mem> memory) const;
  Status Release(cl_command_queue queue, std::span<const cl_mem> memory) const;

  // They are never released: in a forked process they are not this process's.
  void Abandon();

 private:
  struct Imported {
    std::weak_ptr<SharedBuffer> buffer;
    cl::Buffer memory;  // null: refused
  };
  cl::Buffer Create(const SharedBuffer& buffer);

  cl::Context context_;
  cl::Device device_;
  std::string device_name_;
  std::optional<ExternalMemory> functions_;
  std::vector<Imported> imported_;
  bool warned_ = false;
};

}  // namespace npu
