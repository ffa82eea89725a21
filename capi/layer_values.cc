// SPDX-License-Identifier: Apache-2.0
#include "capi/layer_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "backends/ops/room.h"
#include "capi/random_input.h"
#include "partitioner/segments.h"

namespace npu {

LayerValues::LayerValues(const Plan& plan, std::shared_ptr<Backend> reference, const ComputeOptions& options,
                         uint64_t seed)
    : plan_(plan),
      reference_(std::move(reference)),
      options_(options),
      seed_(seed),
      values_(plan.compute_graph->tensors.size()),
      states_after_(values_.size()),
      known_(values_.size()),
      by_model_(values_.size()),
      own_(plan.ops.size()),
      done_(plan.ops.size()),
      drawn_(plan.ops.size()),
      problems_(plan.ops.size()) {
  for (size_t i = 0; i < values_.size(); ++i) {
    const Tensor& tensor = plan.compute_graph->tensors[i];
    if (tensor.is_constant()) known_[i] = true;
    // As in a new session.
    const int value = tensor.type == DataType::kInt8 ? tensor.zero_point() : 0;
    if (tensor.is_variable && tensor.byte_size()) {
      Set(static_cast<int>(i),
          TensorBytes(static_cast<size_t>(*tensor.byte_size()), static_cast<std::byte>(value)));
    }
  }
  FindOwnReferences();
}

Status LayerValues::SetInputs(const std::vector<TensorBytes>& inputs) {
  const Graph& graph = *plan_.graph;
  if (!inputs.empty() && inputs.size() != graph.inputs.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} inputs are given; the model has {}", inputs.size(), graph.inputs.size()));
  }
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    const int index = graph.inputs[i];
    if (inputs.empty()) {
      SetRandom(index);
      continue;
    }
    const auto bytes = graph.tensors[index].byte_size();
    if (!bytes || static_cast<size_t>(*bytes) != inputs[i].size()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("input {} has {} bytes; expected {}", i, inputs[i].size(),
                              bytes ? std::to_string(*bytes) : "a size that the model knows"));
    }
    Set(index, inputs[i]);
  }
  return {};
}

void LayerValues::Compute() {
  // The model's own operators first: what a folded one would make must not stand in their way.
  while (ComputeOwn() || ComputeFolded() || Draw()) {
  }
}

bool LayerValues::Ready(const SegmentOps& ops, const std::vector<bool>& known) {
  const auto is_known = [&](int tensor) { return known[tensor]; };
  return std::ranges::all_of(ops.inputs, is_known) && std::ranges::all_of(ops.states, is_known);
}

SegmentOps LayerValues::Alone(const Graph& graph, int op) {
  SegmentOps alone = BoundaryOf(graph, {op});
  alone.outputs.clear();
  for (int tensor : graph.ops[op].outputs) {
    if (tensor != kNoTensor && !graph.tensors[tensor].is_constant() && graph.tensors[tensor].byte_size()) {
      alone.outputs.push_back(tensor);
    }
  }
  return alone;
}

void LayerValues::FindOwnReferences() {
  const Graph& graph = *plan_.graph;
  for (size_t i = 0; i < own_.size(); ++i) {
    own_[i] = CheckNpu(graph, graph.ops[i]).eligible() || CheckCpu(graph, graph.ops[i]).eligible();
  }
  // One that has none takes the operators that share a fold with it along, through all folds that overlap.
  for (bool changed = true; changed;) {
    changed = false;
    for (const Fold& fold : plan_.folds) {
      const std::vector<int> group = fold.group();
      if (std::ranges::all_of(group, [&](int op) { return own_[op]; })) continue;
      for (int op : group) {
        changed = changed || own_[op];
        own_[op] = false;
      }
    }
  }
}

bool LayerValues::ComputeOwn() {
  bool any = false;
  for (size_t i = 0; i < own_.size(); ++i) {
    if (own_[i] && !done_[i] && Run(plan_.graph, static_cast<int>(i))) any = true;
  }
  return any;
}

// What only folds make: the operators that have no own reference, and tensors that the model does not have.
bool LayerValues::ComputeFolded() {
  for (const Segment& segment : plan_.segments) {
    for (int op : segment.ops.ops) {
      const std::vector<int>& outputs = plan_.compute_graph->ops[op].outputs;
      const bool complete =
          std::ranges::all_of(outputs, [&](int tensor) { return tensor == kNoTensor || known_[tensor]; });
      if (!complete && Run(plan_.compute_graph, op)) return true;
    }
  }
  return false;
}

// The first operator that nobody can compute: what it makes is drawn.
bool LayerValues::Draw() {
  for (size_t i = 0; i < done_.size(); ++i) {
    if (done_[i] || plan_.ops[i].folded_into >= 0) continue;
    const bool on_host = plan_.ops[i].placement == Placement::kHost;
    // One that has a reference waits for what others make, unless the reference has refused it.
    if (problems_[i].empty() && (!on_host || own_[i])) continue;
    done_[i] = drawn_[i] = true;
    for (int tensor : plan_.graph->ops[i].outputs) {
      if (tensor != kNoTensor && !known_[tensor]) SetRandom(tensor);
    }
    return true;
  }
  return false;
}

bool LayerValues::Run(const std::shared_ptr<const Graph>& graph, int op) {
  if (!problems_[op].empty()) return false;
  const SegmentOps alone = Alone(*graph, op);
  if (!Ready(alone, known_)) return false;
  if (alone.outputs.empty()) {  // evaluated when the plan was made, or of no known size
    const bool first = !done_[op];
    done_[op] = true;
    return first;
  }
  auto results = RunOnce(*reference_, graph, alone, options_, values_);
  if (!results) {
    problems_[op] = results.error().text;
    return false;
  }
  for (size_t i = 0; i < alone.outputs.size(); ++i) {
    const int tensor = alone.outputs[i];
    if (known_[tensor]) continue;
    Set(tensor, std::move((*results)[i]));
    by_model_[tensor] = graph == plan_.graph;
  }
  for (size_t i = 0; i < alone.states.size(); ++i) {
    states_after_[alone.states[i]] = std::move((*results)[alone.outputs.size() + i]);
  }
  done_[op] = true;
  return true;
}

void LayerValues::Set(int tensor, TensorBytes bytes) {
  bytes.reserve(1);  // an address also where there are no elements
  values_[tensor] = std::move(bytes);
  known_[tensor] = true;
}

void LayerValues::SetRandom(int tensor) {
  if (!plan_.compute_graph->tensors[tensor].byte_size()) return;
  std::mt19937_64 engine(seed_ + static_cast<uint64_t>(tensor));
  Set(tensor, RandomInput(plan_.compute_graph->tensors[tensor], engine));
}

}  // namespace npu
