// SPDX-License-Identifier: Apache-2.0
#include "tools/model-edit/extract.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "tools/model-edit/graph_edit.h"

namespace model_edit {
namespace {

using npu::ErrorCode;
using npu::Fail;

void AddOnce(std::vector<int>& list, int tensor) {
  if (!Contains(list, tensor)) list.push_back(tensor);
}

bool ParseNumber(std::string_view text, int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0;
}

// Options that name a subgraph. The second union has StableHLO's alone, most of which can.
bool CallsSubgraphs(const fbs::OperatorT& op) {
  switch (op.builtin_options.type) {
    case fbs::BuiltinOptions::CallOptions:
    case fbs::BuiltinOptions::CallOnceOptions:
    case fbs::BuiltinOptions::IfOptions:
    case fbs::BuiltinOptions::WhileOptions: return true;
    default: return op.builtin_options_2.type != fbs::BuiltinOptions2::NONE;
  }
}

void RemoveUnusedBuffers(fbs::ModelT& model) {
  if (model.buffers.empty()) return;
  std::vector<bool> used(model.buffers.size(), false);
  used[0] = true;  // "no data", by convention
  for (const auto& graph : model.subgraphs) {
    for (const auto& tensor : graph->tensors) used[tensor->buffer] = true;
  }
  for (const auto& entry : model.metadata) used[entry->buffer] = true;
  std::vector<uint32_t> moved(used.size());
  std::vector<std::unique_ptr<fbs::BufferT>> kept;
  for (size_t i = 0; i < used.size(); ++i) {
    moved[i] = static_cast<uint32_t>(kept.size());
    if (used[i]) kept.push_back(std::move(model.buffers[i]));
  }
  model.buffers = std::move(kept);
  for (auto& graph : model.subgraphs) {
    for (auto& tensor : graph->tensors) tensor->buffer = moved[tensor->buffer];
  }
  for (auto& entry : model.metadata) entry->buffer = moved[entry->buffer];
}

}  // namespace

npu::Result<Cut> FindCut(const fbs::ModelT& model, const std::string& ops) {
  const fbs::SubGraphT& graph = *model.subgraphs[0];
  const int count = static_cast<int>(graph.operators.size());
  Cut cut;
  const size_t colon = std::min(ops.find(':'), ops.size());
  const std::string_view first(ops.data(), colon);
  const std::string_view last = colon == ops.size() ? first : std::string_view(ops).substr(colon + 1);
  if (!ParseNumber(first, cut.first) || !ParseNumber(last, cut.last) || cut.first > cut.last || cut.last >= count) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("--ops {}: expected A:B (both included) or A; the model has Op#0 to Op#{}", Printable(ops), count - 1));
  }
  std::vector<int> made;
  for (int i = cut.first; i <= cut.last; ++i) {
    const fbs::OperatorT& op = *graph.operators[i];
    for (const int input : op.inputs) {
      if (input < 0 || Contains(made, input)) continue;
      const fbs::TensorT& tensor = *graph.tensors[input];
      if (IsConstant(model, tensor) || tensor.is_variable) continue;
      if (tensor.type == fbs::TensorType::RESOURCE || tensor.type == fbs::TensorType::VARIANT) {
        return Fail(ErrorCode::kUnsupported,
                    fmt::format("{} would be an input; no host can give it. Begin with {}", TensorText(graph, input),
                                MakerOf(graph, input) < 0 ? "what makes it" : OpText(model, graph, MakerOf(graph, input))));
      }
      AddOnce(cut.inputs, input);
    }
    made.insert(made.end(), op.outputs.begin(), op.outputs.end());
  }
  std::vector<int> unread;
  for (const int tensor : made) {
    if (tensor < 0) continue;
    const std::vector<int> readers = ReadersOf(graph, tensor);
    const bool outside =
        std::any_of(readers.begin(), readers.end(), [&](int op) { return op < cut.first || op > cut.last; });
    if (outside || Contains(graph.outputs, tensor)) AddOnce(cut.outputs, tensor);
    if (readers.empty()) AddOnce(unread, tensor);
  }
  if (cut.outputs.empty()) cut.outputs = unread;
  return cut;
}

std::vector<std::string> Extract(ModelFile& file, const Cut& cut) {
  fbs::ModelT& model = *file.model;
  fbs::SubGraphT& graph = *model.subgraphs[0];
  std::vector<std::string> done;
  for (const int tensor : cut.inputs) done.push_back("input " + TensorText(graph, tensor));
  for (const int tensor : cut.outputs) done.push_back("output " + TensorText(graph, tensor));
  graph.inputs = cut.inputs;
  graph.outputs = cut.outputs;
  std::set<int> removed;
  bool calls = false;
  for (int i = 0; i < static_cast<int>(graph.operators.size()); ++i) {
    const bool keep = i >= cut.first && i <= cut.last;
    if (!keep) removed.insert(i);
    calls = calls || (keep && CallsSubgraphs(*graph.operators[i]));
  }
  std::set<uint32_t> codes;
  for (uint32_t i = 0; i < model.operator_codes.size(); ++i) codes.insert(i);
  if (!calls) model.subgraphs.resize(1);
  model.signature_defs.clear();
  std::erase_if(model.metadata, [](const auto& entry) {
    return entry->name == "TFLITE_METADATA" || entry->name == "OfflineMemoryAllocation";  // TFLM: places of the tensors
  });
  model.metadata_buffer.clear();
  file.archive = file.bytes.size();
  RemoveOperators(model, 0, removed);
  RemoveOperatorCodes(model, codes);
  RemoveTensors(model, 0, UnusedTensors(model, 0));
  RemoveUnusedBuffers(model);
  return done;
}

npu::Result<Probe> MakeProbe(const std::vector<std::byte>& original, const Cut& cut) {
  NPU_ASSIGN_OR_RETURN(ModelFile file, ParseModel(original));
  fbs::SubGraphT& graph = *file.model->subgraphs[0];
  Probe probe;
  graph.outputs.clear();
  for (const int tensor : cut.inputs) {
    const auto input = std::find(graph.inputs.begin(), graph.inputs.end(), tensor);
    if (input != graph.inputs.end()) {
      probe.sources.push_back(-1 - static_cast<int>(input - graph.inputs.begin()));
      continue;
    }
    probe.sources.push_back(static_cast<int>(graph.outputs.size()));
    graph.outputs.push_back(tensor);
  }
  graph.outputs.insert(graph.outputs.end(), cut.outputs.begin(), cut.outputs.end());
  file.model->signature_defs.clear();
  NPU_ASSIGN_OR_RETURN(probe.bytes, Serialize(file));
  return probe;
}

}  // namespace model_edit
