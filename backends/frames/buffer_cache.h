// Memory behind file descriptors (DMA-BUFs, memfds), mapped once and found again. A camera hands the same few buffers out
// over and over, under numbers that may change: a buffer is known by its inode, not by its number. Each mapping keeps a
// duplicate of the descriptor (close-on-exec), so that its inode cannot be given to another buffer meanwhile, and the
// caller may close his.
// A buffer's Read() waits until the memory may be read and opens a bracket; the bracket closes when what it returned is
// destroyed, on every path. One thread at a time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>

#include "backends/frames/frame_system.h"
#include "base/result.h"

namespace npu {

// One mapped buffer.
class SharedBuffer {
 public:
  ~SharedBuffer();
  SharedBuffer(const SharedBuffer&) = delete;
  SharedBuffer& operator=(const SharedBuffer&) = delete;

  // Read it only inside of a Reading.
  std::span<const std::byte> bytes() const { return bytes_; }
  // Reads go past the CPU's caches: each byte should be read once, in order. Known after the first Read().
  bool uncached() const { return uncached_; }
  uint64_t syncs() const { return syncs_; }  // brackets opened
  // Known after the first Read(), until then a guess.
  bool is_dma_buf() const { return brackets_; }
  int fd() const { return fd_; }  // its own

  // Until its end the memory may be read. Readings of one buffer share a bracket.
  class Reading {
   public:
    Reading() = default;
    Reading(Reading&&) noexcept = default;
    Reading& operator=(Reading&& other) noexcept;
    ~Reading() { End(); }
    // Closes the bracket now, and tells if that fails.
    Status End();

   private:
    friend class SharedBuffer;
    std::shared_ptr<SharedBuffer> buffer_;
  };

  // kDevice: not readable within the timeout. kInvalidArgument: the file has become shorter.
  static Result<Reading> Read(const std::shared_ptr<SharedBuffer>& buffer, std::chrono::nanoseconds timeout);

 private:
  friend class BufferCache;
  SharedBuffer(const FrameSystem& system, int fd, std::span<const std::byte> bytes) : system_(system), fd_(fd), bytes_(bytes) {}

  const FrameSystem& system_;
  const int fd_;
  const std::span<const std::byte> bytes_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  bool own_inode_ = true;
  int readers_ = 0;
  bool brackets_ = true;  // false: it is no DMA-BUF
  bool probed_ = false, uncached_ = false;
  uint64_t syncs_ = 0;
};

class BufferCache {
 public:
  // At most `capacity` buffers stay mapped; the one that was not asked for longest goes first. A V4L2 queue has up to 32.
  explicit BufferCache(const FrameSystem& system = RealFrameSystem(), size_t capacity = 32)
      : system_(system), capacity_(capacity) {}

  // With at least `size` bytes; 0: whatever there is. kInvalidArgument: not open, or shorter. kUnsupported: cannot be
  // mapped.
  Result<std::shared_ptr<SharedBuffer>> Map(int fd, uint64_t size);

  // Unmaps all that nobody holds.
  void Clear() { buffers_.clear(); }
  size_t size() const { return buffers_.size(); }
  uint64_t maps() const { return maps_; }  // mappings made

 private:
  const FrameSystem& system_;
  size_t capacity_;
  std::list<std::shared_ptr<SharedBuffer>> buffers_;  // the last one asked for is in front
  uint64_t maps_ = 0;
};

}  // namespace npu
