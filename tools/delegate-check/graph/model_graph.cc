// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/graph/model_graph.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "tools/delegate-check/graph/op_class.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

// Boxes are made for the widest of the usual faces (DejaVu Sans Bold at 11 pixels, regular at 10): too wide
// is better than text that runs out of its box.
constexpr double kCapital = 8.6, kOther = 7.4, kWide = 11, kSmall = 6.4;
constexpr double kMinWidth = 88, kPadding = 18;
constexpr size_t kMaxChars = 34;

// At most kMaxChars characters; UTF-8 is cut between characters.
std::string Shortened(const std::string& text) {
  size_t chars = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) == 0x80) continue;
    if (++chars == kMaxChars) return text.substr(0, i) + "\u2026";
  }
  return text;
}

double RowWidth(const std::string& text) {
  double width = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) == 0x80) continue;  // inside a character
    width += byte >= 0x80 ? kWide : (c >= 'A' && c <= 'Z') || c == '#' ? kCapital : kOther;
  }
  return width;
}

double CaptionWidth(const std::string& text) {
  return kSmall * static_cast<double>(std::count_if(text.begin(), text.end(),
                                                    [](unsigned char c) { return (c & 0xc0) != 0x80; }));
}

void SetSize(GraphBox& box) {
  double width = std::max({kMinWidth, RowWidth(box.name), CaptionWidth(box.caption)});
  for (const BoxRow& row : box.rows) width = std::max(width, RowWidth(row.text));
  box.width = width + kPadding;
  const size_t lines = box.rows.size() + (box.name.empty() ? 0 : 1);
  box.height = kRowHeight * static_cast<double>(lines) + (box.caption.empty() ? 0 : kCaptionHeight);
}

// The operator that runs in the place of each, which is itself where nothing is folded.
std::vector<int> Targets(const Json& ops) {
  std::vector<int> targets(ops.size());
  for (size_t i = 0; i < ops.size(); ++i) {
    int target = static_cast<int>(i);
    // Folds of folds: as many steps as there are operators, lest a ring of them holds us.
    for (size_t step = 0; step < ops.size(); ++step) {
      const int into = ops.at(static_cast<size_t>(target))["folded_into"];
      if (into < 0) break;
      target = into;
    }
    targets[i] = target;
  }
  return targets;
}

int PartitionOf(const Json& ops, const GraphBox& box) {
  return box.main_op < 0 ? -1 : ops[static_cast<size_t>(box.main_op)]["partition"].get<int>();
}

}  // namespace

std::string ShapeAndType(const Json& tensor) {
  const Json& shape = tensor["shape"];
  const std::string dims = shape.is_null() ? "?"
                           : shape.empty()
                               ? "scalar"
                               : fmt::format("{}", fmt::join(shape.get<std::vector<int64_t>>(), "\u00d7"));
  return dims + " " + tensor["type"].get<std::string>();
}

ModelGraph MakeModelGraph(const Json& report) {
  const Json& ops = report["ops"];
  ModelGraph graph;
  graph.segments = static_cast<int>(report["segments"].size());
  std::map<int, const Json*> tensors;
  for (const Json& tensor : report["tensors"]) tensors[tensor["index"].get<int>()] = &tensor;

  const auto add_border = [&](GraphBox::Kind kind, const Json& tensor) {
    GraphBox box{.kind = kind, .tensor = tensor["index"], .caption = ShapeAndType(tensor)};
    const char* what = kind == GraphBox::kInput ? "input" : "output";
    box.name = Shortened(fmt::format("{} T#{} {}", what, box.tensor, tensor["name"].get<std::string>()));
    SetSize(box);
    graph.boxes.push_back(std::move(box));
  };

  const std::vector<int> targets = Targets(ops);
  std::map<int, std::vector<int>> groups;  // by the operator that runs
  for (size_t i = 0; i < ops.size(); ++i) groups[targets[i]].push_back(static_cast<int>(i));

  std::map<int, int> producer;  // tensor -> box
  for (const Json& input : report["model"]["inputs"]) {
    producer[input["index"].get<int>()] = static_cast<int>(graph.boxes.size());
    add_border(GraphBox::kInput, input);
  }
  std::vector<int> box_of(ops.size());
  for (const auto& [target, members] : groups) {
    const Json& main = ops[static_cast<size_t>(target)];
    GraphBox box{.kind = GraphBox::kOps, .main_op = target, .segment = main["segment"]};
    for (const int member : members) {
      const Json& op = ops[static_cast<size_t>(member)];
      const OpClass& op_class = ClassOf(op);
      std::string text = Shortened(fmt::format("#{} {}", member, op["op"].get<std::string>()));
      if (*op_class.tag != '\0') text += fmt::format(" ({})", op_class.tag);
      box.rows.push_back({member, std::move(text)});
      box_of[static_cast<size_t>(member)] = static_cast<int>(graph.boxes.size());
      for (const Json& output : op["outputs"]) {
        if (output.get<int>() >= 0) producer[output.get<int>()] = static_cast<int>(graph.boxes.size());
      }
    }
    const Json& last_outputs = ops[static_cast<size_t>(members.back())]["outputs"];
    if (!last_outputs.empty()) {
      if (const auto it = tensors.find(last_outputs[0].get<int>()); it != tensors.end()) {
        box.caption = ShapeAndType(*it->second);
      }
    }
    SetSize(box);
    graph.boxes.push_back(std::move(box));
  }

  std::set<std::tuple<int, int, int>> seen;
  const auto connect = [&](int tensor, int to) {
    const auto it = producer.find(tensor);
    if (it == producer.end() || it->second == to || !seen.insert({it->second, to, tensor}).second) return;
    const int from = it->second;
    const GraphBox &source = graph.boxes[static_cast<size_t>(from)],
                   &reader = graph.boxes[static_cast<size_t>(to)];
    const bool crosses =
        source.main_op >= 0 && reader.main_op >= 0 && PartitionOf(ops, source) != PartitionOf(ops, reader);
    graph.edges.push_back({from, to, tensor, crosses});
  };
  for (size_t i = 0; i < ops.size(); ++i) {
    for (const Json& input : ops[i]["inputs"]) connect(input.get<int>(), box_of[i]);
  }
  for (const Json& output : report["model"]["outputs"]) {
    add_border(GraphBox::kOutput, output);
    connect(output["index"].get<int>(), static_cast<int>(graph.boxes.size()) - 1);
  }
  return graph;
}

}  // namespace delegate_check
