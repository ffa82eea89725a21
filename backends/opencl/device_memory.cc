// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/device_memory.h"

#include <fmt/format.h>

#include <utility>

namespace npu {

DeviceMemory::DeviceMemory(DeviceMemory&& other) noexcept { *this = std::move(other); }

DeviceMemory& DeviceMemory::operator=(DeviceMemory&& other) noexcept {
  std::swap(context_, other.context_);
  std::swap(shared_, other.shared_);
  std::swap(whole_, other.whole_);
  std::swap(blocks_, other.blocks_);
  std::swap(offsets_, other.offsets_);
  return *this;
}

DeviceMemory::~DeviceMemory() {
  // Buffers first: they refer to the shared allocation.
  blocks_.clear();
  whole_ = {};
  if (shared_ != nullptr) clSVMFree(context_(), shared_);
}

Result<DeviceMemory> DeviceMemory::Allocate(OpenClDevice& device, std::span<const int64_t> offsets,
                                            std::span<const int64_t> sizes, int64_t total_bytes,
                                            bool shared) {
  DeviceMemory memory;
  memory.context_ = device.context();
  memory.offsets_.assign(offsets.begin(), offsets.end());
  if (total_bytes == 0) return memory;
  const auto bytes = static_cast<size_t>(total_bytes);
  cl_mem_flags flags = CL_MEM_READ_WRITE;
  if (shared) {
    memory.shared_ = static_cast<std::byte*>(
        clSVMAlloc(device.context()(), CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER, bytes,
                   static_cast<cl_uint>(device.limits().alignment_bytes)));
    if (memory.shared_ == nullptr) {
      return Fail(ErrorCode::kDevice, fmt::format("clSVMAlloc: no {} bytes on {}", bytes, device.name()));
    }
    flags |= CL_MEM_USE_HOST_PTR;
  }
  cl_int code = CL_SUCCESS;
  memory.whole_ = cl::Buffer(device.context(), flags, bytes, memory.shared_, &code);
  NPU_RETURN_IF_CL_ERROR(code, fmt::format("clCreateBuffer({} bytes)", bytes), device.name());
  for (size_t i = 0; i < offsets.size(); ++i) {
    const cl_buffer_region region = {static_cast<size_t>(offsets[i]), static_cast<size_t>(sizes[i])};
    memory.blocks_.push_back(
        memory.whole_.createSubBuffer(CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &code));
    NPU_RETURN_IF_CL_ERROR(code, fmt::format("clCreateSubBuffer({} bytes)", sizes[i]), device.name());
  }
  return memory;
}

}  // namespace npu
