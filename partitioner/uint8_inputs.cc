// SPDX-License-Identifier: Apache-2.0
#include "partitioner/uint8_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <string_view>

#include "base/nearest.h"
#include "partitioner/selection.h"

namespace npu {
namespace {

tl::unexpected<Error> Refuse(std::string_view text) {
  return Fail(ErrorCode::kInvalidOption, fmt::format("option input_uint8: {}", text));
}

std::string Named(const Graph& graph, int tensor) {
  return fmt::format("T#{} \"{}\"", tensor, graph.tensors[tensor].name);
}

std::string ListInputs(const Graph& graph) {
  std::vector<std::string> inputs;
  for (int tensor : graph.inputs) {
    inputs.push_back(fmt::format("{} {}", Named(graph, tensor), DataTypeName(graph.tensors[tensor].type)));
  }
  return inputs.empty() ? "the model has no inputs" : fmt::format("inputs: {}", fmt::join(inputs, ", "));
}

std::optional<size_t> IndexOf(std::string_view item) {
  if (item.starts_with('#')) item.remove_prefix(1);
  size_t index = 0;
  const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), index);
  if (item.empty() || error != std::errc() || end != item.data() + item.size()) return std::nullopt;
  return index;
}

// The tensors that `item` names: by name, inputs before others; else by index.
Result<std::vector<int>> TensorsOf(const Graph& graph, const std::string& item) {
  std::vector<int> inputs, others;
  for (int i = 0; i < static_cast<int>(graph.tensors.size()); ++i) {
    if (!GlobMatches(item, graph.tensors[i].name)) continue;
    const bool input = std::find(graph.inputs.begin(), graph.inputs.end(), i) != graph.inputs.end();
    (input ? inputs : others).push_back(i);
  }
  if (!inputs.empty()) return inputs;
  if (!others.empty()) return std::vector<int>{others.front()};
  if (const auto index = IndexOf(item); index && *index < graph.tensors.size()) {
    return std::vector<int>{static_cast<int>(*index)};
  }
  std::vector<std::string_view> names;
  for (int tensor : graph.inputs) names.push_back(graph.tensors[tensor].name);
  return Refuse(fmt::format("\"{}\" names no tensor{} ({})", item, DidYouMean(item, names), ListInputs(graph)));
}

Status CheckInput(const Graph& graph, int tensor) {
  const Tensor& t = graph.tensors[tensor];
  if (std::find(graph.inputs.begin(), graph.inputs.end(), tensor) == graph.inputs.end()) {
    return Refuse(fmt::format("{} is no input of the model ({})", Named(graph, tensor), ListInputs(graph)));
  }
  if (t.type == DataType::kUInt8) {
    return Refuse(fmt::format("{} is UINT8 already; leave it out", Named(graph, tensor)));
  }
  if (t.type != DataType::kInt8) {
    return Refuse(fmt::format("{} is {}; only INT8 inputs can be given as UINT8 (model-edit io-type makes one)",
                              Named(graph, tensor), DataTypeName(t.type)));
  }
  if (t.quantization.scale.size() != 1) {
    return Refuse(fmt::format("{} has {} scales; expected 1", Named(graph, tensor), t.quantization.scale.size()));
  }
  return {};
}

}  // namespace

Result<std::vector<int>> SelectUint8Inputs(const Graph& graph, const std::vector<std::string>& items) {
  std::vector<int> selected;
  for (const std::string& item : items) {
    NPU_ASSIGN_OR_RETURN(const std::vector<int> tensors, TensorsOf(graph, item));
    for (int tensor : tensors) {
      NPU_RETURN_IF_ERROR(CheckInput(graph, tensor));
      selected.push_back(tensor);
    }
  }
  std::sort(selected.begin(), selected.end());
  selected.erase(std::unique(selected.begin(), selected.end()), selected.end());
  return selected;
}

Status CheckUint8Readers(const Plan& plan) {
  const Graph& graph = *plan.graph;
  for (int tensor : plan.uint8_inputs) {
    if (std::find(graph.outputs.begin(), graph.outputs.end(), tensor) != graph.outputs.end()) {
      return Refuse(fmt::format("{} is an output as well, whose readers would see UINT8", Named(graph, tensor)));
    }
    for (size_t i = 0; i < graph.ops.size(); ++i) {
      const std::vector<int>& inputs = graph.ops[i].inputs;
      if (plan.ops[i].placement != Placement::kHost || std::find(inputs.begin(), inputs.end(), tensor) == inputs.end()) {
        continue;
      }
      const std::vector<Reason>& reasons = plan.ops[i].reasons;
      return Refuse(fmt::format("{} is read by {}, which stays with the host and would take UINT8 for INT8{}",
                                Named(graph, tensor), DescribeOp(graph, static_cast<int>(i)),
                                reasons.empty() ? std::string() : ": " + ReasonText(reasons.front())));
    }
  }
  return {};
}

std::vector<int> Uint8Inputs(const Plan& plan, const std::vector<int>& inputs) {
  std::vector<int> result;
  std::copy_if(inputs.begin(), inputs.end(), std::back_inserter(result), [&](int tensor) {
    return std::binary_search(plan.uint8_inputs.begin(), plan.uint8_inputs.end(), tensor);
  });
  return result;
}

}  // namespace npu
