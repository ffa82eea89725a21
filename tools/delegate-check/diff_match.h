// Which operator of one report is which of another, after a new export has renamed, added and removed some.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

namespace delegate_check {

struct OpMatch {
  int before = -1, after = -1;  // indices into "ops"; -1: the other report has no such operator
  // "name": the same first output tensor and type. "structure": the same type and output shape, in the same
  // order among their neighbours, or the only ones of their kind. "type": the same type in the same order.
  // "replaced": the same output tensor, made by another type.
  const char* by = "";
};

// Every operator of both, each once: those of `after` in their order, then those that only `before` has.
std::vector<OpMatch> MatchOps(const nlohmann::ordered_json& before, const nlohmann::ordered_json& after);

}  // namespace delegate_check
