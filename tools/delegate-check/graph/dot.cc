// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/graph/dot.h"

#include <fmt/format.h>

#include "tools/delegate-check/graph/op_class.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

// Above this many boxes edges are straight lines: splines around boxes take most of the time.
constexpr size_t kSplineBoxes = 600;
constexpr double kPointsPerInch = 72;

// Between double quotes. A backslash would start one of graphviz' own escapes; lines are broken by one.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return quoted + '"';
}

std::string Label(const GraphBox& box) {
  std::vector<std::string> lines;
  if (!box.name.empty()) lines.push_back(box.name);
  for (const BoxRow& row : box.rows) lines.push_back(row.text);
  if (!box.caption.empty()) lines.push_back(box.caption);
  return Quoted(fmt::format("{}", fmt::join(lines, "\n")));
}

void Node(std::string& text, size_t index, const GraphBox& box, const Json& report, const char* indent) {
  text += fmt::format("{}n{} [label={}, width={:.3f}, height={:.3f}", indent, index, Label(box),
                      box.width / kPointsPerInch, box.height / kPointsPerInch);
  if (box.kind == GraphBox::kOps) {
    const OpClass& op_class = ClassOf(report["ops"][static_cast<size_t>(box.main_op)]);
    text += fmt::format(", fillcolor=\"{}\", fontcolor=\"{}\"", op_class.fill, op_class.text);
    if (*op_class.dash != '\0') text += ", style=\"filled,dashed\"";
  } else {
    text += ", style=\"filled,rounded\", fillcolor=\"#ffffff\"";
  }
  text += "];\n";
}

}  // namespace

std::string SegmentTitle(const Json& segment) {
  return fmt::format("{} segment {}, partition {}", segment["placement"] == "npu" ? "NPU" : "delegate-cpu",
                     segment["index"].get<int>(), segment["partition"].get<int>());
}

std::string DotText(const ModelGraph& graph, const Json& report) {
  std::string text = fmt::format(
      "digraph model {{\n"
      "  graph [rankdir=TB, nodesep=0.28, ranksep=0.34, nslimit=2, nslimit1=2, mclimit=0.5, splines={}, "
      "compound=true,\n"
      "    fontname=\"Helvetica\", fontsize=11];\n"
      "  node [shape=box, style=filled, fixedsize=true, fontname=\"Helvetica\", fontsize=11, margin=0];\n"
      "  edge [arrowsize=0.6, color=\"#5f6b76\"];\n",
      graph.boxes.size() > kSplineBoxes ? "line" : "true");
  for (size_t i = 0; i < graph.boxes.size(); ++i) {
    if (graph.boxes[i].segment < 0) Node(text, i, graph.boxes[i], report, "  ");
  }
  for (int segment = 0; segment < graph.segments; ++segment) {
    text += fmt::format(
        "  subgraph cluster_{} {{\n    label={}; style=\"rounded\"; color=\"#8a97a3\"; margin=10;\n", segment,
        Quoted(SegmentTitle(report["segments"][static_cast<size_t>(segment)])));
    for (size_t i = 0; i < graph.boxes.size(); ++i) {
      if (graph.boxes[i].segment == segment) Node(text, i, graph.boxes[i], report, "    ");
    }
    text += "  }\n";
  }
  for (size_t i = 0; i < graph.edges.size(); ++i) {
    const GraphEdge& edge = graph.edges[i];
    text += fmt::format("  n{} -> n{} [id=\"e{}\"{}];\n", edge.from, edge.to, i,
                        edge.crosses ? ", color=\"#d55e00\", style=dashed" : "");
  }
  return text + "}\n";
}

}  // namespace delegate_check
