// The windows of CONV_2D on its unpadded input: what kernels/conv2d.cl and window_tiles.h share. OpenCL C.
// SPDX-License-Identifier: Apache-2.0

// What a plan's convolutions need of CONV_2D, ConvParts of backends/ops/conv2d_tiles.h; the rest is not compiled.
// Bits 0 to 3: forms of rescaling.
#ifndef NPU_PARTS_conv2d
#define NPU_PARTS_conv2d 0xffffffffu
#endif
#define NPU_CONV_HAS(parts) ((NPU_PARTS_conv2d & (parts)) != 0)
#define NPU_CONV_OUTLIERS 0x10u
#define NPU_CONV_ZERO_POINT 0x20u  // of the weights
#define NPU_CONV_EDGES 0x40u       // windows are not all inside the image
#define NPU_CONV_BLOCKS 0x80u      // strips of one block; shifted by one: of two blocks, and so on
// The last two of convolutions that are done by matrix tiles where a device has them.
#define NPU_CONV_TILED(parts) ((parts) << 8)
// form == number, for forms that are needed.
#define NPU_CONV_IS(form, number) \
  (NPU_CONV_HAS(1u << (number)) && ((NPU_PARTS_conv2d & 15u) == 1u << (number) || (form) == (number)))

// struct ConvGeometry of backends/ops/conv2d.cc: the same numbers in the same order.
typedef struct {
  int in_h, in_w, depth;  // depth: bytes of an input pixel
  int out_h, out_w, out_pixels;
  int stride_h, stride_w;
  int dense;                            // output pixel p looks at input pixel p and no other
  int y_low, y_high, x_low, x_high;     // windows that start there (y * stride_h, x * stride_w) lie inside
  int taps, words, length, run_taps;    // run_taps: filter columns of a run, then length = run_taps * depth
  int groups, group_channels, group_step;  // group_step: input channels of a group
  int chunks;  // work-items that share the output pixels
  int line, tile_rows, tile_words;  // see window_tiles.h; tile_words 0: not by tiles
  int weights_zero_point, zero_point, stored_zero_point, range_min, range_max, storage_offset;
  int form;  // RescaleForm of backends/ops/convolution.h
} npu_conv_geometry;

// taps of ConvGeometry: rows and columns from a window's start, the same in bytes.
typedef struct {
  int dy, dx, bytes;
} npu_conv_tap;

// A weight's part that INT8 does not hold: it meets a byte of a tap's run, for one channel of a strip.
typedef struct {
  int tap, byte, channel, excess;
} npu_conv_outlier;

// Those of a strip.
typedef struct {
  __global const npu_conv_outlier* first;
  int count;
} npu_conv_outliers;

// outliers: of all strips, as backends/ops/conv2d.cc packs them.
static inline npu_conv_outliers npu_conv_find_outliers(__global const int* outliers, int strip, int all_strips) {
  npu_conv_outliers found;
  const int first = outliers[strip];
  found.first = (__global const npu_conv_outlier*)(outliers + all_strips + 1) + first;
  found.count = outliers[strip + 1] - first;
  return found;
}

// Where chunk `i` of g->chunks begins: they share the output pixels as evenly as steps of 24 go, a multiple of what any
// strip computes at once.
static inline int npu_conv_chunk_begin(int i, __global const npu_conv_geometry* g) {
  const int steps = (g->out_pixels - 1) / 24 + 1;
  return min((int)((long)steps * i / g->chunks) * 24, g->out_pixels);
}

// Bytes of a run that crosses the image's border are put together here.
#define NPU_EDGE_BYTES 64

// Where output pixels of a strip are, in order.
typedef struct {
  int x, y, batch;
} npu_conv_at;

static inline npu_conv_at npu_conv_find(int p, __global const npu_conv_geometry* g) {
  npu_conv_at at;
  const int line = p / g->out_w;
  at.x = p - line * g->out_w;
  at.batch = line / g->out_h;
  at.y = line - at.batch * g->out_h;
  return at;
}

static inline bool npu_conv_tap_inside(npu_conv_at at, npu_conv_tap tap, __global const npu_conv_geometry* g) {
  const int y = at.y * g->stride_h + tap.dy, x = at.x * g->stride_w + tap.dx;
  return y >= 0 && y < g->in_h && x >= 0 && x < g->in_w;
}

static inline bool npu_conv_run_inside(npu_conv_at at, npu_conv_tap tap, __global const npu_conv_geometry* g) {
  const int y = at.y * g->stride_h + tap.dy, x = at.x * g->stride_w + tap.dx;
  return y >= 0 && y < g->in_h && x >= 0 && x + g->run_taps <= g->in_w;
}

// The bytes of a run, `fill` for those outside the image.
NPU_FUNCTION void npu_conv_gather(uchar* edge, __global const uchar* run, npu_conv_at at, npu_conv_tap tap, uchar fill,
                            __global const npu_conv_geometry* g) {
  const int y = at.y * g->stride_h + tap.dy, x = at.x * g->stride_w + tap.dx;
  const bool row_inside = y >= 0 && y < g->in_h;
  for (int k = 0, i = 0; k < g->run_taps; ++k) {
    const bool inside = row_inside && x + k >= 0 && x + k < g->in_w;
    for (int c = 0; c < g->depth; ++c, ++i) edge[i] = inside ? run[i] : fill;
  }
}

// What the outlier adds to its channel at an output pixel: the byte of column `byte / depth` of the run, which may lie
// outside. window: where the pixel's window starts.
static inline int npu_conv_outlier_product(npu_conv_outlier outlier, npu_conv_at at, __global const uchar* window,
                                    __global const npu_conv_geometry* g, __global const npu_conv_tap* taps,
                                    uchar fill) {
  npu_conv_tap tap = taps[outlier.tap];
  const int bytes = tap.bytes + outlier.byte;
  if (g->run_taps > 1) tap.dx += outlier.byte / g->depth;
  return outlier.excess * (g->dense || npu_conv_tap_inside(at, tap, g) ? window[bytes] : fill);
}
