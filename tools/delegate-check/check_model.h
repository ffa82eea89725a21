// One model, looked at as the arguments ask: planned, and run, verified or profiled where they say so.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/delegate-check/options.h"

namespace delegate_check {

struct CheckedModel {
  nlohmann::ordered_json report;      // npu_plan_json with model.file, and verify, run, profile, gates where asked for
  ExitCode exit_code = kOk;
  std::vector<std::string> messages;  // for stderr: why exit_code is not kOk
  nlohmann::ordered_json trace;       // of --profile, for --trace
};

// The gates that `arguments` ask for, of checked.report.
void ApplyGates(const Arguments& arguments, CheckedModel& checked);

// Whether the arguments ask for more than plans: a device runs, or is measured.
bool RunsModels(const Arguments& arguments);

// path "-": standard input. Throws a Failure where there is no report to make.
CheckedModel CheckModel(const std::string& path, const Arguments& arguments);

}  // namespace delegate_check
