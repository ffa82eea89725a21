// ADD_N: the sum of up to 16 tensors of one shape, each with its own quantization. x = q - zero_point:
//   s_i = x_i * 2^20 * (scale_i / (2 * largest input scale))
//   q   = zp + (sum of all s_i) * 2 * largest input scale / (2^20 * output scale)
// This is ADD's arithmetic (backends/ops/binary.cc) carried on: two operands give ADD's bytes. No host has an
// 8-bit kernel of ADD_N (LiteRT 2.3: FLOAT32 and INT32), so this is the definition; it is within one output
// step of the float sum, rounded.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "backends/ops/elementwise.h"
#include "backends/ops/rules.h"
#include "schema/quantization.h"

namespace npu {
namespace {

constexpr int kLeftShift = 20;
// |x| <= 255 and scale_i / (2 * largest) <= 1/2, so that |s_i| <= 255 * 2^19; 16 of them sum to less than
// 2^31.
constexpr int kMaxOperands = 16;
constexpr int kVector = 16;  // elements per work-item of the kernel

struct Sum {
  explicit Sum(const OpView& op) : output(*op.output(0)) {
    double largest = 0;
    for (int i = 0; i < op.input_count(); ++i) {
      largest = std::max(largest, static_cast<double>(op.input(i)->scale()));
    }
    for (int i = 0; i < op.input_count(); ++i) {
      operands.push_back(QuantizeMultiplier(static_cast<double>(op.input(i)->scale()) / (2 * largest)));
    }
    ratio = 2 * largest / (static_cast<double>(1 << kLeftShift) * static_cast<double>(output.scale()));
    rescale = QuantizeMultiplier(ratio);
  }

  const Tensor& output;
  std::vector<QuantizedMultiplier> operands;
  double ratio = 0;
  QuantizedMultiplier rescale;
};

void Check(const OpView& op, Verdict& verdict) {
  bool typed = RequireSame8BitType(op, verdict);
  RequireElementwiseShapes(op, verdict);
  RequireRange("number of inputs", op.input_count(), 1, kMaxOperands, verdict);
  const Tensor* first = op.input(0);
  for (int i = 1; i < op.input_count(); ++i) {
    const std::string role = fmt::format("input {}", i);
    if (!RequireInput(op, i, "operand", verdict) || first == nullptr) {
      typed = false;
      continue;
    }
    const Tensor& input = *op.input(i);
    if (input.type != first->type) {
      verdict.Add(ReasonCode::kUnsupportedInputType, role + " element type",
                  std::string(DataTypeName(input.type)),
                  fmt::format("{}, as input 0", DataTypeName(first->type)));
      typed = false;
    } else {
      typed = RequirePerTensor(input, role, verdict) && typed;
    }
    if (input.shape != first->shape) {
      verdict.Add(ReasonCode::kShapeMismatch, role + " shape", ShapeString(input),
                  ShapeString(*first) + ", as input 0");
    }
  }
  if (!typed) return;
  const Sum sum(op);
  if (sum.ratio < 1 && sum.rescale.shift <= 0) return;
  verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "2 * largest input scale / output scale",
              fmt::format("{}", sum.ratio * (1 << kLeftShift)), fmt::format("below {}", 1 << kLeftShift));
}

template <typename T>
void Add(const ReferenceArgs& args, const Sum& sum) {
  const int64_t count = sum.output.element_count().value_or(0);
  for (int64_t k = 0; k < count; ++k) {
    int32_t total = 0;
    for (int i = 0; i < args.view.input_count(); ++i) {
      const int32_t x = args.in<T>(i)[k] - args.view.input(i)->zero_point();
      total += MultiplyByQuantizedMultiplier(x * (1 << kLeftShift), sum.operands[i]);
    }
    const int32_t q = sum.output.zero_point() + MultiplyByQuantizedMultiplier(total, sum.rescale);
    args.out<T>(0)[k] = static_cast<T>(std::clamp(q, TypeMin(sum.output.type), TypeMax(sum.output.type)));
  }
}

Status Reference(const ReferenceArgs& args) {
  Verdict verdict;
  Check(args.view, verdict);
  if (!verdict.eligible()) return Fail(ErrorCode::kUnsupported, "operands are not what ADD_N computes");
  const Sum sum(args.view);
  sum.output.type == DataType::kInt8 ? Add<int8_t>(args, sum) : Add<uint8_t>(args, sum);
  return {};
}

// One launch per operand: sums of the operands so far are in scratch, and the last one writes the output.
Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const Sum sum(op);
  const int64_t count = *sum.output.element_count();
  const int64_t items = (count + kVector - 1) / kVector;
  const ScratchArg sums = lowering.AddScratch(items * kVector * static_cast<int64_t>(sizeof(int32_t)));
  const int last = op.input_count() - 1;
  for (int i = 0; i <= last; ++i) {
    lowering.Launch(
        "npu_add_n", {static_cast<size_t>(items), 1, 1},
        {TensorArg{op.op.inputs[i]}, sums, TensorArg{op.op.outputs[0]}, static_cast<int32_t>(count),
         i == 0 ? 1 : 0, i == last ? 1 : 0, StoredZeroPoint(*op.input(i)), sum.operands[i].multiplier,
         -sum.operands[i].shift, StoredZeroPoint(sum.output), sum.rescale.multiplier, sum.rescale.shift});
  }
  return {};
}

constexpr std::string_view kRules[] = {
    "1 to 16 inputs; inputs and output INT8 or UINT8, of one type, each quantized per tensor with any scale",
    "Tensors have elements and all have one shape; any rank.",
    "2 * largest input scale / output scale is below 2^20.",
    "No host computes ADD_N in 8 bits: the result is ADD's arithmetic for any number of operands.",
};

}  // namespace

extern const OpRoom kAddNRoom;
const OpRoom kAddNRoom = {
    .name = "add_n",
    .infer = InferSameShape,
    .check = Check,
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 1,
    .max_inputs = kMaxOperands,
    .rules = kRules,
};

}  // namespace npu
