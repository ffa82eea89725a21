// Sizes that cannot overflow: 64-bit arithmetic on numbers that a model or a host controls.
// A product or sum that does not fit is std::nullopt, never a wrapped value.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace npu {

// Most elements (and bytes) a tensor may have: hosts index tensors with 32-bit ints.
inline constexpr int64_t kMaxTensorElements = (int64_t{1} << 31) - 1;

inline std::optional<int64_t> CheckedMul(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_mul_overflow(a, b, &r)) return std::nullopt;
  return r;
}

inline std::optional<int64_t> CheckedAdd(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_add_overflow(a, b, &r)) return std::nullopt;
  return r;
}

// Number of elements of a tensor of this shape: the product of its dimensions (1 for rank 0).
// nullopt if a dimension is negative or the product exceeds kMaxTensorElements.
inline std::optional<int64_t> CheckedElementCount(std::span<const int32_t> shape) {
  int64_t count = 1;
  bool empty = false;
  for (int32_t dim : shape) {
    if (dim < 0) return std::nullopt;
    if (dim == 0) {
      empty = true;
      continue;
    }
    const auto product = CheckedMul(count, dim);
    if (!product || *product > kMaxTensorElements) return std::nullopt;
    count = *product;
  }
  return empty ? 0 : count;
}

// True when [offset, offset + size) lies inside [0, length): the form that cannot wrap.
inline bool RangeFits(uint64_t offset, uint64_t size, uint64_t length) {
  return size <= length && offset <= length - size;
}

}  // namespace npu
