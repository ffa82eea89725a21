// Host memory that kernels of a frame read or write: the memory itself on a device that shares the host's,
// else a buffer that is filled (or read back) by commands.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "backends/opencl/device.h"

namespace npu {

// Buffers around the planes of the frames seen last: a camera has a handful of them, and they come round.
class HostBuffers {
 public:
  HostBuffers(const cl::Context& context, bool shared, const std::string& device_name)
      : context_(context), shared_(shared), device_name_(device_name) {}

  // Memory that a kernel reads. Where not shared, its bytes are copied to the device in `queue`.
  Result<cl_mem> Input(cl_command_queue queue, const std::byte* host, size_t bytes);
  // Memory that a kernel writes; ReadBack brings the bytes where not shared.
  Result<cl_mem> Output(std::byte* host, size_t bytes);
  Status ReadBack(cl_command_queue queue, std::byte* host, size_t bytes);

  bool shared() const { return shared_; }
  // The buffers are never released: in a forked process they are not this process's.
  void Abandon();

 private:
  static constexpr size_t kKept = 64;
  struct Kept {
    const std::byte* host;
    size_t bytes;
    cl::Buffer buffer;
  };
  Result<cl_mem> Find(const std::byte* host, size_t bytes);

  cl::Context context_;
  bool shared_;
  std::string device_name_;
  std::vector<Kept> kept_;
  size_t oldest_ = 0;
};

}  // namespace npu
