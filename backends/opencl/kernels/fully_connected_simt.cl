// FULLY_CONNECTED, one output per work-item (simt.h): the arguments and numbers of kernels/fully_connected.cl. OpenCL C.
// The rows of a group share the words of k, whose sums meet in local memory: few rows of activations leave a device
// idle otherwise.
// SPDX-License-Identifier: Apache-2.0

#ifdef NPU_SIMT

#define NPU_FC_ROWS 4  // of a group

// Global size as in fully_connected.cl; pieces share the ROWS rows of activations.
#define NPU_FULLY_CONNECTED_SIMT_KERNEL(name, ROWS)                                                               \
  NPU_SIMT_KERNEL(NPU_FC_ROWS) void name(                                                                         \
      __global const uchar* in, __global const int* tiles, __global const int* channel_constants,                 \
      __global const int* scales, __global const int* segment_offsets, __global const int* sums,                  \
      __global uchar* out, int words, int row_bytes, int rows, int channels, int weights_zero_point,              \
      int double_rounding, int zero_point, int range_min, int range_max, int storage_offset) {                    \
    __local int parts[NPU_FC_ROWS][NPU_SIMT_CHANNELS];                                                            \
    const int lane = (int)get_local_id(0), part = (int)get_local_id(1);                                           \
    const int channel = npu_simt_item0() * NPU_SIMT_CHANNELS + lane, piece = npu_simt_piece(NPU_FC_ROWS);         \
    const int row = npu_simt_item1(NPU_FC_ROWS) * ROWS + piece;                                                   \
    if (piece >= ROWS || row >= rows) return; /* all of the group */                                              \
    const int block = min(channel, channels - 1) / 16;                                                            \
    __global const int* tile = tiles + (long)block * words * 16 + channel % 16;                                   \
    __global const uchar* from = in + (long)row * row_bytes;                                                      \
    const int aligned = (row_bytes & 3) == 0;                                                                     \
    int sum = 0;                                                                                                  \
    for (int k = part; k < words; k += NPU_FC_ROWS) {                                                             \
      sum = npu_dot4_lane(sum, tile[16 * k], npu_simt_word(from + 4 * k, aligned));                               \
    }                                                                                                             \
    parts[part][lane] = sum;                                                                                      \
    barrier(CLK_LOCAL_MEM_FENCE);                                                                                 \
    if (part != 0 || channel >= channels) return;                                                                 \
    __global const int* constants = channel_constants + block * 48 + channel % 16;                                \
    int acc = constants[0];                                                                                       \
    if (weights_zero_point != 0) acc -= weights_zero_point * sums[row];                                           \
    for (int i = 0; i < NPU_FC_ROWS; ++i) acc += parts[i][lane];                                                  \
    __global const int* scale = scales + block * 48 + channel % 16;                                               \
    const int scaled =                                                                                            \
        double_rounding != 0                                                                                      \
            ? npu_requantize_double(acc, constants[16], constants[32])                                            \
            : npu_round_scaled(acc, ((ulong)(uint)scale[16] << 32) | (uint)scale[0], scale[32]);                  \
    out[row * channels + channel] = npu_simt_finish(scaled, zero_point, range_min, range_max, storage_offset);    \
  }

NPU_FULLY_CONNECTED_SIMT_KERNEL(fully_connected_1x4, 1)
NPU_FULLY_CONNECTED_SIMT_KERNEL(fully_connected_6x4, 6)

#endif
