// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/broadcast.h"

#include <algorithm>

namespace npu {
namespace {

// Dimension i counted from the last one; 1 beyond the first one.
int32_t FromLast(std::span<const int32_t> shape, size_t i) {
  return i < shape.size() ? shape[shape.size() - 1 - i] : 1;
}

}  // namespace

std::optional<std::vector<int32_t>> BroadcastShape(std::span<const int32_t> a, std::span<const int32_t> b) {
  std::vector<int32_t> shape(std::max(a.size(), b.size()));
  for (size_t i = 0; i < shape.size(); ++i) {
    const int32_t da = FromLast(a, i), db = FromLast(b, i);
    if (da != db && da != 1 && db != 1) return std::nullopt;
    shape[shape.size() - 1 - i] = da == 1 ? db : da;
  }
  return shape;
}

std::vector<BroadcastLoop> BroadcastLoops(std::span<const int32_t> a, std::span<const int32_t> b) {
  const std::vector<int32_t> shapes[] = {{a.begin(), a.end()}, {b.begin(), b.end()}};
  std::vector<BroadcastLoop> loops;
  for (const OperandLoop& loop : BroadcastOperandLoops(shapes)) {
    loops.push_back({loop.size, loop.strides[0], loop.strides[1]});
  }
  return loops;
}

std::vector<OperandLoop> BroadcastOperandLoops(std::span<const std::vector<int32_t>> shapes) {
  const size_t operands = shapes.size();
  size_t rank = 0;
  for (const std::vector<int32_t>& shape : shapes) {
    rank = std::max(rank, shape.size());
    // Nothing to do, and the products below could overflow.
    if (std::ranges::find(shape, 0) != shape.end()) return {{0, std::vector<int64_t>(operands, 0)}};
  }
  std::vector<OperandLoop> loops;
  std::vector<int64_t> strides(operands, 1);
  std::vector<bool> last;  // whether each operand advances in the last loop
  for (size_t i = 0; i < rank; ++i) {
    int32_t size = 1;
    std::vector<bool> advances(operands);
    for (size_t k = 0; k < operands; ++k) {
      const int32_t dim = FromLast(shapes[k], i);
      advances[k] = dim != 1;
      if (advances[k]) size = dim;
    }
    if (size == 1) continue;
    if (!loops.empty() && advances == last) {
      loops.back().size *= size;
    } else {
      loops.push_back({size, std::vector<int64_t>(operands, 0)});
      for (size_t k = 0; k < operands; ++k) loops.back().strides[k] = advances[k] ? strides[k] : 0;
      last = advances;
    }
    for (size_t k = 0; k < operands; ++k) strides[k] *= FromLast(shapes[k], i);
  }
  if (loops.empty()) loops.push_back({1, std::vector<int64_t>(operands, 1)});
  return loops;
}

}  // namespace npu
