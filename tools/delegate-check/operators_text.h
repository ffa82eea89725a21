// The operators of a report: by type, by segment, and, with --verbose, one by one with what folds make of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/layout.h"

namespace delegate_check {

std::string SegmentsText(const nlohmann::ordered_json& report, bool verbose, const Style& style);
std::string TypesText(const nlohmann::ordered_json& report, bool verbose, const Style& style);
std::string SubgraphsText(const nlohmann::ordered_json& report, bool verbose, const Style& style);
// Boundaries, folds and every operator.
std::string DetailsText(const nlohmann::ordered_json& report, const Style& style);
// "Op#3 CONV_2D(T#1, T#2) -> [T#4]", as TFLite's analyzer writes it.
std::string CallText(const nlohmann::ordered_json& op);
// Where one operator goes: "npu, segment 0 of partition 0; 9.22 k MACs".
std::string PlaceText(const nlohmann::ordered_json& op);

}  // namespace delegate_check
