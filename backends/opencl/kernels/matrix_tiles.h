// Matrix products on the tile registers of x86 CPUs with AMX-INT8 (variant NPU_X86_AMX of
// backends/opencl/kernel_variant.h): 16 rows of activations times 16 output channels over 64 consecutive k in one
// instruction, eight times what vector instructions do. OpenCL C, through inline assembly as dot_product.h, whose
// 64 bytes of weights for 16 channels x 4 k are just a row of the tile that the instruction wants.
//
// Tile registers: 0 to 3 sums of 32 bits, row by row; 4 and 5 activations; 6 and 7 weights. The compiler
// knows none of them. A work-item that configures them releases them before it ends: state that is in use is saved at
// every switch of threads, and the thread may be the caller's.
// SPDX-License-Identifier: Apache-2.0

#ifdef NPU_X86_AMX

// Tiles of `rows` pixels (1 to 16) and 4 * `words` bytes of k (words: 1 to 16). All become 0.
static inline void npu_tiles_configure(int rows, int words) {
  // Palette 1; bytes of a row of tile i at 16 + 2 * i, its number of rows at 48 + i.
  uint16 config = (uint16)(0);
  config.s0 = 1;
  config.s4 = config.s5 = 64 | (64 << 16);
  config.s6 = (uint)(4 * words) * 0x10001u;
  config.s7 = 64 | (64 << 16);
  config.sc = (uint)rows * 0x01010101u;
  config.sd = (uint)rows * 0x0101u | (uint)words * 0x01010000u;
  __asm__ volatile("ldtilecfg (%0)" : : "r"(&config) : "memory");
}

#define NPU_TILES_RELEASE() __asm__ volatile("tilerelease" : : : "memory")

// Rows that are `step` bytes apart.
#define NPU_TILE_LOAD(number, address, step) \
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #number : : "r"(address), "r"((long)(step)) : "memory")
#define NPU_TILE_STORE(number, address, step) \
  __asm__ volatile("tilestored %%tmm" #number ", (%0,%1,1)" : : "r"(address), "r"((long)(step)) : "memory")
#define NPU_TILE_ZERO(number) __asm__ volatile("tilezero %%tmm" #number : : : "memory")
// sums += unsigned bytes of `activations` times signed bytes of `weights`. Wraps.
#define NPU_TILE_DOT(sums, activations, weights) \
  __asm__ volatile("tdpbusd %%tmm" #weights ", %%tmm" #activations ", %%tmm" #sums : : : "memory")

// Four rows of 16 lanes, clamped to [low, high], as the first `channels` bytes (16 if there are more) each; rows are
// `step` bytes apart, the first `rows` of them are stored.
static inline void npu_store_rows4(__global uchar* p, long step, int16 a, int16 b, int16 c, int16 d, int low, int high,
                            int channels, int rows) {
  const int16 bytes = npu_pack_bytes(a, b, c, d, low, high);
  const int16 sorted = __builtin_shufflevector(bytes, bytes, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  if (channels >= 16 && rows >= 4) {
    *(__global npu_int4_bytes*)p = sorted.s0123;
    *(__global npu_int4_bytes*)(p + step) = sorted.s4567;
    *(__global npu_int4_bytes*)(p + 2 * step) = sorted.s89ab;
    *(__global npu_int4_bytes*)(p + 3 * step) = sorted.scdef;
    return;
  }
  npu_store16_first(p, as_uchar16(sorted.s0123), channels);
  if (rows > 1) npu_store16_first(p + step, as_uchar16(sorted.s4567), channels);
  if (rows > 2) npu_store16_first(p + 2 * step, as_uchar16(sorted.s89ab), channels);
  if (rows > 3) npu_store16_first(p + 3 * step, as_uchar16(sorted.scdef), channels);
}

#endif
