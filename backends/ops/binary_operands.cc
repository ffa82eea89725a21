// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/binary_operands.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <numeric>
#include <optional>

#include "backends/ops/rules.h"
#include "base/checked.h"

namespace npu {
namespace {

constexpr size_t kMaxLoops = 6;  // dimensions TFLite broadcasts over, and one row of the kernel's table each
constexpr int kVector = 16;      // elements that the kernels compute at once
constexpr int kFlatVectors = 4;  // of a work-item of the flat kernels
constexpr int64_t kMaxExpanded = 1 << 16;  // bytes a repeated constant may grow to

// A constant operand of `size` bytes in the u8 domain, repeated until its length is a multiple of kVector.
std::optional<std::vector<uint8_t>> ExpandConstant(const Tensor& tensor, int64_t size) {
  const int64_t expanded = std::lcm<int64_t>(size, kVector);
  if (!tensor.is_constant() || expanded > kMaxExpanded) return std::nullopt;
  std::vector<uint8_t> bytes(expanded);
  const auto flip = static_cast<uint8_t>(StorageOffset(tensor.type));
  for (int64_t i = 0; i < expanded; ++i) bytes[i] = static_cast<uint8_t>(tensor.data.bytes[i % size]) ^ flip;
  return bytes;
}

using Arguments = std::function<std::vector<KernelArg>(bool swap)>;

// The flat kernels read operand b at index i modulo a period, 16 elements at once: the period is a multiple
// of 16 or at least the number of elements. Returns false when the broadcast has another form.
bool LowerFlat(const OpView& op, std::string_view kernel, const std::vector<BroadcastLoop>& loops,
               int32_t count, bool swap, const Arguments& arguments, Lowering& lowering) {
  const auto repeats_b = [&](const BroadcastLoop& l) { return (swap ? l.a_stride : l.b_stride) == 0; };
  const auto repeats_a = [&](const BroadcastLoop& l) { return (swap ? l.b_stride : l.a_stride) == 0; };
  for (const BroadcastLoop& loop : loops) {
    if (repeats_a(loop)) return false;
  }
  const int a = op.op.inputs[swap ? 1 : 0], b = op.op.inputs[swap ? 0 : 1];
  KernelArg b_arg = TensorArg{b};
  int32_t period = count;
  if (loops.size() > 2 || (loops.size() == 2 && !repeats_b(loops[1]))) return false;
  if (loops.size() == 2 || repeats_b(loops[0])) {
    const int64_t size = loops.size() == 2 ? loops[0].size : 1;
    if (size % kVector != 0) {
      const auto expanded = ExpandConstant(op.graph.tensors[b], size);
      if (!expanded) return false;
      b_arg = lowering.AddConstant(*expanded);
      period = static_cast<int32_t>(expanded->size());
    } else {
      period = static_cast<int32_t>(size);
    }
  }
  std::vector<KernelArg> args = {TensorArg{a}, b_arg, TensorArg{op.op.outputs[0]}, count, period};
  for (const KernelArg& arg : arguments(swap)) args.push_back(arg);
  constexpr size_t kItem = kFlatVectors * kVector;
  lowering.Launch(kernel, {(static_cast<size_t>(count) + kItem - 1) / kItem, 1, 1}, std::move(args));
  return true;
}

// Any broadcast: one row of work-items per innermost loop; the outer loops' sizes and strides in a table.
void LowerRows(const OpView& op, std::string_view kernel, const std::vector<BroadcastLoop>& loops,
               int32_t count, const Arguments& arguments, Lowering& lowering) {
  std::vector<int32_t> table;
  for (size_t k = 1; k < loops.size(); ++k) {
    for (int64_t value : {loops[k].size, loops[k].a_stride, loops[k].b_stride}) {
      table.push_back(static_cast<int32_t>(value));
    }
  }
  if (table.empty()) table = {1, 0, 0};  // a buffer of no bytes cannot be made
  const auto inner = static_cast<int32_t>(loops[0].size);
  const int32_t rows = count / inner;
  std::vector<KernelArg> args = {TensorArg{op.op.inputs[0]},
                                 TensorArg{op.op.inputs[1]},
                                 TensorArg{op.op.outputs[0]},
                                 lowering.AddConstant(table),
                                 static_cast<int32_t>(loops.size()) - 1,
                                 rows,
                                 inner,
                                 static_cast<int32_t>(loops[0].a_stride),
                                 static_cast<int32_t>(loops[0].b_stride)};
  for (const KernelArg& arg : arguments(false)) args.push_back(arg);
  const size_t items = (static_cast<size_t>(inner) + kVector - 1) / kVector;
  lowering.Launch(kernel, {items, static_cast<size_t>(rows), 1}, std::move(args));
}

// What is left to test when input 0 and output 0 are `typed` or not: operand 1.
bool CheckOperands(const OpView& op, bool typed, std::initializer_list<DataType> allowed, Verdict& verdict) {
  const Tensor* a = op.input(0);
  const Tensor* b = op.input(1);
  if (!RequireInputType(op, 1, "second operand", allowed, verdict)) return false;
  typed = RequirePerTensor(*b, "input 1", verdict) && typed;
  if (a != nullptr && a->type != b->type && std::ranges::find(allowed, a->type) != allowed.end()) {
    verdict.Add(ReasonCode::kUnsupportedInputType, "input 1 (second operand) element type",
                std::string(DataTypeName(b->type)), fmt::format("{}, as input 0", DataTypeName(a->type)));
    typed = false;
  }
  return typed;
}

}  // namespace

Status InferBroadcast(Graph& graph, const Op& op) {
  const OpView view{graph, op};
  if (view.input(0) == nullptr || view.input(1) == nullptr || view.output(0) == nullptr) {
    return Fail(ErrorCode::kInvalidModel, "input 0, input 1 or output 0 is absent");
  }
  auto shape = BroadcastShape(view.input(0)->shape, view.input(1)->shape);
  if (!shape) {
    return Fail(ErrorCode::kInvalidModel,
                fmt::format("shapes {} and {} cannot be broadcast against each other",
                            ShapeString(*view.input(0)), ShapeString(*view.input(1))));
  }
  Tensor& output = graph.tensors[op.outputs[0]];
  output.shape = *std::move(shape);
  output.shape_known = true;
  return {};
}

bool CheckBinaryOperands(const OpView& op, Verdict& verdict) {
  return CheckOperands(op, RequireSame8BitType(op, verdict), {DataType::kInt8, DataType::kUInt8}, verdict);
}

bool CheckBinaryOperandsOrInt16(const OpView& op, Verdict& verdict) {
  const bool typed = CheckOperands(op, RequireSameQuantizedType(op, verdict),
                                   {DataType::kInt8, DataType::kUInt8, DataType::kInt16}, verdict);
  return typed && RequireSymmetricInt16(*op.input(1), "input 1", verdict);
}

void CheckBroadcast(const OpView& op, Verdict& verdict) {
  if (op.input(0) == nullptr || op.input(1) == nullptr || op.output(0) == nullptr) return;
  const Tensor& a = *op.input(0);
  const Tensor& b = *op.input(1);
  const Tensor& output = *op.output(0);
  RequireNonEmpty(a, "input 0", verdict);
  RequireNonEmpty(b, "input 1", verdict);
  const auto shape = BroadcastShape(a.shape, b.shape);
  if (!shape) {
    verdict.Add(ReasonCode::kShapeMismatch, "input shapes", ShapeString(a) + " and " + ShapeString(b),
                "equal dimensions, or 1 where they differ");
    return;
  }
  if (*shape != output.shape) {
    verdict.Add(ReasonCode::kShapeMismatch, "output 0 shape", ShapeString(output),
                ShapeString(*shape) + ", the inputs' shapes broadcast");
  }
  const size_t loops = BroadcastLoops(a.shape, b.shape).size();
  if (loops > kMaxLoops) {
    verdict.Add(ReasonCode::kUnsupportedOperandRank, "dimensions to broadcast over, neighbours merged",
                std::to_string(loops), fmt::format("at most {}", kMaxLoops));
  }
}

Status ExpectBroadcast(const OpView& op) {
  return ExpectBroadcast(op, op.input(0) != nullptr ? op.input(0)->type : DataType::kInt8);
}

Status ExpectBroadcast(const OpView& op, DataType output_type) {
  if (op.input(0) == nullptr || op.input(1) == nullptr || op.output(0) == nullptr ||
      op.input(0)->type != op.input(1)->type || op.output(0)->type != output_type ||
      BroadcastShape(op.input(0)->shape, op.input(1)->shape) != op.output(0)->shape) {
    return Fail(ErrorCode::kUnsupported, "operands must be of one type and their shapes broadcast");
  }
  return {};
}

void LowerBroadcast(const OpView& op, const BinaryKernels& kernels, const Arguments& arguments,
                    Lowering& lowering) {
  const std::vector<BroadcastLoop> loops = BroadcastLoops(op.input(0)->shape, op.input(1)->shape);
  const auto count = static_cast<int32_t>(*op.output(0)->element_count());
  if (!kernels.flat.empty()) {
    for (bool swap : {false, true}) {
      if (LowerFlat(op, kernels.flat, loops, count, swap, arguments, lowering)) return;
    }
  }
  LowerRows(op, kernels.rows, loops, count, arguments, lowering);
}

void LowerPairTable(const OpView& op, const std::function<int32_t(int, int)>& function, Lowering& lowering) {
  const auto table = [&](bool swap) {
    std::vector<uint8_t> pairs(256 * 256);
    for (int a = 0; a < 256; ++a) {
      for (int b = 0; b < 256; ++b) {
        pairs[swap ? b * 256 + a : a * 256 + b] = static_cast<uint8_t>(function(a, b));
      }
    }
    return std::vector<KernelArg>{lowering.AddConstant(pairs)};
  };
  LowerBroadcast(op, {"npu_pair_lut_flat", "npu_pair_lut_rows"}, table, lowering);
}

}  // namespace npu
