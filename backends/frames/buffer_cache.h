// Memory behind file descriptors (DMA-BUFs, memfds), mapped once and found again. A camera hands the same few buffers out
// over and over, under numbers that may change: a buffer is known by its inode, not by its number. Each mapping keeps a
// duplicate of the descriptor (close-on-exec), so that its inode cannot be given to another buffer meanwhile, and the
// caller may close his.
// Read() waits until the memory may be read and opens a bracket; the bracket closes when what it returned is destroyed,
// on every path. One thread at a time.
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

class BufferCache {
 public:
  struct Counters {
    uint64_t maps = 0;   // mappings made
    uint64_t syncs = 0;  // brackets opened
  };

  // At most `capacity` buffers stay mapped; the one that was not read for longest goes first. A V4L2 queue has up to 32.
  explicit BufferCache(const FrameSystem& system = RealFrameSystem(), size_t capacity = 32)
      : system_(system), capacity_(capacity) {}

  class Buffer;

  // Memory that may be read as long as this lives.
  class Reading {
   public:
    Reading() = default;
    Reading(Reading&& other) noexcept : buffer_(std::move(other.buffer_)) {}
    Reading& operator=(Reading&& other) noexcept;
    ~Reading() { End(); }

    std::span<const std::byte> bytes() const;
    // Reads go past the CPU's caches: each byte should be read once, in order.
    bool uncached() const;
    // Closes the bracket now, and tells if that fails.
    Status End();

   private:
    friend class BufferCache;
    std::shared_ptr<Buffer> buffer_;
  };

  // At least `size` bytes from the start of the memory; 0: all that is there. kInvalidArgument: not open, or shorter.
  // kUnsupported: cannot be mapped. kDevice: not readable within the timeout.
  Result<Reading> Read(int fd, uint64_t size, std::chrono::nanoseconds timeout);

  // Unmaps all that nobody reads.
  void Clear() { buffers_.clear(); }
  size_t size() const { return buffers_.size(); }
  const Counters& counters() const { return counters_; }

 private:
  Result<std::shared_ptr<Buffer>> Find(int fd, uint64_t size);

  const FrameSystem& system_;
  size_t capacity_;
  std::list<std::shared_ptr<Buffer>> buffers_;  // the last one read is in front
  Counters counters_;
};

}  // namespace npu
