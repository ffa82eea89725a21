// The report a person reads: made from the plan's JSON, as wide as a terminal, plain ASCII.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace delegate_check {

std::string TextReport(const nlohmann::ordered_json& report);

}  // namespace delegate_check
