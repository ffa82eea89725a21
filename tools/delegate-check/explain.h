// --explain: one operator, or one tensor, with all that is known of it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/layout.h"

namespace delegate_check {

// what: "17", "#17" or "Op#17"; "T#42"; an operator's type (all of them) or a tensor's name (the operator that makes it,
// else the tensor). Throws a Failure (usage) that names the numbers there are, or the nearest name.
std::string ExplainText(const nlohmann::ordered_json& report, const std::string& what, const Style& style);

}  // namespace delegate_check
