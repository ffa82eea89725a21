// Many models as a person reads them: a line each, then the totals.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/options.h"

namespace delegate_check {

// collection: the document of collection.h.
std::string CollectionText(nlohmann::ordered_json collection, const Arguments& arguments);

}  // namespace delegate_check
