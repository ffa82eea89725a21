// Where intermediate tensors live: liveness → offsets in one arena, so that tensors that are never alive
// at the same time share bytes. Pure arithmetic; both backends use it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace npu {

// One block: `bytes` needed from step `first` to step `last`, both inclusive.
struct MemoryRequest {
  int64_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct MemoryLayout {
  std::vector<int64_t> offsets;  // per request, a multiple of the alignment
  int64_t total_bytes = 0;
};

// Greedy by size (largest first, lowest offset that fits): deterministic, within a few percent of the
// lower bound on real networks. alignment: a power of two. kResourceExhausted past `limit_bytes`.
Result<MemoryLayout> PlanMemory(std::span<const MemoryRequest> requests, int64_t alignment,
                                int64_t limit_bytes);

}  // namespace npu
