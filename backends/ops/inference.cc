// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/inference.h"

#include <fmt/format.h>

#include "backends/ops/room.h"

namespace npu {
namespace {

// Shape arithmetic works on a handful of numbers; anything larger is data, which belongs on a device.
constexpr int64_t kMaxEvaluatedElements = 4096;

bool IsInteger(DataType type) { return type == DataType::kInt32 || type == DataType::kInt64; }

// True when `op` computes integers from nothing but constants and shapes.
bool CanEvaluate(const OpView& view) {
  for (int i = 0; i < view.output_count(); ++i) {
    const Tensor* output = view.output(i);
    if (output == nullptr || !IsInteger(output->type)) return false;
    const auto count = output->element_count();
    if (!count || *count > kMaxEvaluatedElements) return false;
  }
  for (int i = 0; i < view.input_count(); ++i) {
    const Tensor* input = view.input(i);
    if (input == nullptr) continue;
    if (view.op.kind == OpKind::kShape || view.op.kind == OpKind::kRank) return input->shape_known;
    if (!input->is_constant() || !IsInteger(input->type)) return false;
    const auto bytes = input->byte_size();
    if (!bytes || *bytes != static_cast<int64_t>(input->data.bytes.size())) return false;
  }
  return true;
}

Status Evaluate(Graph& graph, const Op& op, const OpRoom& room) {
  std::vector<const std::byte*> inputs;
  for (int index : op.inputs) {
    inputs.push_back(index == kNoTensor ? nullptr : graph.tensors[index].data.bytes.data());
  }
  // One byte more than needed, so that an empty result still has an address: it is a constant.
  std::vector<std::shared_ptr<std::vector<std::byte>>> results;
  std::vector<std::byte*> outputs;
  for (int index : op.outputs) {
    results.push_back(std::make_shared<std::vector<std::byte>>(*graph.tensors[index].byte_size() + 1));
    outputs.push_back(results.back()->data());
  }
  const ComputeOptions options;
  NPU_RETURN_IF_ERROR(room.reference({OpView{graph, op}, inputs, outputs, options}));
  for (size_t i = 0; i < op.outputs.size(); ++i) {
    const size_t bytes = results[i]->size() - 1;
    graph.tensors[op.outputs[i]].data = {std::span<const std::byte>(results[i]->data(), bytes), results[i]};
  }
  return {};
}

// Lets the room infer; what it leaves behind must be usable sizes.
Status InferOp(Graph& graph, const Op& op, const OpRoom& room) {
  const OpView view{graph, op};
  if (!op.params_error.empty()) return Fail(ErrorCode::kInvalidModel, "parameters: " + op.params_error);
  if (view.input_count() < room.min_inputs || view.output_count() < room.min_outputs ||
      view.input_count() > room.max_inputs || view.output_count() > room.max_outputs) {
    return Fail(ErrorCode::kInvalidModel,
                fmt::format("{} inputs and {} outputs; expected {} to {} inputs and {} to {} outputs",
                            view.input_count(), view.output_count(), room.min_inputs, room.max_inputs,
                            room.min_outputs, room.max_outputs));
  }
  for (int i = 0; i < view.input_count(); ++i) {
    const Tensor* input = view.input(i);
    if (input != nullptr && !input->element_count()) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("input {} \"{}\" has {}", i, input->name,
                              input->shape_known ? "too many elements: " + ShapeString(*input)
                                                 : "a shape that is not known before the model runs"));
    }
  }
  std::vector<Tensor> before;
  for (int index : op.outputs) before.push_back(graph.tensors[index]);
  Status status = room.infer(graph, op);
  for (size_t i = 0; status && i < op.outputs.size(); ++i) {
    const Tensor& output = graph.tensors[op.outputs[i]];
    if (output.shape_known && !output.element_count()) {
      status = Fail(ErrorCode::kResourceExhausted,
                    fmt::format("output {} \"{}\" would have too many elements: {}", i, output.name,
                                ShapeString(output)));
    }
  }
  if (!status) {
    for (size_t i = 0; i < op.outputs.size(); ++i) graph.tensors[op.outputs[i]] = std::move(before[i]);
  }
  return status;
}

}  // namespace

InferenceResult InferShapes(Graph& graph) {
  InferenceResult result;
  result.errors.resize(graph.ops.size());
  result.evaluated.resize(graph.ops.size());
  // A second call (after a resize) starts from what the model says, not from the last evaluation.
  for (const Op& op : graph.ops) {
    for (int index : op.outputs) graph.tensors[index].data = {};
  }
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    const OpRoom* room = FindRoom(op.kind);
    if (room == nullptr) continue;
    Status status = InferOp(graph, op, *room);
    if (status && room->reference != nullptr && CanEvaluate({graph, op})) {
      status = Evaluate(graph, op, *room);
      result.evaluated[i] = status.has_value();
    }
    if (!status) {
      result.errors[i] = status.error().text;
    }
  }
  return result;
}

}  // namespace npu
