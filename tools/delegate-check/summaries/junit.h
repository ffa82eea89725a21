// --format junit: test results as CI systems show them. A testsuite per model; in it
//   a testcase per gate: failed where the gate is not met;
//   a testcase "verify" after --verify, "verify-layers" after --verify-layers: failed where bytes differ;
//   a testcase per operator that is not on the NPU: skipped, with its reasons, since only a gate makes that a
//   failure; a testcase "model": passed, or an error where there is no report.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/options.h"

namespace delegate_check {

std::string JunitReport(nlohmann::ordered_json report, const Arguments& arguments);
std::string JunitCollection(nlohmann::ordered_json collection, const Arguments& arguments);
std::string JunitError(nlohmann::ordered_json error, const Arguments& arguments);

}  // namespace delegate_check
