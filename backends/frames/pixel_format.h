// The pixel formats that frames may have, in one table: where a row's samples of each component are. The
// names of all others that cameras are known to offer, with why they are refused. Codes are DRM's fourccs;
// V4L2's are translated.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace npu {

enum class ColourModel : uint8_t { kYuv, kRgb, kGrey };

// Sample i of a row is the byte at offset + i * step of the plane's row.
struct FormatComponent {
  uint8_t plane = 0, offset = 0, step = 0;
};

struct PixelFormat {
  uint32_t fourcc = 0;
  std::string_view name;  // "NV12", "BGR888 (bytes R G B)"
  ColourModel model = ColourModel::kRgb;
  uint32_t plane_count = 1;
  // Y, U, V or R, G, B; grey has the first one thrice.
  std::array<FormatComponent, 3> components;
  uint8_t chroma_shift_x = 0,
          chroma_shift_y = 0;  // chroma has (width + shift) >> shift samples, likewise rows

  uint32_t Samples(int component, uint32_t width) const {
    return component == 0 ? width : (width + chroma_shift_x) >> chroma_shift_x;
  }
  uint32_t Rows(int component, uint32_t height) const {
    return component == 0 ? height : (height + chroma_shift_y) >> chroma_shift_y;
  }
  // Of a plane of a frame with this size.
  uint64_t RowBytes(uint32_t plane, uint32_t width) const;
  uint32_t PlaneRows(uint32_t plane, uint32_t height) const;
};

std::span<const PixelFormat> PixelFormats();

// kUnsupported, with the format's name and why not, or what to call it instead.
Result<const PixelFormat*> FormatOf(uint32_t fourcc);

// The DRM fourcc of a V4L2 pixel format with the same bytes. kUnsupported likewise.
Result<uint32_t> FourccFromV4l2(uint32_t pixelformat);

// 'NV12', or a number if it is no text.
std::string FourccText(uint32_t fourcc);

// "0x0800000000000041 (ARM AFBC(BLOCK_SIZE=16x16,MODE=YTR))", with libdrm's names.
std::string ModifierText(uint64_t modifier);

}  // namespace npu
