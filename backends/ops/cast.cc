// CAST: the numbers of a tensor in another type, whatever its scale is: quantized bytes are cast as stored.
//   to a wider integer  the same number
//   to a narrower one   its lowest bits (300 to INT8 is 44, -1 to UINT8 is 255): nothing saturates
//   to BOOL             whether it is not 0;  from BOOL  1 for any byte but 0
// BITCAST between INT8 and UINT8: the same bytes, which is what CAST makes of them, too.
// Source: LiteRT 2.3 BUILTIN_REF, bit for bit. Casts from and to float stay with the host.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstring>

#include "backends/ops/data_movement.h"
#include "backends/ops/elementwise.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

constexpr int kVector = 16;  // elements per work-item of the kernel

bool IsByte(DataType type) { return Is8Bit(type) || type == DataType::kBool; }

// One element as a number. Little-endian and without padding, as the format stores it.
int64_t Load(DataType type, const std::byte* from) {
  int64_t value = 0;
  switch (type) {
    case DataType::kBool: return std::to_integer<int>(*from) != 0 ? 1 : 0;
    case DataType::kInt8: return static_cast<int8_t>(*from);
    case DataType::kUInt8: return std::to_integer<int64_t>(*from);
    case DataType::kInt32: {
      int32_t narrow;
      std::memcpy(&narrow, from, sizeof(narrow));
      return narrow;
    }
    default: std::memcpy(&value, from, sizeof(value)); return value;
  }
}

void Store(DataType type, int64_t value, std::byte* to) {
  if (type == DataType::kBool) value = value != 0 ? 1 : 0;
  std::memcpy(to, &value, ElementSize(type));
}

bool CheckTypes(const OpView& op, Verdict& verdict) {
  const auto allowed = {DataType::kInt8, DataType::kUInt8, DataType::kBool, DataType::kInt32,
                        DataType::kInt64};
  const bool typed = RequireInputType(op, 0, "input", allowed, verdict);
  return RequireOutputType(op, 0, allowed, verdict) && typed;
}

void Check(const OpView& op, Verdict& verdict) {
  const bool typed = CheckTypes(op, verdict);
  RequireElementwiseShapes(op, verdict);
  if (typed && op.op.kind == OpKind::kBitcast) {
    RequireInputType(op, 0, "input", {DataType::kInt8, DataType::kUInt8}, verdict);
    RequireOutputType(op, 0, {DataType::kInt8, DataType::kUInt8}, verdict);
    return;
  }
  if (!typed || IsByte(op.input(0)->type) || IsByte(op.output(0)->type)) return;
  verdict.Add(ReasonCode::kUnsupportedInputType, "input 0 and output 0 element types",
              fmt::format("{} to {}", DataTypeName(op.input(0)->type), DataTypeName(op.output(0)->type)),
              "INT8, UINT8 or BOOL on one side");
}

Status Reference(const ReferenceArgs& args) {
  Verdict verdict;
  if (!CheckTypes(args.view, verdict)) return FirstReason(verdict);
  const DataType from = args.view.input(0)->type, to = args.view.output(0)->type;
  const int64_t count = args.view.input(0)->element_count().value_or(0);
  for (int64_t i = 0; i < count; ++i) {
    Store(to, Load(from, args.inputs[0] + i * ElementSize(from)), args.outputs[0] + i * ElementSize(to));
  }
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const DataType from = op.input(0)->type, to = op.output(0)->type;
  const int32_t from_offset = StorageOffset(from), to_offset = StorageOffset(to);
  if (IsByte(from) && IsByte(to)) {
    ByteTable table{};
    for (int stored = 0; stored < 256; ++stored) {
      const int value = from == DataType::kBool ? (stored != 0 ? 1 : 0) : stored - from_offset;
      table[stored] =
          static_cast<uint8_t>((to == DataType::kBool ? (value != 0 ? 1 : 0) : value) + to_offset);
    }
    LowerByteTable(op, table, lowering);
    return {};
  }
  const auto count = static_cast<int32_t>(*op.input(0)->element_count());
  lowering.Launch(
      "npu_cast", {(static_cast<size_t>(count) + kVector - 1) / kVector, 1, 1},
      {TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, count, ElementSize(from), from_offset,
       from == DataType::kBool ? 1 : 0, ElementSize(to), to_offset, to == DataType::kBool ? 1 : 0});
  return {};
}

constexpr std::string_view kRules[] = {
    "Input and output are INT8, UINT8, BOOL, INT32 or INT64, and one of them is INT8, UINT8 or BOOL.",
    "Stored numbers are cast, without regard to scales: a narrower type keeps the lowest bits, BOOL is "
    "whether the "
    "number is not 0.",
    "BITCAST: input and output are INT8 or UINT8; bytes stay as they are.",
    "The tensor has elements and the output has the input's shape; any rank.",
};

}  // namespace

extern const OpRoom kCastRoom;
const OpRoom kCastRoom = {
    .name = "cast",
    .infer = InferSameShape,
    .check = Check,
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .rules = kRules,
};

}  // namespace npu
