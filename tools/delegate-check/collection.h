// Several models in one call: each is checked as if it were alone, a bad one does not stop the rest.
// The document (docs/c-api.md): {schema_version, models[{file, ...report} or {file, error{code, text, file}}],
// summary{models, errors, full_npu, partly, none, ops, npu, delegate_cpu, host, macs, npu_macs, npu_mac_share, kinds{}}}.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/delegate-check/options.h"

namespace delegate_check {

struct CheckedCollection {
  nlohmann::ordered_json document;    // models in the order of `paths`
  ExitCode exit_code = kOk;           // the largest of the models'
  std::vector<std::string> messages;  // for stderr, one line each, naming the file
};

// Plans on all cores; where models run (RunsModels), one after another.
CheckedCollection CheckCollection(const std::vector<std::string>& paths, const Arguments& arguments);

}  // namespace delegate_check
