// Numpy-style broadcasting of tensors: shapes are aligned at their last dimension, and a dimension
// of 1 is repeated. The result is described by as few loops as possible: neighbouring dimensions over
// which the same operands advance are one loop, dimensions of 1 are none.
// Refuses shapes that do not fit together. Survives any shapes, empty ones included.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace npu {

struct BroadcastLoop {
  int64_t size;                // iterations
  int64_t a_stride, b_stride;  // elements; 0: the operand is repeated over this loop
};

// The output's shape; nullopt if the shapes do not fit together.
std::optional<std::vector<int32_t>> BroadcastShape(std::span<const int32_t> a, std::span<const int32_t> b);

// Loops over the output of BroadcastShape(a, b), innermost first, at least one. The innermost strides are
// 0 or 1. Element counts must fit in 32 bits.
std::vector<BroadcastLoop> BroadcastLoops(std::span<const int32_t> a, std::span<const int32_t> b);

// The same over any number of operands, at least one.
struct OperandLoop {
  int64_t size;                  // iterations
  std::vector<int64_t> strides;  // elements, one per operand; 0: it is repeated over this loop
};
std::vector<OperandLoop> BroadcastOperandLoops(std::span<const std::vector<int32_t>> shapes);

}  // namespace npu
