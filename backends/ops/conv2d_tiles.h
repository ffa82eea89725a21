// How a CONV_2D is cut for kernels/conv2d.cl, beyond what its window says: into matrix tiles, for devices that have them,
// and into weights of INT8 and what they do not hold.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/ops/convolution.h"

namespace npu {

// Products of weights that INT8 does not hold are added one by one, by the strips that have some: npu_conv_outlier of
// kernels/window.h.
inline constexpr size_t kMostOutliers = 16;

// [groups][strips] and one more: where the outliers of a strip begin in what follows.
std::vector<int32_t> PackOutliers(const std::vector<WeightOutlier>& outliers, const BlockStrips& strips,
                                  int32_t groups, int32_t group_channels);

// How a convolution is cut into matrix tiles: kernels/window_tiles.h. `words` is what a run is packed to; words 0
// of a tile: it is not.
struct TileShape {
  int32_t words = 0;
  int32_t line = 1, tile_rows = 1, tile_words = 0;
};

// A window is `taps` runs of `run_length` bytes; dense: output pixels look at input pixels one by one.
struct TileInput {
  int32_t taps = 0, run_length = 0, out_w = 0, out_pixels = 0;
  bool dense = false, constant_weights = true;
};
TileShape MakeTiles(const TileInput& in);

// Parts of the kernel conv2d (KernelLaunch::parts), kernels/window.h. 1 << RescaleForm is one each.
inline constexpr uint32_t kConvOutliers = 0x10;
inline constexpr uint32_t kConvZeroPoint = 0x20;  // of the weights
inline constexpr uint32_t kConvEdges = 0x40;      // windows are not all inside the image
inline constexpr uint32_t kConvBlocks = 0x80;     // strips of one block of channels; << 1: of two, and so on
inline constexpr int kConvTiled = 8;              // << by it: the last two of a convolution with tile_words

uint32_t ConvParts(RescaleForm form, bool outliers, bool zero_point, bool dense, bool tiled, const BlockStrips& strips);

}  // namespace npu
