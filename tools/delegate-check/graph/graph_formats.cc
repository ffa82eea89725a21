// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/graph/graph_formats.h"

#include "tools/delegate-check/graph/dot.h"
#include "tools/delegate-check/graph/layout.h"
#include "tools/delegate-check/graph/svg.h"
#include "tools/delegate-check/showable.h"

namespace delegate_check {

using Json = nlohmann::ordered_json;

std::string DotReport(Json report, const Arguments&) {
  MakeShowable(report);
  return DotText(MakeModelGraph(report), report);
}

std::string SvgReport(Json report, const Arguments& arguments) {
  MakeShowable(report);
  const ModelGraph graph = MakeModelGraph(report);
  return SvgText(graph, MakeLayout(graph, report, arguments.layout_seconds), report, true);
}

}  // namespace delegate_check
