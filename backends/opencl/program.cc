// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

namespace npu {
namespace {

// Every device has 1.2. No fast-math: kernels that use floats rely on IEEE rounding.
constexpr const char* kBuildOptions = "-cl-std=CL1.2";

// What of a build log goes into an Error: the first errors say it, the rest is their consequences.
constexpr size_t kLogLines = 12;
constexpr size_t kLogBytes = 1500;

bool IsHeader(const KernelSource& source) { return std::string_view(source.name).ends_with(".h"); }

bool IsWordCharacter(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// `word` stands in `text`, not as a part of a longer word.
bool HasWord(std::string_view text, std::string_view word) {
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !IsWordCharacter(text[at - 1])) && (end == text.size() || !IsWordCharacter(text[end]))) {
      return true;
    }
  }
  return false;
}

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

Result<cl::Kernel> ProgramCache::CreateKernel(std::string_view kernel) {
  const std::string name(kernel);
  const std::lock_guard lock(mutex_);
  for (int source = 0; sources_[source].name != nullptr; ++source) {
    if (IsHeader(sources_[source]) || !HasWord(sources_[source].text, kernel)) continue;
    auto built = programs_.find(source);
    if (built == programs_.end()) built = programs_.emplace(source, Build(source)).first;
    if (!built->second) return tl::unexpected(built->second.error());
    cl_int code = CL_SUCCESS;
    cl::Kernel object(*built->second, name.c_str(), &code);
    if (code == CL_INVALID_KERNEL_NAME) continue;  // only mentioned there
    NPU_RETURN_IF_CL_ERROR(code, fmt::format("clCreateKernel({})", kernel), device_name_);
    return object;
  }
  return Fail(ErrorCode::kInternal, fmt::format("no embedded OpenCL source has a kernel \"{}\"", kernel));
}

Result<cl::Program> ProgramCache::Build(int source) {
  std::vector<const char*> texts;
  for (int i = 0; sources_[i].name != nullptr; ++i) {
    if (IsHeader(sources_[i]) || i == source) texts.push_back(sources_[i].text);
  }
  cl_int code = CL_SUCCESS;
  cl::Program program(clCreateProgramWithSource(context_(), static_cast<cl_uint>(texts.size()), texts.data(),
                                                nullptr, &code));
  NPU_RETURN_IF_CL_ERROR(code, "clCreateProgramWithSource", device_name_);
  const cl_device_id device = device_();
  code = clBuildProgram(program(), 1, &device, kBuildOptions, nullptr, nullptr);
  if (code == CL_SUCCESS) return program;
  Error error = ClFail(fmt::format("clBuildProgram({})", sources_[source].name), code, device_name_).value();
  std::string log;
  if (program.getBuildInfo(device_, CL_PROGRAM_BUILD_LOG, &log) == CL_SUCCESS && !log.empty()) {
    error.text += "\n" + Beginning(log.c_str());
  }
  return tl::unexpected(std::move(error));
}

}  // namespace npu
