// Names come from the model: they are shown on a terminal, never obeyed by it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

namespace delegate_check {

// Every character of every string inside `json` that would steer a terminal (control characters, those that turn the
// writing direction) becomes "?". The strings are UTF-8, since they were JSON.
void MakeShowable(nlohmann::ordered_json& json);

}  // namespace delegate_check
