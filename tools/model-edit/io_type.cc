// A border tensor (graph input or output) is plain when the network behind it computes with 8 bits, one scale and one zero
// point: either it is that 8-bit tensor itself (the core), or one QUANTIZE or DEQUANTIZE alone stands between the two (the
// edge). To change its type an edge is added, changed or removed; the core stays as it is, so that no number changes.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "tools/model-edit/edits.h"
#include "tools/model-edit/graph_edit.h"

namespace model_edit {
namespace {

using fbs::BuiltinOperator;
using fbs::TensorType;
using npu::ErrorCode;
using npu::Fail;

// INT8 and UINT8 of the same numbers: q + 128 with the zero point moved likewise.
constexpr int64_t kMove = 128;

bool Is8Bit(const fbs::TensorT& tensor) { return tensor.type == TensorType::INT8 || tensor.type == TensorType::UINT8; }

bool HasOneScale(const fbs::TensorT& tensor) {
  const auto* quantization = tensor.quantization.get();
  return quantization != nullptr && quantization->scale.size() == 1 && quantization->zero_point.size() == 1 &&
         quantization->details.type == fbs::QuantizationDetails::NONE;
}

bool IsCore(const fbs::TensorT& tensor) { return Is8Bit(tensor) && HasOneScale(tensor); }

bool SameNumbers(const fbs::TensorT& border, const fbs::TensorT& core) {
  if (border.type == TensorType::FLOAT32) return true;
  if (!IsCore(border) || border.type == core.type) return false;
  const int64_t move = border.type == TensorType::UINT8 ? kMove : -kMove;
  return border.quantization->scale == core.quantization->scale &&
         border.quantization->zero_point[0] == core.quantization->zero_point[0] + move;
}

// The operator between a border and its core; -1: there is none.
int EdgeOf(const fbs::ModelT& model, const fbs::SubGraphT& graph, int border, bool input) {
  const std::vector<int> readers = ReadersOf(graph, border);
  const bool also_other_border = Contains(input ? graph.outputs : graph.inputs, border);
  const int edge = input ? (readers.size() == 1 ? readers[0] : -1) : (readers.empty() ? MakerOf(graph, border) : -1);
  if (edge < 0 || also_other_border) return -1;
  const fbs::OperatorT& op = *graph.operators[edge];
  const BuiltinOperator code = CodeOf(model, op);
  if (code != BuiltinOperator::QUANTIZE && (input || code != BuiltinOperator::DEQUANTIZE)) return -1;
  if (op.inputs.size() != 1 || op.outputs.size() != 1) return -1;
  const int index = input ? op.outputs[0] : op.inputs[0];
  if (index < 0) return -1;  // absent
  const fbs::TensorT& core = *graph.tensors[index];
  return IsCore(core) && SameNumbers(*graph.tensors[border], core) ? edge : -1;
}

// The type and quantization of a border of this type before (behind) `core`.
void SetType(fbs::TensorT& border, const fbs::TensorT& core, TensorType type) {
  border.type = type;
  border.quantization = nullptr;
  if (type == TensorType::FLOAT32) return;
  border.quantization = std::make_unique<fbs::QuantizationParametersT>(*core.quantization);
  if (type != core.type) border.quantization->zero_point[0] += type == TensorType::UINT8 ? kMove : -kMove;
}

void SetOperator(fbs::ModelT& model, fbs::OperatorT& op, TensorType from, TensorType to) {
  if (to == TensorType::FLOAT32) {
    // INT8 came with version 2 of DEQUANTIZE.
    op.opcode_index = OperatorCode(model, BuiltinOperator::DEQUANTIZE, from == TensorType::INT8 ? 2 : 1);
    op.builtin_options.Set(fbs::DequantizeOptionsT());
  } else {
    op.opcode_index = OperatorCode(model, BuiltinOperator::QUANTIZE, 1);
    op.builtin_options.Set(fbs::QuantizeOptionsT());
  }
}

void AddEdge(fbs::ModelT& model, int core_index, TensorType type, bool input) {
  fbs::SubGraphT& graph = *model.subgraphs[0];
  fbs::TensorT& core = *graph.tensors[core_index];
  auto border = std::make_unique<fbs::TensorT>();
  border->shape = core.shape;
  border->shape_signature = core.shape_signature;
  border->has_rank = core.has_rank;
  border->name = core.name;
  SetType(*border, core, type);
  border->buffer = static_cast<uint32_t>(model.buffers.size());
  model.buffers.push_back(std::make_unique<fbs::BufferT>());
  core.name = UnusedName(graph, core.name + (core.type == TensorType::INT8 ? "_int8" : "_uint8"));
  auto op = std::make_unique<fbs::OperatorT>();
  SetOperator(model, *op, input ? type : core.type, input ? core.type : type);
  const int border_index = static_cast<int>(graph.tensors.size());
  op->inputs = {input ? border_index : core_index};
  op->outputs = {input ? core_index : border_index};
  graph.tensors.push_back(std::move(border));
  graph.operators.insert(input ? graph.operators.begin() : graph.operators.end(), std::move(op));
  (input ? ReplaceInput : ReplaceOutput)(model, 0, core_index, border_index);
}

npu::Status RemoveEdge(fbs::ModelT& model, int edge, int border, bool input) {
  fbs::SubGraphT& graph = *model.subgraphs[0];
  const int core = input ? graph.operators[edge]->outputs[0] : graph.operators[edge]->inputs[0];
  if (Contains(graph.inputs, core) || Contains(graph.outputs, core) || (!input && MakerOf(graph, core) < 0)) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("without {} the {} {} would be {}, which is an input, an output or a constant already",
                            OpText(model, graph, edge), input ? "input" : "output", TensorText(graph, border),
                            TensorText(graph, core)));
  }
  std::swap(graph.tensors[core]->name, graph.tensors[border]->name);
  (input ? ReplaceInput : ReplaceOutput)(model, 0, border, core);
  RemoveOperators(model, 0, {edge});
  // An input's tensor is no operator's output: it goes here.
  if (input) RemoveTensors(model, 0, {border});
  return {};
}

tl::unexpected<npu::Error> NotPlain(const fbs::ModelT& model, const fbs::SubGraphT& graph, int border, bool input) {
  std::string around;
  for (const int reader : ReadersOf(graph, border))
    around += (around.empty() ? "read by " : ", ") + OpText(model, graph, reader);
  if (!input) {
    const int maker = MakerOf(graph, border);
    around = (maker < 0 ? "made by no operator" : "made by " + OpText(model, graph, maker)) +
             (around.empty() ? "" : ", " + around);
  }
  return Fail(ErrorCode::kUnsupported,
              fmt::format("the {} {} is no plain border ({}): it must be INT8 or UINT8 with one scale, or {}",
                          input ? "input" : "output", TensorText(graph, border), around,
                          input ? "be read by one QUANTIZE to such a tensor alone"
                                : "be made by DEQUANTIZE or QUANTIZE of such a tensor and read by nothing"));
}

// What was done; "" for a border that has the type already.
npu::Result<std::string> ChangeBorder(fbs::ModelT& model, size_t position, bool input, TensorType type) {
  fbs::SubGraphT& graph = *model.subgraphs[0];
  const int border = (input ? graph.inputs : graph.outputs)[position];
  if (border < 0 || graph.tensors[border]->type == type) return std::string();
  const std::string before = TensorText(graph, border);
  const int edge = EdgeOf(model, graph, border, input);
  const char* what = "";
  if (edge < 0) {
    const bool plain =
        IsCore(*graph.tensors[border]) && (input ? !Contains(graph.outputs, border) : MakerOf(graph, border) >= 0);
    if (!plain) return NotPlain(model, graph, border, input);
    AddEdge(model, border, type, input);
    what = type == TensorType::FLOAT32 && !input ? "DEQUANTIZE added" : "QUANTIZE added";
  } else {
    fbs::OperatorT& op = *graph.operators[edge];
    const fbs::TensorT& core = *graph.tensors[input ? op.outputs[0] : op.inputs[0]];
    if (core.type == type) {
      what = CodeOf(model, op) == BuiltinOperator::QUANTIZE ? "QUANTIZE removed" : "DEQUANTIZE removed";
      NPU_RETURN_IF_ERROR(RemoveEdge(model, edge, border, input));
    } else {
      what = type == TensorType::FLOAT32 && !input ? "by DEQUANTIZE" : "by QUANTIZE";
      const uint32_t old_code = op.opcode_index;
      SetType(*graph.tensors[border], core, type);
      SetOperator(model, op, input ? type : core.type, input ? core.type : type);
      if (op.opcode_index != old_code) RemoveOperatorCodes(model, {old_code});
    }
  }
  return fmt::format("{} {} -> {} ({})", input ? "input" : "output", before, fbs::EnumNameTensorType(type), what);
}

}  // namespace

Done ChangeIoTypes(fbs::ModelT& model, std::optional<TensorType> inputs, std::optional<TensorType> outputs) {
  std::vector<std::string> done;
  for (const bool input : {true, false}) {
    const auto type = input ? inputs : outputs;
    const fbs::SubGraphT& graph = *model.subgraphs[0];
    const size_t count = input ? graph.inputs.size() : graph.outputs.size();
    for (size_t i = 0; type && i < count; ++i) {
      NPU_ASSIGN_OR_RETURN(const std::string line, ChangeBorder(model, i, input, *type));
      if (!line.empty()) done.push_back(line);
    }
  }
  if (done.empty()) return Fail(ErrorCode::kUnsupported, "nothing to change: inputs and outputs have these types already");
  return done;
}

}  // namespace model_edit
