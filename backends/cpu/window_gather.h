// Copies the window of one output pixel out of an NHWC image, so that inner loops see plain rows. Taps outside the
// image are zeros.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "backends/ops/window.h"

namespace npu {

// First input row and column of output pixel `pixel` (of all images), and which image it is of.
struct WindowCorner {
  WindowCorner(const WindowAxis& rows, const WindowAxis& columns, int64_t pixel) {
    const int64_t per_image = int64_t{rows.output} * columns.output;
    image = pixel / per_image;
    top = pixel % per_image / columns.output * rows.stride - rows.pad_before;
    left = pixel % columns.output * columns.stride - columns.pad_before;
  }
  int64_t image, top, left;
};

// `count` values from `first` on of each pixel, of which one has `pixel_values`. Returns how many taps lie outside.
template <typename T>
int32_t GatherWindow(const T* input, const WindowAxis& rows, const WindowAxis& columns, int64_t pixel_values,
                     int64_t first, int64_t count, int64_t pixel, T* to) {
  const WindowCorner corner(rows, columns, pixel);
  const T* image = input + corner.image * rows.input * columns.input * pixel_values + first;
  const bool whole_rows = columns.dilation == 1 && count == pixel_values && corner.left >= 0 &&
                          corner.left + columns.filter <= columns.input;
  int32_t outside = 0;
  for (int64_t ky = 0; ky < rows.filter; ++ky) {
    const int64_t y = corner.top + ky * rows.dilation;
    if (y < 0 || y >= rows.input) {
      to = std::fill_n(to, columns.filter * count, T{0});
      outside += columns.filter;
      continue;
    }
    const T* row = image + y * columns.input * pixel_values;
    if (whole_rows) {
      to = std::copy_n(row + corner.left * count, columns.filter * count, to);
      continue;
    }
    for (int64_t kx = 0; kx < columns.filter; ++kx) {
      const int64_t x = corner.left + kx * columns.dilation;
      if (x < 0 || x >= columns.input) {
        to = std::fill_n(to, count, T{0});
        ++outside;
      } else {
        to = std::copy_n(row + x * pixel_values, count, to);
      }
    }
  }
  return outside;
}

}  // namespace npu
