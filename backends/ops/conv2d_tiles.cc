// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/conv2d_tiles.h"

#include <algorithm>

namespace npu {
namespace {

struct ConvOutlier {
  int32_t tap, byte, channel, excess;  // byte: of the tap's run; channel: of the strip
};

}  // namespace

std::vector<int32_t> PackOutliers(const std::vector<WeightOutlier>& outliers, const BlockStrips& strips,
                                  int32_t groups, int32_t group_channels) {
  std::vector<int32_t> packed;
  std::vector<ConvOutlier> entries;
  for (int32_t group = 0; group < groups; ++group) {
    for (int32_t strip = 0; strip < strips.strips; ++strip) {
      packed.push_back(static_cast<int32_t>(entries.size()));
      const int32_t first = strips.first(strip) * kBlockChannels,
                    end = std::min(first + strips.count(strip) * kBlockChannels, group_channels);
      for (const WeightOutlier& outlier : outliers) {
        const int32_t channel = outlier.channel - group * group_channels;
        if (channel >= first && channel < end) {
          entries.push_back({outlier.segment, outlier.k, channel - first, outlier.excess});
        }
      }
    }
  }
  packed.push_back(static_cast<int32_t>(entries.size()));
  for (const ConvOutlier& entry : entries) {
    packed.insert(packed.end(), {entry.tap, entry.byte, entry.channel, entry.excess});
  }
  return packed;
}

TileShape MakeTiles(const TileInput& in) {
  constexpr int32_t kRows = 16, kWords = 16;  // of a tile register
  constexpr int32_t kFewPixels = 4;           // a tile is loaded whole for any number of them
  // Of a run, and of a window: vector instructions need no more time for so few (bench/kernels.cc).
  constexpr int32_t kFewWords = 3, kFewWordsInAll = 6;
  constexpr int32_t kShortLine = 7;           // tiles of short rows are emptier than making full ones costs
  const auto parts = [](int32_t count, int32_t most) { return (count - 1) / most + 1; };
  TileShape tiles;
  tiles.words = parts(in.run_length, kWordBytes);
  const int32_t run_words = tiles.words, taps = in.taps;
  if (in.out_pixels < kFewPixels || run_words < kFewWords || run_words * taps < kFewWordsInAll) return tiles;
  // Equal parts of a run: a few more of them if that is exact, else with a few words of nothing at the end.
  const int32_t fewest = parts(run_words, kWords);
  int32_t count = fewest;
  while (run_words % count != 0 && count <= fewest + fewest / 8) ++count;
  if (run_words % count != 0) count = fewest;
  const int32_t words = parts(run_words, count);
  if (words * count != run_words && !in.constant_weights) return tiles;
  tiles.tile_words = words;
  tiles.words = words * count;
  tiles.line = in.dense || in.out_w < kShortLine ? in.out_pixels : in.out_w;
  tiles.tile_rows = parts(tiles.line, parts(tiles.line, kRows));
  return tiles;
}

uint32_t ConvParts(RescaleForm form, bool outliers, bool zero_point, bool dense, bool tiled, const BlockStrips& strips) {
  uint32_t shape = dense ? 0 : kConvEdges;
  for (int32_t strip = 0; strip < strips.strips; ++strip) shape |= kConvBlocks << (strips.count(strip) - 1);
  uint32_t parts = (1u << static_cast<int32_t>(form)) | (tiled ? shape << kConvTiled : shape);
  if (outliers) parts |= kConvOutliers;
  if (zero_point) parts |= kConvZeroPoint;
  return parts;
}

}  // namespace npu
