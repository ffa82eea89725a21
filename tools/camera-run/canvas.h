// A picture to draw results on: packed RGB pixels. Made from any frame that camera-run takes, with the frame's own
// strides, matrix and range, so that what is shown is what the model saw. Drawing outside of it is cut off.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/camera-run/source.h"

namespace camera_run {

struct Colour {
  uint8_t r = 0, g = 0, b = 0;
};

class Canvas {
 public:
  Canvas() = default;
  Canvas(uint32_t width, uint32_t height) : width_(width), height_(height), pixels_(size_t{3} * width * height) {}

  uint32_t width() const { return width_; }
  uint32_t height() const { return height_; }
  const uint8_t* pixels() const { return pixels_.data(); }
  // 1 for small pictures, more for large ones: line width and letter size.
  int scale() const;

  void Fill(int x0, int y0, int x1, int y1, Colour colour);
  // Mixes `colour` in: alpha 0 none of it, 255 it alone.
  void Blend(int x, int y, Colour colour, int alpha);
  void Rectangle(int x0, int y0, int x1, int y1, int thickness, Colour colour);
  void Line(float x0, float y0, float x1, float y1, int thickness, Colour colour);
  void Disc(float x, float y, int radius, Colour colour);
  // A line of text with its upper left corner there, on a bar of `back`. Characters outside of ASCII are boxes.
  void Text(int x, int y, const std::string& text, int scale, Colour colour, Colour back);
  static int TextWidth(const std::string& text, int scale);
  static int TextHeight(int scale);

 private:
  friend Canvas ToCanvas(const SourceFrame& frame);
  uint32_t width_ = 0, height_ = 0;
  std::vector<uint8_t> pixels_;
};

// Reads the frame's mapped memory.
Canvas ToCanvas(const SourceFrame& frame);

// Colours far from each other, one for each class.
Colour ClassColour(int index);

}  // namespace camera_run
