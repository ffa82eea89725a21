// SPDX-License-Identifier: Apache-2.0
#include "tools/model-edit/graph_edit.h"

#include <fmt/format.h>

#include <algorithm>

namespace model_edit {
namespace {

// Calls visit(index) for everything in the model that holds an index of this subgraph's tensors.
template <typename Visit>
void VisitTensorIndices(fbs::ModelT& model, int subgraph, Visit visit) {
  fbs::SubGraphT& graph = *model.subgraphs[subgraph];
  const auto list = [&](std::vector<int32_t>& indices) {
    for (int32_t& index : indices) {
      if (index >= 0) visit(index);
    }
  };
  list(graph.inputs);
  list(graph.outputs);
  for (auto& op : graph.operators) {
    list(op->inputs);
    list(op->outputs);
    list(op->intermediates);
  }
  for (auto& tensor : graph.tensors) {
    if (tensor->quantization == nullptr) continue;
    const auto details = [&](auto* scheme) {
      if (scheme == nullptr) return;
      if (scheme->scales >= 0) visit(scheme->scales);
      if (scheme->zero_points >= 0) visit(scheme->zero_points);
    };
    details(tensor->quantization->details.AsBlockwiseQuantization());
    details(tensor->quantization->details.AsMultiAxisQuantization());
  }
  for (auto& signature : model.signature_defs) {
    if (signature->subgraph_index != static_cast<uint32_t>(subgraph)) continue;
    for (auto* maps : {&signature->inputs, &signature->outputs}) {
      for (auto& map : *maps) {
        int32_t index = static_cast<int32_t>(map->tensor_index);
        visit(index);
        map->tensor_index = static_cast<uint32_t>(index);
      }
    }
  }
}

void ReplaceIn(fbs::ModelT& model, int subgraph, bool input, int from, int to) {
  fbs::SubGraphT& graph = *model.subgraphs[subgraph];
  auto& border = input ? graph.inputs : graph.outputs;
  std::replace(border.begin(), border.end(), from, to);
  for (auto& signature : model.signature_defs) {
    if (signature->subgraph_index != static_cast<uint32_t>(subgraph)) continue;
    for (auto& map : input ? signature->inputs : signature->outputs) {
      if (map->tensor_index == static_cast<uint32_t>(from)) map->tensor_index = static_cast<uint32_t>(to);
    }
  }
}

fbs::BuiltinOperator CodeOf(const fbs::OperatorCodeT& code) {
  return std::max(code.builtin_code, static_cast<fbs::BuiltinOperator>(code.deprecated_builtin_code));
}

}  // namespace

bool Contains(const std::vector<int32_t>& list, int tensor) {
  return std::find(list.begin(), list.end(), tensor) != list.end();
}

int MakerOf(const fbs::SubGraphT& graph, int tensor) {
  for (size_t i = 0; i < graph.operators.size(); ++i) {
    if (Contains(graph.operators[i]->outputs, tensor)) return static_cast<int>(i);
  }
  return -1;
}

std::vector<int> ReadersOf(const fbs::SubGraphT& graph, int tensor) {
  std::vector<int> readers;
  for (size_t i = 0; i < graph.operators.size(); ++i) {
    if (Contains(graph.operators[i]->inputs, tensor)) readers.push_back(static_cast<int>(i));
  }
  return readers;
}

fbs::BuiltinOperator CodeOf(const fbs::ModelT& model, const fbs::OperatorT& op) {
  return CodeOf(*model.operator_codes[op.opcode_index]);
}

bool IsCustom(const fbs::ModelT& model, const fbs::OperatorT& op, const char* name) {
  return CodeOf(model, op) == fbs::BuiltinOperator::CUSTOM && model.operator_codes[op.opcode_index]->custom_code == name;
}

std::string Printable(const std::string& text) {
  std::string shown = text;
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return shown;
}

std::string OpText(const fbs::ModelT& model, const fbs::SubGraphT& graph, int op) {
  const fbs::OperatorCodeT& code = *model.operator_codes[graph.operators[op]->opcode_index];
  const bool custom = CodeOf(code) == fbs::BuiltinOperator::CUSTOM;
  return fmt::format("{} (Op#{})", custom ? Printable(code.custom_code) : fbs::EnumNameBuiltinOperator(CodeOf(code)), op);
}

std::string TensorText(const fbs::SubGraphT& graph, int tensor) {
  const fbs::TensorT& t = *graph.tensors[tensor];
  return fmt::format("T#{} \"{}\" {}", tensor, Printable(t.name), fbs::EnumNameTensorType(t.type));
}

bool IsConstant(const fbs::ModelT& model, const fbs::TensorT& tensor) {
  const fbs::BufferT& buffer = *model.buffers[tensor.buffer];
  return !buffer.data.empty() || buffer.offset > 1 || tensor.external_buffer != 0;
}

std::string UnusedName(const fbs::SubGraphT& graph, const std::string& wanted) {
  const auto taken = [&](const std::string& name) {
    return std::any_of(graph.tensors.begin(), graph.tensors.end(),
                       [&](const auto& tensor) { return tensor->name == name; });
  };
  std::string name = wanted;
  for (int i = 1; taken(name); ++i) name = fmt::format("{}_{}", wanted, i);
  return name;
}

uint32_t OperatorCode(fbs::ModelT& model, fbs::BuiltinOperator code, int version) {
  for (size_t i = 0; i < model.operator_codes.size(); ++i) {
    if (CodeOf(*model.operator_codes[i]) == code && model.operator_codes[i]->version == version)
      return static_cast<uint32_t>(i);
  }
  auto added = std::make_unique<fbs::OperatorCodeT>();
  added->builtin_code = code;
  // The older field holds 127, PLACEHOLDER_FOR_GREATER_OP_CODES, for what it cannot.
  added->deprecated_builtin_code = static_cast<int8_t>(std::min(static_cast<int>(code), 127));
  added->version = version;
  model.operator_codes.push_back(std::move(added));
  return static_cast<uint32_t>(model.operator_codes.size() - 1);
}

void ReplaceInput(fbs::ModelT& model, int subgraph, int from, int to) { ReplaceIn(model, subgraph, true, from, to); }
void ReplaceOutput(fbs::ModelT& model, int subgraph, int from, int to) { ReplaceIn(model, subgraph, false, from, to); }

void RemoveOperators(fbs::ModelT& model, int subgraph, const std::set<int>& ops) {
  fbs::SubGraphT& graph = *model.subgraphs[subgraph];
  std::set<uint32_t> codes;
  std::set<int> outputs;
  std::vector<std::unique_ptr<fbs::OperatorT>> kept;
  for (size_t i = 0; i < graph.operators.size(); ++i) {
    auto& op = graph.operators[i];
    if (!ops.contains(static_cast<int>(i))) {
      kept.push_back(std::move(op));
      continue;
    }
    codes.insert(op->opcode_index);
    outputs.insert(op->outputs.begin(), op->outputs.end());
  }
  graph.operators = std::move(kept);
  RemoveOperatorCodes(model, codes);
  std::set<int> orphans;
  const std::set<int> unused = UnusedTensors(model, subgraph);
  std::set_intersection(outputs.begin(), outputs.end(), unused.begin(), unused.end(),
                        std::inserter(orphans, orphans.end()));
  RemoveTensors(model, subgraph, orphans);
}

void RemoveOperatorCodes(fbs::ModelT& model, const std::set<uint32_t>& only) {
  std::set<uint32_t> used;
  for (const auto& graph : model.subgraphs) {
    for (const auto& op : graph->operators) used.insert(op->opcode_index);
  }
  std::vector<uint32_t> moved(model.operator_codes.size());
  std::vector<std::unique_ptr<fbs::OperatorCodeT>> kept;
  for (uint32_t i = 0; i < moved.size(); ++i) {
    moved[i] = static_cast<uint32_t>(kept.size());
    if (used.contains(i) || !only.contains(i)) kept.push_back(std::move(model.operator_codes[i]));
  }
  model.operator_codes = std::move(kept);
  for (auto& graph : model.subgraphs) {
    for (auto& op : graph->operators) op->opcode_index = moved[op->opcode_index];
  }
}

std::set<int> UnusedTensors(const fbs::ModelT& model, int subgraph) {
  std::set<int> unused;
  for (size_t i = 0; i < model.subgraphs[subgraph]->tensors.size(); ++i) unused.insert(static_cast<int>(i));
  // The visitor writes nothing here.
  VisitTensorIndices(const_cast<fbs::ModelT&>(model), subgraph, [&](int32_t& index) { unused.erase(index); });
  return unused;
}

void RemoveTensors(fbs::ModelT& model, int subgraph, const std::set<int>& tensors) {
  if (tensors.empty()) return;
  auto& all = model.subgraphs[subgraph]->tensors;
  std::vector<int32_t> moved(all.size());
  std::vector<std::unique_ptr<fbs::TensorT>> kept;
  for (size_t i = 0; i < all.size(); ++i) {
    moved[i] = static_cast<int32_t>(kept.size());
    if (!tensors.contains(static_cast<int>(i))) kept.push_back(std::move(all[i]));
  }
  all = std::move(kept);
  VisitTensorIndices(model, subgraph, [&](int32_t& index) { index = moved[index]; });
}

}  // namespace model_edit
