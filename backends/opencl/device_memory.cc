// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/device_memory.h"

#include <fmt/format.h>

#include <utility>

namespace npu {

DeviceMemory::DeviceMemory(DeviceMemory&& other) noexcept { *this = std::move(other); }

DeviceMemory& DeviceMemory::operator=(DeviceMemory&& other) noexcept {
  std::swap(context_, other.context_);
  std::swap(device_name_, other.device_name_);
  std::swap(bytes_, other.bytes_);
  std::swap(shared_, other.shared_);
  std::swap(whole_, other.whole_);
  std::swap(blocks_, other.blocks_);
  std::swap(offsets_, other.offsets_);
  std::swap(sizes_, other.sizes_);
  std::swap(rests_, other.rests_);
  return *this;
}

DeviceMemory::~DeviceMemory() {
  if (shared_ != nullptr) clSVMFree(context_(), shared_);
}

Result<DeviceMemory> DeviceMemory::Allocate(OpenClDevice& device, std::span<const int64_t> offsets,
                                            std::span<const int64_t> sizes, int64_t total_bytes,
                                            bool shared) {
  DeviceMemory memory;
  memory.context_ = device.context();
  memory.device_name_ = device.name();
  memory.offsets_.assign(offsets.begin(), offsets.end());
  memory.sizes_.assign(sizes.begin(), sizes.end());
  memory.bytes_ = total_bytes;
  if (total_bytes == 0) return memory;
  const auto bytes = static_cast<size_t>(total_bytes);
  if (shared) {
    memory.shared_ = static_cast<std::byte*>(
        clSVMAlloc(device.context()(), CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER, bytes,
                   static_cast<cl_uint>(device.limits().alignment_bytes)));
    if (memory.shared_ == nullptr) {
      return Fail(ErrorCode::kDevice, fmt::format("clSVMAlloc: no {} bytes on {}", bytes, device.name()));
    }
    return memory;  // kernels take addresses: no buffer is needed
  }
  cl_int code = CL_SUCCESS;
  memory.whole_ = cl::Buffer(device.context(), CL_MEM_READ_WRITE, bytes, nullptr, &code);
  NPU_RETURN_IF_CL_ERROR(code, fmt::format("clCreateBuffer({} bytes)", bytes), device.name());
  for (size_t i = 0; i < offsets.size(); ++i) {
    NPU_ASSIGN_OR_RETURN(cl::Buffer block, memory.SubBuffer(offsets[i], sizes[i]));
    memory.blocks_.push_back(std::move(block));
  }
  return memory;
}

Result<cl::Buffer> DeviceMemory::SubBuffer(int64_t offset, int64_t bytes) {
  const cl_buffer_region region = {static_cast<size_t>(offset), static_cast<size_t>(bytes)};
  cl_int code = CL_SUCCESS;
  cl::Buffer buffer =
      whole_.createSubBuffer(CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
  NPU_RETURN_IF_CL_ERROR(code, fmt::format("clCreateSubBuffer({} bytes at {})", bytes, offset), device_name_);
  return buffer;
}

Result<cl::Buffer> DeviceMemory::Rest(int i, int64_t offset) {
  if (offset == 0) return blocks_[i];
  cl::Buffer& rest = rests_[{i, offset}];
  if (rest() == nullptr) {
    NPU_ASSIGN_OR_RETURN(rest, SubBuffer(offsets_[i] + offset, sizes_[i] - offset));
  }
  return rest;
}

Status DeviceMemory::SetArgument(cl::Kernel& kernel, cl_uint argument, int i, int64_t offset) {
  if (shared_ != nullptr) {
    NPU_RETURN_IF_CL_ERROR(clSetKernelArgSVMPointer(kernel(), argument, host(i) + offset),
                           fmt::format("clSetKernelArgSVMPointer({})", argument), device_name_);
    return {};
  }
  NPU_ASSIGN_OR_RETURN(const cl::Buffer buffer, Rest(i, offset));
  NPU_RETURN_IF_CL_ERROR(kernel.setArg(argument, buffer), fmt::format("clSetKernelArg({})", argument),
                         device_name_);
  return {};
}

}  // namespace npu
