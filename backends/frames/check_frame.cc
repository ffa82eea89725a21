// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/check_frame.h"

#include <fmt/format.h>
#include <libdrm/drm_fourcc.h>
#include <linux/videodev2.h>

#include <cmath>

#include "backends/frames/pixel_format.h"
#include "base/checked.h"

namespace npu {
namespace {

template <typename... Args>
tl::unexpected<Error> Wrong(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format(format, std::forward<Args>(args)...));
}

template <typename Enum>
Status CheckEnum(std::string_view field, Enum value, Enum last) {
  if (value <= last) return {};
  return Wrong("{} is {}, expected 0 to {}", field, static_cast<int>(value), static_cast<int>(last));
}

std::string_view FieldName(uint32_t field) {
  switch (field) {
    case V4L2_FIELD_TOP: return "top fields only";
    case V4L2_FIELD_BOTTOM: return "bottom fields only";
    case V4L2_FIELD_INTERLACED:
    case V4L2_FIELD_INTERLACED_TB:
    case V4L2_FIELD_INTERLACED_BT: return "interlaced";
    case V4L2_FIELD_SEQ_TB:
    case V4L2_FIELD_SEQ_BT: return "one field after the other";
    case V4L2_FIELD_ALTERNATE: return "alternating fields";
    default: return "";
  }
}

// One axis of the crop. aligned: chroma is shared by two pixels of it.
Status CheckCrop(char axis, uint32_t start, uint32_t length, uint32_t whole, bool aligned) {
  const std::string_view side = axis == 'x' ? "width" : "height";
  if (length == 0) return Wrong("crop_{} is 0; all four of crop_* are 0 for the whole frame", side);
  if (!RangeFits(start, length, whole)) {
    return Wrong("crop_{} {} and crop_{} {} reach beyond the frame's {} of {}", axis, start, side, length,
                 side, whole);
  }
  if (!aligned) return {};
  if (start % 2 != 0)
    return Wrong("crop_{} is {}: two pixels share their chroma, so it must be even", axis, start);
  if (length % 2 != 0 && start + length != whole) {
    return Wrong(
        "crop_{} is {}: two pixels share their chroma, so it must be even or end where the frame does", side,
        length);
  }
  return {};
}

Status CheckPlane(const Frame& frame, const PixelFormat& format, uint32_t i) {
  const FramePlane& plane = frame.planes[i];
  if (plane.ptr == nullptr && plane.fd <= 0)
    return Wrong("planes[{}].ptr is NULL and fd is {}: no memory", i, plane.fd);
  const uint64_t row = format.RowBytes(i, frame.width);
  if (plane.stride < row) {
    return Wrong("planes[{}].stride is {}, less than a row of {} bytes", i, plane.stride, row);
  }
  // 65535 strides of 32 bits and a row stay far below 2^63.
  const uint64_t bytes = uint64_t{plane.stride} * (format.PlaneRows(i, frame.height) - 1) + row;
  if (plane.size != 0) {
    if (RangeFits(plane.offset, bytes, plane.size)) return {};
    return Wrong(
        "planes[{}].size is {}: with offset {} and stride {} the plane needs {} bytes behind the offset", i,
        plane.size, plane.offset, plane.stride, bytes);
  }
  const uint64_t before = reinterpret_cast<uintptr_t>(plane.ptr);
  if (plane.offset > UINT64_MAX - bytes || before > UINT64_MAX - bytes - plane.offset) {
    return Wrong("planes[{}].offset is {}: the plane ends beyond the address space", i, plane.offset);
  }
  return {};
}

}  // namespace

Status CheckPicture(const Frame& frame) {
  NPU_ASSIGN_OR_RETURN(const PixelFormat* format, FormatOf(frame.fourcc));
  if (frame.modifier != DRM_FORMAT_MOD_LINEAR) {
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format(
            "modifier is {}: only plain rows (0, DRM_FORMAT_MOD_LINEAR) can be read; ask the driver for them",
            ModifierText(frame.modifier)));
  }
  if (frame.width == 0 || frame.width > kMaxFrameSide) {
    return Wrong("width is {}, expected 1 to {}", frame.width, kMaxFrameSide);
  }
  if (frame.height == 0 || frame.height > kMaxFrameSide) {
    return Wrong("height is {}, expected 1 to {}", frame.height, kMaxFrameSide);
  }
  if (frame.crop != Rect{}) {
    const Rect& crop = frame.crop;
    NPU_RETURN_IF_ERROR(CheckCrop('x', crop.x, crop.width, frame.width, format->chroma_shift_x > 0));
    NPU_RETURN_IF_ERROR(CheckCrop('y', crop.y, crop.height, frame.height, format->chroma_shift_y > 0));
  }
  NPU_RETURN_IF_ERROR(CheckEnum("matrix", frame.matrix, ColourMatrix::kBt2020));
  NPU_RETURN_IF_ERROR(CheckEnum("range", frame.range, ColourRange::kFull));
  if (format->model == ColourModel::kRgb && frame.range == ColourRange::kLimited) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("range is limited, but {} is read as full range only", format->name));
  }
  NPU_RETURN_IF_ERROR(CheckEnum("chroma_site", frame.chroma_site, ChromaSite::kLeft));
  NPU_RETURN_IF_ERROR(CheckEnum("orientation", frame.orientation, Orientation::kLast));
  if (frame.v4l2_field > V4L2_FIELD_NONE) {
    const std::string_view name = FieldName(frame.v4l2_field);
    if (name.empty()) return Wrong("v4l2_field is {}, none of enum v4l2_field", frame.v4l2_field);
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format("v4l2_field is {} ({}): only progressive frames can be read", frame.v4l2_field, name));
  }
  return {};
}

Status CheckFrame(const Frame& frame) {
  NPU_RETURN_IF_ERROR(CheckPicture(frame));
  const PixelFormat& format = **FormatOf(frame.fourcc);
  if (frame.plane_count != format.plane_count) {
    return Wrong(
        "plane_count is {}, {} has {}{}", frame.plane_count, format.name, format.plane_count,
        format.plane_count > 1 ? "; those in one memory have offsets, stride times the coded height" : "");
  }
  for (uint32_t i = 0; i < frame.plane_count; ++i) NPU_RETURN_IF_ERROR(CheckPlane(frame, format, i));
  return {};
}

Status CheckFit(const Fit& fit) {
  NPU_RETURN_IF_ERROR(CheckEnum("fit.mode", fit.mode, FitMode::kCentreCrop));
  NPU_RETURN_IF_ERROR(CheckEnum("fit.filter", fit.filter, FrameFilter::kNearest));
  NPU_RETURN_IF_ERROR(CheckEnum("fit.channel_order", fit.channel_order, ChannelOrder::kBgr));
  NPU_RETURN_IF_ERROR(CheckEnum("fit.norm", fit.norm, FrameNorm::kMeanStd));
  if (fit.reserved != 0) return Wrong("fit.reserved is {}, expected 0", fit.reserved);
  if (fit.norm != FrameNorm::kMeanStd) return {};
  for (int i = 0; i < 3; ++i) {
    if (!std::isfinite(fit.mean[i])) return Wrong("fit.mean[{}] is {}, expected a number", i, fit.mean[i]);
    if (!std::isfinite(fit.std[i]) || fit.std[i] == 0) {
      return Wrong("fit.std[{}] is {}, expected a number that is not 0", i, fit.std[i]);
    }
  }
  return {};
}

Status SetV4l2Colour(Frame& frame, uint32_t colorspace, uint32_t ycbcr_enc, uint32_t quantization) {
  NPU_ASSIGN_OR_RETURN(const PixelFormat* format, FormatOf(frame.fourcc));
  if (ycbcr_enc == V4L2_YCBCR_ENC_DEFAULT) ycbcr_enc = V4L2_MAP_YCBCR_ENC_DEFAULT(colorspace);
  if (quantization == V4L2_QUANTIZATION_DEFAULT) {
    quantization = V4L2_MAP_QUANTIZATION_DEFAULT(format->model != ColourModel::kYuv, colorspace, ycbcr_enc);
  }
  ColourMatrix matrix = ColourMatrix::kAuto;
  switch (ycbcr_enc) {
    case V4L2_YCBCR_ENC_601:
    case V4L2_YCBCR_ENC_XV601: matrix = ColourMatrix::kBt601; break;
    case V4L2_YCBCR_ENC_709:
    case V4L2_YCBCR_ENC_XV709: matrix = ColourMatrix::kBt709; break;
    case V4L2_YCBCR_ENC_BT2020: matrix = ColourMatrix::kBt2020; break;
    default:
      if (format->model == ColourModel::kYuv) {
        return Fail(
            ErrorCode::kUnsupported,
            fmt::format("ycbcr_enc is {}, none of BT.601, BT.709 and BT.2020 (non-constant luminance)",
                        ycbcr_enc));
      }
  }
  if (quantization != V4L2_QUANTIZATION_FULL_RANGE && quantization != V4L2_QUANTIZATION_LIM_RANGE) {
    return Wrong("quantization is {}, none of enum v4l2_quantization", quantization);
  }
  frame.matrix = matrix;
  frame.range = quantization == V4L2_QUANTIZATION_FULL_RANGE ? ColourRange::kFull : ColourRange::kLimited;
  return {};
}

}  // namespace npu
