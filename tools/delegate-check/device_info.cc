// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/device_info.h"

#include <fmt/format.h>
#ifdef NPU_HAVE_LIBDRM
#include <fcntl.h>
#include <unistd.h>
#include <xf86drm.h>
#endif

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/delegate-check/api.h"
#include "tools/delegate-check/layout.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

#ifdef NPU_HAVE_LIBDRM

// "amdgpu 3.54.0", or why it cannot be asked.
std::string DriverOf(const char* node) {
  const int file = ::open(node, O_RDWR | O_CLOEXEC);
  if (file < 0) return std::string("cannot be opened: ") + std::strerror(errno) +
                       (errno == EACCES ? " (is this user in the group that owns it, often render?)" : "");
  std::string text = "its driver does not answer";
  if (drmVersionPtr version = drmGetVersion(file)) {
    text = fmt::format("{} {}.{}.{}", version->name, version->version_major, version->version_minor,
                       version->version_patchlevel);
    drmFreeVersion(version);
  }
  ::close(file);
  return text;
}

const char* BusName(int type) {
  switch (type) {
    case DRM_BUS_PCI: return "PCI";
    case DRM_BUS_USB: return "USB";
    case DRM_BUS_PLATFORM: return "platform";
    case DRM_BUS_HOST1X: return "host1x";
    default: return "other";
  }
}

Json DrmNodes(std::string& error) {
  Json nodes = Json::array();
  constexpr int kMost = 64;
  drmDevicePtr devices[kMost];
  const int count = drmGetDevices2(0, devices, kMost);
  // A machine without any graphics driver has no such folder, which is an answer, not a failure.
  if (count < 0 && count != -ENOENT) error = std::strerror(-count);
  for (int i = 0; i < count; ++i) {
    for (int kind = 0; kind < DRM_NODE_MAX; ++kind) {
      if ((devices[i]->available_nodes & (1 << kind)) == 0) continue;
      nodes.push_back({{"node", devices[i]->nodes[kind]},
                       {"bus", BusName(devices[i]->bustype)},
                       {"driver", DriverOf(devices[i]->nodes[kind])}});
    }
  }
  if (count > 0) drmFreeDevices(devices, count);
  return nodes;
}

#else

std::string DriverOf(const char*) { return "not asked: built without libdrm"; }

Json DrmNodes(std::string& error) {
  error = "built without libdrm";
  return Json::array();
}

#endif

// Compute accelerators (the kernel's accel subsystem), which libdrm does not list. Their drivers are DRM drivers, and answer
// as those do.
void AddAccelerators(Json& nodes) {
  std::error_code none;
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/accel", none)) paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) nodes.push_back({{"node", path}, {"bus", "accel"}, {"driver", DriverOf(path.c_str())}});
}

std::string Bytes(const Json& bytes) { return HumanBytes(bytes.get<int64_t>()); }

// The fields of "speed" with their units, as docs/profiling.md explains them.
struct SpeedRow {
  const char* field;
  const char* unit;
  const char* what;
};
constexpr SpeedRow kSpeedRows[] = {
    {"peak_gmacs", "GMAC/s", "8-bit products on registers, at most"},
    {"convolution_gmacs", "GMAC/s", "convolutions of long inner products"},
    {"convolution_gouts", "G/s", "outputs of convolutions, beside their products"},
    {"depthwise_gmacs", "GMAC/s", "depthwise convolutions"},
    {"fully_connected_gmacs", "GMAC/s", "fully connected layers of one row"},
    {"move_gbs", "GB/s", "operators without products"},
    {"launch_us", "us", "one more kernel"},
    {"invoke_us", "us", "one invocation of a segment"},
    {"copy_gbs", "GB/s", "inputs and outputs of a segment"},
};

}  // namespace

Json DeviceInfo(const Arguments& arguments) {
  const std::string threads = std::to_string(arguments.threads);
  const npu_option options[] = {{"device", arguments.device.c_str()},
                                {"threads", threads.c_str()},
                                {"cache_dir", arguments.cache_dir.c_str()}};
  char* json = nullptr;
  Check(npu_device_info_json(options, std::size(options), &json));
  Json info = Json::parse(StringPtr(json).get());
  std::string error;
  Json nodes = DrmNodes(error);
  AddAccelerators(nodes);
  info["drm"] = {{"nodes", std::move(nodes)}, {"error", error}};
  return info;
}

std::string DeviceInfoText(const Json& info) {
  std::string text;
  if (info["devices"].empty()) text += fmt::format("No OpenCL device: {}\n", info["error"].get<std::string>());
  for (const Json& device : info["devices"]) {
    text += fmt::format("{}: {}\n   {}, {} compute units, memory {} (at most {} at once){}\n   {}, {}, driver {}\n",
                        device["index"].get<int>(), device["name"].get<std::string>(), device["type"].get<std::string>(),
                        device["compute_units"].get<int>(), Bytes(device["memory_bytes"]),
                        Bytes(device["max_allocation_bytes"]),
                        device["shared_memory"].get<bool>() ? ", shared with the host" : "",
                        device["platform"].get<std::string>(), device["platform_version"].get<std::string>(),
                        device["driver_version"].get<std::string>());
  }
  if (const Json& selected = info["selected"]; !selected.is_null()) {
    const int threads = selected["threads"];
    text += fmt::format("\nMeasured on device {}, {}: kernels of variant {}\n", selected["index"].get<int>(),
                        threads == 0 ? "all compute units" : fmt::format("{} thread{}", threads, threads == 1 ? "" : "s"),
                        selected["variant"].get<std::string>());
    for (const Json& trial : selected["trials"]) {
      text += fmt::format("  self-test of {}: {}", trial["variant"].get<std::string>(),
                          trial["self_test"].get<std::string>());
      const double speedup = trial["speedup"];
      text += speedup > 0 ? fmt::format(", {:.1f} times as fast as what it replaces\n", speedup) : "\n";
    }
    for (const SpeedRow& row : kSpeedRows) {
      text += fmt::format("  {:>9.4g} {:<7} {}\n", selected["speed"][row.field].get<double>(), row.unit, row.what);
    }
  }
  const Json& drm = info["drm"];
  text += "\nGraphics and accelerator nodes of the kernel: ";
  if (drm["nodes"].empty()) text += drm["error"] == "" ? "none" : drm["error"].get<std::string>();
  text += "\n";
  for (const Json& node : drm["nodes"]) {
    text += fmt::format("  {} ({}): {}\n", node["node"].get<std::string>(), node["bus"].get<std::string>(),
                        node["driver"].get<std::string>());
  }
  return text;
}

}  // namespace delegate_check
