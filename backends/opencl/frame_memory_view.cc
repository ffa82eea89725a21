// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/frame_memory_view.h"

#include <fmt/format.h>

#include <algorithm>

namespace npu {

Result<cl_mem> HostBuffers::Find(const std::byte* host, size_t bytes) {
  const auto found =
      std::ranges::find_if(kept_, [&](const Kept& kept) { return kept.host == host && kept.bytes == bytes; });
  if (found != kept_.end()) return found->buffer();
  cl_int code = CL_SUCCESS;
  // Frames are only read; the pointer is not const in the bindings.
  cl::Buffer buffer(context_, shared_ ? CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR : CL_MEM_READ_WRITE, bytes,
                    shared_ ? const_cast<std::byte*>(host) : nullptr, &code);
  NPU_RETURN_IF_CL_ERROR(code, fmt::format("clCreateBuffer({} bytes)", bytes), device_name_);
  const cl_mem memory = buffer();
  if (kept_.size() < kKept) {
    kept_.push_back({host, bytes, std::move(buffer)});
  } else {
    kept_[oldest_] = {host, bytes, std::move(buffer)};
    oldest_ = (oldest_ + 1) % kKept;
  }
  return memory;
}

Result<cl_mem> HostBuffers::Input(cl_command_queue queue, const std::byte* host, size_t bytes) {
  NPU_ASSIGN_OR_RETURN(const cl_mem memory, Find(host, bytes));
  if (!shared_) {
    NPU_RETURN_IF_CL_ERROR(clEnqueueWriteBuffer(queue, memory, CL_FALSE, 0, bytes, host, 0, nullptr, nullptr),
                           "clEnqueueWriteBuffer", device_name_);
  }
  return memory;
}

Result<cl_mem> HostBuffers::Output(std::byte* host, size_t bytes) { return Find(host, bytes); }

Status HostBuffers::ReadBack(cl_command_queue queue, std::byte* host, size_t bytes) {
  if (shared_) return {};
  NPU_ASSIGN_OR_RETURN(const cl_mem memory, Find(host, bytes));
  NPU_RETURN_IF_CL_ERROR(clEnqueueReadBuffer(queue, memory, CL_FALSE, 0, bytes, host, 0, nullptr, nullptr),
                         "clEnqueueReadBuffer", device_name_);
  return {};
}

void HostBuffers::Abandon() {
  for (const Kept& kept : kept_) static_cast<void>(clRetainMemObject(kept.buffer()));
}

}  // namespace npu
