// Moves bytes: boxes of up to six dimensions (backends/ops/strided_copy.h), and fills.
// Dimension 5 is the run and 4 the rows: a work-item moves row_chunk rows of run_chunk bytes. Dimensions
// 3 and 2 are in global id 1, dimensions 1 and 0 in global id 2. Source and target never overlap, which
// is why a tail may be moved by a vector that repeats bytes already moved.
// SPDX-License-Identifier: Apache-2.0

#define NPU_COPY_PARAMETERS                                                                           \
  int source_offset, int target_offset, int size0, int size1, int size2, int size3, int rows, int run, \
      int source0, int source1, int source2, int source3, int source_row, int source_step, int target0, \
      int target1, int target2, int target3, int target_row, int target_step, int run_chunk, int row_chunk

// Leaves the function when there is nothing for this work-item; else declares from, to (at its first row
// and byte), row_count and count.
#define NPU_COPY_BEGIN                                                                        \
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
  __global const uchar* from = source + source_offset + i0 * source0 + i1 * source1 +         \
                               i2 * source2 + i3 * source3 + first_row * source_row +         \
                               first * source_step;                                           \
  __global uchar* to = target + target_offset + i0 * target0 + i1 * target1 + i2 * target2 +  \
                       i3 * target3 + first_row * target_row + first * target_step

inline void npu_copy_bytes(__global const uchar* from, __global uchar* to, int count) {
  if (count >= 16) {
    int i = 0;
    for (; i <= count - 16; i += 16) vstore16(vload16(0, from + i), 0, to + i);
    if (i < count) vstore16(vload16(0, from + count - 16), 0, to + count - 16);
  } else if (count >= 8) {
    vstore8(vload8(0, from), 0, to);
    vstore8(vload8(0, from + count - 8), 0, to + count - 8);
  } else if (count >= 4) {
    vstore4(vload4(0, from), 0, to);
    vstore4(vload4(0, from + count - 4), 0, to + count - 4);
  } else {
    for (int i = 0; i < count; ++i) to[i] = from[i];
  }
}

// source_step and target_step are 1.
__kernel void copy_strided_runs(__global const uchar* source, __global uchar* target,
                                NPU_COPY_PARAMETERS) {
  NPU_COPY_BEGIN;
  for (int r = 0; r < row_count; ++r) {
    npu_copy_bytes(from + r * source_row, to + r * target_row, count);
  }
}

__kernel void copy_strided_elements(__global const uchar* source, __global uchar* target,
                                    NPU_COPY_PARAMETERS) {
  NPU_COPY_BEGIN;
  for (int r = 0; r < row_count; ++r) {
    __global const uchar* in = from + r * source_row;
    __global uchar* out = to + r * target_row;
    for (int i = 0; i < count; ++i) out[i * target_step] = in[i * source_step];
  }
}

// As copy_strided_elements, each byte looked up in `table` (256 bytes).
__kernel void copy_strided_table(__global const uchar* source, __global uchar* target,
                                 __global const uchar* table, NPU_COPY_PARAMETERS) {
  NPU_COPY_BEGIN;
  for (int r = 0; r < row_count; ++r) {
    __global const uchar* in = from + r * source_row;
    __global uchar* out = to + r * target_row;
    for (int i = 0; i < count; ++i) out[i * target_step] = table[in[i * source_step]];
  }
}

// A work-item fills `chunk` bytes, a multiple of 16.
__kernel void fill_bytes(__global uchar* target, int count, int value, int chunk) {
  const int begin = (int)get_global_id(0) * chunk;
  if (begin >= count) return;
  const int end = min(begin + chunk, count);
  const uchar16 values = (uchar16)((uchar)value);
  int i = begin;
  for (; i <= end - 16; i += 16) vstore16(values, 0, target + i);
  for (; i < end; ++i) target[i] = (uchar)value;
}
