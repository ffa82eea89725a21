// SPDX-License-Identifier: Apache-2.0
#include "tools/camera-run/canvas.h"

#include <algorithm>
#include <cmath>

#include "tools/camera-run/font.h"

namespace camera_run {
namespace {

constexpr int kPadding = 1;        // around text, in dots of the font
constexpr int kScaleSide = 400;    // pixels of the longer side for each step of scale()

}  // namespace

int Canvas::scale() const { return std::max(1, static_cast<int>(std::max(width_, height_) + kScaleSide / 2) / kScaleSide); }

void Canvas::Fill(int x0, int y0, int x1, int y1, Colour colour) {
  x0 = std::max(x0, 0);
  y0 = std::max(y0, 0);
  x1 = std::min(x1, static_cast<int>(width_));
  y1 = std::min(y1, static_cast<int>(height_));
  for (int y = y0; y < y1; ++y) {
    for (int x = x0; x < x1; ++x) {
      uint8_t* pixel = &pixels_[(static_cast<size_t>(y) * width_ + x) * 3];
      pixel[0] = colour.r;
      pixel[1] = colour.g;
      pixel[2] = colour.b;
    }
  }
}

void Canvas::Blend(int x, int y, Colour colour, int alpha) {
  uint8_t* pixel = &pixels_[(static_cast<size_t>(y) * width_ + x) * 3];
  const uint8_t mixed[3] = {colour.r, colour.g, colour.b};
  for (int c = 0; c < 3; ++c) pixel[c] = static_cast<uint8_t>((pixel[c] * (255 - alpha) + mixed[c] * alpha + 127) / 255);
}

void Canvas::Rectangle(int x0, int y0, int x1, int y1, int thickness, Colour colour) {
  Fill(x0, y0, x1, y0 + thickness, colour);
  Fill(x0, y1 - thickness, x1, y1, colour);
  Fill(x0, y0, x0 + thickness, y1, colour);
  Fill(x1 - thickness, y0, x1, y1, colour);
}

void Canvas::Line(float x0, float y0, float x1, float y1, int thickness, Colour colour) {
  // Results may be anywhere; only what is near the picture is worth walking along.
  const float far = 4.0f * static_cast<float>(std::max(width_, height_));
  for (float* value : {&x0, &y0, &x1, &y1}) {
    if (!std::isfinite(*value)) return;
    *value = std::clamp(*value, -far, far);
  }
  const int steps = static_cast<int>(std::ceil(std::max(std::abs(x1 - x0), std::abs(y1 - y0)))) + 1;
  for (int i = 0; i <= steps; ++i) {
    const float part = static_cast<float>(i) / static_cast<float>(steps);
    const int x = static_cast<int>(std::lround(x0 + (x1 - x0) * part)) - thickness / 2;
    const int y = static_cast<int>(std::lround(y0 + (y1 - y0) * part)) - thickness / 2;
    Fill(x, y, x + thickness, y + thickness, colour);
  }
}

void Canvas::Disc(float x, float y, int radius, Colour colour) {
  if (!std::isfinite(x) || !std::isfinite(y) || std::abs(x) > 1e6f || std::abs(y) > 1e6f) return;
  const int centre_x = static_cast<int>(std::lround(x)), centre_y = static_cast<int>(std::lround(y));
  for (int dy = -radius; dy <= radius; ++dy) {
    const int dx = static_cast<int>(std::sqrt(static_cast<double>(radius * radius - dy * dy)));
    Fill(centre_x - dx, centre_y + dy, centre_x + dx + 1, centre_y + dy + 1, colour);
  }
}

int Canvas::TextWidth(const std::string& text, int scale) {
  return (static_cast<int>(text.size()) * kGlyphAdvance - 1 + 2 * kPadding) * scale;
}

int Canvas::TextHeight(int scale) { return (kGlyphHeight + 2 * kPadding) * scale; }

void Canvas::Text(int x, int y, const std::string& text, int scale, Colour colour, Colour back) {
  Fill(x, y, x + TextWidth(text, scale), y + TextHeight(scale), back);
  for (size_t i = 0; i < text.size(); ++i) {
    const uint8_t* rows = Glyph(text[i]);
    const int left = x + (kPadding + static_cast<int>(i) * kGlyphAdvance) * scale;
    for (int row = 0; row < kGlyphHeight; ++row) {
      for (int column = 0; column < kGlyphWidth; ++column) {
        if ((rows[row] >> (kGlyphWidth - 1 - column) & 1) == 0) continue;
        const int top = y + (kPadding + row) * scale;
        Fill(left + column * scale, top, left + (column + 1) * scale, top + scale, colour);
      }
    }
  }
}

Colour ClassColour(int index) {
  // Steps of the golden ratio around the colour circle: neighbours in number are far apart in hue.
  const double hue = std::fmod(index * 0.61803398875, 1.0) * 6;
  const int sector = static_cast<int>(hue);
  const auto ramp = [&](double value) { return static_cast<uint8_t>(std::lround(60 + 195 * value)); };
  const double rising = hue - sector, falling = 1 - rising;
  switch (sector) {
    case 0: return {ramp(1), ramp(rising), ramp(0)};
    case 1: return {ramp(falling), ramp(1), ramp(0)};
    case 2: return {ramp(0), ramp(1), ramp(rising)};
    case 3: return {ramp(0), ramp(falling), ramp(1)};
    case 4: return {ramp(rising), ramp(0), ramp(1)};
    default: return {ramp(1), ramp(0), ramp(falling)};
  }
}

}  // namespace camera_run
