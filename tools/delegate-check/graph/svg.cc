// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/graph/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "tools/delegate-check/graph/dot.h"
#include "tools/delegate-check/graph/op_class.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kStyle =
    R"(.graph text { font: 11px Helvetica, Arial, "Liberation Sans", "DejaVu Sans", sans-serif; }
.graph .caption, .graph .segment-title, .graph .legend text { font-size: 10px; }
.graph .segment-title { paint-order: stroke; stroke: #f4f7fa; stroke-width: 4px; fill: #3d4852; }
.graph .main text { font-weight: bold; }
.frame { fill: none; stroke: #5f6b76; }
.border rect, .back { fill: #fff; stroke: #5f6b76; }
.segment { fill: #f4f7fa; stroke: #a9b4be; }
.edge { fill: none; stroke: #5f6b76; stroke-width: 1.1; }
.edge.crosses { stroke: #d55e00; stroke-width: 1.8; stroke-dasharray: 5 3; }
)";

// SVG's numbers: a tenth of a pixel is enough.
std::string N(double number) {
  std::string text = fmt::format("{:.1f}", number);
  if (text.size() > 2 && text.compare(text.size() - 2, 2, ".0") == 0) text.resize(text.size() - 2);
  return text;
}

std::string RectTag(const Rect& rect, const std::string& attributes) {
  return fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{}/>", N(rect.x), N(rect.y),
                     N(rect.width), N(rect.height), attributes);
}

std::string TextTag(double x, double y, const std::string& text, const char* attributes = "") {
  return fmt::format("<text x=\"{}\" y=\"{}\"{}>{}</text>", N(x), N(y), attributes, Xml(text));
}

void Segments(std::string& svg, const Layout& layout) {
  svg += "<g class=\"segments\">\n";
  for (size_t i = 0; i < layout.segments.size(); ++i) {
    const Rect& rect = layout.segments[i];
    if (rect.width <= 0) continue;
    svg += RectTag(rect, fmt::format(" rx=\"6\" class=\"segment\" data-segment=\"{}\"", i)) + "\n";
  }
  svg += "</g>\n";
}

// Above the edges, which would cross them out.
void SegmentTitles(std::string& svg, const Layout& layout, const Json& report) {
  for (size_t i = 0; i < layout.segments.size(); ++i) {
    const Rect& rect = layout.segments[i];
    if (rect.width <= 0) continue;
    svg += TextTag(rect.x + 8, rect.y + 14, SegmentTitle(report["segments"][i]), " class=\"segment-title\"") +
           "\n";
  }
}

void Edges(std::string& svg, const ModelGraph& graph, const Layout& layout, const Json& report) {
  std::map<int, const Json*> tensors;
  for (const Json& tensor : report["tensors"]) tensors[tensor["index"].get<int>()] = &tensor;
  svg += "<g class=\"edges\">\n";
  for (size_t i = 0; i < graph.edges.size(); ++i) {
    const GraphEdge& edge = graph.edges[i];
    const std::vector<Point>& points = layout.edges[i];
    if (points.size() < 4) continue;
    std::string path = fmt::format("M{} {}C", N(points[0].x), N(points[0].y));
    for (size_t p = 1; p < points.size(); ++p) {
      path += fmt::format("{}{} {}", p == 1 ? "" : " ", N(points[p].x), N(points[p].y));
    }
    const auto tensor = tensors.find(edge.tensor);
    const std::string title =
        tensor == tensors.end() ? "" : fmt::format("T#{} {}", edge.tensor, ShapeAndType(*tensor->second));
    svg += fmt::format(
        "<path class=\"edge{}\" d=\"{}\" marker-end=\"url(#{})\" data-from=\"{}\" data-to=\"{}\" "
        "data-tensor=\"{}\">"
        "<title>{}</title></path>\n",
        edge.crosses ? " crosses" : "", path, edge.crosses ? "tip-crosses" : "tip", edge.from, edge.to,
        edge.tensor, Xml(title));
  }
  svg += "</g>\n";
}

void OpRows(std::string& svg, const GraphBox& box, const Rect& rect, const Json& report) {
  double y = rect.y;
  for (const BoxRow& row : box.rows) {
    const Json& op = report["ops"][static_cast<size_t>(row.op)];
    const OpClass& op_class = ClassOf(op);
    const Rect band{rect.x, y, rect.width, kRowHeight};
    svg += fmt::format(
        "<g class=\"op {}{}\" data-op=\"{}\" tabindex=\"0\" role=\"button\"><title>{}</title>{}{}</g>\n",
        op_class.id, row.op == box.main_op ? " main" : "", row.op,
        Xml(fmt::format("{}: {}", row.text, op_class.label)), RectTag(band, " class=\"band\""),
        TextTag(rect.x + 8, y + 14.5, row.text));
    y += kRowHeight;
  }
  if (!box.caption.empty()) {
    svg += TextTag(rect.x + 8, y + 12, box.caption, " class=\"caption\"") + "\n";
  }
}

void Boxes(std::string& svg, const ModelGraph& graph, const Layout& layout, const Json& report) {
  svg += "<g class=\"boxes\">\n";
  for (size_t i = 0; i < graph.boxes.size(); ++i) {
    const GraphBox& box = graph.boxes[i];
    const Rect& rect = layout.boxes[i];
    if (box.kind == GraphBox::kOps) {
      svg += fmt::format("<g class=\"box\" data-box=\"{}\">{}", i, RectTag(rect, " class=\"back\""));
      OpRows(svg, box, rect, report);
      const OpClass& op_class = ClassOf(report["ops"][static_cast<size_t>(box.main_op)]);
      const std::string dash =
          *op_class.dash == '\0' ? "" : fmt::format(" stroke-dasharray=\"{}\"", op_class.dash);
      svg += RectTag(rect, " class=\"frame\"" + dash) + "</g>\n";
    } else {
      svg += fmt::format("<g class=\"border\" data-box=\"{}\" data-tensor=\"{}\">{}{}{}</g>\n", i, box.tensor,
                         RectTag(rect, " rx=\"10\""), TextTag(rect.x + 10, rect.y + 14.5, box.name),
                         TextTag(rect.x + 10, rect.y + kRowHeight + 10, box.caption, " class=\"caption\""));
    }
  }
  svg += "</g>\n";
}

// The classes that occur, in a row below the picture; how tall it is.
double Legend(std::string& svg, const Json& report, double y) {
  std::set<std::string> used;
  for (const Json& op : report["ops"]) used.insert(ClassOf(op).id);
  double x = 12;
  svg += "<g class=\"legend\">\n";
  for (const OpClass& row : kOpClasses) {
    if (used.count(row.id) == 0) continue;
    svg += fmt::format("<g class=\"op {}\">{}</g>{}\n", row.id, RectTag({x, y, 12, 12}, " class=\"band\""),
                       TextTag(x + 17, y + 10, row.label));
    x += 36 + 5.6 * static_cast<double>(std::string_view(row.label).size());
  }
  svg += "</g>\n";
  return x;
}

}  // namespace

std::string GraphCss() {
  std::string css = kStyle;
  for (const OpClass& row : kOpClasses) {
    css += fmt::format(".op.{0} .band {{ fill: {1}; }} .op.{0} text {{ fill: {2}; }}\n", row.id, row.fill,
                       row.text);
  }
  return css;
}

std::string SvgText(const ModelGraph& graph, const Layout& layout, const Json& report, bool standalone) {
  std::string body;
  Segments(body, layout);
  Edges(body, graph, layout, report);
  SegmentTitles(body, layout, report);
  Boxes(body, graph, layout, report);
  double width = layout.width, height = layout.height;
  if (standalone) {
    width = std::max(width, Legend(body, report, height + 6));
    height += 26;
    if (!layout.note.empty()) {
      body += TextTag(12, height + 10, layout.note, " class=\"caption\"") + "\n";
      width = std::max(width, 24 + 6.0 * static_cast<double>(layout.note.size()));
      height += 20;
    }
  }
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"graph\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\">\n",
      N(width), N(height));
  if (standalone) {
    svg += fmt::format(
        "<title>{}</title>\n<style>{}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        Xml(report["model"].value("file", "model")), GraphCss());
  }
  for (const auto& [id, color] : {std::pair("tip", "#5f6b76"), std::pair("tip-crosses", "#d55e00")}) {
    svg += fmt::format(
        "<marker id=\"{}\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
        "markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"{}\"/></marker>\n",
        id, color);
  }
  return svg + body + "</svg>\n";
}

}  // namespace delegate_check
