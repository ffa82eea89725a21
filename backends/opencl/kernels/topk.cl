// TOPK_V2 (backends/ops/topk.cc): counting sort of a row. One work-item per row of `size` bytes.
// SPDX-License-Identifier: Apache-2.0

__kernel void topk(__global const uchar* in, __global uchar* values, __global int* indices, int rows, int size,
                   int k) {
  const int row = (int)get_global_id(0);
  if (row >= rows) return;
  in += row * size;
  values += row * k;
  indices += row * k;
  int next[256];  // how often each byte occurs, then the rank of the next occurrence of each byte
  for (int i = 0; i < 256; ++i) next[i] = 0;
  for (int i = 0; i < size; ++i) ++next[in[i]];
  for (int byte = 255, rank = 0; byte >= 0; --byte) {
    const int count = next[byte];
    next[byte] = rank;
    rank += count;
  }
  for (int i = 0; i < size; ++i) {
    const int rank = next[in[i]]++;
    if (rank >= k) continue;
    values[rank] = in[i];
    indices[rank] = i;
  }
}
