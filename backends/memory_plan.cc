// SPDX-License-Identifier: Apache-2.0
#include "backends/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <optional>

#include "base/checked.h"

namespace npu {
namespace {

// `value` rounded up to a multiple of a power of two; nullopt if that does not fit.
std::optional<int64_t> AlignUp(int64_t value, int64_t alignment) {
  const auto padded = CheckedAdd(value, alignment - 1);
  if (!padded) return std::nullopt;
  return *padded & ~(alignment - 1);
}

// True if there is a step in which all are.
bool AliveAtOnce(std::span<const MemoryRequest> requests) {
  int first = std::numeric_limits<int>::min(), last = std::numeric_limits<int>::max();
  for (const MemoryRequest& request : requests) {
    first = std::max(first, request.first);
    last = std::min(last, request.last);
  }
  return first <= last;
}

}  // namespace

Result<MemoryLayout> PlanMemory(std::span<const MemoryRequest> requests, int64_t alignment,
                                int64_t limit_bytes) {
  if (alignment <= 0 || !std::has_single_bit(static_cast<uint64_t>(alignment))) {
    return Fail(ErrorCode::kInternal, fmt::format("arena alignment {} is not a power of two", alignment));
  }
  const auto too_large = [&] {
    return Fail(ErrorCode::kResourceExhausted,
                fmt::format("intermediate tensors need more memory than the limit of {} bytes", limit_bytes));
  };
  for (const MemoryRequest& request : requests) {
    if (request.bytes < 0 || request.first > request.last) {
      return Fail(ErrorCode::kInternal, fmt::format("memory request of {} bytes for steps {} to {}",
                                                    request.bytes, request.first, request.last));
    }
  }

  std::vector<int> order(requests.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return requests[a].bytes > requests[b].bytes; });

  MemoryLayout layout;
  layout.offsets.assign(requests.size(), 0);
  if (AliveAtOnce(requests)) {
    // No gap is wide enough for a block: each goes behind all others, without looking at them.
    for (int index : order) {
      if (requests[index].bytes == 0) continue;
      const auto offset = AlignUp(layout.total_bytes, alignment);
      const auto end = offset ? CheckedAdd(*offset, requests[index].bytes) : std::nullopt;
      if (!end || *end > limit_bytes) return too_large();
      layout.offsets[index] = *offset;
      layout.total_bytes = *end;
    }
    return layout;
  }
  std::vector<int> placed;  // ascending by offset
  placed.reserve(requests.size());
  for (int index : order) {
    const MemoryRequest& request = requests[index];
    if (request.bytes == 0) continue;
    // Walks the blocks alive at the same time, upwards, until a gap is wide enough.
    int64_t offset = 0;
    for (int other : placed) {
      const MemoryRequest& block = requests[other];
      if (block.last < request.first || request.last < block.first) continue;
      if (layout.offsets[other] - offset >= request.bytes) break;
      const auto next = AlignUp(layout.offsets[other] + block.bytes, alignment);
      if (!next) return too_large();
      offset = std::max(offset, *next);
    }
    const auto end = CheckedAdd(offset, request.bytes);
    if (!end || *end > limit_bytes) return too_large();
    layout.offsets[index] = offset;
    layout.total_bytes = std::max(layout.total_bytes, *end);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), offset,
                                   [&](int64_t at, int other) { return at < layout.offsets[other]; }),
                  index);
  }
  return layout;
}

}  // namespace npu
