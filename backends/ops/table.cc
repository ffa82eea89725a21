// TABLE and TABLE_PAIR, which only folds make (partitioner/fold.h): what a chain of operators makes of one byte,
// or of two, looked up.
//   TABLE       out = table[x]              inputs: x, table (256 entries)
//   TABLE_PAIR  out = table[a * 256 + b]    inputs: a, b, broadcast against each other, table (65,536 entries)
// Indices and entries are stored bytes (lowering.h): an INT8 value q is q + 128. The table is a constant UINT8
// vector. Scales and zero points are not looked at: they are in the table. TABLE keeps the order of the
// elements whatever the output's shape is, so a RESHAPE inside the chain costs nothing.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "backends/ops/binary_operands.h"
#include "backends/ops/elementwise.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

constexpr int64_t kPairs = 256 * 256;

void RequireTable(const OpView& op, int i, int64_t entries, Verdict& verdict) {
  if (!RequireInputType(op, i, "table", {DataType::kUInt8}, verdict)) return;
  RequireConstant(op, i, "table", verdict);
  RequireRange("entries of the table", op.input(i)->element_count().value_or(0), entries, entries, verdict);
}

void Require8Bit(const OpView& op, int inputs, Verdict& verdict) {
  for (int i = 0; i < inputs; ++i) {
    RequireInputType(op, i, "data", {DataType::kInt8, DataType::kUInt8}, verdict);
  }
  RequireOutputType(op, 0, {DataType::kInt8, DataType::kUInt8}, verdict);
}

// Fails unless the table is there: a Reference may be asked before any Check.
Status ExpectTable(const ReferenceArgs& args, int i, int64_t entries) {
  NPU_RETURN_IF_ERROR(Expect8Bit(args.view));
  const Tensor* table = args.view.input(i);
  if (table != nullptr && table->type == DataType::kUInt8 && table->element_count() == entries &&
      args.inputs[i] != nullptr) {
    return {};
  }
  return Fail(ErrorCode::kUnsupported, fmt::format("input {} is no table of {} bytes", i, entries));
}

// --- TABLE ---

Status InferTable(Graph& graph, const Op& op) {
  const OpView view{graph, op};
  // A fold knows the shape that the chain ends with.
  if (view.input(0) != nullptr && view.output(0) != nullptr && view.output(0)->shape_known &&
      view.output(0)->element_count() == view.input(0)->element_count()) {
    return {};
  }
  return InferSameShape(graph, op);
}

void CheckTable(const OpView& op, Verdict& verdict) {
  Require8Bit(op, 1, verdict);
  RequireTable(op, 1, 256, verdict);
  if (op.input(0) == nullptr || op.output(0) == nullptr) return;
  RequireNonEmpty(*op.input(0), "data", verdict);
  if (op.input(0)->element_count() != op.output(0)->element_count()) {
    verdict.Add(ReasonCode::kShapeMismatch, "output 0 shape", ShapeString(*op.output(0)),
                fmt::format("as many elements as the data {}", ShapeString(*op.input(0))));
  }
}

ByteTable TableOf(const std::byte* bytes) {
  ByteTable table;
  for (size_t i = 0; i < table.size(); ++i) table[i] = static_cast<uint8_t>(bytes[i]);
  return table;
}

Status ReferenceTable(const ReferenceArgs& args) {
  NPU_RETURN_IF_ERROR(ExpectTable(args, 1, 256));
  if (args.view.input(0)->element_count() != args.view.output(0)->element_count()) {
    return Fail(ErrorCode::kUnsupported, "data and output differ in size");
  }
  ApplyByteTable(args, TableOf(args.inputs[1]));
  return {};
}

Status LowerTable(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  LowerByteTable(op, TableOf(op.input(1)->data.bytes.data()), lowering);
  return {};
}

// --- TABLE_PAIR ---

void CheckTablePair(const OpView& op, Verdict& verdict) {
  Require8Bit(op, 2, verdict);
  RequireTable(op, 2, kPairs, verdict);
  CheckBroadcast(op, verdict);
}

Status ReferenceTablePair(const ReferenceArgs& args) {
  NPU_RETURN_IF_ERROR(ExpectTable(args, 2, kPairs));
  const Tensor &a = *args.view.input(0), &output = *args.view.output(0);
  if (args.view.input(1) == nullptr || !Is8Bit(args.view.input(1)->type) ||
      BroadcastShape(a.shape, args.view.input(1)->shape) != output.shape) {
    return Fail(ErrorCode::kUnsupported, "operands must be 8-bit and their shapes broadcast");
  }
  const int flip_a = StorageOffset(a.type), flip_b = StorageOffset(args.view.input(1)->type);
  const auto flip = static_cast<uint8_t>(StorageOffset(output.type));
  const uint8_t* table = args.in<uint8_t>(2);
  ComputeBroadcast<uint8_t>(args, [=](int x, int y) -> uint8_t {
    return table[(x ^ flip_a) * 256 + (y ^ flip_b)] ^ flip;
  });
  return {};
}

Status LowerTablePair(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const std::span<const std::byte> table = op.input(2)->data.bytes;
  LowerPairTable(
      op, [&](int a, int b) { return std::to_integer<int32_t>(table[a * 256 + b]); }, lowering);
  return {};
}

constexpr std::string_view kTableRules[] = {
    "Data and output are INT8 or UINT8; the data has elements and the output as many.",
    "The table is a constant of 256 UINT8 entries.",
};

constexpr std::string_view kTablePairRules[] = {
    "Both operands and the output are INT8 or UINT8.",
    "The table is a constant of 65,536 UINT8 entries.",
    "Tensors have elements; shapes broadcast as in numpy, over at most 6 dimensions after merging neighbours.",
};

}  // namespace

extern const OpRoom kTableRoom;
const OpRoom kTableRoom = {
    .name = "table",
    .infer = InferTable,
    .check = CheckTable,
    .check_cpu = nullptr,
    .reference = ReferenceTable,
    .lower = LowerTable,
    .macs = nullptr,
    .min_inputs = 2,
    .max_inputs = 2,
    .rules = kTableRules,
};

extern const OpRoom kTablePairRoom;
const OpRoom kTablePairRoom = {
    .name = "table_pair",
    .infer = InferBroadcast,
    .check = CheckTablePair,
    .check_cpu = nullptr,
    .reference = ReferenceTablePair,
    .lower = LowerTablePair,
    .macs = nullptr,
    .min_inputs = 3,
    .max_inputs = 3,
    .rules = kTablePairRules,
};

}  // namespace npu
