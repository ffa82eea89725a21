// The time in which a frame is read: begins when its acquire fence and its buffers are ready and their DMA-BUF brackets are
// open, ends when they are closed, on every path. Memory without a cache is copied once, row by row, to where reading the
// same pixel twice costs nothing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <vector>

#include "backends/frames/frame_memory.h"

namespace npu {

class FrameReader {
 public:
  FrameReader() = default;
  FrameReader(FrameReader&&) = default;
  FrameReader& operator=(FrameReader&&) = default;
  ~FrameReader() { static_cast<void>(End()); }

  // kDevice after the timeout; then nothing is open.
  Status Begin(const Frame& frame, const MappedFrame& memory, std::chrono::nanoseconds timeout,
               const FrameSystem& system = RealFrameSystem());
  // What to read: the frame's memory, or a copy of it with the same strides.
  const MappedFrame& memory() const { return memory_; }
  // Bytes of this frame that were copied because its memory has no cache.
  size_t staged_bytes() const { return staged_bytes_; }
  // DMA-BUF brackets that Begin opened.
  int brackets() const { return brackets_; }
  Status End();

 private:
  void Stage(const Frame& frame, uint32_t plane);

  MappedFrame memory_;
  std::array<SharedBuffer::Reading, kMaxPlanes> readings_;
  std::array<std::vector<std::byte>, kMaxPlanes> staged_;
  size_t staged_bytes_ = 0;
  int brackets_ = 0;
};

}  // namespace npu
