// Bytes moved by tables: for rearrangements whose offsets are a sum of one number per axis, but not a stride
// (a gather's indices, a mirror, a tile, blocks of space). An axis lists, for each of its positions, what the
// source and the target offset grow by; a source of kFrame means that no input belongs there and that the
// frame's value is written. The axes are walked in any order, so a table may follow either side.
// What is consecutive on both sides is found and moved as one run; what is left is folded into three tables
// that are made once, when a segment is compiled. Nothing is bounds-checked here: a room builds tables from
// operands that it has checked. Plain boxes belong to strided_copy.h.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/ops/lowering.h"

namespace npu {

inline constexpr int32_t kFrame = -1;

// Positions that all axes of one move may have together: 128 MiB of tables, more than any such operator of
// the known models needs by a factor of 100.
inline constexpr int64_t kMaxTablePositions = int64_t{1} << 24;

// Elements, not bytes.
struct TableOffset {
  int32_t source = 0, target = 0;
};
using OffsetAxis = std::vector<TableOffset>;

struct TableMove {
  std::array<OffsetAxis, 3> axes;  // none is empty, unless nothing is to be moved
  int64_t run = 1;                 // elements moved at each combination of positions
};

// axes: outermost first. run: elements that are consecutive on both sides inside all axes.
TableMove MakeTableMove(std::vector<OffsetAxis> axes, int64_t run);

// Moves elements of 1, 2, 4 or 8 bytes. frame: the bytes of one element.
void MoveByTables(const TableMove& move, int element_size, const std::byte* frame, const std::byte* source,
                  std::byte* target);

// Emits the move of elements of 1 or 2 bytes. stored_frame: the frame's element as it is stored (lowering.h).
void LowerTableMove(const TableMove& move, int element_size, TensorArg source, TensorArg target,
                    int32_t stored_frame, Lowering& lowering);

}  // namespace npu
