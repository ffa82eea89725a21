// --format github: workflow commands, which GitHub Actions shows as annotations: an error per gate that is
// not met and per model without a report, a warning per blocker with what to do, a notice with the verdict.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/options.h"

namespace delegate_check {

std::string GithubReport(nlohmann::ordered_json report, const Arguments& arguments);
std::string GithubCollection(nlohmann::ordered_json collection, const Arguments& arguments);
std::string GithubError(nlohmann::ordered_json error, const Arguments& arguments);

}  // namespace delegate_check
