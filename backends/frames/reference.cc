// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/reference.h"

#include <algorithm>

namespace npu {
namespace {

// Rounded product of a number of 14 fractional bits and one of 15, as vector units multiply (pmulhrsw,
// sqrdmulh).
int32_t MulRounded(int32_t a, int32_t b) { return (a * b + (1 << 14)) >> 15; }

// Sum of four samples with 14 fractional bits. The weights of a row are split exactly between the two rows,
// so that they always add up to 1; a row that gets everything gets exactly the row's weights.
int32_t Bilinear(const ComponentView& view, const AxisEntry& x, const AxisEntry& y) {
  const uint8_t* top =
      view.first + static_cast<size_t>(y.first) * view.stride + static_cast<size_t>(x.first) * view.step;
  const uint8_t* bottom = top + static_cast<size_t>(y.count - 1) * view.stride;
  const int next = (x.count - 1) * view.step;
  const int32_t right = 8 * x.weight, left = 16384 - right;
  const int32_t share = std::min((2048 - y.weight) * 16, 32767);
  const int32_t top_left = MulRounded(left, share), top_right = MulRounded(right, share);
  return top[0] * top_left + top[next] * top_right + bottom[0] * (left - top_left) +
         bottom[next] * (right - top_right);
}

int32_t AreaWeight(const AxisEntry& entry, int32_t full, int32_t i) {
  return i == 0 ? entry.weight : i == entry.count - 1 ? entry.last : full;
}

// Sum of what the pixel covers; its weights add up to the product of both axes' totals.
uint64_t AreaSum(const ComponentView& view, const Axis& axis_x, const Axis& axis_y, const AxisEntry& x,
                 const AxisEntry& y) {
  uint64_t sum = 0;
  for (int32_t j = 0; j < y.count; ++j) {
    const uint8_t* row = view.first + static_cast<size_t>(y.first + j) * view.stride +
                         static_cast<size_t>(x.first) * view.step;
    uint64_t in_row = 0;
    for (int32_t i = 0; i < x.count; ++i) {
      in_row += uint64_t{row[static_cast<size_t>(i) * view.step]} * AreaWeight(x, axis_x.full, i);
    }
    sum += in_row * AreaWeight(y, axis_y.full, j);
  }
  return sum;
}

// A component at one output pixel, with 7 fractional bits, or, where direct, as a whole number.
int32_t Sample(const Conversion& c, const FrameView& frame, int component, int32_t x, int32_t y) {
  const Axis &axis_x = c.axis_x(component), &axis_y = c.axis_y(component);
  const AxisEntry &at_x = axis_x.entries[x], &at_y = axis_y.entries[y];
  const ComponentView& view = frame[component];
  if (c.area()) {
    const uint64_t sum = AreaSum(view, axis_x, axis_y, at_x, at_y);
    const uint64_t total = uint64_t(axis_x.total) * uint64_t(axis_y.total);
    return static_cast<int32_t>((sum * (c.colour.direct ? 2 : 256) + total) / (2 * total));
  }
  const int32_t sum = Bilinear(view, at_x, at_y);
  return c.colour.direct ? (sum + 8192) >> 14 : (sum + 64) >> 7;
}

}  // namespace

void ConvertFrame(const Conversion& c, const FrameView& frame, uint8_t* out) {
  const Rect& roi = c.geometry.roi;
  const int components = c.components();
  for (uint32_t row = 0; row < c.height; ++row) {
    for (uint32_t column = 0; column < c.width; ++column, out += c.channels) {
      const uint32_t u = column - roi.x, v = row - roi.y;  // wraps left of and above the roi
      if (u >= roi.width || v >= roi.height) {
        std::copy_n(c.bytes.pad.begin(), c.channels, out);
        continue;
      }
      const auto x = static_cast<int32_t>(c.geometry.transposed ? v : u);
      const auto y = static_cast<int32_t>(c.geometry.transposed ? u : v);
      std::array<int32_t, 3> sample{};
      for (int i = 0; i < components; ++i) sample[i] = Sample(c, frame, i, x, y);
      for (int i = components; i < 3; ++i) sample[i] = sample[0];
      for (int k = 0; k < c.channels; ++k) {
        int32_t byte = sample[c.colour.source[k]];
        if (!c.colour.direct) {
          byte = c.colour.bias[k];
          for (int i = 0; i < 3; ++i) byte += c.colour.factor[k][i] * sample[i];
          byte = std::clamp(byte >> 21, 0, 255);
        }
        out[k] = c.bytes.table[k][byte];
      }
    }
  }
}

}  // namespace npu
