// CONV_2D on matrix tiles (matrix_tiles.h): what kernels/conv2d.cl does with vectors, for the variant that has them.
// OpenCL C. A tile is `tile_rows` output pixels of one line times 4 * tile_words bytes of k. Lines are rows of the
// output image, so that pixels of a tile are as far apart in the input as the stride says and the tile is loaded from
// where they are; or the whole output, where that is so anyway (g->dense) or rows are short. The last tile of a
// line overlaps the one before it. Tiles at the image's edge, and those of several rows, are put together in `edge`
// first, with bytes of the zero point outside the image.
// SPDX-License-Identifier: Apache-2.0

#ifdef NPU_X86_AMX

// A tile put together.
#define NPU_TILE_EDGE_BYTES (16 * 64)

// One tile's pixels. one_row: all are in one row of the output.
typedef struct {
  int pixel;
  npu_conv_at at;
  long from;  // where the first one's window starts; windows may start outside the image
  bool one_row, inside;
} npu_conv_tile;

// Tile `index` of all lines.
static inline npu_conv_tile npu_conv_find_tile(int index, __global const uchar* in, __global const npu_conv_geometry* g) {
  npu_conv_tile tile;
  const int per_line = (g->line - 1) / g->tile_rows + 1;
  const int line = index / per_line;
  tile.pixel = line * g->line + min((index - line * per_line) * g->tile_rows, g->line - g->tile_rows);
  if (g->dense) {
    tile.from = (long)in + (long)tile.pixel * g->depth;
    tile.one_row = tile.inside = true;
    return tile;
  }
  tile.at = npu_conv_find(tile.pixel, g);
  const int y = tile.at.y * g->stride_h, x = tile.at.x * g->stride_w;
  tile.from = (long)in + ((long)(tile.at.batch * g->in_h + y) * g->in_w + x) * g->depth;
  tile.one_row = tile.at.x + g->tile_rows <= g->out_w;
  tile.inside = tile.one_row && y >= g->y_low && y <= g->y_high && x >= g->x_low &&
                x + (g->tile_rows - 1) * g->stride_w <= g->x_high;
  return tile;
}

// 64 bytes of k per pixel, from byte `offset` of the run of `tap` on, of a tile in one row of the output.
NPU_FUNCTION void npu_conv_gather_row(uchar* to, const npu_conv_tile* tile, npu_conv_tap tap, __global const uchar* fill,
                                int offset, __global const npu_conv_geometry* g) {
  const int x = tile->at.x * g->stride_w + tap.dx, y = tile->at.y * g->stride_h + tap.dy;
  const int step = g->stride_w, rows = g->tile_rows;
  // Rows [first, end) lie inside. They are copied from where they are, others from `fill`.
  int first = x < 0 ? min((step - 1 - x) / step, rows) : 0;
  const int room = g->in_w - g->run_taps - x;
  int end = room < 0 ? 0 : min(room / step + 1, rows);
  if (y < 0 || y >= g->in_h) end = 0;
  first = min(first, end);
  const long pixel_step = (long)step * g->depth;
  const npu_int16_bytes nothing = *(__global const npu_int16_bytes*)fill;
  __global const uchar* from = (__global const uchar*)tile->from + tap.bytes + offset + first * pixel_step;
  for (int r = 0; r < first; ++r) *(npu_int16_bytes*)(to + 64 * r) = nothing;
  for (int r = first; r < end; ++r, from += pixel_step) {
    *(npu_int16_bytes*)(to + 64 * r) = *(__global const npu_int16_bytes*)from;
  }
  for (int r = end; r < rows; ++r) *(npu_int16_bytes*)(to + 64 * r) = nothing;
}

// The same of any tile.
NPU_FUNCTION void npu_conv_gather_tile(uchar* to, const npu_conv_tile* tile, __global const uchar* in, npu_conv_tap tap,
                                 __global const uchar* fill, int offset, __global const npu_conv_geometry* g) {
  if (tile->one_row && g->run_taps == 1) {
    npu_conv_gather_row(to, tile, tap, fill, offset, g);
    return;
  }
  npu_conv_at at = tile->at;
  for (int r = 0; r < g->tile_rows; ++r, to += 64) {
    const int y = at.y * g->stride_h, x = at.x * g->stride_w;
    __global const uchar* from = in + ((long)(at.batch * g->in_h + y) * g->in_w + x) * g->depth + tap.bytes + offset;
    if (npu_conv_run_inside(at, tap, g)) {
      *(npu_int16_bytes*)to = *(__global const npu_int16_bytes*)from;
    } else if (g->run_taps == 1) {
      *(npu_int16_bytes*)to = *(__global const npu_int16_bytes*)fill;
    } else {
      npu_conv_gather(to, from, at, tap, fill[0], g);
    }
    if (++at.x == g->out_w) {
      at.x = 0;
      if (++at.y == g->out_h) at.y = 0, ++at.batch;
    }
  }
}

#define NPU_CONV_TILE_EDGES NPU_CONV_HAS(NPU_CONV_TILED(NPU_CONV_EDGES))

// What a tile reads for one tap: rows that are `step` bytes apart, or (gather) bytes to be put together.
typedef struct {
  long from, step;
  bool gather;
} npu_conv_source;

static inline npu_conv_source npu_conv_find_source(const npu_conv_tile* tile, npu_conv_tap tap, __global const uchar* fill,
                                            __global const npu_conv_geometry* g) {
  npu_conv_source source;
  source.from = tile->from + tap.bytes;
  source.step = (long)g->stride_w * g->depth;
  source.gather = NPU_CONV_TILE_EDGES && !tile->inside;
  if (!NPU_CONV_TILE_EDGES || tile->inside || !tile->one_row) return source;
  const int y = tile->at.y * g->stride_h + tap.dy, x = tile->at.x * g->stride_w + tap.dx;
  if (y < 0 || y >= g->in_h) {
    source.from = (long)fill;
    source.step = 0;
    source.gather = false;
  } else {
    source.gather = x < 0 || x + (g->tile_rows - 1) * g->stride_w + g->run_taps > g->in_w;
  }
  return source;
}

// The sums of two tiles (one: the second is not there) by two blocks of channels (one likewise) go to sums,
// [tile][block][16 rows][16]. word: bytes from a word of `weights` to the next. start: null, or numbers [tile][16][16]
// that sums begin with instead of 0. edge: [2][NPU_TILE_EDGE_BYTES].
NPU_FUNCTION void npu_conv_tile_sums(int16* sums, const int16* start, uchar* edge, const npu_conv_tile* tile, bool two_tiles,
                               bool two_blocks, __global const uchar* in, __global const int* weights, long word,
                               __global const npu_conv_geometry* g, __global const npu_conv_tap* taps,
                               __global const uchar* fill) {
  const int all = g->taps, run_bytes = 4 * g->words;
  const int part_bytes = 4 * g->tile_words;
  const long part = g->tile_words * word, pixel_step = (long)g->stride_w * g->depth;
  long weight = (long)weights;
  if (!NPU_CONV_HAS(NPU_CONV_ZERO_POINT) || start == 0) {
    NPU_TILE_ZERO(0);
    NPU_TILE_ZERO(1);
    NPU_TILE_ZERO(2);
    NPU_TILE_ZERO(3);
  } else {
    NPU_TILE_LOAD(0, start, 64);
    NPU_TILE_LOAD(1, start, 64);
    NPU_TILE_LOAD(2, start + 16, 64);
    NPU_TILE_LOAD(3, start + 16, 64);
  }
  if (tile[0].inside && tile[1].inside && two_tiles && two_blocks) {
    for (int t = 0; t < all; ++t) {
      const long from0 = tile[0].from + taps[t].bytes, from1 = tile[1].from + taps[t].bytes;
      for (int at = 0; at < run_bytes; at += part_bytes, weight += part) {
        NPU_TILE_LOAD(4, from0 + at, pixel_step);
        NPU_TILE_LOAD(6, weight, word);
        NPU_TILE_DOT(0, 4, 6);
        NPU_TILE_LOAD(7, weight + 64, word);
        NPU_TILE_DOT(1, 4, 7);
        NPU_TILE_LOAD(5, from1 + at, pixel_step);
        NPU_TILE_DOT(2, 5, 6);
        NPU_TILE_DOT(3, 5, 7);
      }
    }
    NPU_TILE_STORE(0, sums, 64);
    NPU_TILE_STORE(1, sums + 16, 64);
    NPU_TILE_STORE(2, sums + 32, 64);
    NPU_TILE_STORE(3, sums + 48, 64);
    return;
  }
  for (int t = 0; t < all; ++t) {
    const npu_conv_source a = npu_conv_find_source(tile, taps[t], fill, g);
    const npu_conv_source b = npu_conv_find_source(tile + 1, taps[t], fill, g);
    for (int at = 0; at < run_bytes; at += part_bytes, weight += part) {
      if (NPU_CONV_TILE_EDGES && a.gather) npu_conv_gather_tile(edge, tile, in, taps[t], fill, at, g);
      NPU_TILE_LOAD(4, a.gather ? (long)edge : a.from + at, a.gather ? 64 : a.step);
      NPU_TILE_LOAD(6, weight, word);
      NPU_TILE_DOT(0, 4, 6);
      if (two_blocks) {
        NPU_TILE_LOAD(7, weight + 64, word);
        NPU_TILE_DOT(1, 4, 7);
      }
      if (!two_tiles) continue;
      uchar* to = edge + NPU_TILE_EDGE_BYTES;
      if (NPU_CONV_TILE_EDGES && b.gather) npu_conv_gather_tile(to, tile + 1, in, taps[t], fill, at, g);
      NPU_TILE_LOAD(5, b.gather ? (long)to : b.from + at, b.gather ? 64 : b.step);
      NPU_TILE_DOT(2, 5, 6);
      if (two_blocks) NPU_TILE_DOT(3, 5, 7);
    }
  }
  NPU_TILE_STORE(0, sums, 64);
  if (two_blocks) NPU_TILE_STORE(1, sums + 16, 64);
  if (two_tiles) {
    NPU_TILE_STORE(2, sums + 32, 64);
    if (two_blocks) NPU_TILE_STORE(3, sums + 48, 64);
  }
}

// Defines a function that adds the bias to a block of one tile, rescales and stores it.
#define NPU_CONV_FINISH_TILE(name, CONSTANTS, RESCALE)                                                         \
  static __attribute__((always_inline)) inline void name(const int16* sums, int16 bias, CONSTANTS,                    \
                                                  __global const npu_conv_geometry* g, __global uchar* out,    \
                                                  long out_step, int rows, int low, int high, int channels) {  \
    for (int r = 0; r < rows; r += 4) {                                                                        \
      int16 y[4];                                                                                              \
      NPU_UNROLL for (int i = 0; i < 4; ++i) {                                                                 \
        const int16 acc = sums[r + i] + bias;                                                                  \
        y[i] = RESCALE;                                                                                        \
      }                                                                                                        \
      npu_store_rows4(out + r * out_step, out_step, y[0], y[1], y[2], y[3], low, high, channels, rows - r);    \
    }                                                                                                          \
  }
NPU_CONV_FINISH_TILE(npu_conv_finish_general, __global const int* constants,
                     npu_finish16(npu_requantize_double16(acc, npu_load_int16(constants + 16),
                                                          npu_load_int16(constants + 32)),
                                  g->zero_point, g->range_min, g->range_max, g->storage_offset))
NPU_CONV_FINISH_TILE(npu_conv_finish_short, const npu_rescale rescale, npu_rescale16(acc, rescale, 1))
NPU_CONV_FINISH_TILE(npu_conv_finish_long, const npu_rescale rescale,
                     npu_rescale16(acc, rescale, 1) + (int16)(g->stored_zero_point))
NPU_CONV_FINISH_TILE(npu_conv_finish_clamped, const npu_rescale rescale, npu_rescale16(acc, rescale, 0))

// Adds what the outliers of two blocks from channel `first` on make, to sums as above.
NPU_FUNCTION void npu_conv_tile_outliers(int* sums, const npu_conv_tile* tile, int tiles, int first,
                                   const npu_conv_outliers outliers, __global const npu_conv_geometry* g,
                                   __global const npu_conv_tap* taps, uchar fill) {
  for (int n = 0; n < outliers.count; ++n) {
    const npu_conv_outlier outlier = outliers.first[n];
    const int channel = outlier.channel - first;
    if (channel < 0 || channel >= 32) continue;
    for (int i = 0; i < tiles; ++i) {
      npu_conv_at at = tile[i].at;
      __global const uchar* window = (__global const uchar*)tile[i].from;
      int* sum = sums + (2 * i + channel / 16) * 256 + channel % 16;
      for (int r = 0; r < g->tile_rows; ++r, sum += 16, window += g->stride_w * g->depth) {
        *sum += npu_conv_outlier_product(outlier, at, window, g, taps, fill);
        if (!g->dense && ++at.x == g->out_w) {
          // The next row's first window, less the step that is taken above.
          at.x = 0;
          window += (long)(g->stride_h * g->in_w - g->out_w * g->stride_w) * g->depth;
          if (++at.y == g->out_h) {
            at.y = 0, ++at.batch;
            window += (long)(g->in_h - g->out_h * g->stride_h) * g->in_w * g->depth;
          }
        }
      }
    }
  }
}

// Part `part` of `parts` of the output pixels, `count` blocks of channels. Arguments as the strips' of conv2d.cl.
NPU_FUNCTION void npu_conv_tiles(__global const uchar* in, __global const int* weights, __global const int* constants,
                           __global const npu_conv_geometry* g, __global const npu_conv_tap* taps,
                           __global const uchar* fill, __global const int* window_sums, const npu_conv_outliers outliers,
                           __global uchar* out, int part, int parts, int count, int channels) {
  const int tiles = g->out_pixels / g->line * ((g->line - 1) / g->tile_rows + 1);
  // Parts of whole pairs.
  const int pairs = (tiles + 1) / 2;
  const int first = 2 * (int)((long)pairs * part / parts), end = min(2 * (int)((long)pairs * (part + 1) / parts), tiles);
  const long out_step = (long)g->groups * g->group_channels;
  const int form = g->form, rows = g->tile_rows, weights_zero_point = g->weights_zero_point;
  const int low = form == 0 ? 0 : g->range_min + g->storage_offset;
  const int high = form == 0 ? 255 : g->range_max + g->storage_offset;
  int16 sums[2 * 2 * 16], start[2 * 16];
  int16 edge[2 * NPU_TILE_EDGE_BYTES / 64];
  npu_tiles_configure(rows, g->tile_words);
  // Two blocks' weights meet all pixels before the next two's: these then stay in the first-level cache.
  for (int j = 0; j < count; j += 2, constants += 96, weights += 32, out += 32, channels -= 32) {
    const bool two_blocks = j + 1 < count;
    npu_rescale rescale[2];
    int16 bias[2];
    for (int i = 0; i < (two_blocks ? 2 : 1); ++i) {
      bias[i] = npu_load_int16(constants + 48 * i);
      rescale[i] = npu_prepare_rescale(npu_load_int16(constants + 48 * i + 16),
                                       npu_load_int16(constants + 48 * i + 32),
                                       form == 3 ? 0 : g->stored_zero_point);
    }
    for (int m = first; m < end; m += 2) {
      const bool two_tiles = m + 1 < end;
      npu_conv_tile tile[2];
      tile[0] = npu_conv_find_tile(m, in, g);
      tile[1] = npu_conv_find_tile(two_tiles ? m + 1 : m, in, g);
      if (NPU_CONV_HAS(NPU_CONV_ZERO_POINT) && weights_zero_point != 0) {
        for (int r = 0; r < rows; ++r) {
          start[r] = (int16)(-weights_zero_point * window_sums[tile[0].pixel + r]);
          start[16 + r] = (int16)(-weights_zero_point * window_sums[tile[1].pixel + r]);
        }
      }
      npu_conv_tile_sums(sums, weights_zero_point != 0 ? start : 0, (uchar*)edge, tile, two_tiles, two_blocks, in,
                         weights, 64 * count, g, taps, fill);
      if (NPU_CONV_HAS(NPU_CONV_OUTLIERS) && outliers.count != 0) {
        npu_conv_tile_outliers((int*)sums, tile, two_tiles ? 2 : 1, 16 * j, outliers, g, taps, fill[0]);
      }
      for (int n = 0; n < (two_tiles ? 4 : 2); ++n) {
        const int block = n % 2;
        if (block == 1 && !two_blocks) continue;
        const int16* of = sums + 16 * n;
        __global uchar* to = out + tile[n / 2].pixel * out_step + 16 * block;
        const int left = channels - 16 * block;
        if (NPU_CONV_IS(form, 2)) {
          npu_conv_finish_clamped(of, bias[block], rescale[block], g, to, out_step, rows, low, high, left);
        } else if (NPU_CONV_IS(form, 3)) {
          npu_conv_finish_long(of, bias[block], rescale[block], g, to, out_step, rows, low, high, left);
        } else if (NPU_CONV_IS(form, 1)) {
          npu_conv_finish_short(of, bias[block], rescale[block], g, to, out_step, rows, low, high, left);
        } else if (NPU_CONV_HAS(1u)) {
          npu_conv_finish_general(of, bias[block], constants + 48 * block, g, to, out_step, rows, low, high, left);
        }
      }
    }
  }
  NPU_TILES_RELEASE();
}

#endif
