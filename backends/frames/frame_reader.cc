// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/frame_reader.h"

#include <cstring>

#include "backends/frames/pixel_format.h"

namespace npu {

Status FrameReader::Begin(const Frame& frame, const MappedFrame& memory, std::chrono::nanoseconds timeout,
                          const FrameSystem& system) {
  static_cast<void>(End());
  memory_ = memory;
  staged_bytes_ = 0;
  brackets_ = 0;
  const Status begun = [&]() -> Status {
    if (memory.fence != nullptr) {
      NPU_RETURN_IF_ERROR(WaitReadable(system, memory.fence->fd(), timeout, "acquire_fence_fd"));
    }
    for (uint32_t i = 0; i < frame.plane_count; ++i) {
      if (memory.buffers[i] == nullptr) continue;
      const uint64_t before = memory.buffers[i]->syncs();
      NPU_ASSIGN_OR_RETURN(readings_[i], SharedBuffer::Read(memory.buffers[i], timeout));
      brackets_ += static_cast<int>(memory.buffers[i]->syncs() - before);
      if (memory.buffers[i]->uncached()) Stage(frame, i);
    }
    return {};
  }();
  if (!begun) static_cast<void>(End());
  return begun;
}

void FrameReader::Stage(const Frame& frame, uint32_t plane) {
  const PixelFormat& format = **FormatOf(frame.fourcc);  // the frame has been checked
  const Rect picture = frame.picture();
  MappedPlane& from = memory_.planes[plane];
  std::vector<std::byte>& to = staged_[plane];
  if (to.size() < from.bytes) to.resize(from.bytes);
  // Crops start at pixels that begin a group, so that these are whole.
  const uint64_t left = format.RowBytes(plane, picture.x), right = format.RowBytes(plane, picture.x + picture.width);
  const uint32_t last = format.PlaneRows(plane, picture.y + picture.height);
  for (uint32_t row = format.PlaneRows(plane, picture.y); row < last; ++row) {
    const uint64_t at = uint64_t{frame.planes[plane].stride} * row + left;
    std::memcpy(to.data() + at, from.rows + at, right - left);
    staged_bytes_ += right - left;
  }
  from.rows = to.data();
}

Status FrameReader::End() {
  Status status;
  for (SharedBuffer::Reading& reading : readings_) {
    if (Status ended = reading.End(); !ended) status = ended;
  }
  return status;
}

}  // namespace npu
