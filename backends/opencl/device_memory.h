// One allocation on a device, divided into blocks that kernels take as arguments. Where host and device
// share their memory (OpenClDeviceLimits::shared_memory) the host may touch a block whenever no command
// is running; elsewhere bytes cross by commands of a queue.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "backends/opencl/device.h"

namespace npu {

class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(DeviceMemory&& other) noexcept;
  DeviceMemory& operator=(DeviceMemory&& other) noexcept;
  ~DeviceMemory();

  // blocks[i] starts at offsets[i], a multiple of limits().alignment_bytes, and may be read for sizes[i]
  // bytes (at least 1). shared: use shared memory; the device must offer it.
  static Result<DeviceMemory> Allocate(OpenClDevice& device, std::span<const int64_t> offsets,
                                       std::span<const int64_t> sizes, int64_t total_bytes, bool shared);

  const cl::Buffer& block(int i) const { return blocks_[i]; }
  // Host address of a block; null when the memory is not shared.
  std::byte* host(int i) const { return shared_ == nullptr ? nullptr : shared_ + offsets_[i]; }

 private:
  cl::Context context_;
  std::byte* shared_ = nullptr;  // owned
  cl::Buffer whole_;
  std::vector<cl::Buffer> blocks_;
  std::vector<int64_t> offsets_;
};

}  // namespace npu
