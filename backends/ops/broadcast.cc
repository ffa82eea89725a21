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
  // Nothing to do, and the products below could overflow.
  if (std::count(a.begin(), a.end(), 0) + std::count(b.begin(), b.end(), 0) > 0) return {{0, 0, 0}};
  std::vector<BroadcastLoop> loops;
  int64_t a_stride = 1, b_stride = 1;
  bool a_advances = false, b_advances = false;  // in the last loop
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const int32_t da = FromLast(a, i), db = FromLast(b, i);
    if (da == 1 && db == 1) continue;
    const int64_t size = da == 1 ? db : da;
    if (!loops.empty() && (da != 1) == a_advances && (db != 1) == b_advances) {
      loops.back().size *= size;
    } else {
      a_advances = da != 1;
      b_advances = db != 1;
      loops.push_back({size, a_advances ? a_stride : 0, b_advances ? b_stride : 0});
    }
    a_stride *= da;
    b_stride *= db;
  }
  if (loops.empty()) loops.push_back({1, 1, 1});
  return loops;
}

}  // namespace npu
