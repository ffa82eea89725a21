// --format html: one page that needs nothing else, neither network nor files beside it. Data and drawings are
// embedded, everything in them escaped; a policy in the page forbids it to load or send anything.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/options.h"

namespace delegate_check {

std::string HtmlReport(nlohmann::ordered_json report, const Arguments& arguments);

// Of several models (collection.h): a table of all, and each as HtmlReport shows it. Graphs are drawn as long
// as they have kMaxPageOps operators together; later models say how to get theirs.
std::string HtmlCollection(nlohmann::ordered_json collection, const Arguments& arguments);
constexpr size_t kMaxPageOps = 20000;

}  // namespace delegate_check
