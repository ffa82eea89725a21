// Which pixels of a frame become which pixels of a network's input, in integers, and the way back for boxes
// and keypoints. Pure arithmetic on a checked frame and fit.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "backends/frames/frame.h"
#include "backends/frames/pixel_format.h"

namespace npu {

struct FitGeometry {
  Rect source;                                  // of the frame; starts at even x and y where chroma is shared
  Rect roi;                                     // of the input: what the picture fills; the rest is padding
  FrameFilter filter = FrameFilter::kBilinear;  // never kAuto
  // An input pixel (u, v) of the roi is made from column x and row y of the resized source. Not transposed: x
  // = u, y = v; transposed: x = v, y = u. Then reversed where the flags say so.
  bool transposed = false, reverse_x = false, reverse_y = false;

  // The size that the source is resized to before it is turned.
  uint32_t resized_width() const { return transposed ? roi.height : roi.width; }
  uint32_t resized_height() const { return transposed ? roi.width : roi.height; }
};

// width, height: of the input, at least 1.
FitGeometry MakeGeometry(const Frame& frame, const PixelFormat& format, const Fit& fit, uint32_t width,
                         uint32_t height);

// frame_x = xx * x + xy * y + x0, frame_y = yx * x + yy * y + y0, in pixels from the outer corner of the
// first.
struct FitTransform {
  double xx = 0, xy = 0, x0 = 0, yx = 0, yy = 0, y0 = 0;
};

FitTransform MakeTransform(const FitGeometry& geometry);

}  // namespace npu
