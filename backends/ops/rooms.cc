// The table of rooms, and the rules that hold for every operator before its room is asked.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/checked.h"
#include "backends/ops/refusals.h"
#include "backends/ops/room.h"
#include "backends/ops/rules.h"

namespace npu {

// Rooms are defined in ops/<family>.cc; operators without one share the empty room.
extern const OpRoom kNoneRoom;
#define NPU_OP(kind, code, name, version, params, room) extern const OpRoom k##room##Room;
#define NPU_CUSTOM_OP(kind, name, params, room) extern const OpRoom k##room##Room;
#define NPU_FOLDED_OP(kind, name, params, room) extern const OpRoom k##room##Room;
#include "schema/ops.def"

const OpRoom kNoneRoom{};

const OpRoom* FindRoom(OpKind kind) {
  const OpRoom* room = &kNoneRoom;
  switch (kind) {
#define NPU_OP(kind, code, name, version, params, room_name) \
  case OpKind::kind: room = &k##room_name##Room; break;
#define NPU_CUSTOM_OP(kind, name, params, room_name) \
  case OpKind::kind: room = &k##room_name##Room; break;
#define NPU_FOLDED_OP(kind, name, params, room_name) \
  case OpKind::kind: room = &k##room_name##Room; break;
#include "schema/ops.def"
  }
  return room == &kNoneRoom ? nullptr : room;
}

bool IsState(const OpRoom& room, int i) {
  return std::find(room.states.begin(), room.states.end(), i) != room.states.end();
}

namespace {

// Operands, of any op, that are this tensor.
int64_t CountUses(const Graph& graph, int tensor) {
  int64_t uses = 0;
  for (const Op& op : graph.ops) {
    uses += std::count(op.inputs.begin(), op.inputs.end(), tensor);
    uses += std::count(op.outputs.begin(), op.outputs.end(), tensor);
  }
  return uses;
}

// A state is written in place: nobody else may look at it.
void CheckState(const OpView& view, const OpRoom& room, int i, Verdict& verdict) {
  const Tensor* tensor = view.input(i);
  if (tensor == nullptr || !IsState(room, i)) return;
  const std::string role = fmt::format("input {} \"{}\" (state)", i, tensor->name);
  if (!tensor->is_variable) {
    verdict.Add(ReasonCode::kUnsupportedVariable, role, "not a variable tensor", "a variable tensor");
  } else if (const int64_t uses = CountUses(view.graph, view.op.inputs[i]); uses != 1) {
    verdict.Add(ReasonCode::kUnsupportedVariable, role + " uses", fmt::format("{} operands", uses),
                "this operand alone");
  }
}

std::string OperandRole(const char* kind, int i, const Tensor& tensor) {
  return fmt::format("{} {} \"{}\"", kind, i, tensor.name);
}

// Returns whether the room may be asked: what it may assume holds.
bool CheckGeneric(const OpView& view, const OpRoom* room, Verdict& verdict) {
  const OpInfo& info = GetOpInfo(view.op.kind);
  if (view.op.kind == OpKind::kDelegate) {
    verdict.Add(ReasonCode::kDelegatedElsewhere, "operator", std::string(OpName(view.op)),
                "an operator that no other delegate has taken");
    return false;
  }
  if (room == nullptr) {
    const std::string_view refusal = RefusalOf(view.op.kind);
    verdict.Add(ReasonCode::kUnsupportedOperator, "operator", std::string(OpName(view.op)),
                refusal.empty() ? "an operator of docs/operators.md" : std::string(refusal));
    return false;
  }
  bool askable = true;
  if (view.op.version > info.max_version && info.max_version > 0) {
    verdict.Add(ReasonCode::kUnsupportedOperatorVersion, "operator version", std::to_string(view.op.version),
                fmt::format("1 to {}", info.max_version));
  }
  if (!view.op.params_error.empty()) {
    verdict.Add(ReasonCode::kInvalidArgument, "parameters", view.op.params_error,
                "the operator's own parameters");
    askable = false;
  }
  const auto count = [&](const char* what, int found, int min, int max) {
    if (found >= min && found <= max) return;
    verdict.Add(ReasonCode::kMissingRequiredOperand, fmt::format("number of {}", what), std::to_string(found),
                min == max ? std::to_string(min) : fmt::format("{} to {}", min, max));
    askable = false;
  };
  count("inputs", view.input_count(), room->min_inputs, room->max_inputs);
  count("outputs", view.output_count(), room->min_outputs, room->max_outputs);

  const auto check_tensor = [&](const Tensor& tensor, const char* kind, int i, bool state) {
    if (!tensor.shape_known) {
      verdict.Add(ReasonCode::kShapeUnknown, OperandRole(kind, i, tensor) + " shape", "unknown",
                  "known before the model runs");
      askable = false;
    } else if (!tensor.byte_size() && !(room->resources && tensor.type == DataType::kResource)) {
      verdict.Add(ReasonCode::kUnsupportedOperandSize, OperandRole(kind, i, tensor) + " size",
                  fmt::format("{} {}", DataTypeName(tensor.type), ShapeString(tensor)),
                  fmt::format("a fixed-size type and at most {} elements", kMaxTensorElements));
      askable = false;
    }
    if (tensor.is_sparse) {
      verdict.Add(ReasonCode::kUnsupportedSparsity, OperandRole(kind, i, tensor) + " storage", "sparse", "dense");
    }
    if (tensor.is_variable && !state) {
      verdict.Add(ReasonCode::kUnsupportedVariable, OperandRole(kind, i, tensor), "variable tensor",
                  "a tensor without state");
    }
    if (tensor.has_unknown_quantization) {
      verdict.Add(ReasonCode::kUnsupportedQuantizationType, OperandRole(kind, i, tensor) + " quantization",
                  "custom or blockwise", "affine");
    }
    if (tensor.is_constant() && tensor.byte_size() &&
        *tensor.byte_size() != static_cast<int64_t>(tensor.data.bytes.size())) {
      verdict.Add(ReasonCode::kUnsupportedOperandSize, OperandRole(kind, i, tensor) + " data",
                  fmt::format("{} bytes", tensor.data.bytes.size()), fmt::format("{} bytes", *tensor.byte_size()));
      askable = false;
    }
  };
  for (int i = 0; i < view.input_count(); ++i) {
    if (view.input(i) == nullptr) continue;
    check_tensor(*view.input(i), "input", i, IsState(*room, i));
    CheckState(view, *room, i, verdict);
  }
  for (int i = 0; i < view.output_count(); ++i) {
    if (view.output(i) != nullptr) check_tensor(*view.output(i), "output", i, false);
  }
  return askable;
}

Verdict Check(const Graph& graph, const Op& op, bool on_npu) {
  Verdict verdict;
  const OpView view{graph, op};
  const OpRoom* room = FindRoom(op.kind);
  if (!CheckGeneric(view, room, verdict)) return verdict;
  if (!on_npu) {
    if (room->check_cpu == nullptr) {
      verdict.Add(ReasonCode::kUnsupportedOperator, "operator on delegate-cpu", std::string(OpName(op)),
                  "an operator that delegate-cpu takes");
    } else {
      room->check_cpu(view, verdict);
    }
    return verdict;
  }
  room->check(view, verdict);
  if (verdict.eligible() && room->lower == nullptr) {
    verdict.Add(ReasonCode::kUnsupportedOperator, "operator", std::string(OpName(op)),
                "shape arithmetic that can be evaluated when the plan is made");
  }
  return verdict;
}

}  // namespace

Verdict CheckNpu(const Graph& graph, const Op& op) { return Check(graph, op, true); }
Verdict CheckCpu(const Graph& graph, const Op& op) { return Check(graph, op, false); }

int64_t Macs(const Graph& graph, const Op& op) {
  const OpRoom* room = FindRoom(op.kind);
  if (room == nullptr || room->macs == nullptr) return 0;
  const OpView view{graph, op};
  if (view.input_count() < room->min_inputs || view.output_count() < room->min_outputs) return 0;
  for (int i = 0; i < room->min_inputs; ++i) {
    // Recurrent operators have optional operands in the middle; their rooms look for themselves.
    if (view.input(i) == nullptr ? room->states.empty() : !view.input(i)->element_count()) return 0;
  }
  for (int i = 0; i < room->min_outputs; ++i) {
    if (view.output(i) == nullptr || !view.output(i)->element_count()) return 0;
  }
  return room->macs(view);
}

}  // namespace npu
