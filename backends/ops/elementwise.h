// What operators of one 8-bit value share: the shape rule, and the 256-entry table that is such an
// operator. A room writes its arithmetic once, as a function of one quantized value; the table made from
// it answers for the CPU reference and is uploaded for the OpenCL kernel, so the two cannot disagree.
// Tables are in the u8 domain (lowering.h): index and entry are stored bytes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "backends/ops/room.h"
#include "schema/quantization.h"

namespace npu {

using ByteTable = std::array<uint8_t, 256>;

// function: int32_t (int32_t quantized value of `input`) -> quantized value of `output`, which is clamped
// to the output's type here.
template <typename Function>
ByteTable MakeByteTable(const Tensor& input, const Tensor& output, Function function) {
  ByteTable table{};
  for (int stored = 0; stored < 256; ++stored) {
    const int32_t value = function(stored - StorageOffset(input.type));
    table[stored] = static_cast<uint8_t>(std::clamp(value, TypeMin(output.type), TypeMax(output.type)) +
                                         StorageOffset(output.type));
  }
  return table;
}

// The same of an operator from INT16 to INT16: the value by the bits of the input's, 65536 entries.
using WideTable = std::vector<int16_t>;

// function: as above, of values -2^15 to 2^15 - 1.
template <typename Function>
WideTable MakeWideTable(Function function) {
  WideTable table(65536);
  for (int32_t q = -32768; q < 32768; ++q) {
    table[static_cast<uint16_t>(q)] = static_cast<int16_t>(std::clamp(function(q), -32768, 32767));
  }
  return table;
}

void ApplyWideTable(const ReferenceArgs& args, const WideTable& table);
// One launch of the kernel `npu_lut_int16`; an identity table moves no bytes at all.
void LowerWideTable(const OpView& op, const WideTable& table, Lowering& lowering);

// The real value of a quantized one as DEQUANTIZE makes it: the product in double, rounded to float once.
float DequantizedValue(const Tensor& tensor, int32_t q);

// The quantized value that QUANTIZE makes of a float: round(x / scale), ties away from zero, in float; plus the
// zero point; clamped to the type. TFLite converts to int32 before it clamps, which is undefined past 2^31; this
// saturates instead. NaN becomes the smallest value, as TFLite's conversion makes it on x86.
int32_t QuantizedValue(float x, const Tensor& tensor);

// Fails unless input 0 and output 0 are 8-bit: a Reference may be asked at plan time, before any Check.
Status Expect8Bit(const OpView& op);

// Runs the table over input 0 into output 0, which passed Expect8Bit and have the same shape.
void ApplyByteTable(const ReferenceArgs& args, const ByteTable& table);

// One launch of the kernel `lut`; an identity table moves no bytes at all (output is a view of input).
void LowerByteTable(const OpView& op, const ByteTable& table, Lowering& lowering);

// Infer: output 0 has the shape of input 0.
Status InferSameShape(Graph& graph, const Op& op);

// Check: operand 0 and output 0 are there, hold elements and have equal shapes.
void RequireElementwiseShapes(const OpView& op, Verdict& verdict);

// Check: a rescale by `multiplier` keeps every difference of two 8-bit values (every INT16 value) within 32 bits:
// the shift left it needs is at most 23 (INT16: 15) bits. `what` says which ratio of scales it is.
void RequireRescale(double multiplier, std::string_view what, Verdict& verdict,
                    DataType type = DataType::kInt8);

// Check: the tensor's quantization is exactly this one, which TFLite's operator specification fixes.
void RequireQuantization(const Tensor& tensor, std::string_view role, float scale, int32_t zero_point,
                         Verdict& verdict);

}  // namespace npu
