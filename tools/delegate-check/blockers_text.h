// What keeps a model off the NPU, the costliest first: each with what, why, what it costs and what to do.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/layout.h"

namespace delegate_check {

// The blockers of the report, then the advice that belongs to none of them, then the findings. Long lists are cut unless
// `verbose`. Empty where nothing is in the way.
std::string BlockersText(const nlohmann::ordered_json& report, bool verbose, const Style& style);

}  // namespace delegate_check
