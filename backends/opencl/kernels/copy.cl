// Moves elements of one byte and, in the kernels named *_16, of two: boxes of up to six dimensions
// (backends/ops/strided_copy.h), paddings and fills. All offsets, sizes and strides count elements.
// Dimension 5 is the run and 4 the rows: a work-item moves row_chunk rows of run_chunk elements. Dimensions
// 3 and 2 are in global id 1, dimensions 1 and 0 in global id 2.
// Plain loops on purpose: compilers for CPUs turn them into the widest vectors there are (measured
// 40 GB/s on PoCL 3.1), while vstore16 of bytes becomes 16 single stores there (7 GB/s).
// SPDX-License-Identifier: Apache-2.0

#define NPU_COPY_PARAMETERS                                                                           \
  int source_offset, int target_offset, int size0, int size1, int size2, int size3, int rows, int run, \
      int source0, int source1, int source2, int source3, int source_row, int source_step, int target0, \
      int target1, int target2, int target3, int target_row, int target_step, int run_chunk, int row_chunk

// Leaves the function when there is nothing for this work-item; else declares from, to (at its first row
// and element), row_count and count.
#define NPU_COPY_BEGIN(ELEMENT)                                                                        \
  const int chunks = (run + run_chunk - 1) / run_chunk;                                       \
  const int gx = (int)get_global_id(0);                                                       \
  const int gy = (int)get_global_id(1);                                                       \
  const int gz = (int)get_global_id(2);                                                       \
  const int first_row = gx / chunks * row_chunk;                                              \
  const int first = gx % chunks * run_chunk;                                                  \
  if (first_row >= rows || gy >= size2 * size3 || gz >= size0 * size1) return;                \
  const int row_count = min(row_chunk, rows - first_row);                                     \
  const int count = min(run_chunk, run - first);                                              \
  const int i0 = gz / size1, i1 = gz % size1, i2 = gy / size3, i3 = gy % size3;               \
  __global const ELEMENT* from = source + source_offset + i0 * source0 + i1 * source1 +         \
                               i2 * source2 + i3 * source3 + first_row * source_row +         \
                               first * source_step;                                           \
  __global ELEMENT* to = target + target_offset + i0 * target0 + i1 * target1 + i2 * target2 +  \
                       i3 * target3 + first_row * target_row + first * target_step

// source_step and target_step are 1.
#define NPU_COPY_RUNS_KERNEL(NAME, ELEMENT)                                                                         \
__kernel void NAME(__global const ELEMENT* source, __global ELEMENT* target,                                 \
                                NPU_COPY_PARAMETERS) {                                                       \
  NPU_COPY_BEGIN(ELEMENT);                                                                                   \
  for (int r = 0; r < row_count; ++r) {                                                                      \
    __global const ELEMENT* in = from + r * source_row;                                                      \
    __global ELEMENT* out = to + r * target_row;                                                             \
    for (int i = 0; i < count; ++i) out[i] = in[i];                                                          \
  }                                                                                                          \
}
NPU_COPY_RUNS_KERNEL(copy_strided_runs, uchar)
NPU_COPY_RUNS_KERNEL(copy_strided_runs_16, ushort)

#define NPU_COPY_ELEMENTS_KERNEL(NAME, ELEMENT)                                                                     \
__kernel void NAME(__global const ELEMENT* source, __global ELEMENT* target,                                 \
                                    NPU_COPY_PARAMETERS) {                                                   \
  NPU_COPY_BEGIN(ELEMENT);                                                                                   \
  for (int r = 0; r < row_count; ++r) {                                                                      \
    __global const ELEMENT* in = from + r * source_row;                                                      \
    __global ELEMENT* out = to + r * target_row;                                                             \
    for (int i = 0; i < count; ++i) out[i * target_step] = in[i * source_step];                              \
  }                                                                                                          \
}
NPU_COPY_ELEMENTS_KERNEL(copy_strided_elements, uchar)
NPU_COPY_ELEMENTS_KERNEL(copy_strided_elements_16, ushort)

// As copy_strided_elements, each byte looked up in `table` (256 bytes).
__kernel void copy_strided_table(__global const uchar* source, __global uchar* target,
                                 __global const uchar* table, NPU_COPY_PARAMETERS) {
  NPU_COPY_BEGIN(uchar);
  for (int r = 0; r < row_count; ++r) {
    __global const uchar* in = from + r * source_row;
    __global uchar* out = to + r * target_row;
    for (int i = 0; i < count; ++i) out[i * target_step] = table[in[i * source_step]];
  }
}

// The input in the middle of a frame of `value`: outputN elements or rows of dimension N, of which the first
// beforeN are frame and the next insideN come from the input. Dimensions 2 and 1 are in global id 1,
// dimension 0 in global id 2; each work-item writes row_chunk rows of run_chunk elements.
#define NPU_PAD_FRAME_KERNEL(NAME, ELEMENT)                                                                         \
__kernel void NAME(__global const ELEMENT* source, __global ELEMENT* target, int value, int output0,         \
                        int output1, int output2, int rows, int run, int before0, int before1, int before2,  \
                        int before_row, int before_run, int inside0, int inside1, int inside2,               \
                        int inside_rows, int inside_run, int run_chunk, int row_chunk) {                     \
  const int chunks = (run + run_chunk - 1) / run_chunk;                                                      \
  const int gx = (int)get_global_id(0);                                                                      \
  const int gy = (int)get_global_id(1);                                                                      \
  const int i0 = (int)get_global_id(2);                                                                      \
  const int first_row = gx / chunks * row_chunk;                                                             \
  const int first = gx % chunks * run_chunk;                                                                 \
  if (first_row >= rows || gy >= output1 * output2 || i0 >= output0) return;                                 \
  const int end_row = min(first_row + row_chunk, rows);                                                      \
  const int count = min(run_chunk, run - first);                                                             \
  const int i1 = gy / output2, i2 = gy % output2;                                                            \
  const int j0 = i0 - before0, j1 = i1 - before1, j2 = i2 - before2;                                         \
  const int inside = j0 >= 0 && j0 < inside0 && j1 >= 0 && j1 < inside1 && j2 >= 0 && j2 < inside2;          \
  for (int r = first_row; r < end_row; ++r) {                                                                \
    const int row = r - before_row;                                                                          \
    const int copies = inside && row >= 0 && row < inside_rows;                                              \
    const int begin = copies ? clamp(before_run - first, 0, count) : count;                                  \
    const int end = copies ? clamp(before_run + inside_run - first, 0, count) : count;                       \
    __global ELEMENT* out = target + (((i0 * output1 + i1) * output2 + i2) * rows + r) * run + first;        \
    for (int i = 0; i < begin; ++i) out[i] = (ELEMENT)value;                                                 \
    if (begin < end) {                                                                                       \
      /* The run's elements before `before_run` are frame, so this offset is not negative. */                   \
      const int source_row = ((j0 * inside1 + j1) * inside2 + j2) * inside_rows + row;                       \
      __global const ELEMENT* in = source + source_row * inside_run + (first + begin - before_run);          \
      __global ELEMENT* middle = out + begin;                                                                \
      for (int i = 0; i < end - begin; ++i) middle[i] = in[i];                                               \
    }                                                                                                        \
    for (int i = end; i < count; ++i) out[i] = (ELEMENT)value;                                               \
  }                                                                                                          \
}
NPU_PAD_FRAME_KERNEL(pad_frame, uchar)
NPU_PAD_FRAME_KERNEL(pad_frame_16, ushort)

// Three tables of (source, target) offsets, size0, size1 and rows pairs one after the other; the offsets of a
// run of elements are the sums of one pair of each. Where a source offset is negative, `frame` is written.
// Each work-item moves row_chunk rows of run_chunk elements; global ids 1 and 2 index tables 1 and 0.
#define NPU_MOVE_BY_TABLES_KERNEL(NAME, ELEMENT)                                                                    \
__kernel void NAME(__global const ELEMENT* source, __global ELEMENT* target,                                 \
                             __global const int* tables, int frame, int size0, int size1, int rows, int run, \
                             int run_chunk, int row_chunk) {                                                 \
  const int chunks = (run + run_chunk - 1) / run_chunk;                                                      \
  const int gx = (int)get_global_id(0);                                                                      \
  const int i1 = (int)get_global_id(1);                                                                      \
  const int i0 = (int)get_global_id(2);                                                                      \
  const int first_row = gx / chunks * row_chunk;                                                             \
  const int first = gx % chunks * run_chunk;                                                                 \
  if (first_row >= rows || i1 >= size1 || i0 >= size0) return;                                               \
  const int end_row = first_row + min(row_chunk, rows - first_row);                                          \
  const int count = min(run_chunk, run - first);                                                             \
  __global const int* outer0 = tables + 2 * i0;                                                              \
  __global const int* outer1 = tables + 2 * (size0 + i1);                                                    \
  __global const int* row = tables + 2 * (size0 + size1);                                                    \
  const int outside = outer0[0] < 0 || outer1[0] < 0;                                                        \
  const int source_offset = outside ? 0 : outer0[0] + outer1[0] + first;                                     \
  __global ELEMENT* to = target + outer0[1] + outer1[1] + first;                                             \
  for (int r = first_row; r < end_row; ++r) {                                                                \
    __global ELEMENT* out = to + row[2 * r + 1];                                                             \
    if (outside || row[2 * r] < 0) {                                                                         \
      for (int i = 0; i < count; ++i) out[i] = (ELEMENT)frame;                                               \
    } else {                                                                                                 \
      __global const ELEMENT* in = source + source_offset + row[2 * r];                                      \
      for (int i = 0; i < count; ++i) out[i] = in[i];                                                        \
    }                                                                                                        \
  }                                                                                                          \
}
NPU_MOVE_BY_TABLES_KERNEL(move_by_tables, uchar)
NPU_MOVE_BY_TABLES_KERNEL(move_by_tables_16, ushort)
