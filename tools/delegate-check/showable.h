// Names come from the model: they are shown on a terminal, never obeyed by it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

namespace delegate_check {

// Every string inside `json` as base/showable.h shows it. ascii: for a terminal that knows nothing else; '?' stands for
// each other character, too.
void MakeShowable(nlohmann::ordered_json& json, bool ascii = false);

}  // namespace delegate_check
