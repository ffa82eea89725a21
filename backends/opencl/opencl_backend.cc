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

#include "backends/opencl/calibration.h"
#include "backends/opencl/device.h"
#include "backends/opencl/executable.h"
#include "backends/opencl/frame_converter.h"
#include "base/log.h"

namespace npu {
namespace {

// Of the whole device's threads.
TeamSettings TeamOf(const OpenClDevice& device, int threads) {
  return {.members = device.TeamSize(threads), .most_helpers = device.limits().compute_units - 1};
}

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
    settings.team = TeamOf(*device_, options.threads);
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
  if (devices.empty()) return "none: no OpenCL driver is installed; on Debian, pocl-opencl-icd is one for any CPU (clinfo lists them)";
  std::string text;
  for (size_t i = 0; i < devices.size(); ++i) {
    text += fmt::format("{}{}: {} ({})", i == 0 ? "" : ", ", i, devices[i].name, devices[i].platform);
  }
  return text;
}

}  // namespace

namespace {

struct Chosen {
  int index = 0;
  std::shared_ptr<OpenClDevice> device;
};

Result<Chosen> OpenChosen(const std::string& device) {
  NPU_ASSIGN_OR_RETURN(const std::vector<FoundDevice> devices, FindDevices());
  const int index = Choose(devices, device);
  if (index < 0) {
    return Fail(ErrorCode::kDevice,
                fmt::format("no OpenCL device \"{}\"; found: {}", device, ListText(devices)));
  }
  NPU_ASSIGN_OR_RETURN(std::shared_ptr<OpenClDevice> opened, OpenDevice(devices[index]));
  return Chosen{index, std::move(opened)};
}

std::string_view TypeName(cl_device_type type) {
  if (type & CL_DEVICE_TYPE_ACCELERATOR) return "accelerator";
  if (type & CL_DEVICE_TYPE_GPU) return "GPU";
  if (type & CL_DEVICE_TYPE_CPU) return "CPU";
  return "other";
}

std::string Text(const auto& object, cl_uint what) {
  std::string text;
  if (object.getInfo(what, &text) != CL_SUCCESS) text.clear();
  return text.substr(0, text.find('\0'));
}

template <typename T>
T Number(const cl::Device& device, cl_device_info what) {
  T value{};
  return clGetDeviceInfo(device(), what, sizeof(T), &value, nullptr) == CL_SUCCESS ? value : T{};
}

OpenClDeviceInfo Describe(const FoundDevice& found) {
  OpenClDeviceInfo info;
  info.platform = found.platform;
  info.name = found.name;
  info.driver_version = found.driver_version;
  const cl::Platform platform(Number<cl_platform_id>(found.device, CL_DEVICE_PLATFORM));
  info.platform_version = Text(platform, CL_PLATFORM_VERSION);
  info.device_version = Text(found.device, CL_DEVICE_VERSION);
  info.type = TypeName(found.type);
  const OpenClDeviceLimits limits = ReadLimits(found.device);
  info.compute_units = limits.compute_units;
  info.memory_bytes = static_cast<int64_t>(Number<cl_ulong>(found.device, CL_DEVICE_GLOBAL_MEM_SIZE));
  info.max_allocation_bytes = limits.max_allocation_bytes;
  info.shared_memory = limits.shared_memory;
  return info;
}

}  // namespace

Result<std::shared_ptr<Backend>> OpenClBackend(const std::string& device, const std::string& cache_dir) {
  NPU_ASSIGN_OR_RETURN(Chosen chosen, OpenChosen(device));

  // Kept like the devices themselves, and for the same reason never destroyed.
  static std::mutex mutex;
  static auto* backends = new std::map<std::pair<OpenClDevice*, std::string>, std::shared_ptr<Backend>>;
  const std::lock_guard lock(mutex);
  std::shared_ptr<Backend>& backend = (*backends)[{chosen.device.get(), cache_dir}];
  if (backend == nullptr) {
    backend = std::make_shared<OpenClBackendImpl>(std::move(chosen.device), OpenFiles(cache_dir));
  }
  return backend;
}

Result<std::unique_ptr<FrameConverter>> OpenClFrameConverter(const std::string& device, int threads,
                                                             std::shared_ptr<const Conversion> conversion) {
  NPU_ASSIGN_OR_RETURN(const Chosen chosen, OpenChosen(device));
  NPU_ASSIGN_OR_RETURN(std::shared_ptr<OpenClDevice> part, chosen.device->WithThreads(threads));
  return MakeFrameConverter(std::move(part), std::move(conversion), FrameKernel::kBest,
                            TeamOf(*chosen.device, threads));
}

Result<std::vector<OpenClDeviceInfo>> ListOpenClDevices() {
  NPU_ASSIGN_OR_RETURN(const std::vector<FoundDevice> devices, FindDevices());
  std::vector<OpenClDeviceInfo> list;
  for (const FoundDevice& found : devices) list.push_back(Describe(found));
  return list;
}

Result<OpenClMeasurement> MeasureOpenClDevice(const std::string& device, int threads, const std::string& cache_dir) {
  NPU_ASSIGN_OR_RETURN(const Chosen chosen, OpenChosen(device));
  NPU_ASSIGN_OR_RETURN(const std::shared_ptr<OpenClDevice> part, chosen.device->WithThreads(threads));
  const std::optional<FileCache> files = OpenFiles(cache_dir);
  OpenClMeasurement result;
  result.name = part->name();
  result.index = chosen.index;
  NPU_ASSIGN_OR_RETURN(result.speed, Calibrate(part, files ? &*files : nullptr));
  part->programs().ChooseVariant();  // not done yet when the numbers were kept
  result.variant = part->programs().variant().name;
  for (const ProgramCache::Trial& trial : part->programs().trials()) {
    result.trials.push_back({trial.variant->name, trial.problem, trial.speedup});
  }
  return result;
}

namespace {

// What was measured of devices, for as long as the process lasts; never destroyed, like the devices.
template <typename Value, typename Measure>
Result<Value> MeasuredOnce(const std::string& device, int threads, Measure measure) {
  NPU_ASSIGN_OR_RETURN(const Chosen chosen, OpenChosen(device));
  NPU_ASSIGN_OR_RETURN(const std::shared_ptr<OpenClDevice> part, chosen.device->WithThreads(threads));
  static std::mutex mutex;
  static auto* known = new std::map<OpenClDevice*, Value>;
  const std::lock_guard lock(mutex);
  const auto found = known->find(part.get());
  if (found != known->end()) return found->second;
  NPU_ASSIGN_OR_RETURN(const Value value, measure(part));
  known->emplace(part.get(), value);
  return value;
}

Result<SpeedModel> MeasureOneMember(const std::string& device, int threads, const std::string& cache_dir) {
  return MeasuredOnce<SpeedModel>(device, threads, [&](const std::shared_ptr<OpenClDevice>& part) {
    const std::optional<FileCache> files = OpenFiles(cache_dir);
    return Calibrate(part, files ? &*files : nullptr);
  });
}

// What was measured is one thread of a team that divides launches. Two made large networks 1.7 times as fast as one.
SpeedModel ForTeam(SpeedModel speed, int members) {
  const double cores = 1 + 0.7 * (std::max(members, 1) - 1);
  for (double* rate : {&speed.peak_gmacs, &speed.convolution_gmacs, &speed.convolution_gouts, &speed.depthwise_gmacs,
                       &speed.fully_connected_gmacs, &speed.move_gbs}) {
    *rate *= cores;
  }
  return speed;
}

}  // namespace

Result<SpeedModel> MeasureOpenClSpeed(const std::string& device, int threads, const std::string& cache_dir) {
  NPU_ASSIGN_OR_RETURN(const Chosen chosen, OpenChosen(device));
  NPU_ASSIGN_OR_RETURN(SpeedModel speed, MeasureOneMember(device, threads, cache_dir));
  NPU_ASSIGN_OR_RETURN(const std::shared_ptr<OpenClDevice> part, chosen.device->WithThreads(threads));
  return part->limits().runs_in_caller ? ForTeam(speed, chosen.device->TeamSize(threads)) : speed;
}

Result<double> MeasureOpenClPeak(const std::string& device, int threads) {
  return MeasuredOnce<double>(device, threads,
                              [](const std::shared_ptr<OpenClDevice>& part) { return MeasurePeakGmacs(*part); });
}

}  // namespace npu
