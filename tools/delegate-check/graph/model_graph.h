// A report as something to draw: boxes, the tensors between them, and the segments around them. Operators
// that are folded into one make one box with it, in execution order. Constants are not drawn.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace delegate_check {

struct BoxRow {
  int op;            // index in the report
  std::string text;  // "#3 CONV_2D"
};

struct GraphBox {
  enum Kind { kOps, kInput, kOutput } kind = kOps;
  std::vector<BoxRow> rows = {};  // of kOps: at least one
  int main_op = -1;               // the one that runs
  int tensor = -1;                // of kInput and kOutput
  std::string caption =
      {};  // last line: "1x28x28x64 INT8"; of kInput and kOutput the tensor's name comes before it
  std::string name = {};  // of kInput and kOutput
  int segment = -1;
  double width = 0, height = 0;
};

struct GraphEdge {
  int from, to;  // boxes
  int tensor;
  bool crosses;  // between operators of the host and of a partition: the network is cut here
};

struct ModelGraph {
  std::vector<GraphBox> boxes;
  std::vector<GraphEdge> edges;
  int segments = 0;
};

constexpr double kRowHeight = 20, kCaptionHeight = 16;

ModelGraph MakeModelGraph(const nlohmann::ordered_json& report);

// "1x28x28x64 INT8", with "?" for a shape that is not known.
std::string ShapeAndType(const nlohmann::ordered_json& tensor);

}  // namespace delegate_check
