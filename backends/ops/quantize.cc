// QUANTIZE and DEQUANTIZE. On the NPU: QUANTIZE between 8-bit tensors, a table of one value, which is no
// work at all when the stored bytes stay the same (INT8 <-> UINT8 of one scale, zero points 128 apart); from
// and to INT16, and from INT16 to INT32, the same arithmetic value by value:
//   q_out = clamp(zp_out + round((q_in - zp_in) * s_in / s_out)), double rounding (schema/quantization.h)
// On delegate-cpu also the borders of a quantized network:
//   QUANTIZE    from float:  q = clamp(round(x / scale) + zero_point), ties away from zero, in float
//   DEQUANTIZE  to float:    x = scale * (q - zero_point)
// Source: TFLite's reference kernels (reference/quantize.h, requantize.h, dequantize.h).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "backends/cpu/quantize_floats.h"
#include "backends/ops/elementwise.h"
#include "backends/ops/rules.h"
#include "backends/threads/thread_pool.h"

namespace npu {
namespace {

constexpr int64_t kItemElements = 16;  // per work-item of kernels/requantize.cl

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

// --- INT16 on one side or both ---

bool IsQuantized(DataType type) { return Is8Bit(type) || type == DataType::kInt16; }

// What QUANTIZE rescales.
bool IsRequantized(DataType from, DataType to) {
  return (IsQuantized(from) && IsQuantized(to)) || (from == DataType::kInt16 && to == DataType::kInt32);
}

struct Requantization {
  Requantization(const Tensor& input, const Tensor& output)
      : zero_in(input.zero_point()),
        zero_out(output.zero_point()),
        multiplier(QuantizeMultiplier(ScaleRatio(input, output))),
        low(output.type == DataType::kInt32 ? std::numeric_limits<int32_t>::min() : TypeMin(output.type)),
        high(output.type == DataType::kInt32 ? std::numeric_limits<int32_t>::max() : TypeMax(output.type)) {}

  int32_t operator()(int32_t q) const {
    return std::clamp(zero_out + MultiplyByQuantizedMultiplier(q - zero_in, multiplier), low, high);
  }

  int32_t zero_in, zero_out;
  QuantizedMultiplier multiplier;
  int32_t low, high;
};

template <typename From, typename To>
void Requantize(const ReferenceArgs& args) {
  const Requantization requantize(*args.view.input(0), *args.view.output(0));
  const int64_t count = args.view.input(0)->element_count().value_or(0);
  for (int64_t i = 0; i < count; ++i) args.out<To>(0)[i] = static_cast<To>(requantize(args.in<From>(0)[i]));
}

template <typename From>
void RequantizeTo(const ReferenceArgs& args) {
  switch (args.view.output(0)->type) {
    case DataType::kInt8: return Requantize<From, int8_t>(args);
    case DataType::kUInt8: return Requantize<From, uint8_t>(args);
    case DataType::kInt16: return Requantize<From, int16_t>(args);
    default: return Requantize<From, int32_t>(args);
  }
}

void RequantizeWide(const ReferenceArgs& args) {
  switch (args.view.input(0)->type) {
    case DataType::kInt8: return RequantizeTo<int8_t>(args);
    case DataType::kUInt8: return RequantizeTo<uint8_t>(args);
    default: return RequantizeTo<int16_t>(args);
  }
}

Status LowerRequantize(const OpView& op, Lowering& lowering) {
  const Tensor &input = *op.input(0), &output = *op.output(0);
  const Requantization requantize(input, output);
  if (input.type == output.type && input.scale() == output.scale()) {
    lowering.Alias(op.op.outputs[0], op.op.inputs[0]);
    return {};
  }
  const auto count = static_cast<int32_t>(*input.element_count());
  const int32_t offset = StorageOffset(output.type);
  const auto launch = [&](std::string_view kernel) {
    lowering.Launch(kernel, {static_cast<size_t>((int64_t{count} + kItemElements - 1) / kItemElements), 1, 1},
                    {TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, count, StoredZeroPoint(input),
                     requantize.multiplier.multiplier, requantize.multiplier.shift,
                     requantize.zero_out + offset, requantize.low + offset, requantize.high + offset});
  };
  if (Is8Bit(input.type)) {
    launch("requantize_8_to_16");
  } else if (Is8Bit(output.type)) {
    launch("requantize_16_to_8");
  } else if (output.type == DataType::kInt16) {
    launch("requantize_16_to_16");
  } else {
    launch("requantize_16_to_32");
  }
  return {};
}

// --- Floats ---

void Check(const OpView& op, Verdict& verdict) {
  bool typed =
      RequireInputType(op, 0, "input", {DataType::kInt8, DataType::kUInt8, DataType::kInt16}, verdict);
  typed = (IsInt16(op)
               ? RequireOutputType(
                     op, 0, {DataType::kInt8, DataType::kUInt8, DataType::kInt16, DataType::kInt32}, verdict)
               : RequireOutputType(op, 0, {DataType::kInt8, DataType::kUInt8, DataType::kInt16}, verdict)) &&
          typed;
  RequireElementwiseShapes(op, verdict);
  if (!typed) return;
  const Tensor &input = *op.input(0), &output = *op.output(0);
  bool quantized = RequirePerTensor(input, "input 0", verdict);
  quantized = RequirePerTensor(output, "output 0", verdict) && quantized;
  RequireSymmetricInt16(input, "input 0", verdict);
  RequireSymmetricInt16(output, "output 0", verdict);
  if (output.type == DataType::kInt32 && output.zero_point() != 0) {
    verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "output 0 zero point",
                std::to_string(output.zero_point()), "0");
  }
  if (quantized) RequireRescale(ScaleRatio(input, output), "input scale / output scale", verdict, input.type);
}

void CheckOnCpu(const OpView& op, Verdict& verdict) {
  if (op.op.kind == OpKind::kDequantize) {
    const bool typed =
        RequireInputType(op, 0, "input", {DataType::kInt8, DataType::kUInt8, DataType::kInt16}, verdict);
    RequireOutputType(op, 0, {DataType::kFloat32}, verdict);
    RequireElementwiseShapes(op, verdict);
    if (typed) RequirePerTensor(*op.input(0), "input 0", verdict);
    return;
  }
  if (op.input(0) != nullptr && IsQuantized(op.input(0)->type)) return Check(op, verdict);
  RequireInputType(op, 0, "input", {DataType::kFloat32, DataType::kInt8, DataType::kUInt8, DataType::kInt16},
                   verdict);
  const bool typed = RequireOutputType(op, 0, {DataType::kInt8, DataType::kUInt8, DataType::kInt16}, verdict);
  RequireElementwiseShapes(op, verdict);
  if (typed) RequirePerTensor(*op.output(0), "output 0", verdict);
}

// From float: QuantizedValue (elementwise.h) of each.
template <typename T>
void QuantizeFloatsTo(const ReferenceArgs& args) {
  const Tensor& output = *args.view.output(0);
  ParallelRanges(args.pool, args.view.input(0)->element_count().value_or(0), 2, [&](int64_t begin, int64_t end) {
    QuantizeFloats(args.inputs[0] + begin * static_cast<int64_t>(sizeof(float)), end - begin, output.scale(),
                   static_cast<int32_t>(output.zero_point()), args.out<T>(0) + begin);
  });
}

void QuantizeAnyFloats(const ReferenceArgs& args) {
  switch (args.view.output(0)->type) {
    case DataType::kInt8: return QuantizeFloatsTo<int8_t>(args);
    case DataType::kInt16: return QuantizeFloatsTo<int16_t>(args);
    default: return QuantizeFloatsTo<uint8_t>(args);
  }
}

// To float: DequantizedValue of each.
template <typename T>
void Dequantize(const ReferenceArgs& args) {
  const Tensor& input = *args.view.input(0);
  ParallelRanges(args.pool, input.element_count().value_or(0), 1, [&](int64_t begin, int64_t end) {
    DequantizeToFloats(args.in<T>(0) + begin, end - begin, input.scale(), static_cast<int32_t>(input.zero_point()),
                       args.outputs[0] + begin * static_cast<int64_t>(sizeof(float)));
  });
}

void DequantizeAny(const ReferenceArgs& args) {
  switch (args.view.input(0)->type) {
    case DataType::kInt8: return Dequantize<int8_t>(args);
    case DataType::kInt16: return Dequantize<int16_t>(args);
    default: return Dequantize<uint8_t>(args);
  }
}

Status Reference(const ReferenceArgs& args) {
  const OpView& op = args.view;
  if (op.input(0) != nullptr && op.output(0) != nullptr) {
    const DataType from = op.input(0)->type, to = op.output(0)->type;
    if (op.op.kind == OpKind::kQuantize && from == DataType::kFloat32 && IsQuantized(to)) {
      QuantizeAnyFloats(args);
      return {};
    }
    if (op.op.kind == OpKind::kDequantize && IsQuantized(from) && to == DataType::kFloat32) {
      DequantizeAny(args);
      return {};
    }
    if (op.op.kind == OpKind::kQuantize && IsRequantized(from, to) && !(Is8Bit(from) && Is8Bit(to))) {
      RequantizeWide(args);
      return {};
    }
  }
  NPU_RETURN_IF_ERROR(Expect8Bit(op));
  ApplyByteTable(args, RequantizeTable(*op.input(0), *op.output(0)));
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  if (!Is8Bit(op.input(0)->type) || !Is8Bit(op.output(0)->type)) return LowerRequantize(op, lowering);
  LowerByteTable(op, RequantizeTable(*op.input(0), *op.output(0)), lowering);
  return {};
}

constexpr std::string_view kRules[] = {
    "NPU: QUANTIZE from and to INT8, UINT8 or INT16, and from INT16 to INT32. delegate-cpu: also QUANTIZE "
    "from "
    "FLOAT32 and DEQUANTIZE to FLOAT32.",
    "The tensor has elements and the output has the input's shape; any rank.",
    "The quantized tensors are quantized per tensor.",
    "QUANTIZE of integers: INT16 and INT32 have zero point 0; input scale / output scale below 2^23 (from "
    "INT16: "
    "2^15).",
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
