// What a JSON document of somebody else must look like before it is read as ours.
// A shape is JSON itself: an object names its keys ("?key": may be missing or null), an array has one element
// that all elements must be like, a text is a type: text, number, integer, bool, op (an index into "ops" of
// the document), op? (or -1), placement, any. Keys that the shape does not name are left alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace delegate_check {

// Nothing if it fits; else where it does not, and how: "ops[3].placement is 5; expected a placement".
std::optional<std::string> Misfit(const nlohmann::ordered_json& document,
                                  const nlohmann::ordered_json& shape);

}  // namespace delegate_check
