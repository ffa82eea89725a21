// SPDX-License-Identifier: Apache-2.0
#include "partitioner/op_notes.h"

#include <fmt/format.h>

#include "backends/ops/room.h"

namespace npu {
namespace {

std::string Named(const Plan& plan, int op) {
  return fmt::format("Op#{} {}", op, OpName(plan.graph->ops[op]));
}

// True when the op, which runs on the NPU, moves no bytes there. Asked of the operators only that a room may
// lower to a view without looking at weights or tables, so that a report stays cheap.
bool IsView(const Plan& plan, size_t index) {
  const Op& op = plan.compute_graph->ops[index];
  switch (op.kind) {
    case OpKind::kReshape:
    case OpKind::kSqueeze:
    case OpKind::kExpandDims:
    case OpKind::kQuantize: break;
    default: return false;
  }
  Lowering lowering;
  const OpRoom* room = FindRoom(op.kind);
  return room != nullptr && room->lower != nullptr &&
         room->lower({*plan.compute_graph, op}, ComputeOptions(), lowering) && lowering.launches().empty() &&
         !lowering.aliases().empty();
}

bool HasNarrowWeights(const OpView& op) {
  const Tensor* weights = op.input(1);
  return weights != nullptr && weights->is_constant() &&
         (weights->type == DataType::kInt4 || weights->type == DataType::kInt2 || weights->type == DataType::kUInt4);
}

bool MovesOnly(OpKind kind) {
  switch (kind) {
    case OpKind::kTranspose:
    case OpKind::kPad:
    case OpKind::kPadv2:
    case OpKind::kMirrorPad:
    case OpKind::kSpaceToDepth:
    case OpKind::kDepthToSpace:
    case OpKind::kSpaceToBatchNd:
    case OpKind::kBatchToSpaceNd:
    case OpKind::kTile:
    case OpKind::kReverseV2:
    case OpKind::kGather:
    case OpKind::kGatherNd: return true;
    default: return false;
  }
}

// What makes an operator that runs there cost more than its MACs say.
void AddCosts(const Plan& plan, size_t index, std::vector<std::string>& notes) {
  const Op& op = plan.compute_graph->ops[index];
  if (op.outputs.empty() || op.outputs[0] == kNoTensor) return;
  const Tensor& output = plan.compute_graph->tensors[op.outputs[0]];
  const int64_t bytes = output.byte_size().value_or(0);
  if (op.kind == OpKind::kQuantize) {
    notes.push_back(fmt::format("a pass of its own over {} bytes: scale or type changes here", bytes));
  } else if (MovesOnly(op.kind)) {
    notes.push_back(fmt::format("computes nothing: writes {} bytes in another place", bytes));
  }
  if (output.type == DataType::kInt16 && plan.ops[index].macs > 0) {
    notes.push_back("16-bit activations: 64-bit sums, slower than int8");
  }
  if (HasNarrowWeights({*plan.compute_graph, op})) notes.push_back("its weights are kept as int8 on the device");
}

}  // namespace

std::vector<std::vector<std::string>> OpNotes(const Plan& plan) {
  std::vector<std::vector<std::string>> notes(plan.ops.size());
  for (const Fold& fold : plan.folds) {
    for (int op : fold.absorbed) {
      notes[op].push_back(fmt::format("folded into {} ({}): does not run", Named(plan, fold.into), fold.name));
      notes[fold.into].push_back(fmt::format("does the work of {} ({})", Named(plan, op), fold.name));
    }
    for (int op : fold.bypassed) {
      notes[op].push_back(fmt::format("{} no longer reads its result ({}); others do", Named(plan, fold.into),
                                      fold.name));
      notes[fold.into].push_back(fmt::format("reads past {} ({})", Named(plan, op), fold.name));
    }
    for (int op : fold.rewritten) {
      notes[op].push_back(fmt::format("runs on bytes for {} ({})", Named(plan, fold.into), fold.name));
    }
  }
  for (size_t i = 0; i < plan.ops.size(); ++i) {
    const OpPlan& op = plan.ops[i];
    if (op.placement == Placement::kNpu && op.folded_into < 0 && !op.evaluated && IsView(plan, i)) {
      notes[i].push_back("a view of its input: no kernel runs");
    } else if (op.placement == Placement::kNpu && op.folded_into < 0 && !op.evaluated) {
      AddCosts(plan, i, notes[i]);
    }
  }
  return notes;
}

}  // namespace npu
