// FULLY_CONNECTED in the u8 domain (backends/ops/fully_connected.cc).
// SPDX-License-Identifier: Apache-2.0

// round(acc * scale) as IEEE doubles give it, ties away from zero, saturated to +-2^30 (a zero point
// then cannot wrap it); in integers, since devices need not have doubles. scale = mantissa * 2^-shift, mantissa < 2^54, shift in [22, 95].
//   p = |acc| * mantissa, below 2^86, is the exact product. A double keeps 53 bits of it, rounded to nearest:
//   of the values just below a tie n + 1/2 those at most half a unit of the 53rd bit away become the tie itself
//   (at equal distance, too: the tie has the even mantissa) and are then rounded up. Hence
//   |result| = floor(p * 2^-shift + half a unit + 1/2).
inline int npu_round_scaled(int acc, ulong mantissa, int shift) {
  const ulong a = (ulong)abs(acc);
  ulong low = a * mantissa, high = mul_hi(a, mantissa);
  const int bits = high != 0 ? 128 - (int)clz(high) : 64 - (int)clz(low);
  if (bits > 53) {
    const ulong half_unit = 1UL << (bits - 54);
    low += half_unit;
    high += low < half_unit ? 1UL : 0UL;
  }
  const int tie = shift - 1;
  const ulong half_low = tie < 64 ? 1UL << (tie & 63) : 0UL;
  low += half_low;
  high += (low < half_low ? 1UL : 0UL) + (tie < 64 ? 0UL : 1UL << (tie & 63));
  const ulong magnitude = shift < 64 ? (high << (64 - shift)) | (low >> shift) : high >> (shift - 64);
  const int saturated = (int)min(magnitude, 1UL << 30);
  return acc < 0 ? -saturated : saturated;
}

// 16 lanes of it. scales: [3][16] mantissa's low word, its high word, shift.
inline int16 npu_round_scaled16(int16 acc, __global const int* scales) {
  int lanes[16];
  vstore16(acc, 0, lanes);
  for (int i = 0; i < 16; ++i) {
    const ulong mantissa = ((ulong)(uint)scales[16 + i] << 32) | (uint)scales[i];
    lanes[i] = npu_round_scaled(lanes[i], mantissa, scales[32 + i]);
  }
  return vload16(0, lanes);
}

// A kernel whose work-items compute ROWS rows x BLOCKS blocks of 16 outputs. Global size
// (ceil(blocks / BLOCKS), ceil(rows / ROWS)). scales: per block as above, or null numbers with double_rounding.
// Rows and blocks past the end repeat the last one and are not stored.
#define NPU_FULLY_CONNECTED_KERNEL(name, ROWS, BLOCKS)                                                          \
  NPU_TILE_KERNEL void name(__global const uchar* in, __global const int* tiles,                                \
                            __global const int* channel_constants, __global const int* scales,                  \
                            __global const int* segment_offsets, __global const int* sums, __global uchar* out, \
                            int words, int row_bytes, int rows, int channels, int weights_zero_point,           \
                            int double_rounding, int zero_point, int range_min, int range_max,                  \
                            int storage_offset) {                                                               \
    const int blocks = (channels + 15) / 16;                                                                    \
    const int first_block = (int)get_global_id(0) * BLOCKS;                                                     \
    const int first_row = (int)get_global_id(1) * ROWS;                                                         \
    if (first_block >= blocks || first_row >= rows) return;                                                     \
    __global const uchar* row[ROWS];                                                                            \
    __global const int* tile[BLOCKS];                                                                           \
    int16 acc[ROWS][BLOCKS];                                                                                    \
    NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) {                                                               \
      const int block = min(first_block + j, blocks - 1);                                                       \
      tile[j] = tiles + (long)block * words * 16;                                                               \
      NPU_UNROLL for (int i = 0; i < ROWS; ++i) acc[i][j] = npu_load_int16(channel_constants + block * 48);     \
    }                                                                                                           \
    NPU_UNROLL for (int i = 0; i < ROWS; ++i) {                                                                 \
      const int r = min(first_row + i, rows - 1);                                                               \
      row[i] = in + r * row_bytes;                                                                              \
      if (weights_zero_point != 0) {                                                                            \
        const int correction = weights_zero_point * sums[r];                                                    \
        NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) acc[i][j] -= (int16)(correction);                           \
      }                                                                                                         \
    }                                                                                                           \
    NPU_ACCUMULATE(ROWS, BLOCKS, acc, row, tile, 1, words, segment_offsets)                                     \
    NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) {                                                               \
      const int block = first_block + j;                                                                        \
      if (block < blocks) {                                                                                     \
        __global const int* constants = channel_constants + block * 48;                                         \
        NPU_UNROLL for (int i = 0; i < ROWS; ++i) {                                                             \
          if (first_row + i < rows) {                                                                           \
            const int16 scaled = double_rounding != 0                                                           \
                                     ? npu_requantize_double16(acc[i][j], npu_load_int16(constants + 16),       \
                                                               npu_load_int16(constants + 32))                  \
                                     : npu_round_scaled16(acc[i][j], scales + block * 48);                      \
            npu_store_lanes(out + (first_row + i) * channels + block * 16,                                      \
                            npu_finish16(scaled, zero_point, range_min, range_max, storage_offset),             \
                            channels - block * 16);                                                             \
          }                                                                                                     \
        }                                                                                                       \
      }                                                                                                         \
    }                                                                                                           \
  }

NPU_FULLY_CONNECTED_KERNEL(fully_connected_1x4, 1, 4)
NPU_FULLY_CONNECTED_KERNEL(fully_connected_6x4, 6, 4)
