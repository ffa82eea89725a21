// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/graph/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "tools/delegate-check/graph/dot.h"
#include "tools/delegate-check/graph/graphviz.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMargin = 12;

// The numbers of `text`, whatever stands between them. Not strtod: a locale may want a decimal comma.
std::vector<double> Numbers(std::string_view text) {
  std::vector<double> numbers;
  for (const char* at = text.data(); at < text.data() + text.size();) {
    double number = 0;
    const auto [end, error] = std::from_chars(at, text.data() + text.size(), number);
    if (error == std::errc()) numbers.push_back(number);
    at = error == std::errc() ? end : at + 1;
  }
  return numbers;
}

// Of "x0,y0,x1,y1", lower left and upper right corner; y grows upwards there.
Rect ReadBounds(const std::string& text, double height) {
  const std::vector<double> n = Numbers(text);
  if (n.size() != 4) return {};
  return {n[0] + kMargin, height - n[3] + kMargin, n[2] - n[0], n[3] - n[1]};
}

// "s,30,99 e,27,36.1 27,71.7 27,63.9": the curve's points, behind those where an arrow's tail and tip stand,
// which become its first and last.
std::vector<Point> ReadSpline(const std::string& text, double height) {
  std::vector<Point> points;
  for (const double number : Numbers(text)) {
    if (points.empty() || !std::isnan(points.back().y)) {
      points.push_back({number + kMargin, std::nan("")});
    } else {
      points.back().y = height - number + kMargin;
    }
  }
  const bool has_tail = text.find("s,") != std::string::npos, has_tip = text.find("e,") != std::string::npos;
  const size_t ends = (has_tail ? 1u : 0u) + (has_tip ? 1u : 0u);
  if (points.size() < ends + 4 || (points.size() - ends) % 3 != 1) return {};
  // Both come before the curve, in the order of the text.
  const bool tail_first = text.find("s,") < text.find("e,");
  if (has_tip) points.back() = points[has_tail && tail_first ? 1 : 0];
  if (has_tail) points[ends] = points[has_tip && !tail_first ? 1 : 0];
  points.erase(points.begin(), points.begin() + static_cast<std::ptrdiff_t>(ends));
  return points;
}

// The number behind `prefix` in `text`, or -1.
int NumberAfter(std::string_view text, std::string_view prefix, size_t limit) {
  if (text.substr(0, prefix.size()) != prefix) return -1;
  size_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + prefix.size(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number < limit ? static_cast<int>(number)
                                                                                    : -1;
}

// False when the answer lacks a box: then it is none. Throws what the JSON library does where types are
// wrong.
bool ReadAnswer(const std::string& text, const ModelGraph& graph, Layout& layout) {
  const Json answer = Json::parse(text);
  const Rect bounds = ReadBounds(answer.at("bb"), 0);
  const double height = bounds.height;
  layout.width = bounds.width + 2 * kMargin;
  layout.height = height + 2 * kMargin;
  size_t placed = 0;
  for (const Json& object : answer.value("objects", Json::array())) {
    const std::string name = object.value("name", "");
    if (const int segment = NumberAfter(name, "cluster_", layout.segments.size()); segment >= 0) {
      if (object.contains("bb"))
        layout.segments[static_cast<size_t>(segment)] = ReadBounds(object["bb"], height);
    } else if (const int box = NumberAfter(name, "n", layout.boxes.size()); box >= 0) {
      const std::vector<double> center = Numbers(object.value("pos", ""));
      if (center.size() != 2) return false;
      const GraphBox& size = graph.boxes[static_cast<size_t>(box)];
      layout.boxes[static_cast<size_t>(box)] = {center[0] - size.width / 2 + kMargin,
                                                height - center[1] - size.height / 2 + kMargin, size.width,
                                                size.height};
      ++placed;
    }
  }
  for (const Json& edge : answer.value("edges", Json::array())) {
    const int index = NumberAfter(edge.value("id", ""), "e", layout.edges.size());
    if (index >= 0) layout.edges[static_cast<size_t>(index)] = ReadSpline(edge.value("pos", ""), height);
  }
  return placed == graph.boxes.size();
}

// A curve from the lower side of a box to the upper side of another. Where it passes layers it swings aside,
// so that it can be told from the boxes between.
std::vector<Point> Curve(const Rect& from, const Rect& to, int layers) {
  const Point start{from.x + from.width / 2, from.y + from.height}, end{to.x + to.width / 2, to.y};
  const double bend = (end.y - start.y) / 3;
  const double aside = layers > 1 ? from.width / 2 + 24 + 4 * std::min(layers, 60) : 0;
  return {start, {start.x + aside, start.y + bend}, {end.x + aside, end.y - bend}, end};
}

// Layers by the longest path from the inputs; in a layer boxes stand in execution order.
void Layered(const ModelGraph& graph, Layout& layout) {
  constexpr double kGap = 26, kLayerGap = 34;
  std::vector<int> layer(graph.boxes.size(), 0);
  // Operators are in topological order, and so are boxes, but for a box that ends later than another that
  // reads from its first operators; as many rounds as there are such steps back settle that. Bounded: a ring
  // would never end.
  bool changed = true;
  for (int round = 0; changed && round < 16; ++round) {
    changed = false;
    for (const GraphEdge& edge : graph.edges) {
      int& to = layer[static_cast<size_t>(edge.to)];
      const int least = layer[static_cast<size_t>(edge.from)] + 1;
      if (to >= least) continue;
      to = least;
      changed = true;
    }
  }
  std::vector<std::vector<size_t>> rows;
  for (size_t i = 0; i < graph.boxes.size(); ++i) {
    if (static_cast<size_t>(layer[i]) >= rows.size()) rows.resize(static_cast<size_t>(layer[i]) + 1);
    rows[static_cast<size_t>(layer[i])].push_back(i);
  }
  std::vector<double> widths;
  for (const std::vector<size_t>& row : rows) {
    double width = 0;
    for (const size_t box : row) width += graph.boxes[box].width + kGap;
    widths.push_back(width);
    layout.width = std::max(layout.width, width);
  }
  double y = kMargin;
  for (size_t r = 0; r < rows.size(); ++r) {
    double x = kMargin + (layout.width - widths[r]) / 2, height = 0;
    for (const size_t box : rows[r]) {
      layout.boxes[box] = {x, y, graph.boxes[box].width, graph.boxes[box].height};
      x += graph.boxes[box].width + kGap;
      height = std::max(height, graph.boxes[box].height);
    }
    y += height + kLayerGap;
  }
  for (size_t i = 0; i < graph.edges.size(); ++i) {
    const auto from = static_cast<size_t>(graph.edges[i].from), to = static_cast<size_t>(graph.edges[i].to);
    layout.edges[i] = Curve(layout.boxes[from], layout.boxes[to], layer[to] - layer[from]);
    for (const Point& point : layout.edges[i]) layout.width = std::max(layout.width, point.x);
  }
  layout.width += 2 * kMargin;
  layout.height = y - kLayerGap + kMargin;
}

Layout Empty(const ModelGraph& graph) {
  Layout layout;
  layout.boxes.resize(graph.boxes.size());
  layout.edges.resize(graph.edges.size());
  layout.segments.resize(static_cast<size_t>(graph.segments));
  return layout;
}

}  // namespace

Layout MakeLayout(const ModelGraph& graph, const Json& report, double seconds) {
  std::string why = "graphviz was not asked (--layout-seconds 0)";
  if (seconds > 0) {
    const DotAnswer answer = RunDot(DotText(graph, report), "-Tjson0", seconds);
    why = answer.error.empty() ? "dot's answer is not understood" : answer.error;
    if (answer.error.empty()) {
      Layout layout = Empty(graph);
      try {
        if (ReadAnswer(answer.output, graph, layout)) return layout;
      } catch (const Json::exception&) {
        // The reason is set; the list of layers follows.
      }
    }
  }
  Layout layout = Empty(graph);
  Layered(graph, layout);
  layout.note = fmt::format("Drawn as a list of layers in execution order: {}.", why);
  return layout;
}

}  // namespace delegate_check
