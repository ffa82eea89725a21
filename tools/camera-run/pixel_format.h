// The pixel formats that camera-run takes, under the names that people use for them, with their planes' layout.
// One table for raw video, y4m, cameras and drawing. DRM's names tell the order in a little-endian word, V4L2's the order
// in memory: V4L2's RGB24 is DRM's BGR888. Here "RGB" means bytes R, G, B.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <npu_delegate.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace camera_run {

struct PixelFormat {
  const char* name;      // on our command line
  uint32_t drm;          // fourcc of frames
  uint32_t planes;
  uint32_t bytes;        // per pixel of plane 0
  bool chroma_half;      // the other planes have half the width and height, rounded up
  bool yuv;
};

std::optional<PixelFormat> FindFormat(std::string_view name);
std::optional<PixelFormat> FindDrmFormat(uint32_t drm);
// "NV12, NV21, ...": for messages.
std::string FormatNames();

// "NV12" from its code, what cannot be printed replaced.
std::string FourccText(uint32_t fourcc);

// Bytes of one frame with rows of `stride` bytes in plane 0 (half or all of it in the others), and where the planes start.
// 64 bits wide: sizes come from files.
struct FrameLayout {
  uint64_t bytes = 0;
  uint64_t offset[NPU_MAX_PLANES] = {};
  uint32_t stride[NPU_MAX_PLANES] = {};
  uint32_t rows[NPU_MAX_PLANES] = {};
};
FrameLayout LayOut(const PixelFormat& format, uint32_t width, uint32_t height, uint32_t stride);

// Most pixels of a side, as in DRM and V4L2 drivers, and bytes of a frame: more is a damaged header.
inline constexpr uint32_t kMaxSide = 65535;
inline constexpr uint64_t kMaxFrameBytes = uint64_t{1} << 30;

}  // namespace camera_run
