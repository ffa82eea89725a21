// LceQuantize and LceDequantize: between numbers and their signs, 32 of which are one INT32 along the last dimension.
//   LceQuantize    bit c % 32 of word c / 32 = (x[c] < zero point); of floats (x[c] < 0), so that 0 is +1;
//                  of BOOL (x[c] is false). Bits past the last channel are 0.
//   LceDequantize  bit 0 is +1, bit 1 is -1: as float, as BOOL (true, false), or quantized with the output's scale:
//                  clamp(zp + round(1 / scale)) and clamp(zp - round(1 / scale))
// Source: larq/compute-engine 0.16 (core/bitpacking, tflite/kernels/quantization).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backends/cpu/sign_bits.h"
#include "backends/ops/lce.h"
#include "backends/ops/rules.h"
#include "backends/threads/thread_pool.h"

namespace npu {
namespace {

// "bit-packed" and "plain" tensors of one operator.
const Tensor* Packed(const OpView& op) {
  return op.op.kind == OpKind::kLceQuantize ? op.output(0) : op.input(0);
}
const Tensor* Plain(const OpView& op) { return op.op.kind == OpKind::kLceQuantize ? op.input(0) : op.output(0); }

// The packed shape of `plain`, which has at least one dimension.
std::vector<int32_t> PackedShape(const std::vector<int32_t>& plain) {
  std::vector<int32_t> shape = plain;
  shape.back() = PackedWords(shape.back());
  return shape;
}

Status Infer(Graph& graph, const Op& op) {
  const OpView view{graph, op};
  const Tensor *input = view.input(0), *output = view.output(0);
  if (input == nullptr || output == nullptr) return Fail(ErrorCode::kInvalidModel, "input or output is absent");
  if (input->shape.empty()) return Fail(ErrorCode::kInvalidModel, "input is a scalar; expected rank 1 or more");
  Tensor& result = graph.tensors[op.outputs[0]];
  if (op.kind == OpKind::kLceQuantize) {
    result.shape = PackedShape(input->shape);
  } else {
    // 33 channels and 64 take two words: only the model's own shape tells them apart. It stands there even where a
    // shape is to be inferred anew (shape_known is false).
    if (output->shape.size() != input->shape.size() ||
        PackedWords(output->shape.back()) != input->shape.back()) {
      return Fail(ErrorCode::kInvalidModel,
                  fmt::format("output shape [{}]; expected that of input {} with 32 channels for each of its last "
                              "dimension, or up to 31 fewer",
                              fmt::join(output->shape, ","), ShapeString(*input)));
    }
    const int32_t channels = output->shape.back();
    result.shape = input->shape;
    result.shape.back() = channels;
  }
  result.shape_known = true;
  return {};
}

void CheckOnCpu(const OpView& op, Verdict& verdict) {
  bool typed;
  if (op.op.kind == OpKind::kLceQuantize) {
    typed = RequireInputType(op, 0, "input", {DataType::kFloat32, DataType::kInt8, DataType::kBool}, verdict);
    typed = RequireOutputType(op, 0, {DataType::kInt32}, verdict) && typed;
  } else {
    typed = RequireInputType(op, 0, "input", {DataType::kInt32}, verdict);
    typed = RequireOutputType(op, 0, {DataType::kFloat32, DataType::kInt8, DataType::kBool}, verdict) && typed;
  }
  if (!typed) return;
  const Tensor &packed = *Packed(op), &plain = *Plain(op);
  const bool quantizes = op.op.kind == OpKind::kLceQuantize;
  if (plain.type == DataType::kInt8) RequirePerTensor(plain, quantizes ? "input 0" : "output 0", verdict);
  if (plain.shape.empty()) {
    verdict.Add(ReasonCode::kUnsupportedOperandRank, quantizes ? "input 0 rank" : "output 0 rank", "0", "at least 1");
  } else if (packed.shape != PackedShape(plain.shape)) {
    verdict.Add(ReasonCode::kShapeMismatch, quantizes ? "output 0 shape" : "input 0 shape", ShapeString(packed),
                ShapeString(PackedShape(plain.shape)));
  }
}

void Check(const OpView& op, Verdict& verdict) {
  CheckOnCpu(op, verdict);
  RefuseBinaryOnNpu(op, verdict);
}

// Rows of `channels` values to rows of words. T's bits are set where is_negative(value).
void Quantize(const ReferenceArgs& args) {
  const Tensor& input = *args.view.input(0);
  const int32_t channels = input.shape.back();
  const int64_t words = PackedWords(channels);
  const int64_t rows = channels > 0 ? input.element_count().value_or(0) / channels : 0;
  auto* out = args.out<uint32_t>(0);
  ParallelRanges(args.pool, rows, channels, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      uint32_t* to = out + row * words;
      switch (input.type) {
        case DataType::kFloat32: PackSigns(args.in<float>(0) + row * channels, channels, to); break;
        case DataType::kInt8: PackSigns(args.in<int8_t>(0) + row * channels, channels, input.zero_point(), to); break;
        default: PackFalse(args.in<uint8_t>(0) + row * channels, channels, to); break;
      }
    }
  });
}

template <typename T>
void Dequantize(const ReferenceArgs& args, T plus, T minus) {
  const int32_t channels = args.view.output(0)->shape.back();
  const int64_t words = PackedWords(channels);
  const int64_t rows = channels > 0 ? args.view.output(0)->element_count().value_or(0) / channels : 0;
  for (int64_t row = 0; row < rows; ++row) {
    const uint32_t* in = args.in<uint32_t>(0) + row * words;
    T* out = args.out<T>(0) + row * channels;
    for (int32_t c = 0; c < channels; ++c) out[c] = (in[c / 32] >> (c % 32)) & 1 ? minus : plus;
  }
}

Status Reference(const ReferenceArgs& args) {
  if (args.view.op.kind == OpKind::kLceQuantize) {
    Quantize(args);
    return {};
  }
  const Tensor& output = *args.view.output(0);
  switch (output.type) {
    case DataType::kFloat32: Dequantize<float>(args, 1.0f, -1.0f); return {};
    case DataType::kBool: Dequantize<uint8_t>(args, 1, 0); return {};
    default: break;
  }
  // 1 / scale in float, as LCE; it may be past every integer.
  const double offset = std::min(std::round(1.0f / output.scale()), 1e6f);
  const auto value = [&](double q) { return static_cast<int8_t>(std::clamp(q, -128.0, 127.0)); };
  Dequantize<int8_t>(args, value(output.zero_point() + offset), value(output.zero_point() - offset));
  return {};
}

constexpr std::string_view kRules[] = {
    "delegate-cpu only",
    "LceQuantize: from FLOAT32, INT8 (one scale and zero point) or BOOL to INT32, 32 signs in one; a bit is 1 where the "
    "value is negative (below the zero point; false)",
    "LceDequantize: from INT32 to FLOAT32, INT8 (one scale and zero point) or BOOL; the model says how many channels "
    "the output has",
    "rank 1 or more; the last dimension of the packed tensor is that of the other one / 32, rounded up",
};

}  // namespace

extern const OpRoom kLceQuantizeRoom;
const OpRoom kLceQuantizeRoom{
    .name = "lce_quantize",
    .infer = Infer,
    .check = Check,
    .check_cpu = CheckOnCpu,
    .reference = Reference,
    .lower = nullptr,
    .macs = nullptr,
    .rules = kRules,
};

}  // namespace npu
