// Where the boxes of a ModelGraph go: graphviz decides, or, where it cannot be asked or takes too long, a
// plain list of layers in execution order. y grows downwards, units are SVG's. SPDX-License-Identifier:
// Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/delegate-check/graph/model_graph.h"

namespace delegate_check {

struct Point {
  double x, y;
};

struct Rect {
  double x, y, width, height;  // x, y: the upper left corner
};

struct Layout {
  double width = 0, height = 0;
  std::vector<Rect> boxes;  // as ModelGraph's
  std::vector<std::vector<Point>>
      edges;                   // as ModelGraph's: start, then three points per Bezier curve; empty: not drawn
  std::vector<Rect> segments;  // width 0: none drawn
  std::string note;            // empty: graphviz'; else why not
};

// seconds: how long graphviz may take; 0: it is not asked.
Layout MakeLayout(const ModelGraph& graph, const nlohmann::ordered_json& report, double seconds);

}  // namespace delegate_check
