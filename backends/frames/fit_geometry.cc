// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/fit_geometry.h"

#include <algorithm>

namespace npu {
namespace {

// round(a * b / c), at least 1 and at most `most`.
uint32_t Scaled(uint64_t a, uint64_t b, uint64_t c, uint32_t most) {
  return static_cast<uint32_t>(std::clamp<uint64_t>((2 * a * b + c) / (2 * c), 1, most));
}

// The middle `length` of [start, start + whole), on even pixels where `even`.
void TakeMiddle(uint32_t& start, uint32_t& whole, uint32_t length, bool even) {
  if (even && length < whole) length = std::max<uint32_t>(length & ~1u, std::min<uint32_t>(2, whole));
  uint32_t before = (whole - length) / 2;
  if (even) before &= ~1u;
  start += before;
  whole = length;
}

// The filter that AUTO stands for. Twice is where bilinear's four pixels begin to leave others out.
FrameFilter ChooseFilter(FrameFilter wanted, const FitGeometry& geometry) {
  if (wanted != FrameFilter::kAuto) return wanted;
  const bool shrinks = geometry.source.width > 2 * uint64_t{geometry.resized_width()} ||
                       geometry.source.height > 2 * uint64_t{geometry.resized_height()};
  return shrinks ? FrameFilter::kArea : FrameFilter::kBilinear;
}

}  // namespace

FitGeometry MakeGeometry(const Frame& frame, const PixelFormat& format, const Fit& fit, uint32_t width,
                         uint32_t height) {
  FitGeometry geometry;
  geometry.source = frame.picture();
  geometry.roi = {0, 0, width, height};
  geometry.transposed = frame.transposed();

  const auto orientation = static_cast<uint8_t>(frame.orientation);
  const int turn = orientation & 3;
  // Clockwise: 90 reads (x, y) = (v, H-1-u), 180 (W-1-u, H-1-v), 270 (W-1-v, u).
  geometry.reverse_x = turn == 2 || turn == 3;
  geometry.reverse_y = turn == 1 || turn == 2;
  if ((orientation & static_cast<uint8_t>(Orientation::kFlip)) != 0) {
    bool& along_u = geometry.transposed ? geometry.reverse_y : geometry.reverse_x;
    along_u = !along_u;
  }

  // The input as the source lies, so that both have the same axes.
  const uint64_t w = geometry.source.width, h = geometry.source.height;
  const uint64_t to_w = geometry.transposed ? height : width, to_h = geometry.transposed ? width : height;
  const bool wider = w * to_h > h * to_w;  // than the input's shape
  if (fit.mode == FitMode::kLetterbox) {
    uint32_t roi_w = static_cast<uint32_t>(to_w), roi_h = static_cast<uint32_t>(to_h);
    if (wider) {
      roi_h = Scaled(h, to_w, w, roi_h);
    } else {
      roi_w = Scaled(w, to_h, h, roi_w);
    }
    if (geometry.transposed) std::swap(roi_w, roi_h);
    geometry.roi = {(width - roi_w) / 2, (height - roi_h) / 2, roi_w, roi_h};
  } else if (fit.mode == FitMode::kCentreCrop) {
    Rect& source = geometry.source;
    if (wider) {
      TakeMiddle(source.x, source.width, Scaled(h, to_w, to_h, source.width), format.chroma_shift_x > 0);
    } else {
      TakeMiddle(source.y, source.height, Scaled(w, to_h, to_w, source.height), format.chroma_shift_y > 0);
    }
  }
  geometry.filter = ChooseFilter(fit.filter, geometry);
  return geometry;
}

FitTransform MakeTransform(const FitGeometry& geometry) {
  const Rect& source = geometry.source;
  const Rect& roi = geometry.roi;
  // Along the source's axes: frame = start + step * (input - roi).
  const double step_x =
      static_cast<double>(source.width) / geometry.resized_width() * (geometry.reverse_x ? -1 : 1);
  const double step_y =
      static_cast<double>(source.height) / geometry.resized_height() * (geometry.reverse_y ? -1 : 1);
  const double start_x = source.x + (geometry.reverse_x ? source.width : 0.0);
  const double start_y = source.y + (geometry.reverse_y ? source.height : 0.0);
  FitTransform map;
  if (geometry.transposed) {
    map.xy = step_x;
    map.yx = step_y;
    map.x0 = start_x - step_x * roi.y;
    map.y0 = start_y - step_y * roi.x;
  } else {
    map.xx = step_x;
    map.yy = step_y;
    map.x0 = start_x - step_x * roi.x;
    map.y0 = start_y - step_y * roi.y;
  }
  return map;
}

}  // namespace npu
