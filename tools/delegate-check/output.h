// Where reports and errors go: files, stdout, JSON.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/api.h"

namespace delegate_check {

// Indented, with a newline at the end. Text that is not UTF-8 is repaired.
std::string Dump(const nlohmann::ordered_json& json);

// {"code", "text", "file"}: the form of an error in every JSON document. file: as the user named it; empty: no file's.
nlohmann::ordered_json ErrorJson(const Failure& failure, const std::string& file);

// path "-": stdout. A file is there whole or as it was before, whatever goes wrong, Ctrl+C included. `what` names the thing in the Failure: "the report".
void Write(const std::string& path, const std::string& text, const char* what);

}  // namespace delegate_check
