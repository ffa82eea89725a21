// A comparison of two reports (diff.h) as a person reads it: only what differs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace delegate_check {

std::string ComparisonText(nlohmann::ordered_json comparison);

}  // namespace delegate_check
