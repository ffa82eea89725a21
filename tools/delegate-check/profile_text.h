// --profile as a person reads it: tables of 80 columns.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace delegate_check {

// profile: of npu_session_profile_json, its names already fit to be shown.
std::string ProfileText(const nlohmann::ordered_json& profile);

}  // namespace delegate_check
