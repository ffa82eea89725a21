// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/frame_memory.h"

#include <fmt/format.h>

#include "backends/frames/pixel_format.h"

namespace npu {

Result<MappedFrame> MapFrame(const Frame& frame) {
  NPU_ASSIGN_OR_RETURN(const PixelFormat* format, FormatOf(frame.fourcc));
  MappedFrame mapped;
  for (uint32_t i = 0; i < frame.plane_count; ++i) {
    const FramePlane& plane = frame.planes[i];
    if (plane.ptr == nullptr) {
      return Fail(
          ErrorCode::kUnsupported,
          fmt::format(
              "planes[{}].ptr is NULL: file descriptors are not read yet, map it and give the address", i));
    }
    mapped.planes[i].rows = plane.ptr + plane.offset;
    mapped.planes[i].bytes = static_cast<size_t>(
        uint64_t{plane.stride} * (format->PlaneRows(i, frame.height) - 1) + format->RowBytes(i, frame.width));
  }
  return mapped;
}

}  // namespace npu
