// The report a person reads: made from the plan's JSON, as wide as a terminal. Characters of the model's names
// that would steer the terminal are shown as '?'.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/options.h"

namespace delegate_check {

std::string TextReport(nlohmann::ordered_json report, const Arguments& arguments);

}  // namespace delegate_check
