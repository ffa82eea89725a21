// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/table_move.h"

#include <cstring>
#include <numeric>
#include <span>
#include <utility>

#include "backends/ops/strided_copy.h"

namespace npu {
namespace {

// b is the next position after a when `run` elements lie at each.
bool Continues(const TableOffset& a, const TableOffset& b, int64_t run) {
  if (b.target != a.target + run) return false;
  if (a.source == kFrame || b.source == kFrame) return a.source == b.source;
  return b.source == a.source + run;
}

// Most neighbours that can be joined everywhere: the greatest common divisor of all unbroken stretches.
size_t CommonStretch(const OffsetAxis& axis, int64_t run) {
  size_t common = 0, start = 0;
  for (size_t i = 1; i <= axis.size(); ++i) {
    if (i < axis.size() && Continues(axis[i - 1], axis[i], run)) continue;
    common = std::gcd(common, i - start);
    start = i;
  }
  return common;
}

OffsetAxis Combine(const OffsetAxis& outer, const OffsetAxis& inner) {
  OffsetAxis product;
  product.reserve(outer.size() * inner.size());
  for (const TableOffset& a : outer) {
    for (const TableOffset& b : inner) {
      const bool frame = a.source == kFrame || b.source == kFrame;
      product.push_back({frame ? kFrame : a.source + b.source, a.target + b.target});
    }
  }
  return product;
}

// The pair of neighbours with the smallest product becomes one axis.
void CombineSmallest(std::vector<OffsetAxis>& axes) {
  size_t best = 0;
  for (size_t i = 1; i + 1 < axes.size(); ++i) {
    if (axes[i].size() * axes[i + 1].size() < axes[best].size() * axes[best + 1].size()) best = i;
  }
  axes[best] = Combine(axes[best], axes[best + 1]);
  axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(best) + 1);
}

}  // namespace

TableMove MakeTableMove(std::vector<OffsetAxis> axes, int64_t run) {
  TableMove move;
  for (const OffsetAxis& axis : axes) {
    if (axis.empty()) return move;
  }
  if (run == 0) return move;
  for (size_t i = axes.size(); i-- > 0;) {
    const size_t stretch = CommonStretch(axes[i], run);
    OffsetAxis starts;
    for (size_t k = 0; k < axes[i].size(); k += stretch) starts.push_back(axes[i][k]);
    axes[i] = std::move(starts);
    run *= static_cast<int64_t>(stretch);
    if (axes[i].size() > 1) break;
  }
  while (axes.size() > move.axes.size()) CombineSmallest(axes);
  while (axes.size() < move.axes.size()) axes.insert(axes.begin(), OffsetAxis{{0, 0}});
  for (size_t i = 0; i < move.axes.size(); ++i) move.axes[i] = std::move(axes[i]);
  move.run = run;
  return move;
}

void MoveByTables(const TableMove& move, int element_size, const std::byte* frame, const std::byte* source,
                  std::byte* target) {
  for (const TableOffset& a : move.axes[0]) {
    for (const TableOffset& b : move.axes[1]) {
      for (const TableOffset& c : move.axes[2]) {
        std::byte* to = target + (int64_t{a.target} + b.target + c.target) * element_size;
        if (a.source == kFrame || b.source == kFrame || c.source == kFrame) {
          FillElements(frame, element_size, move.run, to);
        } else {
          std::memcpy(to, source + (int64_t{a.source} + b.source + c.source) * element_size,
                      static_cast<size_t>(move.run * element_size));
        }
      }
    }
  }
}

void LowerTableMove(const TableMove& move, int element_size, TensorArg source, TensorArg target,
                    int32_t stored_frame, Lowering& lowering) {
  static_assert(sizeof(TableOffset) == 2 * sizeof(int32_t));  // the kernel reads pairs of int
  OffsetAxis table;
  for (const OffsetAxis& axis : move.axes) table.insert(table.end(), axis.begin(), axis.end());
  const auto size0 = static_cast<int64_t>(move.axes[0].size());
  const auto size1 = static_cast<int64_t>(move.axes[1].size());
  const auto rows = static_cast<int64_t>(move.axes[2].size());
  if (rows == 0) return;
  const RowCut cut = CutRows(size0 * size1 * rows * move.run, rows, move.run, move.run);
  std::vector<KernelArg> args = {source, target, lowering.AddConstant(std::span<const TableOffset>(table)),
                                 stored_frame};
  for (const int64_t value : {size0, size1, rows, move.run, cut.run_chunk, cut.row_chunk}) {
    args.push_back(static_cast<int32_t>(value));
  }
  const std::array<size_t, 3> global = {static_cast<size_t>(cut.items), static_cast<size_t>(size1),
                                        static_cast<size_t>(size0)};
  if (element_size == 2) {
    lowering.Launch("move_by_tables_16", global, std::move(args));
  } else {
    lowering.Launch("move_by_tables", global, std::move(args));
  }
}

}  // namespace npu
