// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/dma_buf_import.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/log.h"

// Loaders before OpenCL 3.0 lack it; null then.
extern "C" __attribute__((weak)) decltype(clCreateBufferWithProperties) clCreateBufferWithProperties;

namespace npu {
namespace {

constexpr std::string_view kExtension = "cl_khr_external_memory_dma_buf";

template <typename Function>
Function ExtensionFunction(cl_platform_id platform, const char* name) {
  return reinterpret_cast<Function>(clGetExtensionFunctionAddressForPlatform(platform, name));
}

}  // namespace

std::optional<ExternalMemory> FindExternalMemory(const OpenClDevice& device) {
  const auto extensions = device.device().getInfo<CL_DEVICE_EXTENSIONS>();
  // Names are prefixes of others: as a word only.
  if ((" " + extensions + " ").find(" " + std::string(kExtension) + " ") == std::string::npos) return std::nullopt;
  const auto platform = device.device().getInfo<CL_DEVICE_PLATFORM>();
  const ExternalMemory found{
      &clCreateBufferWithProperties,
      ExtensionFunction<clEnqueueAcquireExternalMemObjectsKHR_fn>(platform, "clEnqueueAcquireExternalMemObjectsKHR"),
      ExtensionFunction<clEnqueueReleaseExternalMemObjectsKHR_fn>(platform, "clEnqueueReleaseExternalMemObjectsKHR")};
  if (found.create == nullptr || found.acquire == nullptr || found.release == nullptr) return std::nullopt;
  return found;
}

cl::Buffer DmaBufImports::Create(const SharedBuffer& buffer) {
  // An import takes the descriptor with it.
  const int fd = fcntl(buffer.fd(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return {};
  const cl_mem_properties properties[] = {CL_EXTERNAL_MEMORY_HANDLE_DMA_BUF_KHR, static_cast<cl_mem_properties>(fd),
                                          CL_DEVICE_HANDLE_LIST_KHR, reinterpret_cast<cl_mem_properties>(device_()),
                                          CL_DEVICE_HANDLE_LIST_END_KHR, 0};
  cl_int code = CL_SUCCESS;
  const cl_mem memory = functions_->create(context_(), properties, CL_MEM_READ_ONLY, buffer.bytes().size(), nullptr, &code);
  if (code == CL_SUCCESS && memory != nullptr) return cl::Buffer(memory);
  close(fd);
  if (!warned_) {
    Log(LogLevel::kWarning, "{} does not import a camera's buffer ({}): its frames are copied", device_name_, ClCodeName(code));
  }
  warned_ = true;
  return {};
}

cl_mem DmaBufImports::Import(const std::shared_ptr<SharedBuffer>& buffer) {
  if (!functions_ || buffer == nullptr || !buffer->is_dma_buf()) return nullptr;
  const auto known = std::ranges::find_if(imported_, [&](const Imported& imported) { return imported.buffer.lock() == buffer; });
  if (known != imported_.end()) return known->memory();
  std::erase_if(imported_, [](const Imported& imported) { return imported.buffer.expired(); });
  imported_.push_back({buffer, Create(*buffer)});
  return imported_.back().memory();
}

Status DmaBufImports::Acquire(cl_command_queue queue, std::span<const cl_mem> memory) const {
  if (memory.empty()) return {};
  NPU_RETURN_IF_CL_ERROR(functions_->acquire(queue, static_cast<cl_uint>(memory.size()), memory.data(), 0, nullptr, nullptr),
                         "clEnqueueAcquireExternalMemObjectsKHR", device_name_);
  return {};
}

Status DmaBufImports::Release(cl_command_queue queue, std::span<const cl_mem> memory) const {
  if (memory.empty()) return {};
  NPU_RETURN_IF_CL_ERROR(functions_->release(queue, static_cast<cl_uint>(memory.size()), memory.data(), 0, nullptr, nullptr),
                         "clEnqueueReleaseExternalMemObjectsKHR", device_name_);
  return {};
}

void DmaBufImports::Abandon() {
  for (const Imported& imported : imported_) {
    if (imported.memory() != nullptr) static_cast<void>(clRetainMemObject(imported.memory()));
  }
}

}  // namespace npu
