// What the folds of float sandwiches share: DEQUANTIZE → float operators → QUANTIZE between 8-bit tensors becomes
// 8-bit operators that look up what the floats would have been (float_trace.h).
// Start at MatchFloatMove and in fold_float.cc, which decides which fold a sandwich is.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "partitioner/float_trace.h"

namespace npu {

// QUANTIZE of FLOAT32 to an 8-bit tensor with one scale and zero point.
bool IsQuantizeTo8Bit(const FoldSite& site, int op);

// The stored bytes that QUANTIZE makes of the values; nullopt if LiteRT's conversion of one is undefined.
std::optional<std::vector<std::byte>> QuantizedTable(const std::vector<float>& values, const Tensor& output);

// A constant UINT8 tensor of these bytes and this shape.
Tensor TableTensor(std::string name, std::vector<int32_t> shape, std::vector<std::byte> bytes);

bool IsIdentity(std::span<const std::byte> table);  // 256 entries

// float-move: everything between DEQUANTIZE and QUANTIZE `into` moves elements, takes the largest of them or
// computes each alone: the movers run on bytes, and a table does the rest. refusal: why not.
std::optional<FoldMatch> MatchFloatMove(const FoldSite& site, int into, std::string& refusal);

}  // namespace npu
