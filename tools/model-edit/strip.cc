// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "tools/model-edit/edits.h"
#include "tools/model-edit/graph_edit.h"

namespace model_edit {

Done StripLceDequantize(fbs::ModelT& model) {
  using npu::ErrorCode;
  using npu::Fail;
  fbs::SubGraphT& graph = *model.subgraphs[0];
  std::vector<std::string> done;
  std::set<int> removed;
  const std::vector<int32_t> outputs = graph.outputs;
  for (const int output : outputs) {
    const int maker = output < 0 ? -1 : MakerOf(graph, output);
    if (maker < 0 || removed.contains(maker) || !IsCustom(model, *graph.operators[maker], "LceDequantize")) continue;
    const fbs::OperatorT& op = *graph.operators[maker];
    const int packed = op.inputs.empty() ? -1 : op.inputs[0];
    if (packed < 0 || MakerOf(graph, packed) < 0) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("{} unpacks no tensor that an operator makes; nothing would be left of the output {}",
                              OpText(model, graph, maker), TensorText(graph, output)));
    }
    if (Contains(graph.outputs, packed)) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("{} is an output already, or would be one twice; it is what {} unpacks",
                              TensorText(graph, packed), OpText(model, graph, maker)));
    }
    const bool inner = !ReadersOf(graph, output).empty();
    done.push_back(fmt::format("output {} -> packed {}; {} {}", TensorText(graph, output), TensorText(graph, packed),
                               OpText(model, graph, maker), inner ? "stays for its other readers" : "removed"));
    ReplaceOutput(model, 0, output, packed);
    if (inner) continue;
    removed.insert(maker);
    std::swap(graph.tensors[packed]->name, graph.tensors[output]->name);
  }
  if (done.empty()) return Fail(ErrorCode::kUnsupported, "nothing to strip: LceDequantize makes none of the outputs");
  RemoveOperators(model, 0, removed);
  return done;
}

}  // namespace model_edit
