// SPDX-License-Identifier: Apache-2.0
#include "partitioner/segments.h"

#include <algorithm>
#include <functional>
#include <map>
#include <queue>

namespace npu {
namespace {

// What hosts treat as more than a function of its inputs (LiteRT 2.3: a resource operand, IF, WHILE,
// CALL_ONCE).
bool MightHaveSideEffect(const Graph& graph, const Op& op) {
  if (op.kind == OpKind::kIf || op.kind == OpKind::kWhile || op.kind == OpKind::kCallOnce) return true;
  const auto is_resource = [&](int tensor) {
    return tensor != kNoTensor && graph.tensors[tensor].type == DataType::kResource;
  };
  return std::any_of(op.inputs.begin(), op.inputs.end(), is_resource) ||
         std::any_of(op.outputs.begin(), op.outputs.end(), is_resource);
}

void SortUnique(std::vector<int>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

// Positions in `ops` and how many others each still waits for.
struct Dependencies {
  std::vector<std::vector<int>> followers;
  std::vector<int> waits_for;
};

Dependencies FindDependencies(const Graph& graph, std::span<const int> ops) {
  Dependencies result{std::vector<std::vector<int>>(ops.size()), std::vector<int>(ops.size(), 0)};
  const auto follow = [&](int from, int to) {
    result.followers[from].push_back(to);
    ++result.waits_for[to];
  };
  std::vector<int> maker(graph.tensors.size(), -1);
  for (size_t i = 0; i < ops.size(); ++i) {
    for (int tensor : graph.ops[ops[i]].outputs) {
      if (tensor != kNoTensor) maker[tensor] = static_cast<int>(i);
    }
  }
  int last_side_effect = -1;
  for (size_t i = 0; i < ops.size(); ++i) {
    const Op& op = graph.ops[ops[i]];
    const int position = static_cast<int>(i);
    for (int tensor : op.inputs) {
      if (tensor != kNoTensor && maker[tensor] >= 0) follow(maker[tensor], position);
    }
    if (MightHaveSideEffect(graph, op)) {
      if (last_side_effect >= 0) follow(last_side_effect, position);
      last_side_effect = position;
    }
  }
  return result;
}

}  // namespace

// Hosts sweep over all ops again and again until a sweep adds nothing. In topological order one sweep finds
// an epoch, in ascending order; a heap of ready ops per colour gives the same in n log n.
std::vector<ColourGroup> GroupByColour(const Graph& graph, std::span<const int> ops,
                                       std::span<const int> colour) {
  Dependencies dependencies = FindDependencies(graph, ops);
  using Ready = std::priority_queue<int, std::vector<int>, std::greater<int>>;
  std::map<int, Ready> ready;
  for (size_t i = 0; i < ops.size(); ++i) {
    if (dependencies.waits_for[i] == 0) ready[colour[i]].push(static_cast<int>(i));
  }
  std::vector<ColourGroup> groups;
  while (true) {
    const std::pair<const int, Ready>* first = nullptr;
    for (const auto& entry : ready) {
      if (entry.second.empty()) continue;
      if (first == nullptr || entry.second.top() < first->second.top()) first = &entry;
    }
    if (first == nullptr) return groups;
    ColourGroup group{first->first, {}};
    Ready& queue = ready[group.colour];
    while (!queue.empty()) {
      const int position = queue.top();
      queue.pop();
      group.ops.push_back(ops[position]);
      for (int follower : dependencies.followers[position]) {
        if (--dependencies.waits_for[follower] == 0) ready[colour[follower]].push(follower);
      }
    }
    groups.push_back(std::move(group));
  }
}

std::vector<SegmentOps> BoundariesOf(const Graph& graph, std::vector<std::vector<int>> groups,
                                     const std::vector<bool>& unread) {
  constexpr int kOutside = -1;
  std::vector<int> group_of_op(graph.ops.size(), kOutside);
  std::vector<int> maker_group(graph.tensors.size(), kOutside);
  for (size_t g = 0; g < groups.size(); ++g) {
    for (int op : groups[g]) {
      group_of_op[op] = static_cast<int>(g);
      for (int tensor : graph.ops[op].outputs) {
        if (tensor != kNoTensor) maker_group[tensor] = static_cast<int>(g);
      }
    }
  }
  std::vector<SegmentOps> result(groups.size());
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const int reader = group_of_op[i];
    if (reader == kOutside && !unread.empty() && unread[i]) continue;
    for (int tensor : graph.ops[i].inputs) {
      if (tensor == kNoTensor || maker_group[tensor] == reader || graph.tensors[tensor].is_constant())
        continue;
      // What a variable holds nobody makes; ops that use it as more than their state are the host's.
      const bool state = graph.tensors[tensor].is_variable && maker_group[tensor] == kOutside;
      if (reader != kOutside) (state ? result[reader].states : result[reader].inputs).push_back(tensor);
      if (maker_group[tensor] != kOutside) result[maker_group[tensor]].outputs.push_back(tensor);
    }
  }
  for (int tensor : graph.outputs) {
    if (maker_group[tensor] != kOutside && !graph.tensors[tensor].is_constant()) {
      result[maker_group[tensor]].outputs.push_back(tensor);
    }
  }
  for (size_t g = 0; g < groups.size(); ++g) {
    result[g].ops = std::move(groups[g]);
    SortUnique(result[g].inputs);
    SortUnique(result[g].outputs);
    SortUnique(result[g].states);
  }
  return result;
}

SegmentOps BoundaryOf(const Graph& graph, std::vector<int> ops) {
  return std::move(BoundariesOf(graph, {std::move(ops)}).front());
}

}  // namespace npu
