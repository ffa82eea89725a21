// Weights that the model computes, in the form that PackWeights makes of constant ones (backends/ops/convolution.h).
// One work-item per output channel of a group, lanes past the last one included: global size (blocks * 16, groups).
// start: channel_constants as they would be if every weight were 0; run_offsets: where each of `segments` runs of
// `length` weights begins in a channel's row.
// SPDX-License-Identifier: Apache-2.0

__kernel void npu_pack_weights(__global const uchar* weights, __global const int* start,
                               __global const int* run_offsets, __global int* tiles, __global int* constants,
                               int segments, int length, int row_length, int groups, int group_channels, int blocks,
                               int strip_blocks, int input_zero_point) {
  const int slot = (int)get_global_id(0), group = (int)get_global_id(1);
  if (slot >= blocks * 16 || group >= groups) return;
  const int block = slot / 16, lane = slot % 16, words = (length + 3) / 4;
  // Which strip the block is in: the first `extra` strips have one block more.
  const int strips = (blocks - 1) / strip_blocks + 1, least = blocks / strips, extra = blocks % strips;
  const int larger = extra * (least + 1);
  const int strip = block < larger ? block / (least + 1) : extra + (block - larger) / least;
  const int first = strip * least + min(strip, extra), in_strip = least + (strip < extra ? 1 : 0);
  __global int* to = tiles + ((long)group * blocks + first) * segments * words * 16 + (block - first) * 16 + lane;
  const bool there = slot < group_channels;
  __global const uchar* row = weights + (there ? (long)(group * group_channels + slot) * row_length : 0L);
  int sum = 0;
  for (int s = 0; s < segments; ++s) {
    for (int w = 0; w < words; ++w, to += in_strip * 16) {
      const int count = there ? min(length - 4 * w, 4) : 0;
      uint word = 0;
      for (int i = 0; i < count; ++i) {
        const uint byte = row[run_offsets[s] + 4 * w + i] ^ 0x80u;
        word |= byte << (8 * i);
        sum += (int)(char)byte;
      }
      *to = (int)word;
    }
  }
  const long at = ((long)group * blocks + block) * 48 + lane;
  constants[at] = (int)((uint)start[at] - (uint)input_zero_point * (uint)sum);
  constants[at + 16] = start[at + 16];
  constants[at + 32] = start[at + 32];
}
