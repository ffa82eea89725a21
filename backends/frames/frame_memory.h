// A frame's pixels as addresses that the CPU may read: what a plane's pointer says, or its file descriptor mapped. The one
// place that knows what kinds of memory frames come in.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "backends/frames/buffer_cache.h"
#include "backends/frames/frame.h"
#include "base/result.h"

namespace npu {

// From the first byte of the first row to the last byte of the last.
struct MappedPlane {
  const std::byte* rows = nullptr;
  size_t bytes = 0;
};

// A duplicate of a fence's descriptor: the caller may close his.
class Fence {
 public:
  static Result<std::shared_ptr<Fence>> Duplicate(int fd);
  ~Fence();
  Fence(const Fence&) = delete;
  Fence& operator=(const Fence&) = delete;
  int fd() const { return fd_; }

 private:
  explicit Fence(int fd) : fd_(fd) {}
  int fd_;
};

// Memory of pointers is valid while the frame's is, that of file descriptors (buffers) as long as this lives, but it is
// to be read only between FrameReader's Begin and End.
struct MappedFrame {
  std::array<MappedPlane, kMaxPlanes> planes;
  std::array<std::shared_ptr<SharedBuffer>, kMaxPlanes> buffers;  // null: a pointer's
  std::shared_ptr<Fence> fence;                                   // null: none
};

// The frame has been checked. kInvalidArgument, kUnsupported: as BufferCache::Map.
Result<MappedFrame> MapFrame(const Frame& frame, BufferCache& buffers);
// For a frame that does not come again.
Result<MappedFrame> MapFrame(const Frame& frame);

}  // namespace npu
