// A ModelGraph in graphviz' language. The same text is the `dot` format and what layouts are asked for.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/graph/model_graph.h"

namespace delegate_check {

// Box n is node "n<n>", edge n has id "e<n>", segment n is "cluster_<n>". Every box's size is given, so that
// no font matters; what makes graphviz slow with thousands of boxes is limited.
std::string DotText(const ModelGraph& graph, const nlohmann::ordered_json& report);

// "NPU segment 2, partition 0": what is written on a segment's frame.
std::string SegmentTitle(const nlohmann::ordered_json& segment);

}  // namespace delegate_check
