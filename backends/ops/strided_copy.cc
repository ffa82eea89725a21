// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/strided_copy.h"

#include <algorithm>
#include <cstring>

namespace npu {
namespace {

// Elements one work-item moves: more than its start costs on a CPU device (8 ns on PoCL 3.1, in which 300
// bytes are moved), few enough that small tensors still spread over all cores.
constexpr int64_t kMinItemElements = 512;
constexpr int64_t kMaxItemElements = 8192;
constexpr int64_t kTargetItems = 1024;

// Longest piece of a strided row: source and target of kMaxItemElements / kStridedRun rows stay in a 32 KiB
// first-level cache even when every byte of the source is in a line of its own.
constexpr int64_t kStridedRun = 128;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <typename T>
void CopyRun(const StridedCopy::Dimension& run, const std::byte* source, std::byte* target) {
  constexpr auto kSize = static_cast<int64_t>(sizeof(T));
  for (int64_t i = 0; i < run.size; ++i) {
    std::memcpy(target + i * run.target_stride * kSize, source + i * run.source_stride * kSize, sizeof(T));
  }
}

// Calls move(run, source, target) for every innermost run.
template <typename Move>
void ForEachRun(const StridedCopy& copy, int element_size, const std::byte* source, std::byte* target,
                Move move) {
  if (copy.empty) return;
  const std::byte* from = source + copy.source_offset * element_size;
  std::byte* to = target + copy.target_offset * element_size;
  const StridedCopy::Dimension run =
      copy.rank > 0 ? copy.dimensions[copy.rank - 1] : StridedCopy::Dimension{1, 1, 1};
  std::array<int64_t, kMaxCopyRank> index{};
  while (true) {
    move(run, from, to);
    int d = copy.rank - 2;
    for (; d >= 0; --d) {
      const StridedCopy::Dimension& dimension = copy.dimensions[d];
      from += dimension.source_stride * element_size;
      to += dimension.target_stride * element_size;
      if (++index[d] < dimension.size) break;
      from -= dimension.size * dimension.source_stride * element_size;
      to -= dimension.size * dimension.target_stride * element_size;
      index[d] = 0;
    }
    if (d < 0) return;
  }
}

// One launch of `runs` where elements are dense on both sides, else of `elements`. range: of the first element,
// when nothing but a copy between tensors happens; told to the memory plan if all is one run.
void Launch(const StridedCopy& copy, std::string_view runs, std::string_view elements,
            std::vector<KernelArg> args, Lowering& lowering, std::optional<RangeCopy> range = std::nullopt) {
  if (copy.empty) return;
  // dims[5] is the run, dims[4] the rows a work-item walks, dims[0..3] the grid.
  std::array<StridedCopy::Dimension, kMaxDeviceCopyRank> dims{};
  for (int i = 0; i < copy.rank; ++i) dims[kMaxDeviceCopyRank - copy.rank + i] = copy.dimensions[i];
  if (copy.rank == 0) dims[5] = {1, 1, 1};
  const bool dense = dims[5].source_stride == 1 && dims[5].target_stride == 1;

  int64_t total = 1;
  for (const auto& dim : dims) total *= dim.size;
  const RowCut cut = CutRows(total, dims[4].size, dims[5].size, dense ? kMaxItemElements : kStridedRun);

  const std::array<size_t, 3> global = {static_cast<size_t>(cut.items),
                                        static_cast<size_t>(dims[3].size * dims[2].size),
                                        static_cast<size_t>(dims[1].size * dims[0].size)};
  const auto add = [&args](int64_t value) { args.push_back(static_cast<int32_t>(value)); };
  add(copy.source_offset);
  add(copy.target_offset);
  for (const auto& dim : dims) add(dim.size);
  for (const auto& dim : dims) add(dim.source_stride);
  for (const auto& dim : dims) add(dim.target_stride);
  add(cut.run_chunk);
  add(cut.row_chunk);
  if (range && dense && copy.rank <= 1) {
    range->bytes *= total;
    lowering.LaunchCopy(runs, global, std::move(args), *range);
  } else {
    lowering.Launch(dense ? runs : elements, global, std::move(args));
  }
}

}  // namespace

void StridedCopy::Add(int64_t size, int64_t source_stride, int64_t target_stride) {
  if (size == 0) empty = true;
  if (size == 1 || empty) return;
  if (rank > 0) {
    Dimension& outer = dimensions[rank - 1];
    if (outer.source_stride == size * source_stride && outer.target_stride == size * target_stride) {
      outer = {outer.size * size, source_stride, target_stride};
      return;
    }
  }
  dimensions[rank++] = {size, source_stride, target_stride};
}

std::array<int64_t, kMaxCopyRank> DenseStrides(std::span<const int32_t> shape) {
  std::array<int64_t, kMaxCopyRank> strides{};
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

void CopyStrided(const StridedCopy& copy, int element_size, const std::byte* source, std::byte* target) {
  ForEachRun(copy, element_size, source, target,
             [element_size](const StridedCopy::Dimension& run, const std::byte* from, std::byte* to) {
               if (run.source_stride == 1 && run.target_stride == 1) {
                 std::memcpy(to, from, static_cast<size_t>(run.size * element_size));
                 return;
               }
               switch (element_size) {
                 case 1: return CopyRun<uint8_t>(run, from, to);
                 case 2: return CopyRun<uint16_t>(run, from, to);
                 case 4: return CopyRun<uint32_t>(run, from, to);
                 default: return CopyRun<uint64_t>(run, from, to);
               }
             });
}

void CopyStridedTable(const StridedCopy& copy, const std::array<uint8_t, 256>& table, const std::byte* source,
                      std::byte* target) {
  ForEachRun(copy, 1, source, target,
             [&table](const StridedCopy::Dimension& run, const std::byte* from, std::byte* to) {
               for (int64_t i = 0; i < run.size; ++i) {
                 to[i * run.target_stride] =
                     static_cast<std::byte>(table[static_cast<uint8_t>(from[i * run.source_stride])]);
               }
             });
}

void FillElements(const std::byte* value, int element_size, int64_t count, std::byte* target) {
  if (element_size == 1) {
    std::memset(target, static_cast<int>(*value), static_cast<size_t>(count));
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(target + i * element_size, value, static_cast<size_t>(element_size));
  }
}

void LowerCopy(const StridedCopy& copy, int element_size, KernelArg source, KernelArg target,
               Lowering& lowering) {
  const bool wide = element_size == 2;
  std::optional<RangeCopy> range;
  if (std::holds_alternative<TensorArg>(source) && std::holds_alternative<TensorArg>(target)) {
    range = RangeCopy{std::get<TensorArg>(source).tensor, std::get<TensorArg>(target).tensor,
                      copy.source_offset * element_size, copy.target_offset * element_size, element_size};
  }
  Launch(copy, wide ? "copy_strided_runs_16" : "copy_strided_runs",
         wide ? "copy_strided_elements_16" : "copy_strided_elements", {source, target}, lowering, range);
}

void LowerCopyTable(const StridedCopy& copy, ConstantArg table, TensorArg source, TensorArg target,
                    Lowering& lowering) {
  Launch(copy, "copy_strided_table", "copy_strided_table", {source, target, table}, lowering);
}

RowCut CutRows(int64_t total, int64_t rows, int64_t run, int64_t run_limit) {
  const int64_t item_elements = std::clamp(CeilDiv(total, kTargetItems), kMinItemElements, kMaxItemElements);
  // Few rows: the run alone has to fill the work-item.
  const int64_t longest = std::max(std::min(item_elements, run_limit), item_elements / rows);
  const int64_t chunks = CeilDiv(run, longest);
  RowCut cut;
  cut.run_chunk = CeilDiv(run, chunks);
  cut.row_chunk = std::min(rows, std::max<int64_t>(1, item_elements / cut.run_chunk));
  cut.items = chunks * CeilDiv(rows, cut.row_chunk);
  return cut;
}

}  // namespace npu
