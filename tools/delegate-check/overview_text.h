// The top of a report, read in ten seconds: kind, share and verdict in three lines, the placement bar, inputs and outputs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/layout.h"

namespace delegate_check {

std::string OverviewText(const nlohmann::ordered_json& report, const Style& style);

}  // namespace delegate_check
