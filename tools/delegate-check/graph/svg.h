// A laid out ModelGraph as SVG. Boxes carry data-box and data-op, edges data-from, data-to and data-tensor,
// by which the page of --format html finds them; colours are classes (op_class.h), so that a page can choose
// others for dark screens. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/graph/layout.h"
#include "tools/delegate-check/graph/model_graph.h"

namespace delegate_check {

// standalone: with its own style sheet, legend and title; else a page's part.
std::string SvgText(const ModelGraph& graph, const Layout& layout, const nlohmann::ordered_json& report,
                    bool standalone);

// The style sheet of such pictures, for light backgrounds, with the colours of kOpClasses.
std::string GraphCss();

}  // namespace delegate_check
