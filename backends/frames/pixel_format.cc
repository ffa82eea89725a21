// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/pixel_format.h"

#include <fmt/format.h>
#include <libdrm/drm_fourcc.h>
#include <linux/videodev2.h>
#include <xf86drm.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace npu {
namespace {

constexpr PixelFormat Packed422(uint32_t fourcc, std::string_view name, uint8_t y, uint8_t u, uint8_t v) {
  return {fourcc, name, ColourModel::kYuv, 1, {{{0, y, 2}, {0, u, 4}, {0, v, 4}}}, 1, 0};
}
constexpr PixelFormat PackedRgb(uint32_t fourcc, std::string_view name, uint8_t step, uint8_t r, uint8_t g,
                                uint8_t b) {
  return {fourcc, name, ColourModel::kRgb, 1, {{{0, r, step}, {0, g, step}, {0, b, step}}}, 0, 0};
}

// DRM names packed formats from the highest byte of a little-endian word, so bytes lie in the other order.
constexpr PixelFormat kFormats[] = {
    {DRM_FORMAT_NV12, "NV12", ColourModel::kYuv, 2, {{{0, 0, 1}, {1, 0, 2}, {1, 1, 2}}}, 1, 1},
    {DRM_FORMAT_NV21, "NV21", ColourModel::kYuv, 2, {{{0, 0, 1}, {1, 1, 2}, {1, 0, 2}}}, 1, 1},
    {DRM_FORMAT_YUV420, "YUV420 (YU12)", ColourModel::kYuv, 3, {{{0, 0, 1}, {1, 0, 1}, {2, 0, 1}}}, 1, 1},
    {DRM_FORMAT_YVU420, "YVU420 (YV12)", ColourModel::kYuv, 3, {{{0, 0, 1}, {2, 0, 1}, {1, 0, 1}}}, 1, 1},
    Packed422(DRM_FORMAT_YUYV, "YUYV", 0, 1, 3),
    Packed422(DRM_FORMAT_YVYU, "YVYU", 0, 3, 1),
    Packed422(DRM_FORMAT_UYVY, "UYVY", 1, 0, 2),
    Packed422(DRM_FORMAT_VYUY, "VYUY", 1, 2, 0),
    PackedRgb(DRM_FORMAT_BGR888, "BGR888 (bytes R G B)", 3, 0, 1, 2),
    PackedRgb(DRM_FORMAT_RGB888, "RGB888 (bytes B G R)", 3, 2, 1, 0),
    PackedRgb(DRM_FORMAT_XBGR8888, "XBGR8888 (bytes R G B x)", 4, 0, 1, 2),
    PackedRgb(DRM_FORMAT_ABGR8888, "ABGR8888 (bytes R G B A)", 4, 0, 1, 2),
    PackedRgb(DRM_FORMAT_XRGB8888, "XRGB8888 (bytes B G R x)", 4, 2, 1, 0),
    PackedRgb(DRM_FORMAT_ARGB8888, "ARGB8888 (bytes B G R A)", 4, 2, 1, 0),
    PackedRgb(DRM_FORMAT_RGBX8888, "RGBX8888 (bytes x B G R)", 4, 3, 2, 1),
    PackedRgb(DRM_FORMAT_RGBA8888, "RGBA8888 (bytes A B G R)", 4, 3, 2, 1),
    PackedRgb(DRM_FORMAT_BGRX8888, "BGRX8888 (bytes x R G B)", 4, 1, 2, 3),
    PackedRgb(DRM_FORMAT_BGRA8888, "BGRA8888 (bytes A R G B)", 4, 1, 2, 3),
    {DRM_FORMAT_R8, "R8 (grey)", ColourModel::kGrey, 1, {{{0, 0, 1}, {0, 0, 1}, {0, 0, 1}}}, 0, 0},
};

struct V4l2Name {
  uint32_t pixelformat, fourcc;
};
constexpr V4l2Name kV4l2Names[] = {
    {V4L2_PIX_FMT_NV12, DRM_FORMAT_NV12},
    {V4L2_PIX_FMT_NV12M, DRM_FORMAT_NV12},
    {V4L2_PIX_FMT_NV21, DRM_FORMAT_NV21},
    {V4L2_PIX_FMT_NV21M, DRM_FORMAT_NV21},
    {V4L2_PIX_FMT_YUV420, DRM_FORMAT_YUV420},
    {V4L2_PIX_FMT_YUV420M, DRM_FORMAT_YUV420},
    {V4L2_PIX_FMT_YVU420, DRM_FORMAT_YVU420},
    {V4L2_PIX_FMT_YVU420M, DRM_FORMAT_YVU420},
    {V4L2_PIX_FMT_YUYV, DRM_FORMAT_YUYV},
    {V4L2_PIX_FMT_YVYU, DRM_FORMAT_YVYU},
    {V4L2_PIX_FMT_UYVY, DRM_FORMAT_UYVY},
    {V4L2_PIX_FMT_VYUY, DRM_FORMAT_VYUY},
    {V4L2_PIX_FMT_RGB24, DRM_FORMAT_BGR888},
    {V4L2_PIX_FMT_BGR24, DRM_FORMAT_RGB888},
    {V4L2_PIX_FMT_XBGR32, DRM_FORMAT_XRGB8888},
    {V4L2_PIX_FMT_ABGR32, DRM_FORMAT_ARGB8888},
    {V4L2_PIX_FMT_BGRX32, DRM_FORMAT_RGBX8888},
    {V4L2_PIX_FMT_BGRA32, DRM_FORMAT_RGBA8888},
    {V4L2_PIX_FMT_RGBX32, DRM_FORMAT_XBGR8888},
    {V4L2_PIX_FMT_RGBA32, DRM_FORMAT_ABGR8888},
    {V4L2_PIX_FMT_XRGB32, DRM_FORMAT_BGRX8888},
    {V4L2_PIX_FMT_ARGB32, DRM_FORMAT_BGRA8888},
    // The old names of 32-bit formats, whose fourth byte is anything.
    {V4L2_PIX_FMT_BGR32, DRM_FORMAT_XRGB8888},
    {V4L2_PIX_FMT_RGB32, DRM_FORMAT_BGRX8888},
    {V4L2_PIX_FMT_GREY, DRM_FORMAT_R8},
};

struct Refused {
  uint32_t code;
  std::string_view name, why;
};
constexpr std::string_view kBayer = "Bayer: an image signal processor must make colours of it first";
constexpr std::string_view kDeep = "more than 8 bits a sample";
constexpr std::string_view kTiled = "tiles, not rows";
constexpr std::string_view kCoded = "compressed: decode it first";
constexpr std::string_view kSmall = "less than 8 bits a sample";
constexpr Refused kRefusedV4l2[] = {
    {V4L2_PIX_FMT_SBGGR8, "SBGGR8", kBayer},
    {V4L2_PIX_FMT_SGBRG8, "SGBRG8", kBayer},
    {V4L2_PIX_FMT_SGRBG8, "SGRBG8", kBayer},
    {V4L2_PIX_FMT_SRGGB8, "SRGGB8", kBayer},
    {V4L2_PIX_FMT_SBGGR10, "SBGGR10", kBayer},
    {V4L2_PIX_FMT_SGBRG10, "SGBRG10", kBayer},
    {V4L2_PIX_FMT_SGRBG10, "SGRBG10", kBayer},
    {V4L2_PIX_FMT_SRGGB10, "SRGGB10", kBayer},
    {V4L2_PIX_FMT_SBGGR10P, "SBGGR10P", kBayer},
    {V4L2_PIX_FMT_SGBRG10P, "SGBRG10P", kBayer},
    {V4L2_PIX_FMT_SGRBG10P, "SGRBG10P", kBayer},
    {V4L2_PIX_FMT_SRGGB10P, "SRGGB10P", kBayer},
    {V4L2_PIX_FMT_SBGGR12, "SBGGR12", kBayer},
    {V4L2_PIX_FMT_SGBRG12, "SGBRG12", kBayer},
    {V4L2_PIX_FMT_SGRBG12, "SGRBG12", kBayer},
    {V4L2_PIX_FMT_SRGGB12, "SRGGB12", kBayer},
    {V4L2_PIX_FMT_SBGGR16, "SBGGR16", kBayer},
    {V4L2_PIX_FMT_SGBRG16, "SGBRG16", kBayer},
    {V4L2_PIX_FMT_SGRBG16, "SGRBG16", kBayer},
    {V4L2_PIX_FMT_SRGGB16, "SRGGB16", kBayer},
    {V4L2_PIX_FMT_Y10, "Y10", kDeep},
    {V4L2_PIX_FMT_Y12, "Y12", kDeep},
    {V4L2_PIX_FMT_Y16, "Y16", kDeep},
    {V4L2_PIX_FMT_P010, "P010", kDeep},
    {V4L2_PIX_FMT_NV12_4L4, "NV12_4L4", kTiled},
    {V4L2_PIX_FMT_NV12_16L16, "NV12_16L16", kTiled},
    {V4L2_PIX_FMT_NV12_32L32, "NV12_32L32", kTiled},
    {V4L2_PIX_FMT_NV12M_8L128, "NV12M_8L128", kTiled},
    {V4L2_PIX_FMT_MJPEG, "MJPEG", kCoded},
    {V4L2_PIX_FMT_JPEG, "JPEG", kCoded},
    {V4L2_PIX_FMT_H264, "H264", kCoded},
    {V4L2_PIX_FMT_HEVC, "HEVC", kCoded},
    {V4L2_PIX_FMT_RGB565, "RGB565", kSmall},
    {V4L2_PIX_FMT_RGB332, "RGB332", kSmall},
};
constexpr Refused kRefusedDrm[] = {
    {DRM_FORMAT_P010, "P010", kDeep},
    {DRM_FORMAT_P012, "P012", kDeep},
    {DRM_FORMAT_P016, "P016", kDeep},
    {DRM_FORMAT_P030, "P030", kDeep},
    {DRM_FORMAT_NV15, "NV15", kDeep},
    {DRM_FORMAT_Y210, "Y210", kDeep},
    {DRM_FORMAT_R10, "R10", kDeep},
    {DRM_FORMAT_R12, "R12", kDeep},
    {DRM_FORMAT_R16, "R16", kDeep},
    {DRM_FORMAT_XRGB2101010, "XRGB2101010", kDeep},
    {DRM_FORMAT_ARGB2101010, "ARGB2101010", kDeep},
    {DRM_FORMAT_XBGR2101010, "XBGR2101010", kDeep},
    {DRM_FORMAT_ABGR2101010, "ABGR2101010", kDeep},
    {DRM_FORMAT_YUV420_8BIT, "YUV420_8BIT", kTiled},
    {DRM_FORMAT_RGB565, "RGB565", kSmall},
    {DRM_FORMAT_BGR565, "BGR565", kSmall},
};

std::string SupportedNames() {
  std::string names;
  for (const PixelFormat& format : kFormats) {
    if (!names.empty()) names += ", ";
    names += format.name.substr(0, format.name.find(' '));
  }
  return names;
}

const Refused* FindRefused(std::span<const Refused> list, uint32_t code) {
  const auto found = std::ranges::find(list, code, &Refused::code);
  return found == list.end() ? nullptr : &*found;
}

tl::unexpected<Error> Refuse(std::string_view what, const Refused& refused) {
  return Fail(ErrorCode::kUnsupported, fmt::format("{} is {}, {}", what, refused.name, refused.why));
}

}  // namespace

uint64_t PixelFormat::RowBytes(uint32_t plane, uint32_t width) const {
  uint64_t bytes = 0;
  for (int i = 0; i < 3; ++i) {
    if (components[i].plane == plane)
      bytes = std::max(bytes, uint64_t{Samples(i, width)} * components[i].step);
  }
  return bytes;
}

uint32_t PixelFormat::PlaneRows(uint32_t plane, uint32_t height) const {
  for (int i = 0; i < 3; ++i) {
    if (components[i].plane == plane) return Rows(i, height);
  }
  return 0;
}

std::span<const PixelFormat> PixelFormats() { return kFormats; }

Result<const PixelFormat*> FormatOf(uint32_t fourcc) {
  const auto found = std::ranges::find(kFormats, fourcc, &PixelFormat::fourcc);
  if (found != std::end(kFormats)) return &*found;
  if (const Refused* refused = FindRefused(kRefusedDrm, fourcc)) return Refuse("fourcc", *refused);
  if (const auto named = std::ranges::find(kV4l2Names, fourcc, &V4l2Name::pixelformat);
      named != std::end(kV4l2Names)) {
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format("fourcc is {}, which is V4L2's code, not DRM's: npu_fourcc_from_v4l2 translates it to {}",
                    FourccText(fourcc), FourccText(named->fourcc)));
  }
  if (const Refused* refused = FindRefused(kRefusedV4l2, fourcc)) return Refuse("fourcc", *refused);
  return Fail(ErrorCode::kUnsupported,
              fmt::format("fourcc is {}; frames may be {}", FourccText(fourcc), SupportedNames()));
}

Result<uint32_t> FourccFromV4l2(uint32_t pixelformat) {
  const auto found = std::ranges::find(kV4l2Names, pixelformat, &V4l2Name::pixelformat);
  if (found != std::end(kV4l2Names)) return found->fourcc;
  if (const Refused* refused = FindRefused(kRefusedV4l2, pixelformat)) return Refuse("pixelformat", *refused);
  return Fail(ErrorCode::kUnsupported,
              fmt::format("pixelformat is {}, of which no supported DRM format has the bytes: {}",
                          FourccText(pixelformat), SupportedNames()));
}

std::string FourccText(uint32_t fourcc) {
  std::string text(4, ' ');
  for (int i = 0; i < 4; ++i) {
    text[i] = static_cast<char>(fourcc >> (8 * i) & 0xff);
    if (text[i] < ' ' || text[i] > '~') return fmt::format("0x{:08x}", fourcc);
  }
  return "'" + text + "'";
}

std::string ModifierText(uint64_t modifier) {
  const auto text = [](char* owned) {
    std::string copy = owned != nullptr ? owned : "";
    std::free(owned);
    return copy;
  };
  const std::string vendor = text(drmGetFormatModifierVendor(modifier)), name = text(drmGetFormatModifierName(modifier));
  return fmt::format("0x{:016x} ({}{}{})", modifier, vendor.empty() ? "unknown vendor" : vendor, name.empty() ? "" : " ", name);
}

}  // namespace npu
