// Frames as RGB pictures, for drawing only: nearest chroma, floating point. What the model gets is made by the library.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tools/camera-run/canvas.h"
#include "tools/camera-run/failure.h"
#include "tools/camera-run/pixel_format.h"

namespace camera_run {
namespace {

struct Yuv {
  double scale_y, offset_y, red_v, green_u, green_v, blue_u;
};

// From the luma weights of BT.601, 709 and 2020 (ITU-R) and the range.
Yuv Coefficients(uint8_t matrix, uint8_t range) {
  const double kr = matrix == NPU_MATRIX_BT709 ? 0.2126 : matrix == NPU_MATRIX_BT2020 ? 0.2627 : 0.299;
  const double kb = matrix == NPU_MATRIX_BT709 ? 0.0722 : matrix == NPU_MATRIX_BT2020 ? 0.0593 : 0.114;
  const double kg = 1 - kr - kb;
  const bool full = range == NPU_RANGE_FULL;
  const double chroma = full ? 1 : 255.0 / 224, luma = full ? 1 : 255.0 / 219;
  return {luma, full ? 0.0 : 16.0, 2 * (1 - kr) * chroma, 2 * kb * (1 - kb) / kg * chroma, 2 * kr * (1 - kr) / kg * chroma,
          2 * (1 - kb) * chroma};
}

uint8_t Byte(double value) { return static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 255.0))); }

void FromYuv(const Yuv& c, int y, int u, int v, uint8_t* rgb) {
  const double luma = (y - c.offset_y) * c.scale_y, blue = u - 128.0, red = v - 128.0;
  rgb[0] = Byte(luma + c.red_v * red);
  rgb[1] = Byte(luma - c.green_u * blue - c.green_v * red);
  rgb[2] = Byte(luma + c.blue_u * blue);
}

// Where R, G and B are in a pixel of a packed format.
struct PackedOrder {
  uint32_t fourcc;
  int bytes, r, g, b;
};
constexpr PackedOrder kPacked[] = {{NPU_FOURCC_BGR888, 3, 0, 1, 2},   {NPU_FOURCC_RGB888, 3, 2, 1, 0},
                                   {NPU_FOURCC_XRGB8888, 4, 2, 1, 0}, {NPU_FOURCC_XBGR8888, 4, 0, 1, 2},
                                   {NPU_FOURCC_R8, 1, 0, 0, 0}};

}  // namespace

Canvas ToCanvas(const SourceFrame& source) {
  const npu_frame& frame = source.frame;
  Canvas canvas(frame.width, frame.height);
  const Yuv yuv = Coefficients(frame.matrix, frame.range);
  const auto row = [&](int plane, uint32_t y) {
    return source.mapped[plane] + frame.planes[plane].offset + uint64_t{frame.planes[plane].stride} * y;
  };
  const auto packed = std::ranges::find(kPacked, frame.fourcc, &PackedOrder::fourcc);
  for (uint32_t y = 0; y < frame.height; ++y) {
    uint8_t* out = &canvas.pixels_[size_t{3} * frame.width * y];
    for (uint32_t x = 0; x < frame.width; ++x, out += 3) {
      switch (frame.fourcc) {
        case NPU_FOURCC_NV12: FromYuv(yuv, row(0, y)[x], row(1, y / 2)[x / 2 * 2], row(1, y / 2)[x / 2 * 2 + 1], out); break;
        case NPU_FOURCC_NV21: FromYuv(yuv, row(0, y)[x], row(1, y / 2)[x / 2 * 2 + 1], row(1, y / 2)[x / 2 * 2], out); break;
        case NPU_FOURCC_YUV420: FromYuv(yuv, row(0, y)[x], row(1, y / 2)[x / 2], row(2, y / 2)[x / 2], out); break;
        case NPU_FOURCC_YUYV: FromYuv(yuv, row(0, y)[2 * x], row(0, y)[x / 2 * 4 + 1], row(0, y)[x / 2 * 4 + 3], out); break;
        case NPU_FOURCC_UYVY: FromYuv(yuv, row(0, y)[2 * x + 1], row(0, y)[x / 2 * 4], row(0, y)[x / 2 * 4 + 2], out); break;
        default: {
          if (packed == std::end(kPacked)) throw Failure(kUsageError, "--draw: no " + FourccText(frame.fourcc));
          const uint8_t* pixel = row(0, y) + static_cast<size_t>(x) * packed->bytes;
          out[0] = pixel[packed->r];
          out[1] = pixel[packed->g];
          out[2] = pixel[packed->b];
        }
      }
    }
  }
  return canvas;
}

}  // namespace camera_run
