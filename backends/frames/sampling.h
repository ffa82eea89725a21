// Which samples of a row (or column) an output pixel is made of, with what weights: the integers that define
// every filter (docs/camera.md). Chroma is sampled in its own plane, at the place of the pixel in the
// picture.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "backends/frames/frame.h"

namespace npu {

// Linear filters: of `count` (1 or 2) samples from `first` on the second weighs `weight` of 2048.
// Area: the first weighs `weight`, the last `last`, those between them Axis::full each.
struct AxisEntry {
  int32_t first = 0, count = 1, weight = 0, last = 0;
};

struct Axis {
  std::vector<AxisEntry> entries;  // by output pixel before it is turned, in reading order
  int32_t full = 0, total = 1;     // area: weight of a whole sample; of all that an output pixel is made of
};

struct AxisRequest {
  uint32_t pixels = 0;   // of the source
  uint32_t samples = 0;  // of the plane: pixels, or half as many where two share one
  uint32_t outputs = 0;
  bool shared = false;  // two pixels share a sample
  bool left = false;    // which lies on the left one, not between them
  bool reverse = false;
};

Axis MakeAxis(const AxisRequest& request, FrameFilter filter);

}  // namespace npu
