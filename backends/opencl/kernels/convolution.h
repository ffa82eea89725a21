// The tile that CONV_2D and FULLY_CONNECTED compute, and the staging of their inputs. OpenCL C.
// Activations are in the u8 domain (backends/ops/lowering.h); weights are packed by PackWeights
// (backends/ops/convolution.h): 64 bytes hold 16 output channels x 4 consecutive k, channel by channel,
// that is one 32-bit lane per channel, lowest k in the lowest byte (little-endian devices).
// One work-item computes a tile of several pixels x 16, 32 or 64 channels with explicit 16-lane vectors:
// on CPU devices that is 20 to 40 times faster than one channel per work-item.
// SPDX-License-Identifier: Apache-2.0

// Vectors at addresses that are only aligned to their elements.
typedef uchar16 __attribute__((aligned(1))) npu_uchar16_u;
typedef uint __attribute__((aligned(1))) npu_uint_u;
typedef int16 __attribute__((aligned(4))) npu_int16_u;

#define NPU_UNROLL _Pragma("unroll")

// A work-item is a whole register tile: on CPUs nothing is gained by grouping them.
#if defined(__x86_64__) || defined(__aarch64__)
#define NPU_TILE_KERNEL __attribute__((reqd_work_group_size(1, 1, 1))) __kernel
#else
#define NPU_TILE_KERNEL __kernel
#endif

#define NPU_MAX_PIXELS 8
#define NPU_MAX_BLOCKS 4

inline int16 npu_load_int16(__global const int* p) { return *(__global const npu_int16_u*)p; }

// 16 clamped lanes to 16 bytes; vstore16 would be 16 single stores in PoCL.
inline void npu_store_uchar16(__global uchar* p, int16 lanes) {
  *(__global npu_uchar16_u*)p = convert_uchar16(lanes);
}

// The first `count` of 16 lanes.
inline void npu_store_lanes(__global uchar* p, int16 lanes, int count) {
  if (count >= 16) {
    npu_store_uchar16(p, lanes);
    return;
  }
  uchar bytes[16];
  vstore16(convert_uchar16(lanes), 0, bytes);
  for (int i = 0; i < count; ++i) p[i] = bytes[i];
}

// acc += words (4 weights per lane) times the 4 activations of x.
inline int16 npu_dot4(int16 acc, int16 words, uint x) {
  acc += ((words << 24) >> 24) * (int16)((int)(x & 255u));
  acc += ((words << 16) >> 24) * (int16)((int)((x >> 8) & 255u));
  acc += ((words << 8) >> 24) * (int16)((int)((x >> 16) & 255u));
  acc += (words >> 24) * (int16)((int)(x >> 24));
  return acc;
}

// Sums of products of `segments` runs of `words` * 4 bytes. pixel[i] is where the window of pixel i starts;
// block j's weights start at tiles[j]. pixels and blocks are literals, so that acc stays in registers.
inline void npu_accumulate(const int pixels, const int blocks, int16 acc[NPU_MAX_PIXELS][NPU_MAX_BLOCKS],
                           __global const uchar** pixel, __global const int** tiles, int segments, int words,
                           __global const int* segment_offsets) {
  int at = 0;
  for (int s = 0; s < segments; ++s) {
    const int offset = segment_offsets[s];
    for (int k = 0; k < words; ++k, at += 16) {
      int16 w[NPU_MAX_BLOCKS];
      NPU_UNROLL for (int j = 0; j < blocks; ++j) w[j] = npu_load_int16(tiles[j] + at);
      NPU_UNROLL for (int i = 0; i < pixels; ++i) {
        const uint x = *(__global const npu_uint_u*)(pixel[i] + offset + 4 * k);
        NPU_UNROLL for (int j = 0; j < blocks; ++j) acc[i][j] = npu_dot4(acc[i][j], w[j], x);
      }
    }
  }
}
