// QUANTIZE and DEQUANTIZE. On the NPU: QUANTIZE between 8-bit tensors, a table of one value, which is no
// work at all when the stored bytes stay the same (INT8 <-> UINT8 of one scale, zero points 128 apart).
// On delegate-cpu also the borders of a quantized network:
//   QUANTIZE    float -> 8 bit:  q = clamp(round(x / scale) + zero_point), ties away from zero, in float
//   DEQUANTIZE  8 bit -> float:  x = scale * (q - zero_point)
// Source: TFLite's reference kernels (reference/quantize.h, requantize.h, dequantize.h).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>

#include "backends/ops/elementwise.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

// In double, unlike the RELU family: here TFLite converts the scales before it divides.
double ScaleRatio(const Tensor& input, const Tensor& output) {
  return static_cast<double>(input.scale()) / static_cast<double>(output.scale());
}

ByteTable RequantizeTable(const Tensor& input, const Tensor& output) {
  const QuantizedMultiplier multiplier = QuantizeMultiplier(ScaleRatio(input, output));
  return MakeByteTable(input, output, [&](int32_t q) {
    return output.zero_point() + MultiplyByQuantizedMultiplier(q - input.zero_point(), multiplier);
  });
}

// TFLite converts to int32 before it clamps, which is undefined past 2^31; this saturates instead. NaN
// becomes the smallest value, as TFLite's conversion makes it on x86.
int32_t QuantizeFloat(float x, const Tensor& output) {
  const double q = static_cast<double>(std::round(x / output.scale())) + output.zero_point();
  if (!(q > TypeMin(output.type))) return TypeMin(output.type);
  if (q > TypeMax(output.type)) return TypeMax(output.type);
  return static_cast<int32_t>(q);
}

void Check(const OpView& op, Verdict& verdict) {
  bool typed = RequireInputType(op, 0, "input", {DataType::kInt8, DataType::kUInt8}, verdict);
  typed = RequireOutputType(op, 0, {DataType::kInt8, DataType::kUInt8}, verdict) && typed;
  RequireElementwiseShapes(op, verdict);
  if (!typed) return;
  bool quantized = RequirePerTensor(*op.input(0), "input 0", verdict);
  quantized = RequirePerTensor(*op.output(0), "output 0", verdict) && quantized;
  if (quantized) {
    RequireRescale(ScaleRatio(*op.input(0), *op.output(0)), "input scale / output scale", verdict);
  }
}

void CheckOnCpu(const OpView& op, Verdict& verdict) {
  if (op.op.kind == OpKind::kDequantize) {
    const bool typed = RequireInputType(op, 0, "input", {DataType::kInt8, DataType::kUInt8}, verdict);
    RequireOutputType(op, 0, {DataType::kFloat32}, verdict);
    RequireElementwiseShapes(op, verdict);
    if (typed) RequirePerTensor(*op.input(0), "input 0", verdict);
    return;
  }
  if (op.input(0) != nullptr && Is8Bit(op.input(0)->type)) return Check(op, verdict);
  RequireInputType(op, 0, "input", {DataType::kFloat32, DataType::kInt8, DataType::kUInt8}, verdict);
  const bool typed = RequireOutputType(op, 0, {DataType::kInt8, DataType::kUInt8}, verdict);
  RequireElementwiseShapes(op, verdict);
  if (typed) RequirePerTensor(*op.output(0), "output 0", verdict);
}

void QuantizeFloats(const ReferenceArgs& args) {
  const Tensor& output = *args.view.output(0);
  const int64_t count = args.view.input(0)->element_count().value_or(0);
  for (int64_t i = 0; i < count; ++i) {
    float x;
    std::memcpy(&x, args.inputs[0] + i * sizeof(x), sizeof(x));
    args.out<uint8_t>(0)[i] = static_cast<uint8_t>(QuantizeFloat(x, output));
  }
}

void DequantizeBytes(const ReferenceArgs& args) {
  const Tensor& input = *args.view.input(0);
  const bool is_signed = input.type == DataType::kInt8;
  const int64_t count = input.element_count().value_or(0);
  for (int64_t i = 0; i < count; ++i) {
    const int32_t q = is_signed ? args.in<int8_t>(0)[i] : args.in<uint8_t>(0)[i];
    const auto x = static_cast<float>(static_cast<double>(input.scale()) * (q - input.zero_point()));
    std::memcpy(args.outputs[0] + i * sizeof(x), &x, sizeof(x));
  }
}

Status Reference(const ReferenceArgs& args) {
  const OpView& op = args.view;
  if (op.input(0) != nullptr && op.output(0) != nullptr) {
    const DataType from = op.input(0)->type, to = op.output(0)->type;
    if (op.op.kind == OpKind::kQuantize && from == DataType::kFloat32 && Is8Bit(to)) {
      QuantizeFloats(args);
      return {};
    }
    if (op.op.kind == OpKind::kDequantize && Is8Bit(from) && to == DataType::kFloat32) {
      DequantizeBytes(args);
      return {};
    }
  }
  NPU_RETURN_IF_ERROR(Expect8Bit(op));
  ApplyByteTable(args, RequantizeTable(*op.input(0), *op.output(0)));
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  LowerByteTable(op, RequantizeTable(*op.input(0), *op.output(0)), lowering);
  return {};
}

constexpr std::string_view kRules[] = {
    "NPU: QUANTIZE from INT8 or UINT8 to INT8 or UINT8. delegate-cpu: also QUANTIZE from FLOAT32 and "
    "DEQUANTIZE to FLOAT32.",
    "The tensor has elements and the output has the input's shape; any rank.",
    "The 8-bit tensors are quantized per tensor.",
    "QUANTIZE from 8 bits: input scale / output scale below 2^23.",
};

}  // namespace

extern const OpRoom kQuantizeRoom;
const OpRoom kQuantizeRoom = {
    .name = "quantize",
    .infer = InferSameShape,
    .check = Check,
    .check_cpu = CheckOnCpu,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .rules = kRules,
};

}  // namespace npu
