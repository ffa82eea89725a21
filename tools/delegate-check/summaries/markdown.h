// --format markdown: a summary for a pull request, in GitHub's Markdown. What comes from the model is in code
// spans or escaped: no name becomes a link, a picture or somebody's mention. SPDX-License-Identifier:
// Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/options.h"

namespace delegate_check {

std::string MarkdownReport(nlohmann::ordered_json report, const Arguments& arguments);
std::string MarkdownCollection(nlohmann::ordered_json collection, const Arguments& arguments);
std::string MarkdownError(nlohmann::ordered_json error, const Arguments& arguments);

}  // namespace delegate_check
