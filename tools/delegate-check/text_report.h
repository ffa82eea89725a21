// The report a person reads: made from the plan's JSON, as wide as a terminal. Characters of the model's names
// that would steer the terminal are shown as '?'.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace delegate_check {

std::string TextReport(nlohmann::ordered_json report);

// 1234567 -> "1.23 M": three significant digits.
std::string Human(int64_t number);

}  // namespace delegate_check
