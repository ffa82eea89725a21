// EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL of two tensors, broadcast; the output is BOOL.
// 8 bit, x = q - zero_point: both operands are brought to one scale and compared as integers,
//   value = round(round(x * 2^8 * multiplier / 2^31) * 2^shift),  scale = multiplier * 2^(shift - 31)
// BOOL (EQUAL, NOT_EQUAL): any byte but 0 is true.
// Source: LiteRT 2.3 BUILTIN_REF, bit for bit, while scales are below 1. For a scale of 1 its kernel aborts
// and for larger ones it shifts by a negative number of bits; here the last shift goes left then, in 64 bits.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "backends/ops/binary_operands.h"
#include "backends/ops/rules.h"
#include "schema/quantization.h"

namespace npu {
namespace {

constexpr int kLeftShift = 8;  // what it keeps of x's fraction after the rescale

struct Rescale {
  explicit Rescale(const Tensor& tensor)
      : zero(tensor.zero_point()), scale(QuantizeMultiplier(static_cast<double>(tensor.scale()))) {}

  int64_t operator()(int32_t q) const {
    const int32_t x = (q - zero) * (1 << kLeftShift);
    const int32_t high = SaturatingRoundingDoublingHighMul(x, scale.multiplier);
    if (scale.shift > 0) return int64_t{high} << scale.shift;
    return RoundingDivideByPowerOfTwo(high, -scale.shift);
  }

  int32_t zero;
  QuantizedMultiplier scale;
};

bool Compare(OpKind kind, int64_t a, int64_t b) {
  switch (kind) {
    case OpKind::kEqual: return a == b;
    case OpKind::kNotEqual: return a != b;
    case OpKind::kLess: return a < b;
    case OpKind::kLessEqual: return a <= b;
    case OpKind::kGreater: return a > b;
    default: return a >= b;
  }
}

// Calls use(function of two elements, as integers of the operands' type).
template <typename Use>
void WithComparison(const OpView& op, Use use) {
  const OpKind kind = op.op.kind;
  if (op.input(0)->type == DataType::kBool) {
    return use([kind](int32_t a, int32_t b) { return Compare(kind, a != 0 ? 1 : 0, b != 0 ? 1 : 0); });
  }
  const Rescale a_value(*op.input(0)), b_value(*op.input(1));
  use([=](int32_t a, int32_t b) { return Compare(kind, a_value(a), b_value(b)); });
}

void Check(const OpView& op, Verdict& verdict) {
  const bool takes_bool = op.op.kind == OpKind::kEqual || op.op.kind == OpKind::kNotEqual;
  for (int i = 0; i < 2; ++i) {
    const char* role = i == 0 ? "first operand" : "second operand";
    const bool typed =
        takes_bool
            ? RequireInputType(op, i, role, {DataType::kInt8, DataType::kUInt8, DataType::kBool}, verdict)
            : RequireInputType(op, i, role, {DataType::kInt8, DataType::kUInt8}, verdict);
    if (typed && Is8Bit(op.input(i)->type)) {
      RequirePerTensor(*op.input(i), fmt::format("input {}", i), verdict);
    }
  }
  const Tensor *a = op.input(0), *b = op.input(1);
  if (a != nullptr && b != nullptr && a->type != b->type) {
    verdict.Add(ReasonCode::kUnsupportedInputType, "input 1 (second operand) element type",
                std::string(DataTypeName(b->type)), fmt::format("{}, as input 0", DataTypeName(a->type)));
  }
  RequireOutputType(op, 0, {DataType::kBool}, verdict);
  CheckBroadcast(op, verdict);
}

Status Reference(const ReferenceArgs& args) {
  NPU_RETURN_IF_ERROR(ExpectBroadcast(args.view, DataType::kBool));
  const DataType type = args.view.input(0)->type;
  if (!Is8Bit(type) && type != DataType::kBool) {
    return Fail(ErrorCode::kUnsupported, fmt::format("element type {}", DataTypeName(type)));
  }
  WithComparison(args.view, [&](const auto& function) {
    type == DataType::kInt8 ? ComputeBroadcast<int8_t, uint8_t>(args, function)
                            : ComputeBroadcast<uint8_t, uint8_t>(args, function);
  });
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const int32_t offset = StorageOffset(op.input(0)->type);
  WithComparison(op, [&](const auto& function) {
    LowerPairTable(
        op, [&](int a, int b) { return function(a - offset, b - offset) ? 1 : 0; }, lowering);
  });
  return {};
}

constexpr std::string_view kRules[] = {
    "Both inputs are INT8 or UINT8, of one type, each quantized per tensor with any scale; EQUAL and "
    "NOT_EQUAL: "
    "or both BOOL. The output is BOOL.",
    "Tensors have elements; shapes broadcast as in numpy, over at most 6 dimensions after merging "
    "neighbours.",
    "An input scale of 1 or more, at which LiteRT aborts or answers at random, is compared exactly.",
};

}  // namespace

extern const OpRoom kComparisonRoom;
const OpRoom kComparisonRoom = {
    .name = "comparison",
    .infer = InferBroadcast,
    .check = Check,
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 2,
    .max_inputs = 2,
    .rules = kRules,
};

}  // namespace npu
