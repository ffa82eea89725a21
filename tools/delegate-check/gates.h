// Gates: what a CI job asks of a plan (--require-full-npu, --max-host-ops ...). A gate that is not met is an exit code,
// never an error.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/delegate-check/options.h"

namespace delegate_check {

// Adds "gates" [{gate, passed, actual, allowed}] to the report, if `arguments` ask for any; returns a line for each that
// is not met, with its number and limit.
std::vector<std::string> CheckGates(const Arguments& arguments, nlohmann::ordered_json& report);

}  // namespace delegate_check
