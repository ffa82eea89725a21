// Which tensors of a segment are parts of others, so that no bytes have to be moved between them: an alias
// (RESHAPE) is all of what it views; a slice that is one range of its input lies inside it; a part that
// CONCATENATION would copy into a range of its output is written there in the first place.
// Refuses what would need a second copy of the bytes (a part concatenated twice, a constant), offsets that
// kernels cannot take as an argument, and parts that would make more bytes alive at once than copies do.
// Pure: no OpenCL here. Start at ChooseViews.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "backends/ops/lowering.h"

namespace npu {

// A tensor lies `offset` bytes behind the start of `root`, which is a part of nothing.
struct TensorHome {
  int root = 0;
  int64_t offset = 0;
};

// What is known of a tensor before any is a part of another. Steps as in MemoryRequest.
struct TensorLife {
  int64_t bytes = 0;
  int first = -1, last = -1;  // -1: not in the arena
  bool constant = false;
  bool fixed = false;  // changed in place (a state): no part of another tensor, and none is a part of it
};

class TensorViews {
 public:
  explicit TensorViews(size_t tensors);
  TensorHome Find(int tensor);
  // `root` becomes a part of `whole`. It must be its own root, and not that of `whole`.
  void Link(int root, int whole, int64_t offset);

 private:
  std::vector<TensorHome> parents_;  // of a root: itself
};

struct ViewRequests {
  std::span<const TensorLife> tensors;
  std::span<const int64_t> scratch_bytes;        // alive per step, for every step
  std::span<const std::pair<int, int>> aliases;  // view, viewed: in execution order
  std::span<const RangeCopy> copies;             // in execution order
  int64_t alignment = 0;                         // of a part's offset, a power of two; 0: aliases only
};

struct ViewChoice {
  TensorViews views;
  std::vector<bool> dropped;  // per copy: its bytes are where they belong
};

// Copies and aliases: operands differ, were bounds-checked against `tensors`, and are made before they are used.
ViewChoice ChooseViews(const ViewRequests& requests);

}  // namespace npu
