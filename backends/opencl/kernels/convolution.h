// What CONV_2D, FULLY_CONNECTED and TRANSPOSE_CONV share: loads, stores, and the tile of the latter two. OpenCL C.
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
typedef int16 __attribute__((aligned(1))) npu_int16_bytes;
typedef int8 __attribute__((aligned(1))) npu_int8_bytes;
typedef int4 __attribute__((aligned(1))) npu_int4_bytes;

#define NPU_UNROLL _Pragma("unroll")
// A loop of few iterations, whose vectorized and unrolled forms would take the compiler longer than the kernel's work.
#ifdef __clang__
#define NPU_PLAIN_LOOP _Pragma("clang loop vectorize(disable) unroll(disable)")
#else
#define NPU_PLAIN_LOOP
#endif

// A function that is large and does much for one call. Compilers that inline it wherever it is called, and optimize
// what then is one function of thousands of instructions, take several times as long (PoCL 3.1: 3.4 s instead of
// 1.4 s for CONV_2D). Small helpers are static inline: C99's plain inline makes compilers emit what nobody calls.
#define NPU_FUNCTION static __attribute__((noinline))

// A work-item is a whole register tile: on CPUs nothing is gained by grouping them.
#if defined(__x86_64__) || defined(__aarch64__)
#define NPU_TILE_KERNEL __attribute__((reqd_work_group_size(1, 1, 1))) __kernel
#else
#define NPU_TILE_KERNEL __kernel
#endif

static inline int16 npu_load_int16(__global const int* p) { return *(__global const npu_int16_u*)p; }

// 16 clamped lanes to 16 bytes; vstore16 would be 16 single stores in PoCL.
static inline void npu_store_uchar16(__global uchar* p, int16 lanes) {
  *(__global npu_uchar16_u*)p = convert_uchar16(lanes);
}

// From rescaled accumulators to stored bytes. zero_point and range are those of the output's own type: the sum
// wraps at 32 bits as the hosts' does.
static inline int16 npu_finish16(int16 scaled, int zero_point, int range_min, int range_max, int storage_offset) {
  const int16 sum = as_int16(as_uint16(scaled) + (uint16)((uint)zero_point));
  return clamp(sum, (int16)(range_min), (int16)(range_max)) + (int16)(storage_offset);
}

// The first `count` of 16 lanes.
static inline void npu_store_lanes(__global uchar* p, int16 lanes, int count) {
  if (count >= 16) {
    npu_store_uchar16(p, lanes);
    return;
  }
  uchar bytes[16];
  vstore16(convert_uchar16(lanes), 0, bytes);
  for (int i = 0; i < count; ++i) p[i] = bytes[i];
}

// Where the window of output pixel p starts (WindowSteps in backends/ops/window.h, without the origin).
static inline int npu_window_offset(int p, int out_w, int out_h, int pixel_step, int row_step, int batch_step) {
  const int y = p / out_w, batch = y / out_h;
  return batch * batch_step + (y - batch * out_h) * row_step + (p - y * out_w) * pixel_step;
}

// acc[i][j] += sums of products of `segments` runs of `words` * 4 bytes, for the windows that start at pixel[i]
// and the blocks of weights that start at tile[j]. A macro, because PIXELS and BLOCKS must be literals when the
// loops are unrolled: otherwise the accumulators live in memory, which costs half the speed.
#define NPU_ACCUMULATE(PIXELS, BLOCKS, acc, pixel, tile, segments, words, segment_offsets)                   \
  for (int s = 0, at = 0; s < (segments); ++s) {                                                             \
    const int offset = (segment_offsets)[s];                                                                 \
    for (int k = 0; k < (words); ++k, at += 16) {                                                            \
      int16 w[BLOCKS];                                                                                       \
      NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) w[j] = npu_load_int16(tile[j] + at);                       \
      NPU_UNROLL for (int i = 0; i < PIXELS; ++i) {                                                          \
        const uint x = *(__global const npu_uint_u*)(pixel[i] + offset + 4 * k);                             \
        NPU_UNROLL for (int j = 0; j < BLOCKS; ++j) acc[i][j] = npu_dot4(acc[i][j], w[j], x);                \
      }                                                                                                      \
    }                                                                                                        \
  }
