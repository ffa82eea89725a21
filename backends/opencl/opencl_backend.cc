// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/opencl_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "backends/opencl/device.h"
#include "backends/opencl/executable.h"
#include "base/log.h"

namespace npu {
namespace {

class OpenClBackendImpl : public Backend {
 public:
  OpenClBackendImpl(std::shared_ptr<OpenClDevice> device, std::optional<FileCache> files)
      : device_(std::move(device)), files_(std::move(files)) {}

  std::string_view name() const override { return "opencl"; }
  std::string device_name() const override { return device_->name(); }

  Result<std::unique_ptr<Executable>> Compile(std::shared_ptr<const Graph> graph, const SegmentOps& segment,
                                              const ComputeOptions& options) override {
    NPU_RETURN_IF_ERROR(CheckProcess());
    NPU_ASSIGN_OR_RETURN(std::shared_ptr<OpenClDevice> device, device_->WithThreads(options.threads));
    OpenClCompileSettings settings;
    if (files_) settings.files = &*files_;
    return CompileForOpenCl(std::move(device), std::move(graph), segment, options, settings);
  }

 private:
  std::shared_ptr<OpenClDevice> device_;
  std::optional<FileCache> files_;
};

std::optional<FileCache> OpenFiles(const std::string& cache_dir) {
  if (cache_dir.empty()) return std::nullopt;
  auto files = FileCache::Open(cache_dir);
  if (files) return std::move(*files);
  Log(LogLevel::kWarning, "{}; compiled programs are not kept", files.error().text);
  return std::nullopt;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// Smaller is preferred by "auto".
int Rank(cl_device_type type) {
  if (type & CL_DEVICE_TYPE_ACCELERATOR) return 0;
  if (type & CL_DEVICE_TYPE_GPU) return 1;
  if (type & CL_DEVICE_TYPE_CPU) return 2;
  return 3;
}

// Index into `devices`, -1 if none is meant.
int Choose(const std::vector<FoundDevice>& devices, const std::string& wanted) {
  if (devices.empty() || wanted.empty()) return -1;
  if (wanted == "auto") {
    const auto best = std::min_element(devices.begin(), devices.end(), [](const auto& a, const auto& b) {
      return Rank(a.type) < Rank(b.type);
    });
    return static_cast<int>(best - devices.begin());
  }
  if (std::all_of(wanted.begin(), wanted.end(), [](unsigned char c) { return std::isdigit(c) != 0; })) {
    size_t index = 0;
    const auto parsed = std::from_chars(wanted.data(), wanted.data() + wanted.size(), index);
    return parsed.ec == std::errc() && index < devices.size() ? static_cast<int>(index) : -1;
  }
  for (size_t i = 0; i < devices.size(); ++i) {
    if (Lower(devices[i].name).find(Lower(wanted)) != std::string::npos) return static_cast<int>(i);
  }
  return -1;
}

std::string ListText(const std::vector<FoundDevice>& devices) {
  if (devices.empty()) return "none; is an OpenCL driver installed (clinfo lists them)?";
  std::string text;
  for (size_t i = 0; i < devices.size(); ++i) {
    text += fmt::format("{}{}: {} ({})", i == 0 ? "" : ", ", i, devices[i].name, devices[i].platform);
  }
  return text;
}

}  // namespace

Result<std::shared_ptr<Backend>> OpenClBackend(const std::string& device, const std::string& cache_dir) {
  NPU_ASSIGN_OR_RETURN(const std::vector<FoundDevice> devices, FindDevices());
  const int index = Choose(devices, device);
  if (index < 0) {
    return Fail(ErrorCode::kDevice,
                fmt::format("no OpenCL device \"{}\"; found: {}", device, ListText(devices)));
  }
  NPU_ASSIGN_OR_RETURN(std::shared_ptr<OpenClDevice> opened, OpenDevice(devices[index]));

  // Kept like the devices themselves, and for the same reason never destroyed.
  static std::mutex mutex;
  static auto* backends = new std::map<std::pair<OpenClDevice*, std::string>, std::shared_ptr<Backend>>;
  const std::lock_guard lock(mutex);
  std::shared_ptr<Backend>& backend = (*backends)[{opened.get(), cache_dir}];
  if (backend == nullptr) backend = std::make_shared<OpenClBackendImpl>(std::move(opened), OpenFiles(cache_dir));
  return backend;
}

Result<std::vector<OpenClDeviceInfo>> ListOpenClDevices() {
  NPU_ASSIGN_OR_RETURN(const std::vector<FoundDevice> devices, FindDevices());
  std::vector<OpenClDeviceInfo> list;
  for (const FoundDevice& found : devices) list.push_back({found.platform, found.name, found.driver_version});
  return list;
}

}  // namespace npu
