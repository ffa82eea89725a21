// npu_frame_check against descriptors drawn at random: what is right is accepted, and one wrong field is
// refused by name. And the format names of V4L2 and DRM, byte by byte.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <linux/videodev2.h>

#include <array>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "backends/frames/pixel_format.h"
#include "capi/npu_delegate.h"

namespace npu {
namespace {

class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {}
  uint64_t Between(uint64_t low, uint64_t high) {
    return std::uniform_int_distribution<uint64_t>(low, high)(random_);
  }
  bool OneIn(int n) { return Between(1, n) == 1; }

 private:
  std::mt19937_64 random_;
};

// Written here again, from the formats' definitions: bytes of a row, and rows, of every plane.
struct PlaneShape {
  uint64_t row_bytes;
  uint32_t rows;
};
std::vector<PlaneShape> Shapes(uint32_t fourcc, uint32_t w, uint32_t h) {
  const uint64_t pairs = (uint64_t{w} + 1) / 2;
  const uint32_t half_rows = (h + 1) / 2;
  switch (fourcc) {
    case NPU_FOURCC_NV12:
    case NPU_FOURCC_NV21: return {{w, h}, {2 * pairs, half_rows}};
    case NPU_FOURCC_YUV420:
    case NPU_FOURCC_YVU420: return {{w, h}, {pairs, half_rows}, {pairs, half_rows}};
    case NPU_FOURCC_YUYV:
    case NPU_FOURCC_YVYU:
    case NPU_FOURCC_UYVY:
    case NPU_FOURCC_VYUY: return {{4 * pairs, h}};
    case NPU_FOURCC_BGR888:
    case NPU_FOURCC_RGB888: return {{uint64_t{3} * w, h}};
    case NPU_FOURCC_R8: return {{w, h}};
    default: return {{uint64_t{4} * w, h}};
  }
}
bool IsRgb(uint32_t fourcc) {
  const auto format = FormatOf(fourcc);
  return format && (*format)->model == ColourModel::kRgb;
}
bool SharesX(uint32_t fourcc) { return !IsRgb(fourcc) && fourcc != NPU_FOURCC_R8; }
bool SharesY(uint32_t fourcc) { return Shapes(fourcc, 2, 2).size() > 1; }

const std::byte kSomewhere[1] = {};

npu_frame ValidFrame(Draw& draw) {
  const auto formats = PixelFormats();
  npu_frame frame{};
  frame.struct_size = sizeof(frame);
  frame.fourcc = formats[draw.Between(0, formats.size() - 1)].fourcc;
  const auto side = [&] {
    return static_cast<uint32_t>(draw.OneIn(8)   ? 65535
                                 : draw.OneIn(4) ? draw.Between(1, 3)
                                                 : draw.Between(1, 4096));
  };
  frame.width = side();
  frame.height = side();
  const auto shapes = Shapes(frame.fourcc, frame.width, frame.height);
  frame.plane_count = static_cast<uint32_t>(shapes.size());
  for (size_t i = 0; i < shapes.size(); ++i) {
    npu_plane& plane = frame.planes[i];
    if (draw.OneIn(2)) {
      plane.ptr = kSomewhere;
      plane.fd = draw.OneIn(2) ? 0 : -1;
    } else {
      plane.fd = static_cast<int32_t>(draw.Between(1, 1000));
    }
    plane.stride = static_cast<uint32_t>(shapes[i].row_bytes + (draw.OneIn(2) ? 0 : draw.Between(0, 300)));
    plane.offset = draw.OneIn(2) ? 0 : draw.Between(0, 1 << 20);
    const uint64_t needed =
        plane.offset + uint64_t{plane.stride} * (shapes[i].rows - 1) + shapes[i].row_bytes;
    plane.size = draw.OneIn(3) ? 0 : needed + (draw.OneIn(2) ? 0 : draw.Between(0, 5000));
  }
  if (draw.OneIn(2)) {
    const auto axis = [&](uint32_t whole, bool shared, uint32_t& start, uint32_t& length) {
      start = static_cast<uint32_t>(draw.Between(0, whole - 1));
      if (shared) start &= ~1u;
      length = static_cast<uint32_t>(draw.Between(1, whole - start));
      if (shared && length % 2 != 0) length = start + length < whole ? length + 1 : length;
      if (shared && length % 2 != 0 && start + length != whole) length = whole - start;
    };
    axis(frame.width, SharesX(frame.fourcc), frame.crop_x, frame.crop_width);
    axis(frame.height, SharesY(frame.fourcc), frame.crop_y, frame.crop_height);
  }
  frame.matrix = static_cast<uint8_t>(draw.Between(0, 3));
  frame.range = static_cast<uint8_t>(IsRgb(frame.fourcc) ? 2 * draw.Between(0, 1) : draw.Between(0, 2));
  frame.chroma_site = static_cast<uint8_t>(draw.Between(0, 1));
  frame.orientation = static_cast<uint8_t>(draw.Between(0, 7));
  frame.v4l2_field = static_cast<uint32_t>(draw.Between(0, 1));
  frame.acquire_fence_fd = static_cast<int32_t>(draw.Between(0, 5)) - 1;
  frame.id = draw.Between(0, UINT64_MAX);
  return frame;
}

// Makes one field of a valid frame wrong and says which; false: this frame has no such field.
struct Mistake {
  const char* field;
  std::function<bool(npu_frame&, Draw&)> make;
};

npu_plane& AnyPlane(npu_frame& frame, Draw& draw, int& index) {
  index = static_cast<int>(draw.Between(0, frame.plane_count - 1));
  return frame.planes[index];
}
void WholeFrame(npu_frame& frame) { frame.crop_x = frame.crop_y = frame.crop_width = frame.crop_height = 0; }

std::vector<Mistake> Mistakes(int& plane_index) {
  return {
      {"fourcc",
       [](npu_frame& f, Draw& draw) {
         const uint32_t bad[] = {0,
                                 NPU_FOURCC('N', 'M', '1', '2'),
                                 NPU_FOURCC('P', '0', '1', '0'),
                                 V4L2_PIX_FMT_RGB24,
                                 V4L2_PIX_FMT_SRGGB8,
                                 V4L2_PIX_FMT_SRGGB10P,
                                 V4L2_PIX_FMT_MJPEG,
                                 0xffffffffu};
         f.fourcc = bad[draw.Between(0, std::size(bad) - 1)];
         return true;
       }},
      {"modifier",
       [](npu_frame& f, Draw& draw) {
         f.modifier = draw.Between(1, UINT64_MAX);
         return true;
       }},
      {"width",
       [](npu_frame& f, Draw& draw) {
         f.width = draw.OneIn(2) ? 0 : 65536;
         return true;
       }},
      {"height",
       [](npu_frame& f, Draw& draw) {
         f.height = draw.OneIn(2) ? 0 : static_cast<uint32_t>(draw.Between(65536, UINT32_MAX));
         return true;
       }},
      {"plane_count",
       [](npu_frame& f, Draw& draw) {
         const uint32_t right = f.plane_count;
         f.plane_count = static_cast<uint32_t>(draw.OneIn(3) ? UINT32_MAX : draw.Between(0, 4));
         return f.plane_count != right;
       }},
      {"planes[].ptr",
       [&](npu_frame& f, Draw& draw) {
         npu_plane& plane = AnyPlane(f, draw, plane_index);
         plane.ptr = nullptr;
         plane.fd = -static_cast<int32_t>(draw.Between(0, 3));
         return true;
       }},
      {"planes[].stride",
       [&](npu_frame& f, Draw& draw) {
         npu_plane& plane = AnyPlane(f, draw, plane_index);
         const uint64_t row = Shapes(f.fourcc, f.width, f.height)[plane_index].row_bytes;
         plane.stride = static_cast<uint32_t>(draw.OneIn(2) ? row - 1 : draw.Between(0, row - 1));
         return true;
       }},
      {"planes[].size",
       [&](npu_frame& f, Draw& draw) {
         npu_plane& plane = AnyPlane(f, draw, plane_index);
         const PlaneShape shape = Shapes(f.fourcc, f.width, f.height)[plane_index];
         const uint64_t needed = plane.offset + uint64_t{plane.stride} * (shape.rows - 1) + shape.row_bytes;
         if (needed == 1) return false;  // a size of 0 means another thing
         plane.size = draw.OneIn(2) ? needed - 1 : draw.Between(1, needed - 1);
         return true;
       }},
      {"planes[].size",
       [&](npu_frame& f, Draw& draw) {  // an offset that wraps
         npu_plane& plane = AnyPlane(f, draw, plane_index);
         plane.size = 1 << 20;
         plane.offset = UINT64_MAX - draw.Between(0, 100);
         return true;
       }},
      {"planes[].offset",
       [&](npu_frame& f, Draw& draw) {
         npu_plane& plane = AnyPlane(f, draw, plane_index);
         plane.size = 0;
         plane.offset =
             UINT64_MAX - (draw.OneIn(2) ? 0
                                         : uint64_t{plane.stride} *
                                               (Shapes(f.fourcc, f.width, f.height)[plane_index].rows - 1));
         return true;
       }},
      {"crop_width",
       [](npu_frame& f, Draw&) {
         WholeFrame(f);
         f.crop_height = 1;
         return true;
       }},
      {"crop_height",
       [](npu_frame& f, Draw&) {
         WholeFrame(f);
         f.crop_width = f.width;
         return true;
       }},
      {"crop_x",
       [](npu_frame& f, Draw& draw) {
         WholeFrame(f);
         f.crop_width = f.width;
         f.crop_height = f.height;
         f.crop_x = draw.OneIn(2) ? 2 : UINT32_MAX - 1;
         return true;
       }},
      {"crop_y",
       [](npu_frame& f, Draw& draw) {
         WholeFrame(f);
         f.crop_width = f.width;
         f.crop_height = f.height;
         f.crop_y = draw.OneIn(2) ? 2 : UINT32_MAX - 1;
         return true;
       }},
      {"crop_x",
       [](npu_frame& f, Draw&) {
         WholeFrame(f);
         if (!SharesX(f.fourcc) || f.width < 4) return false;
         f.crop_x = 1;
         f.crop_width = f.width - 1;
         f.crop_height = f.height;
         return true;
       }},
      {"crop_y",
       [](npu_frame& f, Draw&) {
         WholeFrame(f);
         if (!SharesY(f.fourcc) || f.height < 4) return false;
         f.crop_y = 1;
         f.crop_height = 2;
         f.crop_width = f.width;
         return true;
       }},
      {"crop_width",
       [](npu_frame& f, Draw&) {
         WholeFrame(f);
         if (!SharesX(f.fourcc) || f.width < 2) return false;
         f.crop_width = 1;
         f.crop_height = f.height;
         return true;
       }},
      {"matrix",
       [](npu_frame& f, Draw& draw) {
         f.matrix = static_cast<uint8_t>(draw.Between(4, 255));
         return true;
       }},
      {"range",
       [](npu_frame& f, Draw& draw) {
         f.range = static_cast<uint8_t>(draw.Between(3, 255));
         return true;
       }},
      {"range",
       [](npu_frame& f, Draw&) {
         f.range = NPU_RANGE_LIMITED;
         return IsRgb(f.fourcc);
       }},
      {"chroma_site",
       [](npu_frame& f, Draw& draw) {
         f.chroma_site = static_cast<uint8_t>(draw.Between(2, 255));
         return true;
       }},
      {"orientation",
       [](npu_frame& f, Draw& draw) {
         f.orientation = static_cast<uint8_t>(draw.Between(8, 255));
         return true;
       }},
      {"v4l2_field",
       [](npu_frame& f, Draw& draw) {
         f.v4l2_field = static_cast<uint32_t>(draw.OneIn(2) ? draw.Between(2, 9) : UINT32_MAX);
         return true;
       }},
      {"struct_size",
       [](npu_frame& f, Draw& draw) {
         f.struct_size = draw.OneIn(2) ? sizeof(f) + 8 : draw.Between(0, 7);
         return true;
       }},
  };
}

TEST(FrameCheck, RandomFrames) {
  Draw draw(7);
  int plane_index = 0;
  const std::vector<Mistake> mistakes = Mistakes(plane_index);
  std::vector<int> made(mistakes.size());
  int valid = 0;
  for (int i = 0; i < 30000; ++i) {
    npu_frame frame = ValidFrame(draw);
    ASSERT_EQ(npu_frame_check(&frame), NPU_OK) << "frame " << i << ": " << npu_last_error();
    ++valid;
    const size_t which = draw.Between(0, mistakes.size() - 1);
    if (!mistakes[which].make(frame, draw)) continue;
    const npu_status status = npu_frame_check(&frame);
    ASSERT_TRUE(status == NPU_INVALID_ARGUMENT || status == NPU_UNSUPPORTED)
        << "frame " << i << ", " << mistakes[which].field;
    std::string field = mistakes[which].field;
    if (const size_t at = field.find("[]"); at != std::string::npos)
      field.insert(at + 1, std::to_string(plane_index));
    ASSERT_TRUE(std::string(npu_last_error()).starts_with(field + " "))
        << "frame " << i << ": expected " << field << ", got: " << npu_last_error();
    ++made[which];
  }
  EXPECT_EQ(valid, 30000);
  for (size_t i = 0; i < made.size(); ++i)
    EXPECT_GT(made[i], 100) << mistakes[i].field << " was hardly tried";
}

TEST(FrameCheck, OlderCallersStructs) {
  npu_frame frame{};
  frame.fourcc = NPU_FOURCC_R8;
  frame.width = frame.height = 1;
  frame.plane_count = 1;
  frame.planes[0] = {kSomewhere, 0, 1, 0, 0};
  frame.matrix = 99;  // behind what this caller knows
  frame.struct_size = offsetof(npu_frame, matrix);
  EXPECT_EQ(npu_frame_check(&frame), NPU_OK) << npu_last_error();
  EXPECT_EQ(npu_frame_check(nullptr), NPU_INVALID_ARGUMENT);
}

// V4L2's name, and the bytes of one pixel (or pair) as videodev2.h and the kernel's documentation give them.
struct V4l2Layout {
  uint32_t pixelformat;
  uint32_t drm;
  const char* bytes;
};

TEST(FrameFormats, V4l2NamesHaveTheSameBytes) {
  const V4l2Layout layouts[] = {
      {V4L2_PIX_FMT_RGB24, NPU_FOURCC_BGR888, "RGB"},
      {V4L2_PIX_FMT_BGR24, NPU_FOURCC_RGB888, "BGR"},
      {V4L2_PIX_FMT_XBGR32, NPU_FOURCC_XRGB8888, "BGRx"},
      {V4L2_PIX_FMT_ABGR32, NPU_FOURCC_ARGB8888, "BGRx"},
      {V4L2_PIX_FMT_BGRX32, NPU_FOURCC_RGBX8888, "xBGR"},
      {V4L2_PIX_FMT_BGRA32, NPU_FOURCC_RGBA8888, "xBGR"},
      {V4L2_PIX_FMT_RGBX32, NPU_FOURCC_XBGR8888, "RGBx"},
      {V4L2_PIX_FMT_RGBA32, NPU_FOURCC_ABGR8888, "RGBx"},
      {V4L2_PIX_FMT_XRGB32, NPU_FOURCC_BGRX8888, "xRGB"},
      {V4L2_PIX_FMT_ARGB32, NPU_FOURCC_BGRA8888, "xRGB"},
      {V4L2_PIX_FMT_BGR32, NPU_FOURCC_XRGB8888, "BGRx"},
      {V4L2_PIX_FMT_RGB32, NPU_FOURCC_BGRX8888, "xRGB"},
      {V4L2_PIX_FMT_YUYV, NPU_FOURCC_YUYV, "YUYV"},
      {V4L2_PIX_FMT_YVYU, NPU_FOURCC_YVYU, "YVYU"},
      {V4L2_PIX_FMT_UYVY, NPU_FOURCC_UYVY, "UYVY"},
      {V4L2_PIX_FMT_VYUY, NPU_FOURCC_VYUY, "VYUY"},
      {V4L2_PIX_FMT_GREY, NPU_FOURCC_R8, "R"},
      {V4L2_PIX_FMT_NV12, NPU_FOURCC_NV12, "Y|UV"},
      {V4L2_PIX_FMT_NV12M, NPU_FOURCC_NV12, "Y|UV"},
      {V4L2_PIX_FMT_NV21, NPU_FOURCC_NV21, "Y|VU"},
      {V4L2_PIX_FMT_NV21M, NPU_FOURCC_NV21, "Y|VU"},
      {V4L2_PIX_FMT_YUV420, NPU_FOURCC_YUV420, "Y|U|V"},
      {V4L2_PIX_FMT_YUV420M, NPU_FOURCC_YUV420, "Y|U|V"},
      {V4L2_PIX_FMT_YVU420, NPU_FOURCC_YVU420, "Y|V|U"},
      {V4L2_PIX_FMT_YVU420M, NPU_FOURCC_YVU420, "Y|V|U"},
  };
  for (const V4l2Layout& layout : layouts) {
    uint32_t fourcc = 0;
    ASSERT_EQ(npu_fourcc_from_v4l2(layout.pixelformat, &fourcc), NPU_OK) << npu_last_error();
    EXPECT_EQ(fourcc, layout.drm) << FourccText(layout.pixelformat);
    const PixelFormat& format = **FormatOf(fourcc);
    // The table's components, spelled the same way.
    std::vector<std::string> planes(format.plane_count);
    const std::string names = format.model == ColourModel::kYuv ? "YUV" : "RGB";
    for (uint32_t p = 0; p < format.plane_count; ++p) {
      int length = 0;
      for (const FormatComponent& c : format.components) {
        if (c.plane == p) length = std::max<int>(length, c.step);
      }
      planes[p].assign(length, 'x');
      for (int i = 0; i < (format.model == ColourModel::kGrey ? 1 : 3); ++i) {
        const FormatComponent& c = format.components[i];
        if (c.plane != p) continue;
        for (int at = c.offset; at < length; at += c.step) planes[p][at] = names[i];
      }
    }
    std::string bytes = planes[0];
    for (uint32_t p = 1; p < format.plane_count; ++p) bytes += "|" + planes[p];
    EXPECT_EQ(bytes, layout.bytes) << FourccText(layout.pixelformat);
  }
}

TEST(FrameFormats, RefusedByName) {
  const std::pair<uint32_t, const char*> refused[] = {
      {V4L2_PIX_FMT_SRGGB8, "SRGGB8, Bayer"},
      {V4L2_PIX_FMT_SBGGR10, "SBGGR10, Bayer"},
      {V4L2_PIX_FMT_SRGGB10P, "SRGGB10P, Bayer"},
      {V4L2_PIX_FMT_Y10, "Y10, more than 8"},
      {V4L2_PIX_FMT_P010, "P010, more than 8"},
      {V4L2_PIX_FMT_NV12_4L4, "NV12_4L4, tiles"},
      {V4L2_PIX_FMT_MJPEG, "MJPEG, compressed"},
      {NPU_FOURCC('a', 'b', 'c', 'd'), "'abcd'"},
      {7, "0x00000007"},
  };
  for (const auto& [pixelformat, text] : refused) {
    uint32_t fourcc = 1234;
    EXPECT_EQ(npu_fourcc_from_v4l2(pixelformat, &fourcc), NPU_UNSUPPORTED);
    EXPECT_EQ(fourcc, 1234u);
    EXPECT_NE(std::string(npu_last_error()).find(text), std::string::npos) << npu_last_error();
  }
  npu_frame frame{};
  frame.struct_size = sizeof(frame);
  frame.fourcc = NPU_FOURCC_NV12;
  frame.modifier = uint64_t{8} << 56 | 0x41;  // AFBC
  EXPECT_EQ(npu_frame_check(&frame), NPU_UNSUPPORTED);
  EXPECT_NE(std::string(npu_last_error()).find("modifier is 0x0800000000000041 (ARM BLOCK_SIZE=16x16,MODE="), std::string::npos)
      << npu_last_error();
  frame.modifier = 0;
  frame.width = frame.height = 2;
  frame.v4l2_field = V4L2_FIELD_INTERLACED;
  EXPECT_EQ(npu_frame_check(&frame), NPU_UNSUPPORTED);
  EXPECT_NE(std::string(npu_last_error()).find("interlaced"), std::string::npos) << npu_last_error();
}

TEST(FrameFormats, V4l2Colour) {
  struct Case {
    uint32_t fourcc, colorspace, encoding, quantization;
    int matrix, range;
  };
  const Case cases[] = {
      {NPU_FOURCC_NV12, V4L2_COLORSPACE_DEFAULT, 0, 0, NPU_MATRIX_BT601, NPU_RANGE_LIMITED},
      {NPU_FOURCC_NV12, V4L2_COLORSPACE_SMPTE170M, 0, 0, NPU_MATRIX_BT601, NPU_RANGE_LIMITED},
      {NPU_FOURCC_NV12, V4L2_COLORSPACE_REC709, 0, 0, NPU_MATRIX_BT709, NPU_RANGE_LIMITED},
      {NPU_FOURCC_NV12, V4L2_COLORSPACE_BT2020, 0, 0, NPU_MATRIX_BT2020, NPU_RANGE_LIMITED},
      {NPU_FOURCC_YUYV, V4L2_COLORSPACE_JPEG, 0, 0, NPU_MATRIX_BT601, NPU_RANGE_FULL},
      {NPU_FOURCC_YUYV, V4L2_COLORSPACE_SRGB, 0, 0, NPU_MATRIX_BT601, NPU_RANGE_LIMITED},
      {NPU_FOURCC_YUYV, V4L2_COLORSPACE_SRGB, V4L2_YCBCR_ENC_709, V4L2_QUANTIZATION_FULL_RANGE,
       NPU_MATRIX_BT709, NPU_RANGE_FULL},
      {NPU_FOURCC_BGR888, V4L2_COLORSPACE_SRGB, 0, 0, NPU_MATRIX_BT601, NPU_RANGE_FULL},
  };
  for (const Case& c : cases) {
    npu_frame frame{};
    frame.struct_size = sizeof(frame);
    frame.fourcc = c.fourcc;
    ASSERT_EQ(npu_frame_set_v4l2_colour(&frame, c.colorspace, c.encoding, c.quantization), NPU_OK)
        << npu_last_error();
    EXPECT_EQ(frame.matrix, c.matrix) << c.colorspace;
    EXPECT_EQ(frame.range, c.range) << c.colorspace;
  }
  npu_frame frame{};
  frame.struct_size = sizeof(frame);
  frame.fourcc = NPU_FOURCC_NV12;
  EXPECT_EQ(npu_frame_set_v4l2_colour(&frame, V4L2_COLORSPACE_SMPTE240M, 0, 0), NPU_UNSUPPORTED);
}

}  // namespace
}  // namespace npu
