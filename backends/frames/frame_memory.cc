// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/frame_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "backends/frames/pixel_format.h"

namespace npu {

Result<std::shared_ptr<Fence>> Fence::Duplicate(int fd) {
  const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return Fail(ErrorCode::kInvalidArgument, fmt::format("acquire_fence_fd is {}: {}", fd, std::strerror(errno)));
  return std::shared_ptr<Fence>(new Fence(own));
}

Fence::~Fence() { close(fd_); }

Result<MappedFrame> MapFrame(const Frame& frame, BufferCache& buffers) {
  NPU_ASSIGN_OR_RETURN(const PixelFormat* format, FormatOf(frame.fourcc));
  MappedFrame mapped;
  if (frame.acquire_fence_fd > 0) {
    NPU_ASSIGN_OR_RETURN(mapped.fence, Fence::Duplicate(frame.acquire_fence_fd));
  }
  for (uint32_t i = 0; i < frame.plane_count; ++i) {
    const FramePlane& plane = frame.planes[i];
    MappedPlane& out = mapped.planes[i];
    out.bytes = static_cast<size_t>(
        uint64_t{plane.stride} * (format->PlaneRows(i, frame.height) - 1) + format->RowBytes(i, frame.width));
    const std::byte* memory = plane.ptr;
    if (memory == nullptr) {
      const auto buffer = buffers.Map(plane.fd, plane.offset + out.bytes);
      if (!buffer) return tl::unexpected<Error>(buffer.error().WithContext(fmt::format("planes[{}].fd", i)));
      mapped.buffers[i] = *buffer;
      memory = (*buffer)->bytes().data();
    }
    out.rows = memory + plane.offset;
  }
  return mapped;
}

Result<MappedFrame> MapFrame(const Frame& frame) {
  BufferCache once;
  return MapFrame(frame, once);
}

}  // namespace npu
