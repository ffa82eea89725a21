// SPDX-License-Identifier: Apache-2.0
#include "tools/camera-run/pixel_format.h"

namespace camera_run {
namespace {

// In the order in which a camera is asked for them: half the bytes of YUYV first, then no conversion of colours lost.
constexpr PixelFormat kFormats[] = {
    {"NV12", NPU_FOURCC_NV12, 2, 1, true, true},      {"NV21", NPU_FOURCC_NV21, 2, 1, true, true},
    {"YUYV", NPU_FOURCC_YUYV, 1, 2, false, true},     {"UYVY", NPU_FOURCC_UYVY, 1, 2, false, true},
    {"YU12", NPU_FOURCC_YUV420, 3, 1, true, true},    {"RGB", NPU_FOURCC_BGR888, 1, 3, false, false},
    {"BGR", NPU_FOURCC_RGB888, 1, 3, false, false},   {"BGRX", NPU_FOURCC_XRGB8888, 1, 4, false, false},
    {"RGBX", NPU_FOURCC_XBGR8888, 1, 4, false, false}, {"GREY", NPU_FOURCC_R8, 1, 1, false, false},
};

}  // namespace

std::optional<PixelFormat> FindFormat(std::string_view name) {
  if (name == "R8") name = "GREY";  // DRM's name of it
  for (const PixelFormat& format : kFormats) {
    if (name == format.name) return format;
  }
  return std::nullopt;
}

std::optional<PixelFormat> FindDrmFormat(uint32_t drm) {
  for (const PixelFormat& format : kFormats) {
    if (drm == format.drm) return format;
  }
  return std::nullopt;
}

std::string FormatNames() {
  std::string names;
  for (const PixelFormat& format : kFormats) names += (names.empty() ? "" : ", ") + std::string(format.name);
  return names;
}

std::string FourccText(uint32_t fourcc) {
  std::string text;
  for (int i = 0; i < 4; ++i) {
    const char c = static_cast<char>(fourcc >> 8 * i & 0x7f);
    text += c >= ' ' && c < 0x7f ? c : '?';
  }
  return text;
}

FrameLayout LayOut(const PixelFormat& format, uint32_t width, uint32_t height, uint32_t stride) {
  FrameLayout layout;
  const uint32_t half_width = width / 2 + width % 2, half_height = height / 2 + height % 2;
  for (uint32_t p = 0; p < format.planes; ++p) {
    const bool chroma = p > 0 && format.chroma_half;
    layout.offset[p] = layout.bytes;
    // U and V beside each other have rows as long as Y's, alone half of that; a tight odd width needs one byte more.
    const uint32_t tight = format.planes == 2 ? 2 * half_width : half_width;
    layout.stride[p] = !chroma ? stride : stride == width ? tight : format.planes == 2 ? stride : stride / 2;
    layout.rows[p] = chroma ? half_height : height;
    layout.bytes += uint64_t{layout.stride[p]} * layout.rows[p];
  }
  return layout;
}

}  // namespace camera_run
