// The part of the C API for frames; what a session does with them is in session_frames.h.
// SPDX-License-Identifier: Apache-2.0
#include "capi/npu_frame.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "backends/frames/buffer_registry.h"
#include "backends/frames/check_frame.h"
#include "backends/frames/pixel_format.h"
#include "capi/frame_input.h"
#include "capi/shim.h"

namespace npu {

static_assert(NPU_MAX_PLANES == kMaxPlanes);
static_assert(NPU_MATRIX_BT2020 == static_cast<int>(ColourMatrix::kBt2020));
static_assert(NPU_RANGE_FULL == static_cast<int>(ColourRange::kFull));
static_assert(NPU_CHROMA_LEFT == static_cast<int>(ChromaSite::kLeft));
static_assert(NPU_ORIENTATION_FLIP == static_cast<int>(Orientation::kFlip));
static_assert(NPU_FIT_CENTRE_CROP == static_cast<int>(FitMode::kCentreCrop));
static_assert(NPU_FILTER_NEAREST == static_cast<int>(FrameFilter::kNearest));
static_assert(NPU_FILTER_AREA == static_cast<int>(FrameFilter::kArea));

Frame FromC(const npu_frame& from) {
  Frame frame;
  frame.fourcc = from.fourcc;
  frame.plane_count = from.plane_count;
  frame.modifier = from.modifier;
  frame.width = from.width;
  frame.height = from.height;
  for (int i = 0; i < kMaxPlanes; ++i) {
    const npu_plane& plane = from.planes[i];
    frame.planes[i] = {static_cast<const std::byte*>(plane.ptr), plane.fd, plane.stride, plane.offset,
                       plane.size};
  }
  frame.crop = {from.crop_x, from.crop_y, from.crop_width, from.crop_height};
  frame.matrix = static_cast<ColourMatrix>(from.matrix);
  frame.range = static_cast<ColourRange>(from.range);
  frame.chroma_site = static_cast<ChromaSite>(from.chroma_site);
  frame.orientation = static_cast<Orientation>(from.orientation);
  frame.v4l2_field = from.v4l2_field;
  frame.acquire_fence_fd = from.acquire_fence_fd;
  return frame;
}

Fit FromC(const npu_fit& from) {
  Fit fit;
  fit.mode = static_cast<FitMode>(from.mode);
  fit.filter = static_cast<FrameFilter>(from.filter);
  fit.channel_order = static_cast<ChannelOrder>(from.channel_order);
  fit.norm = static_cast<FrameNorm>(from.norm);
  std::ranges::copy(from.pad_rgb, fit.pad_rgb.begin());
  fit.reserved = from.reserved;
  std::ranges::copy(from.mean, fit.mean.begin());
  std::ranges::copy(from.std, fit.std.begin());
  return fit;
}

npu_fit_map ToC(const FitGeometry& geometry) {
  const FitTransform map = MakeTransform(geometry);
  const Rect &roi = geometry.roi, &source = geometry.source;
  return {0,     map.xx,    map.xy,     map.x0,   map.yx,   map.yy,       map.y0,       roi.x,
          roi.y, roi.width, roi.height, source.x, source.y, source.width, source.height};
}

namespace {

// A point of the input in the frame, inside the source.
void MapPoint(const npu_fit_map& map, float x, float y, float& out_x, float& out_y) {
  const double left = map.source_x, top = map.source_y;
  out_x = static_cast<float>(std::clamp(map.xx * x + map.xy * y + map.x0, left, left + map.source_width));
  out_y = static_cast<float>(std::clamp(map.yx * x + map.yy * y + map.y0, top, top + map.source_height));
}

npu_status ReadMap(const npu_fit_map* map, npu_fit_map& read, const float* in, size_t values) {
  if (const npu_status status = Read(map, read); status != NPU_OK) return status;
  for (size_t i = 0; i < values; ++i) {
    if (!std::isfinite(in[i])) return BadArgument("a coordinate is not a finite number");
  }
  return NPU_OK;
}

}  // namespace
}  // namespace npu

using namespace npu;  // the functions below are global

npu_status npu_fourcc_from_v4l2(uint32_t pixelformat, uint32_t* out_fourcc) {
  return Guard([&] {
    if (out_fourcc == nullptr) return BadArgument("out_fourcc is NULL");
    const auto fourcc = FourccFromV4l2(pixelformat);
    if (!fourcc) return SetError(fourcc.error());
    *out_fourcc = *fourcc;
    return NPU_OK;
  });
}

npu_status npu_frame_check(const npu_frame* frame) {
  return Guard([&] {
    npu_frame read;
    if (const npu_status status = Read(frame, read); status != NPU_OK) return status;
    const Status checked = CheckFrame(FromC(read));
    return checked ? NPU_OK : SetError(checked.error());
  });
}

npu_status npu_frame_set_v4l2_colour(npu_frame* frame, uint32_t colorspace, uint32_t ycbcr_enc,
                                     uint32_t quantization) {
  return Guard([&] {
    npu_frame read;
    if (const npu_status status = Read(frame, read); status != NPU_OK) return status;
    Frame checked = FromC(read);
    if (const Status set = SetV4l2Colour(checked, colorspace, ycbcr_enc, quantization); !set) {
      return SetError(set.error());
    }
    read.matrix = static_cast<uint8_t>(checked.matrix);
    read.range = static_cast<uint8_t>(checked.range);
    return Fill(frame, read);
  });
}

npu_status npu_fit_map_make(const npu_frame* frame, const npu_fit* fit, uint32_t width, uint32_t height,
                            npu_fit_map* out_map) {
  return Guard([&] {
    npu_frame read;
    npu_fit fit_read{};
    if (const npu_status status = Read(frame, read); status != NPU_OK) return status;
    if (fit != nullptr) {
      if (const npu_status status = Read(fit, fit_read); status != NPU_OK) return status;
    }
    if (width == 0 || height == 0 || width > kMaxFrameSide || height > kMaxFrameSide) {
      return SetError(NPU_INVALID_ARGUMENT, "width and height of the input are " + std::to_string(width) +
                                                " and " + std::to_string(height) + ", expected 1 to 65535");
    }
    const Frame picture = FromC(read);
    const Fit wanted = FromC(fit_read);
    if (const Status checked = CheckPicture(picture); !checked) return SetError(checked.error());
    if (const Status checked = CheckFit(wanted); !checked) return SetError(checked.error());
    return Fill(out_map, ToC(MakeGeometry(picture, **FormatOf(picture.fourcc), wanted, width, height)));
  });
}

npu_status npu_fit_box(const npu_fit_map* map, const float box[4], float out_box[4]) {
  return Guard([&] {
    if (box == nullptr || out_box == nullptr) return BadArgument("box or out_box is NULL");
    npu_fit_map read;
    if (const npu_status status = ReadMap(map, read, box, 4); status != NPU_OK) return status;
    float x0, y0, x1, y1;
    MapPoint(read, box[0], box[1], x0, y0);
    MapPoint(read, box[2], box[3], x1, y1);
    // A turned or flipped picture has other corners first.
    out_box[0] = std::min(x0, x1);
    out_box[1] = std::min(y0, y1);
    out_box[2] = std::max(x0, x1);
    out_box[3] = std::max(y0, y1);
    return NPU_OK;
  });
}

npu_status npu_fit_points(const npu_fit_map* map, const float* in, size_t points, float* out) {
  return Guard([&] {
    if (points > 0 && (in == nullptr || out == nullptr)) return BadArgument("in or out is NULL");
    if (points > SIZE_MAX / 2) return BadArgument("more points than memory could hold");
    npu_fit_map read;
    if (const npu_status status = ReadMap(map, read, in, 2 * points); status != NPU_OK) return status;
    for (size_t i = 0; i < points; ++i) {
      const float x = in[2 * i], y = in[2 * i + 1];
      MapPoint(read, x, y, out[2 * i], out[2 * i + 1]);
    }
    return NPU_OK;
  });
}

npu_status npu_session_bind_frame(npu_session* session, size_t index, const npu_frame* frame,
                                  const npu_fit* fit, npu_fit_map* out_map) {
  return Guard([&] {
    if (const npu_status status = CheckIdle(session); status != NPU_OK) return status;
    if (index >= session->session->graph().inputs.size()) return BadArgument("no input of that index");
    npu_frame read;
    npu_fit fit_read{};
    if (const npu_status status = Read(frame, read); status != NPU_OK) return status;
    if (fit != nullptr) {
      if (const npu_status status = Read(fit, fit_read); status != NPU_OK) return status;
    }
    // What could fail behind a successful bind is tried before.
    if (out_map != nullptr) {
      if (const npu_status status = Fill(out_map, npu_fit_map{}); status != NPU_OK) return status;
    }
    const Frame checked = FromC(read);
    const Fit wanted = FromC(fit_read);
    if (const Status status = CheckFrame(checked); !status) return SetError(status.error());
    if (const Status status = CheckFit(wanted); !status) return SetError(status.error());
    const auto geometry = session->session->BindFrame(static_cast<int>(index), checked, wanted,
                                                      {read.release, read.user, read.id});
    if (!geometry) return SetError(geometry.error());
    return out_map == nullptr ? NPU_OK : Fill(out_map, ToC(*geometry));
  });
}

npu_status npu_session_io_info(const npu_session* session, size_t index, npu_io_info* out_info) {
  return Guard([&] {
    if (const npu_status status = CheckIdle(session); status != NPU_OK) return status;
    if (index >= session->session->graph().inputs.size()) return BadArgument("no input of that index");
    const FrameCounts counts = session->session->frame_counts(static_cast<int>(index));
    npu_io_info info{};
    info.frames = counts.frames;
    info.uncopied = counts.uncopied;
    info.copied_bytes = counts.copied_bytes;
    info.maps = counts.maps;
    info.syncs = counts.syncs;
    info.in_place = counts.in_place;
    counts.path.copy(info.path, sizeof(info.path) - 1);
    counts.reason.copy(info.reason, sizeof(info.reason) - 1);
    return Fill(out_info, info);
  });
}

npu_status npu_register_frame_buffer(const void* ptr, size_t size, int32_t fd) {
  return Guard([&] {
    if (ptr == nullptr) return BadArgument("ptr is NULL");
    const Status status = BufferRegistry::OfProcess()->Add({static_cast<const std::byte*>(ptr), size}, fd);
    return status ? NPU_OK : SetError(status.error());
  });
}

npu_status npu_unregister_frame_buffer(const void* ptr) {
  return Guard([&] {
    const Status status = BufferRegistry::OfProcess()->Remove(static_cast<const std::byte*>(ptr));
    return status ? NPU_OK : SetError(status.error());
  });
}

npu_status npu_frame_buffer_counts(const void* ptr, npu_frame_buffer_info* out_info) {
  return Guard([&] {
    const auto counts = BufferRegistry::OfProcess()->CountsOf(static_cast<const std::byte*>(ptr));
    if (!counts) return SetError(counts.error());
    npu_frame_buffer_info info{};
    info.reads = counts->reads;
    info.syncs = counts->syncs;
    return Fill(out_info, info);
  });
}
