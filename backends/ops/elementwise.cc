// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/elementwise.h"

#include <fmt/format.h>

#include <cmath>

#include "backends/ops/rules.h"

namespace npu {
namespace {

// Elements per work-item of the kernels in lut.cl.
constexpr int64_t kLutBytes = 64, kLutWideElements = 16;  // per work-item of kernels/lut.cl

// 255 * 2^23 is the largest 8-bit difference shifted left that an int32 holds, 2^15 * 2^15 the largest INT16
// value; a multiplier below 2^23 (2^15) needs no more (schema/quantization.h). Past it TFLite's kernels
// overflow, so there is nothing to match.
double MaxRescale(DataType type) { return type == DataType::kInt16 ? 1 << 15 : 1 << 23; }

}  // namespace

float DequantizedValue(const Tensor& tensor, int32_t q) {
  return static_cast<float>(static_cast<double>(tensor.scale()) * (q - tensor.zero_point()));
}

int32_t QuantizedValue(float x, const Tensor& tensor) {
  const double q = static_cast<double>(std::round(x / tensor.scale())) + tensor.zero_point();
  if (!(q > TypeMin(tensor.type))) return TypeMin(tensor.type);
  if (q > TypeMax(tensor.type)) return TypeMax(tensor.type);
  return static_cast<int32_t>(q);
}

Status Expect8Bit(const OpView& op) {
  if (op.input(0) != nullptr && op.output(0) != nullptr && Is8Bit(op.input(0)->type) &&
      Is8Bit(op.output(0)->type)) {
    return {};
  }
  return Fail(ErrorCode::kUnsupported, fmt::format("{} computes INT8 and UINT8 only", OpName(op.op)));
}

void ApplyByteTable(const ReferenceArgs& args, const ByteTable& table) {
  const Tensor& input = *args.view.input(0);
  const Tensor& output = *args.view.output(0);
  const auto from = static_cast<uint8_t>(StorageOffset(input.type));
  const auto to = static_cast<uint8_t>(StorageOffset(output.type));
  const uint8_t* x = args.in<uint8_t>(0);
  uint8_t* y = args.out<uint8_t>(0);
  const int64_t count = input.element_count().value_or(0);
  for (int64_t i = 0; i < count; ++i) y[i] = table[x[i] ^ from] ^ to;
}

void LowerByteTable(const OpView& op, const ByteTable& table, Lowering& lowering) {
  bool identity = true;
  for (int i = 0; i < 256; ++i) identity = identity && table[i] == i;
  if (identity) {
    lowering.Alias(op.op.outputs[0], op.op.inputs[0]);
    return;
  }
  const int64_t count = op.input(0)->element_count().value_or(0);
  const ConstantArg constant = lowering.AddConstant(std::span<const uint8_t>(table));
  lowering.Launch(
      "npu_lut", {static_cast<size_t>((count + kLutBytes - 1) / kLutBytes), 1, 1},
      {TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, constant, static_cast<int32_t>(count)});
}

void ApplyWideTable(const ReferenceArgs& args, const WideTable& table) {
  const auto* x = args.in<int16_t>(0);
  auto* y = args.out<int16_t>(0);
  const int64_t count = args.view.input(0)->element_count().value_or(0);
  for (int64_t i = 0; i < count; ++i) y[i] = table[static_cast<uint16_t>(x[i])];
}

void LowerWideTable(const OpView& op, const WideTable& table, Lowering& lowering) {
  bool identity = true;
  for (int i = 0; i < 65536; ++i) identity = identity && static_cast<uint16_t>(table[i]) == i;
  if (identity) {
    lowering.Alias(op.op.outputs[0], op.op.inputs[0]);
    return;
  }
  const int64_t count = op.input(0)->element_count().value_or(0);
  lowering.Launch("npu_lut_int16", {static_cast<size_t>((count + kLutWideElements - 1) / kLutWideElements), 1, 1},
                  {TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, lowering.AddConstant(table),
                   static_cast<int32_t>(count)});
}

Status InferSameShape(Graph& graph, const Op& op) {
  const OpView view{graph, op};
  if (view.input(0) == nullptr || view.output(0) == nullptr) {
    return Fail(ErrorCode::kInvalidModel, "input 0 or output 0 is absent");
  }
  Tensor& output = graph.tensors[op.outputs[0]];
  output.shape = view.input(0)->shape;
  output.shape_known = true;
  return {};
}

void RequireElementwiseShapes(const OpView& op, Verdict& verdict) {
  const Tensor* input = op.input(0);
  const Tensor* output = op.output(0);
  if (input == nullptr || output == nullptr) return;  // the type rules report what is absent
  RequireNonEmpty(*input, "input 0", verdict);
  if (input->shape != output->shape) {
    verdict.Add(ReasonCode::kShapeMismatch, "output 0 shape", ShapeString(*output),
                ShapeString(*input) + ", as input 0");
  }
}

void RequireRescale(double multiplier, std::string_view what, Verdict& verdict, DataType type) {
  if (multiplier >= 0 && multiplier < MaxRescale(type)) return;
  verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, std::string(what),
              fmt::format("{}", multiplier), fmt::format("0 to below {}", MaxRescale(type)));
}

void RequireQuantization(const Tensor& tensor, std::string_view role, float scale, int32_t zero_point,
                         Verdict& verdict) {
  if (tensor.scale() == scale && tensor.zero_point() == zero_point) return;
  verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, fmt::format("{} quantization", role),
              fmt::format("scale {} zero_point {}", tensor.scale(), tensor.zero_point()),
              fmt::format("scale {} zero_point {}", scale, zero_point));
}

}  // namespace npu
