// BATCH_MATMUL in the u8 domain (backends/ops/batch_matmul.cc): the right operand is packed into the tiles of
// convolution.h, then a tile of rows x 16-column blocks is one work-item.
// SPDX-License-Identifier: Apache-2.0

// Both pack kernels: one work-item per block of 16 columns of one of `matrices`. tiles: [matrix][block][word][16]
// ints of 4 consecutive k each, as signed bytes, zero past the depth; constants: [matrix][block][16].
#define NPU_PACK_BEGIN                                                                            \
  const int block = (int)get_global_id(0);                                                        \
  const int matrix = (int)get_global_id(1);                                                       \
  const int blocks = (columns + 15) / 16, words = (depth + 3) / 4;                                \
  if (block >= blocks || matrix >= matrices) return;                                              \
  const long packed = (long)matrix * blocks + block;                                              \
  rhs += (long)matrix * depth * columns;                                                          \
  tiles += packed * words * 16;                                                                   \
  constants += packed * 16;                                                                       \
  const uint zero = (uint)depth * (uint)lhs_zero_point * (uint)rhs_zero_point

// The right operand as [depth][columns].
__kernel void batch_matmul_pack_rows(__global const uchar* rhs, __global int* tiles, __global int* constants,
                                     int depth, int columns, int matrices, int lhs_zero_point,
                                     int rhs_zero_point) {
  NPU_PACK_BEGIN;
  rhs += block * 16;
  int16 sum = (int16)(0);
  for (int w = 0; w < words; ++w) {
    int16 word = (int16)(0);
    for (int j = 0; j < 4 && 4 * w + j < depth; ++j) {
      // Lanes past the last column hold some bytes of the next row: nothing of them is stored.
      const int16 value = convert_int16(*(__global const npu_uchar16_u*)(rhs + (long)(4 * w + j) * columns)) - 128;
      sum += value;
      word |= (value & 255) << (8 * j);
    }
    *(__global npu_int16_u*)(tiles + w * 16) = word;
  }
  *(__global npu_int16_u*)constants = as_int16((uint16)(zero) - as_uint16(sum) * (uint)lhs_zero_point);
}

// The right operand as [columns][depth].
__kernel void batch_matmul_pack_columns(__global const uchar* rhs, __global int* tiles, __global int* constants,
                                        int depth, int columns, int matrices, int lhs_zero_point,
                                        int rhs_zero_point) {
  NPU_PACK_BEGIN;
  for (int lane = 0; lane < 16; ++lane) {
    __global const uchar* from = rhs + (long)min(block * 16 + lane, columns - 1) * depth;
    int4 sum = (int4)(0);
    for (int w = 0; w < words; ++w) {
      const int count = min(depth - 4 * w, 4);
      // The last word may run into the next column: its bytes are cleared.
      const uint bytes = *(__global const npu_uint_u*)(from + 4 * w) ^ 0x80808080u;
      const uint word = bytes & (0xffffffffu >> (8 * (4 - count)));
      tiles[w * 16 + lane] = (int)word;
      sum += convert_int4(as_char4(word));
    }
    constants[lane] = (int)(zero - (uint)(sum.x + sum.y + sum.z + sum.w) * (uint)lhs_zero_point);
  }
}

// A kernel whose work-items compute ROWS rows x BLOCKS blocks of 16 columns. Global size
// (ceil(blocks / BLOCKS), ceil(rows / ROWS), batches). pairs: per batch the left and the right matrix; zero_offset
// holds a 0; sums: of the left operand's rows, read if rhs_zero_point is not 0. Rows and blocks past the end
// repeat the last one and are not stored.
#define NPU_BATCH_MATMUL_KERNEL(name, ROWS, BLOCKS)                                                            \
  NPU_TILE_KERNEL void name(__global const uchar* lhs, __global const int* tiles, __global const int* constants, \
                            __global const int* pairs, __global const int* zero_offset,                        \
                            __global const int* sums, __global uchar* out, int words, int depth, int rows,     \
                            int columns, int batches, int rhs_zero_point, int multiplier, int shift,           \
                            int zero_point) {                                                                  \
    const int blocks = (columns + 15) / 16;                                                                    \
    const int first_block = (int)get_global_id(0) * BLOCKS;                                                    \
    const int first_row = (int)get_global_id(1) * ROWS;                                                        \
    const int batch = (int)get_global_id(2);                                                                   \
    if (first_block >= blocks || first_row >= rows || batch >= batches) return;                                \
    const long left = pairs[2 * batch], right = pairs[2 * batch + 1];                                          \
    lhs += left * rows * depth;                                                                                \
    tiles += right * blocks * words * 16;                                                                      \
    constants += right * blocks * 16;                                                                          \
    out += (long)batch * rows * columns;                                                                       \
    __global const uchar* row[ROWS];                                                                           \
    __global const int* tile[BLOCKS];                                                                          \
    int16 acc[ROWS][BLOCKS];                                                                                   \
    NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) {                                                              \
      const int block = min(first_block + j, blocks - 1);                                                      \
      tile[j] = tiles + (long)block * words * 16;                                                              \
      NPU_UNROLL for (int i = 0; i < ROWS; ++i) acc[i][j] = npu_load_int16(constants + block * 16);            \
    }                                                                                                          \
    NPU_UNROLL for (int i = 0; i < ROWS; ++i) {                                                                \
      const int r = min(first_row + i, rows - 1);                                                              \
      row[i] = lhs + (long)r * depth;                                                                          \
      if (rhs_zero_point != 0) {                                                                               \
        const int correction = rhs_zero_point * sums[left * rows + r];                                         \
        NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) acc[i][j] -= (int16)(correction);                          \
      }                                                                                                        \
    }                                                                                                          \
    NPU_ACCUMULATE(ROWS, BLOCKS, acc, row, tile, 1, words, zero_offset)                                        \
    NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) {                                                              \
      const int block = first_block + j;                                                                       \
      if (block < blocks) {                                                                                    \
        NPU_UNROLL for (int i = 0; i < ROWS; ++i) {                                                            \
          if (first_row + i < rows) {                                                                          \
            const int16 scaled = npu_requantize_double16(acc[i][j], (int16)(multiplier), (int16)(shift));      \
            npu_store_lanes(out + (long)(first_row + i) * columns + block * 16,                                \
                            npu_finish16(scaled, zero_point, -128, 127, 128), columns - block * 16);           \
          }                                                                                                    \
        }                                                                                                      \
      }                                                                                                        \
    }                                                                                                          \
  }

NPU_BATCH_MATMUL_KERNEL(batch_matmul_1x4, 1, 4)
NPU_BATCH_MATMUL_KERNEL(batch_matmul_6x4, 6, 4)
