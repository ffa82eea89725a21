// A report that an earlier run wrote as JSON: of delegate-check (--format json), or of the plug-in inside a
// host (option report=PATH). Everything that is read later is checked here, so that readers may trust keys,
// types and indices. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace delegate_check {

// Whether the file begins as JSON does, whatever its name says. False for one that cannot be read.
bool LooksLikeJson(const std::string& path);

// The report of one model. Throws a Failure (usage), naming the file and what is wrong with it, for anything
// else: no JSON, another schema_version, an error document, the report of several models, a profile, missing
// or wrong fields.
nlohmann::ordered_json ReadReportFile(const std::string& path);

// The profile of --profile, --trace or the plug-in's option profile=PATH: its "profile". Throws likewise.
nlohmann::ordered_json ReadProfileFile(const std::string& path);

// Any JSON object: not one that nests so deep that readers would run out of stack. Throws likewise.
nlohmann::ordered_json ReadJson(const std::string& path);

// Any JSON document of ours: an object with schema_version 1 and no `error`. Throws likewise.
nlohmann::ordered_json ReadDocument(const std::string& path);

}  // namespace delegate_check
