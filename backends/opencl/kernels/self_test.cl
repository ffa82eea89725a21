// What backends/opencl/kernel_variant.cc asks of a program before it is used: the primitives that have a form of
// their own per variant (dot_product.h), on numbers whose answers the host knows.
// SPDX-License-Identifier: Apache-2.0

#define NPU_TEST_STEPS 64

// Fills results[562] with sums of dot products (scalar and vector activations, portable form), with 64 stored bytes,
// and with 64 interleaved channels and what storing them gives (the same bytes in their places; without
// NPU_HAS_CHANNELS64 by plain code), and with the product of two matrices, 16 rows of 64 bytes by 16 words of 16
// channels (by dot products in variants without tiles), and with 64 bytes looked up in a table. form 1 or 2: repeats the variant's own products or those that it
// replaces (of portable code; of vectors, where it has tiles), as many of both, `rounds` times, to be timed. One
// work-item.
NPU_TILE_KERNEL void npu_self_test(__global const uint* activations, __global const int* words,
                                   __global int* results, int form, int rounds) {
  if (get_global_id(0) != 0) return;
#ifdef NPU_X86_AMX
  rounds *= 4;  // both forms are fast: the cost of a launch is not to decide
  if (form == 1) {
    npu_tiles_configure(16, 16);
    for (int round = 0; round < rounds; ++round) {
      NPU_TILE_LOAD(4, words, 64);
      NPU_TILE_LOAD(6, words + 256, 64);
      NPU_TILE_DOT(0, 4, 6);
      NPU_TILE_DOT(1, 4, 6);
      NPU_TILE_DOT(2, 4, 6);
    }
    NPU_TILE_STORE(0, results, 64);
    NPU_TILES_RELEASE();
    return;
  }
#define NPU_TEST_OWN 2
#else
#define NPU_TEST_OWN 1
#endif
  if (form != 0) {
    int16 acc[12];
    NPU_UNROLL for (int i = 0; i < 12; ++i) acc[i] = (int16)(i);
    for (int round = 0; round < rounds; ++round) {
      for (int k = 0; k < NPU_TEST_STEPS; ++k) {
        const int16 w = npu_load_int16(words + 16 * k);
        // Beside tiles, the vectors that they replace are all there is to time here.
        if (NPU_TEST_OWN == 2 || form == NPU_TEST_OWN) {
          NPU_UNROLL for (int i = 0; i < 12; ++i) acc[i] = npu_dot4(acc[i], w, activations[(k + i) % NPU_TEST_STEPS]);
        } else {
          NPU_UNROLL for (int i = 0; i < 12; ++i) {
            acc[i] = npu_dot4_portable(acc[i], w, (uint16)(activations[(k + i) % NPU_TEST_STEPS]));
          }
        }
      }
    }
    int16 sum = (int16)(0);
    NPU_UNROLL for (int i = 0; i < 12; ++i) sum += acc[i];
    *(__global npu_int16_u*)results = sum;
    return;
  }
  int16 scalar = (int16)(0), vector = (int16)(0), portable = (int16)(0);
  NPU_PLAIN_LOOP for (int k = 0; k < NPU_TEST_STEPS; ++k) {
    const int16 w = npu_load_int16(words + 16 * k);
    scalar = npu_dot4(scalar, w, activations[k]);
    vector = npu_dot4_lanes(vector, npu_load_int16(words + 16 * (NPU_TEST_STEPS - 1 - k)), as_uint16(w));
    portable = npu_dot4_portable(portable, w, (uint16)(activations[k]));
  }
  *(__global npu_int16_u*)results = scalar;
  *(__global npu_int16_u*)(results + 16) = vector;
  *(__global npu_int16_u*)(results + 32) = portable;
  int16 numbers[4];
  NPU_PLAIN_LOOP for (int i = 0; i < 4; ++i) {
    numbers[i] = as_int16(as_uint16(npu_load_int16(words + 16 * (2 + i))) & (uint16)(1023u)) - (int16)(384);
  }
  // Bytes go to the front of `results`' tail and are then spread, last first, to one per number.
  __global uchar* bytes = (__global uchar*)(results + 48);
  npu_store_blocks4(bytes, numbers[0], numbers[1], numbers[2], numbers[3], 3, 250, 64);
  NPU_PLAIN_LOOP for (int i = 63; i >= 0; --i) results[48 + i] = bytes[i];
  // Rows of 64 bytes each.
  __global const uchar* rows = (__global const uchar*)(words + 16 * 2);
  bytes = (__global uchar*)(results + 176);
#ifdef NPU_HAS_CHANNELS64
  uint16 lanes[4];
  npu_interleave64(lanes, rows, rows + 64, rows + 128, rows + 192);
  NPU_PLAIN_LOOP for (int v = 0; v < 4; ++v) *(__global npu_int16_u*)(results + 112 + 16 * v) = as_int16(lanes[v]);
  npu_store_interleaved64(bytes, as_int16(lanes[0] & (uint16)(255u)), as_int16(lanes[1] & (uint16)(255u)),
                          as_int16(lanes[2] & (uint16)(255u)), as_int16(lanes[3] & (uint16)(255u)), 3, 250, 64);
#else
  NPU_PLAIN_LOOP for (int c = 0; c < 64; ++c) {
    const int at = c % 16 / 4 * 16 + c / 16 * 4 + c % 4;
    results[112 + at] = rows[c] | (rows[64 + c] << 8) | (rows[128 + c] << 16) | ((int)rows[192 + c] << 24);
    bytes[c] = clamp(rows[c], (uchar)3, (uchar)250);
  }
#endif
  NPU_PLAIN_LOOP for (int i = 63; i >= 0; --i) results[176 + i] = bytes[i];
  npu_store_block((__global uchar*)(results + 240), numbers[0], 3, 250, 7);
  __global int* products = results + 242;
#ifdef NPU_X86_AMX
  npu_tiles_configure(16, 16);
  NPU_TILE_ZERO(0);
  NPU_TILE_LOAD(4, words, 64);
  NPU_TILE_LOAD(6, words + 256, 64);
  NPU_TILE_DOT(0, 4, 6);
  NPU_TILE_STORE(0, products, 64);
  NPU_TILES_RELEASE();
#else
  NPU_PLAIN_LOOP for (int r = 0; r < 16; ++r) {
    int16 sum = (int16)(0);
    NPU_PLAIN_LOOP for (int k = 0; k < 16; ++k) sum = npu_dot4(sum, npu_load_int16(words + 256 + 16 * k), (uint)words[16 * r + k]);
    *(__global npu_int16_u*)(products + 16 * r) = sum;
  }
#endif
  // The table is the first 256 bytes of the words, the bytes are those behind it.
  bytes = (__global uchar*)(results + 498);
  npu_lookup64(bytes, (__global const uchar*)(words + 64), (__global const uchar*)words, 64);
  NPU_PLAIN_LOOP for (int i = 63; i >= 0; --i) results[498 + i] = bytes[i];
}
