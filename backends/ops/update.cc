// DYNAMIC_UPDATE_SLICE, SCATTER_ND: bytes written into a larger tensor.
//   DYNAMIC_UPDATE_SLICE  the operand (input 0) with the update (input 1) in place of the box that begins
//     at the start indices (input 2, computed when the model runs or constant). Starts are clamped so that
//     the box stays inside: begin[d] = clamp(start[d], 0, operand[d] - update[d]).
//   SCATTER_ND            zeros of shape input 2 with slices of the updates (input 1) where the indices
//     (input 0) say: indices [.., D] speak of the first D dimensions. Zero is the stored byte 0, as hosts
//     have it, so that the zero point has to be 0.
// Nothing is rescaled: all have one quantization. Source: LiteRT 2.3 BUILTIN_REF, bit for bit. It adds up
// updates of one place in 8 bits and does not check indices of single dimensions: both are refused.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "backends/ops/data_movement.h"
#include "backends/ops/rules.h"
#include "backends/ops/strided_copy.h"
#include "backends/ops/table_move.h"
#include "base/checked.h"

namespace npu {
namespace {

using Shape = std::vector<int32_t>;

// --- DYNAMIC_UPDATE_SLICE ---

constexpr int kOperand = 0, kUpdate = 1, kStart = 2;
constexpr int kMaxUpdateRank = 8;
constexpr int kRunChunk = 64;  // bytes of a row that one work-item of the kernel moves

std::optional<Shape> PlanUpdate(const OpView& op, Verdict& verdict) {
  bool ok = RequireInput(op, kOperand, "operand", verdict);
  ok = RequireInput(op, kUpdate, "update", verdict) && ok;
  ok = RequireInput(op, kStart, "start indices", verdict) && ok;
  if (!ok) return std::nullopt;
  const Tensor &operand = *op.input(kOperand), &update = *op.input(kUpdate), &start = *op.input(kStart);
  if (!RequireRank(operand, "input 0 (operand)", 1, kMaxUpdateRank, verdict)) return std::nullopt;
  const auto rank = static_cast<int32_t>(operand.shape.size());
  ok = RequireShape(start, "input 2 (start indices)", Shape{rank}, verdict);
  bool fits = update.shape.size() == operand.shape.size();
  for (int d = 0; fits && d < rank; ++d) fits = update.shape[d] <= operand.shape[d];
  if (!fits) {
    verdict.Add(ReasonCode::kShapeMismatch, "input 1 (update) shape", ShapeString(update),
                fmt::format("at most {} in every dimension", ShapeString(operand)));
  }
  if (!ok || !fits) return std::nullopt;
  return operand.shape;
}

void CheckUpdate(const OpView& op, Verdict& verdict) {
  const auto shape = PlanUpdate(op, verdict);
  if (op.input(kOperand) == nullptr || op.output(0) == nullptr) return;
  const Tensor &operand = *op.input(kOperand), &output = *op.output(0);
  RequireInputType(op, kStart, "start indices", {DataType::kInt32, DataType::kInt64}, verdict);
  for (int i : {kOperand, kUpdate}) {
    if (op.input(i) == nullptr) continue;
    const std::string role = i == kOperand ? "input 0 (operand)" : "input 1 (update)";
    RequireNonEmpty(*op.input(i), role, verdict);
    if (RequireMoved8Bit(*op.input(i), role, output, "output", verdict)) {
      RequireSameQuantization(*op.input(i), role, output, "output", verdict);
    }
  }
  if (shape) RequireShape(output, "output", operand.shape, verdict);
}

Status ReferenceUpdate(const ReferenceArgs& args) {
  Verdict verdict;
  CheckUpdate(args.view, verdict);
  if (!verdict.eligible()) return FirstReason(verdict);
  const Tensor &operand = *args.view.input(kOperand), &update = *args.view.input(kUpdate);
  std::memcpy(args.outputs[0], args.inputs[kOperand], *operand.byte_size());
  const auto source = DenseStrides(update.shape), target = DenseStrides(operand.shape);
  StridedCopy copy;
  for (size_t d = 0; d < operand.shape.size(); ++d) {
    const int64_t start = args.view.input(kStart)->type == DataType::kInt32 ? args.in<int32_t>(kStart)[d]
                                                                            : args.in<int64_t>(kStart)[d];
    copy.target_offset += std::clamp<int64_t>(start, 0, operand.shape[d] - update.shape[d]) * target[d];
    copy.Add(update.shape[d], source[d], target[d]);
  }
  CopyStrided(copy, 1, args.inputs[kUpdate], args.outputs[0]);
  return {};
}

Status LowerUpdate(const OpView& op, Lowering& lowering) {
  const Tensor &operand = *op.input(kOperand), &update = *op.input(kUpdate);
  StridedCopy all;
  all.Add(*operand.element_count(), 1, 1);
  LowerCopy(all, 1, TensorArg{op.op.inputs[kOperand]}, TensorArg{op.op.outputs[0]}, lowering);
  std::vector<int32_t> sizes = operand.shape;
  sizes.insert(sizes.end(), update.shape.begin(), update.shape.end());
  const int32_t run = update.shape.back();
  const auto rows = static_cast<int32_t>(*update.element_count() / run);
  lowering.Launch(
      "npu_update_slice",
      {static_cast<size_t>((run + kRunChunk - 1) / kRunChunk), static_cast<size_t>(rows), 1},
      {TensorArg{op.op.inputs[kUpdate]}, TensorArg{op.op.outputs[0]}, TensorArg{op.op.inputs[kStart]},
       lowering.AddConstant(sizes), static_cast<int32_t>(operand.shape.size()), rows, run,
       op.input(kStart)->type == DataType::kInt64 ? 1 : 0});
  return {};
}

// --- SCATTER_ND ---

constexpr int kIndices = 0, kUpdates = 1, kShape = 2;

struct Scatter {
  Shape shape;                  // of the output
  int64_t slice = 1;            // elements that one index tuple names
  std::vector<int64_t> places;  // slice of the output that each slice of the updates goes to

  int64_t slices() const {
    int64_t count = 1;
    for (int32_t size : shape) count *= size;
    return count / slice;
  }
};

std::optional<Scatter> PlanScatter(const OpView& op, Verdict& verdict) {
  const auto indices = RequireInts(op, kIndices, "indices", verdict);
  const auto shape = RequireInts(op, kShape, "shape", verdict);
  if (!indices || !shape || !RequireInput(op, kUpdates, "updates", verdict)) return std::nullopt;
  const Shape &tuples = op.input(kIndices)->shape, &updates = op.input(kUpdates)->shape;
  const bool whole = std::ranges::all_of(*shape, [](int32_t size) { return size > 0; });
  const size_t named = tuples.empty() ? 0 : static_cast<size_t>(tuples.back());
  Shape expected(tuples.begin(), tuples.empty() ? tuples.end() : tuples.end() - 1);
  if (named <= shape->size())
    expected.insert(expected.end(), shape->begin() + static_cast<int64_t>(named), shape->end());
  if (!whole || named < 1 || named > shape->size() || updates != expected) {
    verdict.Add(ReasonCode::kShapeMismatch, "shapes of indices and updates, and shape",
                fmt::format("{}, {} and {}", ShapeString(tuples), ShapeString(updates), ShapeString(*shape)),
                "indices [.., D], updates [.., the dimensions of shape after the first D], no dimension 0");
    return std::nullopt;
  }
  if (!RequireShapeFits(*shape, verdict)) return std::nullopt;
  Scatter plan{*shape, 1, {}};
  for (size_t d = named; d < shape->size(); ++d) plan.slice *= (*shape)[d];
  for (size_t i = 0; i < indices->size(); i += named) {
    int64_t place = 0;
    for (size_t d = 0; d < named; ++d) {
      const int32_t index = (*indices)[i + d];
      if (!RequireRange(fmt::format("index {}", i + d), index, 0, (*shape)[d] - 1, verdict))
        return std::nullopt;
      place = place * (*shape)[d] + index;
    }
    plan.places.push_back(place);
  }
  auto sorted = plan.places;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end()) {
    verdict.Add(ReasonCode::kUnsupportedOperandValue, "input 0 (indices)", "name a place twice",
                "each place once (hosts add the bytes up)");
    return std::nullopt;
  }
  return plan;
}

void CheckScatter(const OpView& op, Verdict& verdict) {
  const auto plan = PlanScatter(op, verdict);
  if (op.input(kUpdates) == nullptr || op.output(0) == nullptr) return;
  const Tensor &updates = *op.input(kUpdates), &output = *op.output(0);
  RequireNonEmpty(updates, "input 1 (updates)", verdict);
  if (RequireMoved8Bit(updates, "input 1 (updates)", output, "output", verdict)) {
    RequireSameQuantization(updates, "input 1 (updates)", output, "output", verdict);
    if (output.zero_point() != 0) {
      verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "output zero point",
                  std::to_string(output.zero_point()), "0 (hosts fill with the stored byte 0)");
    }
  }
  if (!plan) return;
  RequireShape(output, "output", plan->shape, verdict);
  RequireRange("slices of the output", plan->slices(), 1, kMaxTablePositions, verdict);
}

// One position of the table per slice of the output.
TableMove MakeMove(const Scatter& plan) {
  OffsetAxis axis(plan.slices());
  for (size_t i = 0; i < axis.size(); ++i)
    axis[i] = {kFrame, static_cast<int32_t>(static_cast<int64_t>(i) * plan.slice)};
  for (size_t i = 0; i < plan.places.size(); ++i) {
    axis[plan.places[i]].source = static_cast<int32_t>(static_cast<int64_t>(i) * plan.slice);
  }
  return MakeTableMove({std::move(axis)}, plan.slice);
}

Status ReferenceScatter(const ReferenceArgs& args) {
  Verdict verdict;
  CheckScatter(args.view, verdict);
  const auto plan = PlanScatter(args.view, verdict);
  if (!verdict.eligible() || !plan) return FirstReason(verdict);
  const std::byte zero{0};
  MoveByTables(MakeMove(*plan), 1, &zero, args.inputs[kUpdates], args.outputs[0]);
  return {};
}

Status LowerScatter(const OpView& op, Lowering& lowering) {
  Verdict verdict;
  const auto plan = PlanScatter(op, verdict);
  if (!plan) return FirstReason(verdict);
  LowerTableMove(MakeMove(*plan), 1, TensorArg{op.op.inputs[kUpdates]}, TensorArg{op.op.outputs[0]},
                 StorageOffset(op.output(0)->type), lowering);
  return {};
}

// --- Both ---

bool IsScatter(const Op& op) { return op.kind == OpKind::kScatterNd; }

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  std::optional<Shape> shape;
  if (!IsScatter(op)) {
    shape = PlanUpdate({graph, op}, verdict);
  } else if (auto plan = PlanScatter({graph, op}, verdict)) {
    shape = std::move(plan->shape);
  }
  if (!shape) return FirstReason(verdict);
  SetOutputShape(graph, op, 0, *std::move(shape));
  return {};
}

void Check(const OpView& op, Verdict& verdict) {
  IsScatter(op.op) ? CheckScatter(op, verdict) : CheckUpdate(op, verdict);
}

Status Reference(const ReferenceArgs& args) {
  return IsScatter(args.view.op) ? ReferenceScatter(args) : ReferenceUpdate(args);
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  return IsScatter(op.op) ? LowerScatter(op, lowering) : LowerUpdate(op, lowering);
}

constexpr std::string_view kRules[] = {
    "operand, update or updates, and output INT8 or UINT8, of one type, scale and zero point; no dimension 0",
    "DYNAMIC_UPDATE_SLICE: rank 1 to 8; start indices INT32 or INT64, constant or not, clamped so that the "
    "update stays "
    "inside; the update is no larger than the operand",
    "SCATTER_ND: indices and shape constant, INT32 or INT64; indices inside the shape, each place named "
    "once; zero "
    "point 0",
};

}  // namespace

extern const OpRoom kUpdateRoom;
const OpRoom kUpdateRoom = {
    .name = "update",
    .infer = Infer,
    .check = Check,
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 3,
    .max_inputs = 3,
    .rules = kRules,
};

}  // namespace npu
