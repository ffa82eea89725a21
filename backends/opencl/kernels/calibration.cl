// What a device can do at most, for backends/opencl/calibration.cc: products on registers, in the form that the variant's
// convolutions use. Nothing runs it but the calibration.
// SPDX-License-Identifier: Apache-2.0

#define NPU_PEAK_SUMS 14

// data: 16 words of weights, 80 of activations, and 16 results per work-item. The first result says how many multiply-
// accumulates a round is; the others keep the compiler from leaving products out, which it cannot do with tiles.
#ifdef NPU_X86_AMX

NPU_TILE_KERNEL void npu_peak(__global uint* data, int rounds) {
  npu_tiles_configure(16, 16);  // all tiles 0
  for (int round = 0; round < rounds; ++round) {
    NPU_TILE_DOT(0, 4, 6);
    NPU_TILE_DOT(1, 4, 7);
    NPU_TILE_DOT(2, 5, 6);
    NPU_TILE_DOT(3, 5, 7);
  }
  NPU_TILES_RELEASE();
  data[96 + 16 * get_global_id(0)] = 4 * 16 * 16 * 64;
}

#else

// Activations come from memory, for which there is a unit of its own, so that no product can be computed ahead.
NPU_TILE_KERNEL void npu_peak(__global uint* data, int rounds) {
  int16 sums[NPU_PEAK_SUMS];
  NPU_UNROLL for (int i = 0; i < NPU_PEAK_SUMS; ++i) sums[i] = (int16)(i);
  const int16 weights = npu_load_int16((__global const int*)data);
  for (int round = 0; round < rounds; ++round) {
    __global const uint* activations = data + 16 + round % 64;
    NPU_UNROLL for (int i = 0; i < NPU_PEAK_SUMS; ++i) sums[i] = npu_dot4(sums[i], weights, activations[i]);
  }
  int16 sum = (int16)(0);
  NPU_UNROLL for (int i = 0; i < NPU_PEAK_SUMS; ++i) sum += sums[i];
  sum.s0 = NPU_PEAK_SUMS * 64;
  *(__global npu_int16_u*)((__global int*)data + 96 + 16 * get_global_id(0)) = sum;
}

#endif
