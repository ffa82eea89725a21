// delegate-check MODEL.tflite: what goes where, and why. Needs no device for the report itself.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "tools/delegate-check/api.h"
#include "tools/delegate-check/check_model.h"
#include "tools/delegate-check/command_line.h"
#include "tools/delegate-check/device_info.h"
#include "tools/delegate-check/formats.h"
#include "tools/delegate-check/output.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

int ListDevices() {
  char* json = nullptr;
  Check(npu_devices_json(&json));
  const Json devices = Json::parse(StringPtr(json).get());
  if (devices.empty()) std::fputs("no OpenCL device\n", stdout);
  for (const Json& device : devices) {
    fmt::print("{}: {} ({}, driver {})\n", device["index"].get<int>(), device["name"].get<std::string>(),
               device["platform"].get<std::string>(), device["driver_version"].get<std::string>());
  }
  return kOk;
}

int ShowDeviceInfo(const Arguments& arguments) {
  const Json info = DeviceInfo(arguments);
  Write(arguments.output, arguments.format == "json" ? Dump(info) : DeviceInfoText(info), "the report");
  if (!info["selected"].is_null()) return kOk;
  fmt::print(stderr, "delegate-check: {}\n", info["error"].get<std::string>());
  return kDeviceError;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  if (const std::optional<ExitCode> done = ParseCommandLine(argc, argv, arguments)) return *done;
  try {
    if (arguments.list_devices) return ListDevices();
    if (arguments.device_info) return ShowDeviceInfo(arguments);
    if (arguments.model.empty()) {
      std::fputs("delegate-check: no model given; try delegate-check --help\n", stderr);
      return kUsageError;
    }
    CheckedModel checked = CheckModel(arguments.model, arguments);
    Write(arguments.output, FindFormat(arguments.format).write(std::move(checked.report)), "the report");
    if (!arguments.trace.empty()) Write(arguments.trace, checked.trace.dump() + "\n", "the trace");
    for (const std::string& message : checked.messages) fmt::print(stderr, "delegate-check: {}\n", message);
    return checked.exit_code;
  } catch (const Failure& failure) {
    fmt::print(stderr, "delegate-check: {}\n", failure.what());
    if (arguments.format == "json") {
      const Json error{{"schema_version", 1}, {"error", {{"code", failure.code}, {"text", failure.what()}}}};
      const std::string text = Dump(error);
      std::fwrite(text.data(), 1, text.size(), stdout);
    }
    return failure.exit_code;
  } catch (const std::exception& error) {
    fmt::print(stderr, "delegate-check: unexpected: {}\n", error.what());
    return kModelError;
  }
}

}  // namespace
}  // namespace delegate_check

int main(int argc, char** argv) { return delegate_check::Main(argc, argv); }
