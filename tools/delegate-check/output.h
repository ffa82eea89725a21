// Where reports and errors go: files, stdout, JSON.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/delegate-check/api.h"

namespace delegate_check {

// Indented, with a newline at the end. Text that is not UTF-8 is repaired.
std::string Dump(const nlohmann::ordered_json& json);

// {"code", "text", "file"}: the form of an error in every JSON document. file: as the user named it; empty: no file's.
nlohmann::ordered_json ErrorJson(const Failure& failure, const std::string& file);

// path "-": stdout. A file is there whole or as it was before, whatever goes wrong, Ctrl+C included. `what` names the thing in the Failure: "the report".
void Write(const std::string& path, const std::string& text, const char* what);

struct NamedText {
  std::string name;  // of a file in the directory
  std::string text;
};
// Each whole or not at all; the directory is made where there is none. Their paths, as written.
std::vector<std::string> WriteDirectory(const std::string& directory, const std::vector<NamedText>& files);

}  // namespace delegate_check
