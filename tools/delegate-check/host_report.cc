// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/host_report.h"

#include <fmt/format.h>

#include "tools/delegate-check/api.h"
#include "tools/delegate-check/report_file.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

// Of a plan, by whoever wrote it. The rest of a delegate-check report tells of other runs.
constexpr const char* kPlanKeys[] = {"schema_version", "model",    "summary",    "partitions",
                                     "segments",       "memory",   "boundaries", "blockers",
                                     "advice",         "ops",      "tensors",    "folds",
                                     "declined_folds", "findings", "subgraphs"};
// What a plan of this version has, and one of an older plug-in may not.
constexpr const char* kNewerKeys[] = {"memory", "blockers", "advice", "tensors"};

[[noreturn]] void Refuse(const std::string& what) {
  throw Failure(kUsageError, "NPU_INVALID_ARGUMENT", "--host-report: " + what);
}

bool HasPlan(const std::string& path) { return ReadJson(path).contains("ops"); }

Json PlanOf(const std::string& path) {
  const Json document = ReadReportFile(path);
  Json report;
  for (const char* key : kPlanKeys) {
    if (document.contains(key)) report[key] = document[key];
  }
  for (const char* key : kNewerKeys) {
    if (!report.contains(key))
      Refuse(fmt::format("{} has no {}: an older plug-in wrote it. Write it anew with this one", path, key));
  }
  return report;
}

void CheckBelongs(const Json& report, const Json& profile, const std::string& path) {
  const Json &planned = report["ops"], &measured = profile["ops"];
  bool same = planned.size() == measured.size();
  for (size_t i = 0; same && i < planned.size(); ++i) same = planned[i]["op"] == measured[i]["op"];
  if (!same) Refuse(fmt::format("the profile {} is of another graph than the report", path));
}

}  // namespace

bool IsProfileAlone(const Json& report) { return !report.contains("ops"); }

CheckedModel HostReport(const Arguments& arguments) {
  std::string plan, profile;
  for (const std::string& path : arguments.host_report) {
    std::string& kind = HasPlan(path) ? plan : profile;
    if (!kind.empty())
      Refuse(fmt::format("{} and {} are of one kind; expected one report, one profile, or one of each", kind,
                         path));
    kind = path;
  }
  CheckedModel checked;
  if (!plan.empty()) checked.report = PlanOf(plan);
  if (!profile.empty()) {
    Json measured = ReadProfileFile(profile);
    if (!plan.empty()) CheckBelongs(checked.report, measured, profile);
    checked.report["profile"] = std::move(measured);
  }
  if (!plan.empty()) ApplyGates(arguments, checked);
  return checked;
}

}  // namespace delegate_check
