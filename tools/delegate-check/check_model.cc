// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/check_model.h"

#include <fmt/format.h>

#include <filesystem>

#include "tools/delegate-check/accuracy.h"
#include "tools/delegate-check/api.h"
#include "tools/delegate-check/diff.h"
#include "tools/delegate-check/gates.h"
#include "tools/delegate-check/layers.h"
#include "tools/delegate-check/open_model.h"
#include "tools/delegate-check/run.h"

namespace delegate_check {

using Json = nlohmann::ordered_json;

namespace {

// What --verify and --verify-layers let differ, in words; with exact rounding nothing.
const char* WithinOne(const Arguments& arguments) {
  return arguments.requantize == "float" ? ", to within 1 per operator" : "";
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
                                     {"requantize", arguments.requantize.c_str()},
                                     {"folds", folds.c_str()},
                                     {"placement", arguments.placement.c_str()},
                                     {"min_segment_macs", min_macs.c_str()},
                                     {"min_segment_ops", min_ops.c_str()}};
  if (!arguments.cache_dir.empty()) options.push_back({"cache_dir", arguments.cache_dir.c_str()});
  if (!arguments.deny.empty()) options.push_back({"deny", arguments.deny.c_str()});
  if (!arguments.allow.empty()) options.push_back({"allow", arguments.allow.c_str()});
  if (!arguments.input_uint8.empty()) options.push_back({"input_uint8", arguments.input_uint8.c_str()});
  npu_plan* plan = nullptr;
  Check(npu_plan_create(model, options.data(), options.size(), &plan));
  return PlanPtr(plan);
}

bool RunsModels(const Arguments& arguments) {
  return arguments.run || arguments.verify || arguments.verify_layers || !arguments.accuracy.empty() || arguments.profile || arguments.placement == "auto";
}

void ApplyGates(const Arguments& arguments, CheckedModel& checked) {
  checked.messages = CheckGates(arguments, checked.report);
  if (!checked.messages.empty()) checked.exit_code = kGateFailed;
  if (!arguments.baseline.empty()) CompareWithBaseline(arguments.baseline, checked);
}

CheckedModel CheckModel(const std::string& path, const Arguments& arguments) {
  const OpenedModel opened = OpenModel(path);
  const ModelPtr& model = opened.model;
  const PlanPtr plan = MakePlan(model.get(), arguments, arguments.device, arguments.folds);
  CheckedModel checked{Json::parse(npu_plan_json(plan.get())), kOk, {}, {}};
  Json& report = checked.report;
  report["model"]["file"] = path == "-" ? path : std::filesystem::path(path).filename().string();
  if (arguments.verify) report["verify"] = Verify(model.get(), plan.get(), arguments);
  if (arguments.verify_layers) report["verify_layers"] = VerifyLayers(plan.get(), report, arguments);
  if (!arguments.accuracy.empty()) report["accuracy"] = Accuracy(model.get(), plan.get(), arguments);
  if (arguments.run) report["run"] = Run(plan.get(), arguments);
  if (arguments.profile) {
    checked.trace = Profile(plan.get(), arguments);
    report["profile"] = checked.trace["profile"];
  }
  ApplyGates(arguments, checked);
  if (arguments.verify && !Agrees(report["verify"])) {
    checked.exit_code = kDeviceError;
    checked.messages.push_back(fmt::format("{} does not give the CPU reference's bytes{}",
                                           report["verify"]["device"].get<std::string>(),
                                           WithinOne(arguments)));
  }
  if (arguments.requantize != "float" && !arguments.accuracy.empty() &&
      report["accuracy"]["reference"]["same_bytes"] != report["accuracy"]["samples"]) {
    checked.exit_code = kDeviceError;
    checked.messages.push_back(fmt::format("{} does not give the CPU reference's bytes for every sample",
                                           report["accuracy"]["device"].get<std::string>()));
  }
  if (arguments.verify_layers && !report["verify_layers"]["first_diverging"].is_null()) {
    const Json& first = report["verify_layers"]["first_diverging"];
    checked.exit_code = kDeviceError;
    checked.messages.push_back(
        fmt::format("{}: Op#{} {} is the first that does not give the CPU reference's bytes{}",
                    report["verify_layers"]["device"].get<std::string>(), first["op"].get<int>(),
                    first["name"].get<std::string>(), WithinOne(arguments)));
  }
  return checked;
}

}  // namespace delegate_check
