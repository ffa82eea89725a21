// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/program_file.h"

#include <fmt/format.h>

#include <cstddef>
#include <vector>

#include "base/log.h"

namespace npu {
namespace {

template <typename Object>
std::string Text(const Object& object, cl_uint what) {
  std::string text;
  if (object.getInfo(what, &text) != CL_SUCCESS) text.clear();
  return text.substr(0, text.find('\0'));
}

cl::Platform PlatformOf(const cl::Device& device) {
  cl_platform_id platform = nullptr;
  clGetDeviceInfo(device(), CL_DEVICE_PLATFORM, sizeof(platform), &platform, nullptr);
  return cl::Platform(platform);
}

// What drivers compile a kernel for beside its source: how sums are rescaled, which launches there are, and what their local sizes
// are chosen by (launch_shape.h).
std::string LaunchesText(const OpenClDevice& device, const SegmentLayout& layout, Requantize requantize) {
  const OpenClDeviceLimits& limits = device.limits();
  std::string text = fmt::format("{} {}{}\n", limits.compute_units, limits.max_work_group_size,
                                 requantize == Requantize::kFloat ? " float" : "");
  for (const LoweredOp& op : layout.ops) {
    for (const KernelLaunch& launch : op.lowering.launches())
      text += fmt::format("{} {:x} {}\n", launch.kernel, launch.parts, fmt::join(launch.global, " "));
  }
  return text;
}

std::string VariantNames(const cl::Device& device) {
  std::string names;
  for (const KernelVariant* variant : VariantsFor(device)) (names += names.empty() ? "" : " ") += variant->name;
  return names;
}

}  // namespace

ProgramFile::ProgramFile(const FileCache& files, OpenClDevice& device, const SegmentLayout& layout,
                         Requantize requantize)
    : files_(files), device_(device), requantize_(requantize), needs_(KernelNeeds(layout)) {
  const cl::Platform platform = PlatformOf(device.device());
  const std::string platform_name = Text(platform, CL_PLATFORM_NAME);
  const std::string launches = Sha256Hex(LaunchesText(device, layout, requantize));
  // The name is of what stays when things are updated, so that an update replaces the entry.
  constexpr size_t kNameDigits = 32;
  name_ = "program-" +
          Sha256Hex(fmt::format("{}\n{}\n{}", platform_name, device.name(), launches)).substr(0, kNameDigits);
  identity_ = {{"kernel sources", device.programs().sources_digest()},
               {"build options", ProgramCache::kBuildOptions},
               {"kernel variants", VariantNames(device.device())},
               {"platform", platform_name},
               {"platform version", Text(platform, CL_PLATFORM_VERSION)},
               {"device", device.name()},
               {"device version", Text(device.device(), CL_DEVICE_VERSION)},
               {"driver version", Text(device.device(), CL_DRIVER_VERSION)},
               {"launches", launches}};
}

std::string ProgramFile::key() const {
  std::string text = name_;
  for (const auto& [what, value] : identity_) text += fmt::format("\n{}: {}", what, value);
  return text;
}

std::optional<cl::Program> ProgramFile::Load() const {
  const auto bytes = files_.Load(name_, identity_);
  if (!bytes) return std::nullopt;
  const cl_device_id device = device_.device()();
  const size_t size = bytes->size();
  const auto* binary = reinterpret_cast<const unsigned char*>(bytes->data());
  cl_int code = CL_SUCCESS;
  cl_int status = CL_SUCCESS;
  cl::Program program(clCreateProgramWithBinary(device_.context()(), 1, &device, &size, &binary, &status, &code));
  if (code == CL_SUCCESS) code = status;
  if (code == CL_SUCCESS)
    code = clBuildProgram(program(), 1, &device, ProgramCache::kBuildOptions, nullptr, nullptr);
  if (code == CL_SUCCESS) return program;
  Log(LogLevel::kWarning, "{}/{} is not used and made anew: the driver refuses it with {} ({})",
      files_.directory(), name_, ClCodeName(code), code);
  return std::nullopt;
}

Result<cl::Program> ProgramFile::Build() const {
  return device_.programs().BuildWith(needs_, requantize_);
}

void ProgramFile::Store(const cl::Program& program) const {
  size_t size = 0;
  cl_int code = clGetProgramInfo(program(), CL_PROGRAM_BINARY_SIZES, sizeof(size), &size, nullptr);
  std::vector<std::byte> bytes(code == CL_SUCCESS ? size : 0);
  void* destination = bytes.data();
  if (code == CL_SUCCESS && size > 0) {
    code = clGetProgramInfo(program(), CL_PROGRAM_BINARIES, sizeof(destination), &destination, nullptr);
  }
  if (code != CL_SUCCESS || size == 0) {
    Log(LogLevel::kWarning, "cache_dir: {} gives no program binary: {} ({})", device_.name(), ClCodeName(code),
        code);
    return;
  }
  if (const Status stored = files_.Store(name_, identity_, bytes); !stored) {
    Log(LogLevel::kWarning, "cache_dir: the compiled program is not kept: {}", stored.error().text);
  }
}

}  // namespace npu
