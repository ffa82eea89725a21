// delegate-check MODEL.tflite...: what goes where, and why. Needs no device for the report itself.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/showable.h"
#include "tools/delegate-check/api.h"
#include "tools/delegate-check/check_model.h"
#include "tools/delegate-check/collection.h"
#include "tools/delegate-check/command_line.h"
#include "tools/delegate-check/device_info.h"
#include "tools/delegate-check/diff.h"
#include "tools/delegate-check/diff_text.h"
#include "tools/delegate-check/extract.h"
#include "tools/delegate-check/formats.h"
#include "tools/delegate-check/host_report.h"
#include "tools/delegate-check/interrupt.h"
#include "tools/delegate-check/model_list.h"
#include "tools/delegate-check/output.h"
#include "tools/delegate-check/profile_text.h"
#include "tools/delegate-check/showable.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

// File names, too, are shown and not obeyed.
void Say(std::string_view message) { fmt::print(stderr, "delegate-check: {}\n", npu::Showable(message)); }

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

int ShowSupportedOps(const Arguments& arguments) {
  char* markdown = nullptr;
  Check(npu_supported_ops(&markdown));
  Write(arguments.output, StringPtr(markdown).get(), "the table");
  return kOk;
}

int ShowDeviceInfo(const Arguments& arguments) {
  const Json info = DeviceInfo(arguments);
  Write(arguments.output, arguments.format == "json" ? Dump(info) : DeviceInfoText(info), "the report");
  if (!info["selected"].is_null()) return kOk;
  Say(info["error"].get<std::string>());
  return kDeviceError;
}

// The report in the format that is asked for, to stdout or where -o says.
void WriteDocument(Json report, const Arguments& arguments) {
  const Format& format = FindFormat(arguments.format);
  if (format.write_files != nullptr) {
    for (const std::string& path : WriteDirectory(arguments.output, format.write_files(std::move(report), arguments))) {
      Say("wrote " + path);
    }
    return;
  }
  Write(arguments.output, format.write(std::move(report), arguments), "the report");
  if (format.tells_path && arguments.output != "-") Say("wrote " + arguments.output);
}

// Said before the model is looked at.
void CheckOutput(const Arguments& arguments) {
  if (FindFormat(arguments.format).write_files == nullptr || arguments.output != "-") return;
  throw Failure(kUsageError, "NPU_INVALID_ARGUMENT",
                fmt::format("--format {} writes several files: name a directory for them with -o", arguments.format));
}

int WriteReport(CheckedModel checked, const Arguments& arguments) {
  // Of a comparison with an earlier run, people want to read what changed; documents hold it beside the report.
  const bool only_changes = !arguments.baseline.empty() && arguments.format == "text";
  if (only_changes) {
    Write(arguments.output, ComparisonText(checked.report["comparison"]), "the report");
  } else {
    WriteDocument(std::move(checked.report), arguments);
  }
  if (!arguments.trace.empty()) Write(arguments.trace, checked.trace.dump() + "\n", "the trace");
  for (const std::string& message : checked.messages) Say(message);
  return checked.exit_code;
}

int ShowHostReport(const Arguments& arguments) {
  CheckedModel checked = HostReport(arguments);
  if (!IsProfileAlone(checked.report)) return WriteReport(std::move(checked), arguments);
  if (arguments.format != "text" && arguments.format != "json") {
    throw Failure(kUsageError, "NPU_INVALID_ARGUMENT",
                  "--host-report: a profile alone has --format text and --format json; give the plug-in's report, too");
  }
  Json& profile = checked.report["profile"];
  if (arguments.format == "text") MakeShowable(profile);
  Write(arguments.output, arguments.format == "json" ? Dump(profile) : ProfileText(profile), "the profile");
  return kOk;
}

int ReportCollection(const std::vector<std::string>& paths, const Arguments& arguments) {
  const Format& format = FindFormat(arguments.format);
  const auto one_model = [&](bool asked, std::string_view option) {
    if (!asked) return;
    throw Failure(kUsageError, "NPU_INVALID_ARGUMENT", fmt::format("{} takes one model; {} are given: call it once for each", option, paths.size()));
  };
  one_model(format.write_many == nullptr, fmt::format("--format {}", format.name));
  one_model(!arguments.baseline.empty(), "--baseline");
  one_model(!arguments.extract.empty(), "--extract");
  one_model(!arguments.explain.empty(), "--explain");
  one_model(!arguments.trace.empty(), "--trace");
  CheckedCollection checked = CheckCollection(paths, arguments);
  Write(arguments.output, format.write_many(std::move(checked.document), arguments), "the report");
  if (format.tells_path && arguments.output != "-") Say("wrote " + arguments.output);
  for (const std::string& message : checked.messages) Say(message);
  return checked.exit_code;
}

int ShowDiff(const Arguments& arguments) {
  if (arguments.format != "text" && arguments.format != "json") {
    throw Failure(kUsageError, "NPU_INVALID_ARGUMENT", "--diff has --format text and --format json");
  }
  const Json diff = Diff(arguments.diff[0], arguments.diff[1], arguments);
  Write(arguments.output, arguments.format == "json" ? Dump(diff) : ComparisonText(diff["comparison"]), "the comparison");
  return kOk;
}

int Main(int argc, char** argv) {
  HandleInterrupts();
  Arguments arguments;
  std::string file;  // the one model, for errors
  try {
    if (const std::optional<ExitCode> done = ParseCommandLine(argc, argv, arguments)) return *done;
    if (arguments.list_devices) return ListDevices();
    if (arguments.supported_ops) return ShowSupportedOps(arguments);
    if (arguments.device_info) return ShowDeviceInfo(arguments);
    if (!arguments.host_report.empty()) {
      CheckOutput(arguments);
      return ShowHostReport(arguments);
    }
    if (!arguments.diff.empty()) return ShowDiff(arguments);
    if (arguments.models.empty()) {
      throw Failure(kUsageError, "NPU_INVALID_ARGUMENT", "no model given; delegate-check --help shows examples");
    }
    const ModelList list = ListModels(arguments.models);
    CheckOutput(arguments);
    if (!arguments.extract.empty() && list.paths.size() == 1) {
      file = list.paths.front();
      fmt::print("{}", npu::Showable(ExtractModel(file, arguments), npu::Newlines::kKeep));
      return kOk;
    }
    if (list.collection) return ReportCollection(list.paths, arguments);
    file = list.paths.front();
    return WriteReport(CheckModel(file, arguments), arguments);
  } catch (const Failure& failure) {
    Say(failure.what());
    if (const Format& format = FindFormat(arguments.format); format.write_error != nullptr) {
      const std::string text = format.write_error(ErrorJson(failure, file), arguments);
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
