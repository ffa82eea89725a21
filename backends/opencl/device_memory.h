// One allocation on a device, divided into blocks that kernels take as arguments. Where host and device
// share their memory (OpenClDeviceLimits::shared_memory) the host may touch a block whenever no command
// is running; elsewhere bytes cross by commands of a queue.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
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

  int64_t bytes() const { return bytes_; }
  // Of memory that is not shared.
  const cl::Buffer& block(int i) const { return blocks_[i]; }
  // Host address of a block; null when the memory is not shared.
  std::byte* host(int i) const { return shared_ == nullptr ? nullptr : shared_ + offsets_[i]; }

  // The rest of block i from `offset` on, a multiple of limits().alignment_bytes: kept as long as this. Of memory
  // that is not shared.
  Result<cl::Buffer> Rest(int i, int64_t offset);
  // Makes that rest the kernel's argument. In shared memory `offset` may be any.
  Status SetArgument(cl::Kernel& kernel, cl_uint argument, int i, int64_t offset);

 private:
  Result<cl::Buffer> SubBuffer(int64_t offset, int64_t bytes);

  cl::Context context_;
  std::string device_name_;
  int64_t bytes_ = 0;
  std::byte* shared_ = nullptr;  // owned
  cl::Buffer whole_;
  std::vector<cl::Buffer> blocks_;
  std::vector<int64_t> offsets_, sizes_;
  std::map<std::pair<int, int64_t>, cl::Buffer> rests_;  // by block and offset
};

}  // namespace npu
