// SPDX-License-Identifier: Apache-2.0
#include "tools/model-edit/info.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "tools/model-edit/graph_edit.h"

namespace model_edit {
namespace {

std::string BorderText(const fbs::SubGraphT& graph, int index) {
  if (index < 0) return "absent";
  const fbs::TensorT& tensor = *graph.tensors[index];
  std::string text = fmt::format("{}[{}]", TensorText(graph, index), fmt::join(tensor.shape, ","));
  const auto* quantization = tensor.quantization.get();
  if (quantization != nullptr && quantization->scale.size() == 1 && quantization->zero_point.size() == 1) {
    text += fmt::format(" scale {:g} zero point {}", quantization->scale[0], quantization->zero_point[0]);
  }
  return text;
}

std::string OperatorCounts(const fbs::ModelT& model, const fbs::SubGraphT& graph) {
  std::map<std::string, int> counts;
  for (const auto& op : graph.operators) {
    const bool custom = CodeOf(model, *op) == fbs::BuiltinOperator::CUSTOM;
    ++counts[custom ? Printable(model.operator_codes[op->opcode_index]->custom_code)
                    : fbs::EnumNameBuiltinOperator(CodeOf(model, *op))];
  }
  std::string text;
  for (const auto& [name, count] : counts) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, name);
  return text;
}

std::string ConstantsText(const fbs::ModelT& model) {
  uint64_t inside = 0, behind = 0;
  int count = 0, count_behind = 0;
  for (const auto& buffer : model.buffers) {
    if (buffer->offset > 1) {
      behind += buffer->size;
      ++count_behind;
    } else if (!buffer->data.empty()) {
      inside += buffer->data.size();
      ++count;
    }
  }
  return fmt::format("{} buffers with {} bytes, {} behind the flatbuffer with {} bytes", count, inside, count_behind,
                     behind);
}

std::string SignatureText(const fbs::SignatureDefT& signature) {
  const auto side = [](const auto& maps) {
    std::string text;
    for (const auto& map : maps)
      text += fmt::format("{}{} T#{}", text.empty() ? "" : ", ", Printable(map->name), map->tensor_index);
    return text;
  };
  return fmt::format("signature \"{}\" of subgraph {}: ({}) -> ({})", Printable(signature.signature_key),
                     signature.subgraph_index, side(signature.inputs), side(signature.outputs));
}

}  // namespace

std::vector<std::string> Info(const ModelFile& file) {
  const fbs::ModelT& model = *file.model;
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{} bytes, description \"{}\"", file.bytes.size(), Printable(model.description)));
  for (size_t i = 0; i < model.subgraphs.size(); ++i) {
    const fbs::SubGraphT& graph = *model.subgraphs[i];
    lines.push_back(fmt::format("subgraph {} \"{}\": {} tensors, {} operators: {}", i, Printable(graph.name),
                                graph.tensors.size(), graph.operators.size(), OperatorCounts(model, graph)));
    for (const int tensor : graph.inputs) lines.push_back("  input " + BorderText(graph, tensor));
    for (const int tensor : graph.outputs) lines.push_back("  output " + BorderText(graph, tensor));
    for (int tensor = 0; tensor < static_cast<int>(graph.tensors.size()); ++tensor) {
      const size_t readers = IsConstant(model, *graph.tensors[tensor]) ? ReadersOf(graph, tensor).size() : 0;
      if (readers > 1) lines.push_back(fmt::format("  constant {} has {} readers", BorderText(graph, tensor), readers));
    }
  }
  for (const auto& signature : model.signature_defs) lines.push_back(SignatureText(*signature));
  for (const auto& entry : model.metadata) {
    lines.push_back(
        fmt::format("metadata \"{}\": {} bytes", Printable(entry->name), model.buffers[entry->buffer]->data.size()));
  }
  lines.push_back(ConstantsText(model));
  if (file.archive < file.bytes.size())
    lines.push_back(fmt::format("a zip archive of {} bytes at the end", file.bytes.size() - file.archive));
  return lines;
}

}  // namespace model_edit
