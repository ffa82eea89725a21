// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/kernel_forms.h"

#include <fmt/format.h>

#include <vector>

namespace npu {
namespace {

// Wider than any range of ours.
constexpr size_t kWidestGroups = size_t{1} << 30;

}  // namespace

bool RunsInCaller(const cl::Device& device) {
  std::string name;
  return device.getInfo(CL_DEVICE_NAME, &name) == CL_SUCCESS && name.starts_with("basic-");
}

KernelForms::KernelForms(cl::Context context, cl::Device device, std::string device_name)
    : context_(std::move(context)), device_(std::move(device)), device_name_(std::move(device_name)) {
  if (RunsInCaller(device_)) id_offset_ = kIdOffset;
}

Status KernelForms::Fix(const cl::Program& program, std::string_view kernel,
                        const std::array<size_t, 3>& local, std::span<const size_t> argument_bytes) {
  if (id_offset_ != kIdOffset) return {};
  const std::lock_guard lock(mutex_);
  const auto key = std::make_tuple(program(), std::string(kernel), local);
  if (fixed_.contains(key)) return {};
  NPU_RETURN_IF_ERROR(Prepare());
  cl_int code = CL_SUCCESS;
  const cl::Kernel object(program, std::get<1>(key).c_str(), &code);
  NPU_RETURN_IF_CL_ERROR(code, fmt::format("clCreateKernel({})", kernel), device_name_);
  for (cl_uint i = 0; i < argument_bytes.size(); ++i) {
    // It never runs: null addresses, and zeros.
    constexpr char kZeros[16] = {};
    const size_t bytes = argument_bytes[i];
    NPU_RETURN_IF_CL_ERROR(bytes == 0 ? clSetKernelArg(object(), i, sizeof(cl_mem), nullptr)
                                      : clSetKernelArg(object(), i, bytes, kZeros),
                           fmt::format("clSetKernelArg({})", i), device_name_);
  }
  const std::array<size_t, 3> global = {kWidestGroups * local[0], local[1], local[2]};
  const cl_event never = never_();
  NPU_RETURN_IF_CL_ERROR(clEnqueueNDRangeKernel(queue_(), object(), 3, kIdOffset.data(), global.data(),
                                                local.data(), 1, &never, nullptr),
                         fmt::format("clEnqueueNDRangeKernel({})", kernel), device_name_);
  fixed_.insert(key);
  return {};
}

Status KernelForms::Prepare() {
  if (queue_() != nullptr) return {};
  cl_int code = CL_SUCCESS;
  cl::UserEvent never(context_, &code);
  NPU_RETURN_IF_CL_ERROR(code, "clCreateUserEvent", device_name_);
  cl::CommandQueue queue(context_, device_, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
  NPU_RETURN_IF_CL_ERROR(code, "clCreateCommandQueue", device_name_);
  never_ = std::move(never);
  queue_ = std::move(queue);
  return {};
}

}  // namespace npu
