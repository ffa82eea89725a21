// A camera frame and how it becomes a network's input, as the C API's npu_frame and npu_fit say it;
// docs/camera.md. Values of the enums are the C API's. Whoever fills one in may put anything there:
// CheckFrame and CheckFit (check_frame.h) come first, everything else relies on them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace npu {

enum class ColourMatrix : uint8_t { kAuto, kBt601, kBt709, kBt2020 };
enum class ColourRange : uint8_t { kAuto, kLimited, kFull };
enum class ChromaSite : uint8_t { kCentre, kLeft };
// Turns clockwise in units of 90 degrees, plus kFlip: left to right, after the turn.
enum class Orientation : uint8_t { kUpright = 0, kFlip = 4, kLast = 7 };
enum class FitMode : uint8_t { kStretch, kLetterbox, kCentreCrop };
enum class FrameFilter : uint8_t { kAuto, kBilinear, kBilinearLegacy, kArea, kNearest };
enum class ChannelOrder : uint8_t { kRgb, kBgr };
enum class FrameNorm : uint8_t { kModel, kMeanStd };

struct Rect {
  uint32_t x = 0, y = 0, width = 0, height = 0;
  bool operator==(const Rect&) const = default;
};

struct FramePlane {
  const std::byte* ptr = nullptr;  // the memory; null: fd's
  int fd = -1;
  uint32_t stride = 0;
  uint64_t offset = 0;  // of the first row
  uint64_t size = 0;    // of the memory; 0: not known
};

inline constexpr int kMaxPlanes = 4;

struct Frame {
  uint32_t fourcc = 0;  // DRM's
  uint32_t plane_count = 0;
  uint64_t modifier = 0;
  uint32_t width = 0, height = 0;
  std::array<FramePlane, kMaxPlanes> planes;
  Rect crop;  // all 0: everything
  ColourMatrix matrix = ColourMatrix::kAuto;
  ColourRange range = ColourRange::kAuto;
  ChromaSite chroma_site = ChromaSite::kCentre;
  Orientation orientation = Orientation::kUpright;
  uint32_t v4l2_field = 0;
  int acquire_fence_fd = -1;

  Rect picture() const { return crop == Rect{} ? Rect{0, 0, width, height} : crop; }
  // The picture lies on its side: its rows are columns of what is upright.
  bool transposed() const { return (static_cast<uint8_t>(orientation) & 1) != 0; }
};

struct Fit {
  FitMode mode = FitMode::kStretch;
  FrameFilter filter = FrameFilter::kAuto;
  ChannelOrder channel_order = ChannelOrder::kRgb;
  FrameNorm norm = FrameNorm::kModel;
  std::array<uint8_t, 3> pad_rgb{};
  uint8_t reserved = 0;
  std::array<float, 3> mean{}, std{};
};

}  // namespace npu
