// The one way bytes are moved: a box of elements, walked in the same order in source and target, each side
// with its own offset and signed strides. Slices, transposes, splits, paddings and concatenations are all
// such boxes; this room copies one on the CPU and emits the launches that copy one on a device.
// Dimensions are added outermost first and merged as they come, so a dense copy ends as one run.
// Nothing is bounds-checked here: a room builds a copy from operands that it has checked.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "backends/ops/lowering.h"

namespace npu {

// Most dimensions a copy has, and most a tensor may have to be copied: TRANSPOSE and SQUEEZE of TFLite.
inline constexpr int kMaxCopyRank = 8;
// Most dimensions that are left after merging for a device: what kernels/copy.cl walks.
inline constexpr int kMaxDeviceCopyRank = 6;

// Offsets and strides count elements, not bytes.
struct StridedCopy {
  struct Dimension {
    int64_t size = 1, source_stride = 0, target_stride = 0;
  };

  int rank = 0;
  bool empty = false;  // a dimension of size 0 was added
  std::array<Dimension, kMaxCopyRank> dimensions;
  int64_t source_offset = 0, target_offset = 0;

  // At most kMaxCopyRank calls. Size 1 adds nothing.
  void Add(int64_t size, int64_t source_stride, int64_t target_stride);
};

// Elements between neighbours of each dimension of a dense tensor; shape.size() <= kMaxCopyRank.
std::array<int64_t, kMaxCopyRank> DenseStrides(std::span<const int32_t> shape);

// Copies elements of 1, 2, 4 or 8 bytes. Source and target do not overlap.
void CopyStrided(const StridedCopy& copy, int element_size, const std::byte* source, std::byte* target);

// Copies bytes, each looked up in the table.
void CopyStridedTable(const StridedCopy& copy, const std::array<uint8_t, 256>& table, const std::byte* source,
                      std::byte* target);

// Writes `count` elements, each the `element_size` bytes at `value`.
void FillElements(const std::byte* value, int element_size, int64_t count, std::byte* target);

// Emits the copy of elements of 1 or 2 bytes. copy.rank <= kMaxDeviceCopyRank. source and target: tensors or
// scratch. A copy of one run between tensors tells the memory plan so (lowering.h): where one can be a part of the
// other, nothing is launched.
void LowerCopy(const StridedCopy& copy, int element_size, KernelArg source, KernelArg target,
               Lowering& lowering);
// Emits the copy of bytes; table: 256 bytes that map each stored byte on its way.
void LowerCopyTable(const StridedCopy& copy, ConstantArg table, TensorArg source, TensorArg target,
                    Lowering& lowering);

// How a launch over rows of `run` elements is cut into work-items.
struct RowCut {
  int64_t run_chunk = 1, row_chunk = 1;  // elements of a row and rows that one work-item takes
  int64_t items = 1;                     // work-items that cover rows x run
};

// total: elements of the whole launch. run_limit: longest piece of a row one work-item may take.
RowCut CutRows(int64_t total, int64_t rows, int64_t run, int64_t run_limit);

}  // namespace npu
