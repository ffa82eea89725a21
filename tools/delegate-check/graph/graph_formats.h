// --format dot and svg: the model drawn.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/options.h"

namespace delegate_check {

std::string DotReport(nlohmann::ordered_json report, const Arguments& arguments);
std::string SvgReport(nlohmann::ordered_json report, const Arguments& arguments);

}  // namespace delegate_check
