// Which operators a deny or allow list names. An item is, tried in this order:
//   #3 or op3        the operator of that index
//   CONV_2D          an operator name, builtin or custom, upper and lower case being equal
//   block1/*         a glob over the names of the tensors that operators write: * any text, ? any letter
// An item that could never name anything is an Error with a suggestion. An operator name that this graph
// happens not to hold is fine: one list may serve many models.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "schema/graph.h"

namespace npu {

// True when `text` matches `pattern` as a whole. Linear in text for each * of the pattern.
bool GlobMatches(std::string_view pattern, std::string_view text);

// Per op whether any item names it. `option` ("deny") is for the message. kInvalidOption.
Result<std::vector<bool>> SelectOps(const Graph& graph, std::string_view option,
                                    const std::vector<std::string>& items);

}  // namespace npu
