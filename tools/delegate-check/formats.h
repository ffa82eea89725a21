// The forms a report can take. A new one is a row in formats.cc; --format, --help and the documentation follow.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tools/delegate-check/options.h"
#include "tools/delegate-check/output.h"

namespace delegate_check {

struct Format {
  std::string_view name;  // of --format
  std::string_view what;  // for --help: "what a person reads"
  // Null: several files, by write_files.
  std::string (*write)(nlohmann::ordered_json report, const Arguments& arguments);
  // The document of several models (collection.h); null: this format takes one model.
  std::string (*write_many)(nlohmann::ordered_json collection, const Arguments& arguments);
  // {"code", "text", "file"} (ErrorJson) where there is no report; null: it is said on stderr alone.
  std::string (*write_error)(nlohmann::ordered_json error, const Arguments& arguments) = nullptr;
  // Files for the directory that -o names; null: one text, by write.
  std::vector<NamedText> (*write_files)(nlohmann::ordered_json report, const Arguments& arguments) = nullptr;
  bool tells_path = false;  // people open the file next, so it is said where it went
};

std::vector<std::string> FormatNames();
// "text: what a person reads; json: ..."
std::string FormatList();
// The format of that name, which must be one of FormatNames().
const Format& FindFormat(std::string_view name);

}  // namespace delegate_check
