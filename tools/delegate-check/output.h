// Where reports go: files, and stdout.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace delegate_check {

// Indented, with a newline at the end. Text that is not UTF-8 is repaired.
std::string Dump(const nlohmann::ordered_json& json);

// path "-": stdout. `what` names the thing in the Failure: "the report".
void Write(const std::string& path, const std::string& text, const char* what);

}  // namespace delegate_check
