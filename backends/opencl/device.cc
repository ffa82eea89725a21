// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/device.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>

#include "backends/opencl/segment_layout.h"

namespace npu {
namespace {

// Puts back at its end what the host had installed at its beginning. Of the signals 1 to 31; PoCL and the
// LLVM inside it were seen to replace twelve.
class SignalKeeper {
 public:
  SignalKeeper() {
    for (int s = 1; s < kSignals; ++s) known_[s] = sigaction(s, nullptr, &saved_[s]) == 0;
  }
  ~SignalKeeper() {
    for (int s = 1; s < kSignals; ++s) {
      struct sigaction now;
      if (!known_[s] || sigaction(s, nullptr, &now) != 0) continue;
      if (now.sa_handler != saved_[s].sa_handler) sigaction(s, &saved_[s], nullptr);
    }
  }
  SignalKeeper(const SignalKeeper&) = delete;
  SignalKeeper& operator=(const SignalKeeper&) = delete;

 private:
  static constexpr int kSignals = 32;
  std::array<struct sigaction, kSignals> saved_;
  std::array<bool, kSignals> known_{};
};

// Asks PoCL for its "basic" device beside the usual one, unless the user has asked for something. PoCL knows no other
// way than the environment, which no thread may read meanwhile: a host that must be sure of that sets the same value
// itself before it starts threads.
class PoclDeviceRequest {
 public:
  PoclDeviceRequest() {
    const char* set = getenv(kName);
    ours_ = set == nullptr && setenv(kName, kValue, 0) == 0;
    made_ = ours_ || (set != nullptr && std::string_view(set) == kValue);
  }
  ~PoclDeviceRequest() {
    if (ours_) unsetenv(kName);
  }
  PoclDeviceRequest(const PoclDeviceRequest&) = delete;
  PoclDeviceRequest& operator=(const PoclDeviceRequest&) = delete;
  bool made() const { return made_; }

 private:
  static constexpr const char *kName = "POCL_DEVICES", *kValue = "pthread basic";
  bool ours_ = false, made_ = false;
};

// Moves "basic-X" into "pthread-X" of the same platform.
void JoinPoclDevices(std::vector<FoundDevice>& devices) {
  constexpr std::string_view kBasic = "basic-", kThreads = "pthread-";
  std::vector<FoundDevice> joined;
  std::vector<const FoundDevice*> basics;
  for (const FoundDevice& device : devices) {
    if (device.name.starts_with(kBasic)) {
      basics.push_back(&device);
    } else {
      joined.push_back(device);
    }
  }
  for (const FoundDevice* basic : basics) {
    const auto threads = std::find_if(joined.begin(), joined.end(), [&](const FoundDevice& other) {
      return other.platform == basic->platform && other.name.starts_with(kThreads) &&
             other.name.substr(kThreads.size()) == basic->name.substr(kBasic.size());
    });
    if (threads != joined.end()) {
      threads->in_caller = basic->device;
    } else {
      joined.push_back(*basic);
    }
  }
  devices = std::move(joined);
}

struct Registry {
  std::mutex mutex;
  bool found = false;
  std::vector<FoundDevice> devices;
  std::map<cl_device_id, std::shared_ptr<OpenClDevice>> open;
};

// Never destroyed: see the header.
Registry& TheRegistry() {
  static Registry* registry = new Registry;
  return *registry;
}

// The process that made the first OpenCL call; 0: none yet.
std::atomic<pid_t> opencl_process{0};

template <typename T>
T Info(const cl::Device& device, cl_device_info what, T otherwise) {
  T value{};
  return clGetDeviceInfo(device(), what, sizeof(T), &value, nullptr) == CL_SUCCESS ? value : otherwise;
}

Result<std::vector<FoundDevice>> AskPlatforms() {
  std::vector<cl::Platform> platforms;
  const cl_int code = cl::Platform::get(&platforms);
  // -1001: the loader found no platform at all, which is no failure of a device.
  if (code == -1001) return std::vector<FoundDevice>{};
  NPU_RETURN_IF_CL_ERROR(code, "clGetPlatformIDs", "");
  std::vector<FoundDevice> result;
  Error last;
  for (const cl::Platform& platform : platforms) {
    std::vector<cl::Device> devices;
    const std::string platform_name = platform.getInfo<CL_PLATFORM_NAME>();
    const cl_int device_code = platform.getDevices(CL_DEVICE_TYPE_ALL, &devices);
    if (device_code == CL_DEVICE_NOT_FOUND) continue;
    if (device_code != CL_SUCCESS) {
      // One broken driver does not hide the others.
      last = ClFail("clGetDeviceIDs", device_code, platform_name).value();
      continue;
    }
    for (const cl::Device& device : devices) {
      if (!Info<cl_bool>(device, CL_DEVICE_AVAILABLE, CL_FALSE) ||
          !Info<cl_bool>(device, CL_DEVICE_COMPILER_AVAILABLE, CL_FALSE)) {
        continue;
      }
      FoundDevice& found = result.emplace_back();
      found.device = device;
      found.type = Info<cl_device_type>(device, CL_DEVICE_TYPE, 0);
      found.platform = platform_name;
      found.name = device.getInfo<CL_DEVICE_NAME>();
      found.driver_version = device.getInfo<CL_DRIVER_VERSION>();
    }
  }
  if (result.empty() && !last.text.empty()) return tl::unexpected(last);
  return result;
}

}  // namespace

OpenClDeviceLimits ReadLimits(const cl::Device& device) {
  OpenClDeviceLimits limits;
  limits.type = Info<cl_device_type>(device, CL_DEVICE_TYPE, 0);
  limits.compute_units =
      static_cast<int>(std::max<cl_uint>(1, Info<cl_uint>(device, CL_DEVICE_MAX_COMPUTE_UNITS, 1)));
  limits.max_allocation_bytes = static_cast<int64_t>(
      std::min<cl_ulong>(Info<cl_ulong>(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE, 0), INT64_MAX));
  // The property is in bits.
  limits.alignment_bytes =
      std::max<int64_t>(kLeastAlignment, Info<cl_uint>(device, CL_DEVICE_MEM_BASE_ADDR_ALIGN, 1024) / 8);
  limits.max_work_group_size = std::max<size_t>(1, Info<size_t>(device, CL_DEVICE_MAX_WORK_GROUP_SIZE, 1));
  const auto svm = Info<cl_device_svm_capabilities>(device, CL_DEVICE_SVM_CAPABILITIES, 0);
  limits.shared_memory = (svm & CL_DEVICE_SVM_FINE_GRAIN_BUFFER) != 0 &&
                         Info<cl_bool>(device, CL_DEVICE_HOST_UNIFIED_MEMORY, CL_FALSE) != CL_FALSE;
  limits.runs_in_caller = RunsInCaller(device);
  return limits;
}

Status CheckProcess() {
  pid_t first = 0;
  const pid_t now = getpid();
  if (opencl_process.compare_exchange_strong(first, now) || first == now) return {};
  return Fail(ErrorCode::kDevice,
              "OpenCL cannot be used in this process: it was forked after its parent had started OpenCL");
}

Result<std::vector<FoundDevice>> FindDevices() {
  NPU_RETURN_IF_ERROR(CheckProcess());
  Registry& registry = TheRegistry();
  const std::lock_guard lock(registry.mutex);
  if (!registry.found) {
    const SignalKeeper keeper;
    const PoclDeviceRequest request;
    NPU_ASSIGN_OR_RETURN(registry.devices, AskPlatforms());
    if (request.made()) JoinPoclDevices(registry.devices);
    registry.found = !registry.devices.empty();
  }
  return registry.devices;
}

Result<std::shared_ptr<OpenClDevice>> OpenDevice(const FoundDevice& found) {
  NPU_RETURN_IF_ERROR(CheckProcess());
  Registry& registry = TheRegistry();
  const std::lock_guard lock(registry.mutex);
  std::shared_ptr<OpenClDevice>& device = registry.open[found.device()];
  if (device == nullptr) {
    NPU_ASSIGN_OR_RETURN(device, OpenClDevice::Open(found.device, found.name, found.in_caller));
  }
  return device;
}

OpenClDevice::OpenClDevice(cl::Device device, cl::Context context, std::string name,
                           OpenClDeviceLimits limits, std::optional<cl::Device> in_caller)
    : device_(std::move(device)),
      context_(std::move(context)),
      name_(std::move(name)),
      limits_(limits),
      in_caller_(std::move(in_caller)),
      programs_(context_, device_, name_),
      frame_programs_(context_, device_, name_, kFrameKernelSources),
      forms_(context_, device_, name_) {}

Result<std::shared_ptr<OpenClDevice>> OpenClDevice::Open(const cl::Device& device, std::string name,
                                                         const std::optional<cl::Device>& in_caller) {
  const SignalKeeper keeper;
  cl_int code = CL_SUCCESS;
  cl::Context context(device, nullptr, nullptr, nullptr, &code);
  NPU_RETURN_IF_CL_ERROR(code, "clCreateContext", name);
  return std::shared_ptr<OpenClDevice>(
      new OpenClDevice(device, std::move(context), std::move(name), ReadLimits(device), in_caller));
}

Result<std::shared_ptr<OpenClDevice>> OpenClDevice::WithThreads(int threads) {
  std::shared_ptr<OpenClDevice> whole = shared_from_this();
  const std::lock_guard lock(mutex_);
  if (in_caller_) {
    std::shared_ptr<OpenClDevice>& part = parts_[0];
    if (part == nullptr) {
      if (auto opened = Open(*in_caller_, name_)) part = std::move(*opened);
    }
    if (part != nullptr) return part;
  }
  if (threads <= 0 || threads >= limits_.compute_units || (limits_.type & CL_DEVICE_TYPE_CPU) == 0) return whole;
  std::shared_ptr<OpenClDevice>& part = parts_[threads];
  if (part != nullptr) return part;
  const cl_device_partition_property properties[] = {CL_DEVICE_PARTITION_BY_COUNTS, threads,
                                                     CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
  std::vector<cl::Device> devices;
  cl::Device parent = device_;
  if (parent.createSubDevices(properties, &devices) != CL_SUCCESS || devices.empty()) {
    // `threads` is a wish: a device that cannot be divided runs whole.
    part = whole;
    return part;
  }
  auto opened = Open(devices.front(), name_);
  if (!opened) {
    parts_.erase(threads);
    return opened;
  }
  part = std::move(*opened);
  return part;
}

int OpenClDevice::TeamSize(int threads) const {
  return threads <= 0 ? limits_.compute_units : std::min(threads, limits_.compute_units);
}

}  // namespace npu
