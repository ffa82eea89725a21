// LOGICAL_AND, LOGICAL_OR of two BOOL tensors, broadcast against each other, and LOGICAL_NOT of one. Any byte
// but 0 is true; what is written is 0 or 1. Source: LiteRT 2.3 BUILTIN_REF, bit for bit.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "backends/ops/binary_operands.h"
#include "backends/ops/elementwise.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

bool CheckTypes(const OpView& op, Verdict& verdict) {
  bool typed = true;
  for (int i = 0; i < op.input_count(); ++i) {
    typed = RequireInputType(op, i, "operand", {DataType::kBool}, verdict) && typed;
  }
  return RequireOutputType(op, 0, {DataType::kBool}, verdict) && typed;
}

// --- LOGICAL_AND, LOGICAL_OR ---

void CheckPair(const OpView& op, Verdict& verdict) {
  CheckTypes(op, verdict);
  CheckBroadcast(op, verdict);
}

Status ReferencePair(const ReferenceArgs& args) {
  Verdict verdict;
  if (!CheckTypes(args.view, verdict)) return Fail(ErrorCode::kUnsupported, "operands must be BOOL");
  NPU_RETURN_IF_ERROR(ExpectBroadcast(args.view));
  const bool is_or = args.view.op.kind == OpKind::kLogicalOr;
  ComputeBroadcast<uint8_t>(
      args, [is_or](uint8_t a, uint8_t b) { return is_or ? a != 0 || b != 0 : a != 0 && b != 0; });
  return {};
}

Status LowerPair(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const int32_t is_or = op.op.kind == OpKind::kLogicalOr ? 1 : 0;
  LowerBroadcast(
      op, {"npu_logical_flat", "npu_logical_rows"}, [&](bool) { return std::vector<KernelArg>{is_or}; },
      lowering);
  return {};
}

constexpr std::string_view kPairRules[] = {
    "Both inputs and the output are BOOL; any byte but 0 is true.",
    "Tensors have elements; shapes broadcast as in numpy, over at most 6 dimensions after merging "
    "neighbours.",
};

// --- LOGICAL_NOT ---

void CheckNot(const OpView& op, Verdict& verdict) {
  CheckTypes(op, verdict);
  RequireElementwiseShapes(op, verdict);
}

ByteTable NotTable() {
  ByteTable table{};
  table[0] = 1;
  return table;
}

Status ReferenceNot(const ReferenceArgs& args) {
  Verdict verdict;
  if (!CheckTypes(args.view, verdict)) return Fail(ErrorCode::kUnsupported, "operands must be BOOL");
  ApplyByteTable(args, NotTable());
  return {};
}

Status LowerNot(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  LowerByteTable(op, NotTable(), lowering);
  return {};
}

constexpr std::string_view kNotRules[] = {
    "Input and output are BOOL; any byte but 0 is true.",
    "The tensor has elements and the output has the input's shape; any rank.",
};

}  // namespace

extern const OpRoom kLogicalRoom;
const OpRoom kLogicalRoom = {
    .name = "logical",
    .infer = InferBroadcast,
    .check = CheckPair,
    .check_cpu = nullptr,
    .reference = ReferencePair,
    .lower = LowerPair,
    .macs = nullptr,
    .min_inputs = 2,
    .max_inputs = 2,
    .rules = kPairRules,
};

extern const OpRoom kLogicalNotRoom;
const OpRoom kLogicalNotRoom = {
    .name = "logical_not",
    .infer = InferSameShape,
    .check = CheckNot,
    .check_cpu = nullptr,
    .reference = ReferenceNot,
    .lower = LowerNot,
    .macs = nullptr,
    .rules = kNotRules,
};

}  // namespace npu
