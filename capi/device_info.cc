// SPDX-License-Identifier: Apache-2.0
#include "capi/device_info.h"

#include <nlohmann/json.hpp>

#include "backends/opencl/opencl_backend.h"

namespace npu {
namespace {

using Json = nlohmann::ordered_json;

Json DevicesJson(const std::vector<OpenClDeviceInfo>& devices) {
  Json list = Json::array();
  for (size_t i = 0; i < devices.size(); ++i) {
    const OpenClDeviceInfo& info = devices[i];
    list.push_back({{"index", i},
                    {"name", info.name},
                    {"type", info.type},
                    {"platform", info.platform},
                    {"platform_version", info.platform_version},
                    {"device_version", info.device_version},
                    {"driver_version", info.driver_version},
                    {"compute_units", info.compute_units},
                    {"memory_bytes", info.memory_bytes},
                    {"max_allocation_bytes", info.max_allocation_bytes},
                    {"shared_memory", info.shared_memory}});
  }
  return list;
}

Json MeasurementJson(const OpenClMeasurement& measured, int threads) {
  Json trials = Json::array();
  for (const OpenClMeasurement::Trial& trial : measured.trials) {
    trials.push_back({{"variant", trial.variant},
                      {"self_test", trial.problem.empty() ? "passed" : trial.problem},
                      {"speedup", trial.speedup}});
  }
  Json speed;
#define NPU_SPEED_FIELD(name, unit, what) speed[#name] = measured.speed.name;
  NPU_SPEED_FIELDS
#undef NPU_SPEED_FIELD
  return {{"index", measured.index},   {"name", measured.name},        {"threads", threads},
          {"variant", measured.variant}, {"trials", std::move(trials)}, {"speed", std::move(speed)}};
}

}  // namespace

std::string DeviceInfoJson(const Options& options) {
  Json json = {{"schema_version", 1}, {"devices", Json::array()}, {"selected", nullptr}, {"error", ""}};
  if (const auto devices = ListOpenClDevices()) {
    json["devices"] = DevicesJson(*devices);
  } else {
    json["error"] = devices.error().text;
  }
  if (options.device == "reference") {
    json["error"] = "device=reference is the CPU reference: there is nothing to measure";
  } else if (const auto measured = MeasureOpenClDevice(options.device, options.compute.threads, options.cache_dir)) {
    json["selected"] = MeasurementJson(*measured, options.compute.threads);
  } else {
    json["error"] = measured.error().text;
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace npu
