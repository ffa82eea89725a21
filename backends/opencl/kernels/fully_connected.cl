// FULLY_CONNECTED in the u8 domain (backends/ops/fully_connected.cc).
// SPDX-License-Identifier: Apache-2.0

#ifndef NPU_SIMT  // kernels/fully_connected_simt.cl

// 16 lanes of npu_round_scaled (requantize.h). scales: [3][16] mantissa's low word, its high word, shift.
static inline int16 npu_round_scaled16(int16 acc, __global const int* scales) {
  int lanes[16];
  vstore16(acc, 0, lanes);
  for (int i = 0; i < 16; ++i) {
    const ulong mantissa = ((ulong)(uint)scales[16 + i] << 32) | (uint)scales[i];
    lanes[i] = npu_round_scaled(lanes[i], mantissa, scales[32 + i]);
  }
  return vload16(0, lanes);
}

// Rescales and stores acc[tile_rows][tile_blocks]; rows and blocks past the end are left out.
NPU_FUNCTION void npu_fully_connected_store(const int16* acc, int tile_rows, int tile_blocks, int first_row,
                                            int first_block, __global const int* channel_constants,
                                            __global const int* scales, __global uchar* out, int rows, int channels,
                                            int double_rounding, int zero_point, int range_min, int range_max,
                                            int storage_offset) {
  for (int n = 0; n < tile_rows * tile_blocks; ++n) {
    const int row = first_row + n / tile_blocks, block = first_block + n % tile_blocks;
    if (row >= rows || block * 16 >= channels) continue;
    __global const int* constants = channel_constants + block * 48;
    const int16 scaled = double_rounding != 0 ? npu_requantize_double16(acc[n], npu_load_int16(constants + 16),
                                                                        npu_load_int16(constants + 32))
                                              : npu_round_scaled16(acc[n], scales + block * 48);
    npu_store_lanes(out + row * channels + block * 16,
                    npu_finish16(scaled, zero_point, range_min, range_max, storage_offset), channels - block * 16);
  }
}

// A kernel whose work-items compute ROWS rows x BLOCKS blocks of 16 outputs. Global size
// (ceil(blocks / BLOCKS), ceil(rows / ROWS)). scales: per block as above, or null numbers with double_rounding.
// Rows and blocks past the end repeat the last one and are not stored.
#define NPU_FULLY_CONNECTED_KERNEL(name, ROWS, BLOCKS)                                                            \
  NPU_TILE_KERNEL void name(__global const uchar* in, __global const int* tiles,                                  \
                            __global const int* channel_constants, __global const int* scales,                    \
                            __global const int* segment_offsets, __global const int* sums, __global uchar* out,   \
                            int words, int row_bytes, int rows, int channels, int weights_zero_point,             \
                            int double_rounding, int zero_point, int range_min, int range_max,                    \
                            int storage_offset) {                                                                 \
    const int blocks = (channels + 15) / 16;                                                                      \
    const int first_block = (int)get_global_id(0) * BLOCKS;                                                       \
    const int first_row = (int)get_global_id(1) * ROWS;                                                           \
    if (first_block >= blocks || first_row >= rows) return;                                                       \
    __global const uchar* row[ROWS];                                                                              \
    __global const int* tile[BLOCKS];                                                                             \
    int16 acc[ROWS][BLOCKS];                                                                                      \
    NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) {                                                                 \
      const int block = min(first_block + j, blocks - 1);                                                         \
      tile[j] = tiles + (long)block * words * 16;                                                                 \
      NPU_UNROLL for (int i = 0; i < ROWS; ++i) acc[i][j] = npu_load_int16(channel_constants + block * 48);       \
    }                                                                                                             \
    NPU_UNROLL for (int i = 0; i < ROWS; ++i) {                                                                   \
      const int r = min(first_row + i, rows - 1);                                                                 \
      row[i] = in + r * row_bytes;                                                                                \
      if (weights_zero_point != 0) {                                                                              \
        const int correction = weights_zero_point * sums[r];                                                      \
        NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) acc[i][j] -= (int16)(correction);                             \
      }                                                                                                           \
    }                                                                                                             \
    NPU_ACCUMULATE(ROWS, BLOCKS, acc, row, tile, 1, words, segment_offsets)                                       \
    int16 results[ROWS * BLOCKS];                                                                                 \
    NPU_UNROLL for (int i = 0; i < ROWS; ++i) {                                                                   \
      NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) results[i * BLOCKS + j] = acc[i][j];                            \
    }                                                                                                             \
    npu_fully_connected_store(results, ROWS, BLOCKS, first_row, first_block, channel_constants, scales, out, rows,\
                              channels, double_rounding, zero_point, range_min, range_max, storage_offset);       \
  }

NPU_FULLY_CONNECTED_KERNEL(fully_connected_1x4, 1, 4)
NPU_FULLY_CONNECTED_KERNEL(fully_connected_6x4, 6, 4)

#endif
