// BATCH_MATMUL of INT16 (backends/ops/batch_matmul.cc). One output per work-item: global size (columns, rows, batches).
// pairs: the left and the right matrix of every batch. adj_x, adj_y: that matrix is stored transposed.
// SPDX-License-Identifier: Apache-2.0

__kernel void batch_matmul_int16(__global const short* lhs, __global const short* rhs, __global short* out,
                                 __global const int* pairs, int batches, int rows, int depth, int columns,
                                 int adj_x, int adj_y, int multiplier, int shift) {
  const int n = (int)get_global_id(0);
  const int m = (int)get_global_id(1);
  const int batch = (int)get_global_id(2);
  if (n >= columns || m >= rows || batch >= batches) return;
  lhs += pairs[2 * batch] * rows * depth + (adj_x != 0 ? m : m * depth);
  rhs += pairs[2 * batch + 1] * depth * columns + (adj_y != 0 ? n * depth : n);
  const int lhs_step = adj_x != 0 ? rows : 1, rhs_step = adj_y != 0 ? 1 : columns;
  long acc = 0;
  for (int k = 0; k < depth; ++k) acc += (int)lhs[k * lhs_step] * rhs[k * rhs_step];
  out[(batch * rows + m) * columns + n] =
      (short)clamp(npu_multiply_wide(acc, multiplier, shift), (int)SHRT_MIN, (int)SHRT_MAX);
}
