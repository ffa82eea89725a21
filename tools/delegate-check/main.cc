// delegate-check MODEL.tflite: what goes where, and why. Needs no device for the report itself.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tools/delegate-check/api.h"
#include "tools/delegate-check/device_info.h"
#include "tools/delegate-check/run.h"
#include "tools/delegate-check/text_report.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void Write(const std::string& path, const std::string& text, const char* what) {
  FILE* file = path == "-" ? stdout : std::fopen(path.c_str(), "wb");
  bool ok = file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (file != nullptr) ok = (file == stdout ? std::fflush(file) : std::fclose(file)) == 0 && ok;
  if (!ok) {
    throw Failure(kUsageError, "NPU_IO_ERROR",
                  fmt::format("cannot write {} to {}: {}", what, path == "-" ? "stdout" : path,
                              std::strerror(errno)));
  }
}

// Adds "gates" to the report; returns whether all passed.
bool CheckGates(const Arguments& arguments, Json& report) {
  const Json& summary = report["summary"];
  Json gates = Json::array();
  bool all = true;
  const auto gate = [&](const char* name, bool passed, std::string actual, std::string allowed) {
    all = all && passed;
    gates.push_back({{"gate", name}, {"passed", passed}, {"actual", std::move(actual)}, {"allowed", std::move(allowed)}});
  };
  const int64_t host = summary["host"];
  const double share = 100.0 * summary["npu_mac_share"].get<double>();
  if (arguments.require_full_npu) {
    gate("--require-full-npu", host == 0, fmt::format("{} operators on the host", host), "0");
  }
  if (arguments.max_host_ops) {
    gate("--max-host-ops", host <= *arguments.max_host_ops, fmt::format("{} operators on the host", host),
         fmt::format("at most {}", *arguments.max_host_ops));
  }
  if (arguments.min_npu_macs) {
    gate("--min-npu-macs", share >= *arguments.min_npu_macs, fmt::format("{:.2f} % of MACs", share),
         fmt::format("at least {:g} %", *arguments.min_npu_macs));
  }
  if (!gates.empty()) report["gates"] = std::move(gates);
  return all;
}

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

int CheckModel(const Arguments& arguments) {
  npu_model* opened = nullptr;
  Check(npu_model_open_file(arguments.model.c_str(), &opened));
  const ModelPtr model(opened);
  const PlanPtr plan = MakePlan(model.get(), arguments, arguments.device, arguments.folds);
  Json report = Json::parse(npu_plan_json(plan.get()));
  report["model"]["file"] = std::filesystem::path(arguments.model).filename().string();
  if (arguments.verify) report["verify"] = Verify(model.get(), plan.get(), arguments);
  if (arguments.run) report["run"] = Run(plan.get(), arguments);
  Json profile;
  if (arguments.profile) {
    profile = Profile(plan.get(), arguments);
    report["profile"] = profile["profile"];
  }
  const bool gates_passed = CheckGates(arguments, report);
  Write(arguments.output, arguments.format == "json" ? Dump(report) : TextReport(report), "the report");
  if (!arguments.trace.empty()) Write(arguments.trace, profile.dump() + "\n", "the trace");
  if (arguments.verify && report["verify"]["max_difference"].get<double>() != 0) {
    fmt::print(stderr, "delegate-check: {} does not give the CPU reference's bytes\n",
               report["verify"]["device"].get<std::string>());
    return kDeviceError;
  }
  if (!gates_passed) std::fputs("delegate-check: a gate is not met\n", stderr);
  return gates_passed ? kOk : kGateFailed;
}

int Main(int argc, char** argv) {
  CLI::App app{"delegate-check digits_int8.tflite: says which operators of a .tflite model run on the NPU, "
               "which do not, and why."};
  Arguments arguments;
  bool list_devices = false, device_info = false;
  app.add_option("model", arguments.model, "the .tflite file");
  app.add_option("--format", arguments.format, "text or json")->check(CLI::IsMember({"text", "json"}))->capture_default_str();
  app.add_option("-o,--output", arguments.output, "write the report to this file (-: stdout)")->capture_default_str();
  app.add_option("--deny", arguments.deny, "operators to keep off the NPU: NAME, #index or tensor glob, joined by +");
  app.add_option("--allow", arguments.allow, "only these operators may go to the NPU");
  app.add_option("--min-segment-macs", arguments.min_segment_macs, "smaller partitions stay with the host")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--min-segment-ops", arguments.min_segment_ops,
                 "partitions without MACs and with fewer operators stay with the host (1: none does)")
      ->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--device", arguments.device, "device for --run, --verify and --profile: auto, number, name part, reference")
      ->capture_default_str();
  app.add_option("--fc-rounding", arguments.fc_rounding, "FULLY_CONNECTED rounding: single or double")
      ->check(CLI::IsMember({"single", "double"}))->capture_default_str();
  app.add_option("--folds", arguments.folds, "graph folds to apply: all, none, or names joined by +")
      ->capture_default_str();
  app.add_option("--placement", arguments.placement,
                 "all, or auto: measure the device, leave to the host what is estimated to be slower there")
      ->check(CLI::IsMember({"all", "auto"}))->capture_default_str();
  app.add_flag("--run", arguments.run, "run the model once and show its largest outputs");
  app.add_flag("--verify", arguments.verify, "compare the device with the CPU reference, byte for byte");
  app.add_flag("--profile", arguments.profile, "run the model several times and say where the time goes");
  app.add_option("--profile-runs", arguments.profile_runs, "how many times")->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_option("--trace", arguments.trace, "write the runs of --profile to this file as a timeline for ui.perfetto.dev")
      ->needs("--profile");
  app.add_option("--threads", arguments.threads, "most CPU threads for --run, --verify and --profile (0: all cores)")
      ->check(CLI::Range(0, 1024))->capture_default_str();
  app.add_option("--input", arguments.inputs,
                 ".npy file for --run, --verify and --profile, once per model input (default: random)");
  app.add_option("--seed", arguments.seed, "seed of random inputs")->capture_default_str();
  app.add_flag("--require-full-npu", arguments.require_full_npu, "gate: no operator stays with the host");
  app.add_option("--max-host-ops", arguments.max_host_ops, "gate: at most this many operators on the host")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--min-npu-macs", arguments.min_npu_macs, "gate: at least this percentage of MACs on the NPU")
      ->check(CLI::Range(0.0, 100.0));
  app.add_flag("--list-devices", list_devices, "list the OpenCL devices and exit");
  app.add_flag("--device-info", device_info, "measure the device, say what is known of all, and exit");
  app.add_option("--cache-dir", arguments.cache_dir, "keep compiled programs and measured speeds in this directory");
  app.set_version_flag("--version", std::string("delegate-check ") + npu_version());
  app.footer("Exit codes: 0 report made; 1 a gate is not met; 2 model unreadable or not runnable; 3 usage;\n"
             "4 device error. The report goes to stdout (or -o), everything else to stderr.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsageError;
  }
  try {
    if (list_devices) return ListDevices();
    if (device_info) return ShowDeviceInfo(arguments);
    if (arguments.model.empty()) {
      std::fputs("delegate-check: no model given; try delegate-check --help\n", stderr);
      return kUsageError;
    }
    return CheckModel(arguments);
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

PlanPtr MakePlan(const npu_model* model, const Arguments& arguments, const std::string& device,
                 const std::string& folds) {
  const std::string min_macs = std::to_string(arguments.min_segment_macs);
  const std::string min_ops = std::to_string(arguments.min_segment_ops);
  const std::string threads = std::to_string(arguments.threads);
  std::vector<npu_option> options = {{"device", device.c_str()},
                                     {"threads", threads.c_str()},
                                     {"fc_rounding", arguments.fc_rounding.c_str()},
                                     {"folds", folds.c_str()},
                                     {"placement", arguments.placement.c_str()},
                                     {"min_segment_macs", min_macs.c_str()},
                                     {"min_segment_ops", min_ops.c_str()}};
  if (!arguments.cache_dir.empty()) options.push_back({"cache_dir", arguments.cache_dir.c_str()});
  if (!arguments.deny.empty()) options.push_back({"deny", arguments.deny.c_str()});
  if (!arguments.allow.empty()) options.push_back({"allow", arguments.allow.c_str()});
  npu_plan* plan = nullptr;
  Check(npu_plan_create(model, options.data(), options.size(), &plan));
  return PlanPtr(plan);
}

}  // namespace delegate_check

int main(int argc, char** argv) { return delegate_check::Main(argc, argv); }
