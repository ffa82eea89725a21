// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/log.h"

namespace npu {
namespace {

// Every device has 1.2. No fast-math: kernels that use floats rely on IEEE rounding.
constexpr const char* kBuildOptions = "-cl-std=CL1.2";

// What of a build log goes into an Error: the first errors say it, the rest is their consequences.
constexpr size_t kLogLines = 12;
constexpr size_t kLogBytes = 1500;

std::string Beginning(std::string_view log) {
  size_t end = 0;
  for (size_t line = 0; line < kLogLines && end < log.size(); ++line) {
    const size_t next = log.find('\n', end);
    end = next == std::string_view::npos ? log.size() : next + 1;
  }
  end = std::min({end, kLogBytes, log.size()});
  while (end > 0 && std::isspace(static_cast<unsigned char>(log[end - 1]))) --end;
  return std::string(log.substr(0, end));
}

}  // namespace

ProgramCache::ProgramCache(cl::Context context, cl::Device device, std::string device_name,
                           const KernelSource* sources)
    : context_(std::move(context)),
      device_(std::move(device)),
      device_name_(std::move(device_name)),
      sources_(sources) {}

Result<cl::Kernel> ProgramCache::CreateKernel(std::string_view kernel, const KernelVariant* variant) {
  const std::string name(kernel);
  const std::lock_guard lock(mutex_);
  if (variant == nullptr) {
    if (chosen_ == nullptr) Choose();
    variant = chosen_;
  }
  const Result<cl::Program>& program = Built(*variant);
  if (!program) return tl::unexpected(program.error());
  cl_int code = CL_SUCCESS;
  cl::Kernel object(*program, name.c_str(), &code);
  if (code == CL_INVALID_KERNEL_NAME) {
    return Fail(ErrorCode::kInternal, fmt::format("no embedded OpenCL source has a kernel \"{}\"", kernel));
  }
  NPU_RETURN_IF_CL_ERROR(code, fmt::format("clCreateKernel({})", kernel), device_name_);
  return object;
}

const KernelVariant& ProgramCache::variant() {
  const std::lock_guard lock(mutex_);
  return chosen_ == nullptr ? kPortableVariant : *chosen_;
}

// Under mutex_, like Built.
void ProgramCache::Choose() {
  for (const KernelVariant* variant : VariantsFor(device_)) {
    chosen_ = variant;
    if (variant == &kPortableVariant) return;  // nothing is left to fall back to
    const Result<cl::Program>& program = Built(*variant);
    double speedup = 0;
    const std::string problem =
        program ? SelfTest(context_, device_, *program, speedup) : program.error().text;
    if (problem.empty() && speedup > 1) {
      Log(LogLevel::kInfo, "{}: kernels of variant {}, {:.1f} times as fast as portable ones", device_name_,
          variant->name, speedup);
      return;
    }
    if (problem.empty()) {
      Log(LogLevel::kInfo, "{}: kernels of variant {} are no faster than portable ones", device_name_,
          variant->name);
    } else {
      Log(LogLevel::kWarning, "{}: kernels of variant {} do not work, slower ones are used: {}", device_name_,
          variant->name, problem);
    }
  }
}

Result<cl::Program>& ProgramCache::Built(const KernelVariant& variant) {
  const auto found = programs_.find(&variant);
  if (found != programs_.end()) return found->second;
  return programs_.emplace(&variant, Build(variant)).first->second;
}

Result<cl::Program> ProgramCache::Build(const KernelVariant& variant) const {
  std::string text;
  for (const KernelSource* source = sources_; source->name != nullptr; ++source) {
    // Errors name the file and its own line.
    text += fmt::format("#line 1 \"{}\"\n{}\n", source->name, source->text);
  }
  cl_int code = CL_SUCCESS;
  cl::Program program(context_, text, false, &code);
  NPU_RETURN_IF_CL_ERROR(code, "clCreateProgramWithSource", device_name_);
  const cl_device_id device = device_();
  const std::string options = fmt::format("{} {}", kBuildOptions, variant.defines);
  code = clBuildProgram(program(), 1, &device, options.c_str(), nullptr, nullptr);
  if (code == CL_SUCCESS) return program;
  Error error = ClFail("clBuildProgram", code, device_name_).value();
  std::string log;
  if (program.getBuildInfo(device_, CL_PROGRAM_BUILD_LOG, &log) == CL_SUCCESS && !log.empty()) {
    error.text += "\n" + Beginning(log.c_str());
  }
  return tl::unexpected(std::move(error));
}

}  // namespace npu
