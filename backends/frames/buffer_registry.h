// Memory that an application has mapped from a DMA-BUF (or memfd) and hands to its host runtime as an input: all that
// reaches the plug-in is a pointer. Registered, it is recognized by its address, and what reads it waits for the buffer's
// fences and opens a DMA_BUF_IOCTL_SYNC bracket first.
// One registry per process, safe from all threads. What reads looks buffers up anew only when the registry has changed;
// otherwise an invocation costs one atomic load and takes no lock but those of the buffers that it reads.
// The mapping stays the caller's, valid until it is removed; the descriptor is duplicated (close-on-exec).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "backends/frames/frame_system.h"
#include "base/result.h"

namespace npu {

class RegisteredBuffer {
 public:
  // Takes `fd`, which is its own.
  RegisteredBuffer(const FrameSystem& system, std::span<const std::byte> memory, int fd)
      : system_(system), memory_(memory), fd_(fd) {}
  ~RegisteredBuffer();
  RegisteredBuffer(const RegisteredBuffer&) = delete;
  RegisteredBuffer& operator=(const RegisteredBuffer&) = delete;

  std::span<const std::byte> memory() const { return memory_; }

  // Between the two the memory may be read. Readings at the same time share a bracket. kDevice: not readable within the
  // timeout. kInvalidArgument: the file has become shorter.
  Status Begin(std::chrono::nanoseconds timeout);
  Status End();

  struct Counts {
    uint64_t reads = 0;  // inputs read
    uint64_t syncs = 0;  // brackets opened; none for what is no DMA-BUF
  };
  Counts counts() const;

 private:
  const FrameSystem& system_;
  const std::span<const std::byte> memory_;
  const int fd_;
  mutable std::mutex mutex_;
  int readers_ = 0;
  bool bracket_ = false;  // open
  Counts counts_;
};

class BufferRegistry {
 public:
  explicit BufferRegistry(const FrameSystem& system = RealFrameSystem()) : system_(system) {}

  // The one of this process; whoever holds it may still use it while the process ends.
  static std::shared_ptr<BufferRegistry> OfProcess();

  // kInvalidArgument: empty, no open descriptor, a file shorter than the memory, or memory that overlaps another buffer's.
  Status Add(std::span<const std::byte> memory, int fd);
  // Returns at once: a reading that is under way ends with its own share of the descriptor. kInvalidArgument: none begins there.
  Status Remove(const std::byte* begin);
  // Of the buffer that begins there. kInvalidArgument.
  Result<RegisteredBuffer::Counts> CountsOf(const std::byte* begin) const;

  // Another one after every change.
  uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  std::vector<std::weak_ptr<RegisteredBuffer>> buffers() const;

 private:
  Result<std::shared_ptr<RegisteredBuffer>> Find(const std::byte* begin) const;

  const FrameSystem& system_;
  mutable std::mutex mutex_;
  std::map<const std::byte*, std::shared_ptr<RegisteredBuffer>> buffers_;  // by where they begin
  std::atomic<uint64_t> generation_{0};
};

// The readings of one reader, which reads in one thread at a time.
class RegisteredReads {
 public:
  explicit RegisteredReads(std::shared_ptr<BufferRegistry> registry = BufferRegistry::OfProcess())
      : registry_(std::move(registry)) {}
  ~RegisteredReads() { static_cast<void>(End()); }
  RegisteredReads(const RegisteredReads&) = delete;
  RegisteredReads& operator=(const RegisteredReads&) = delete;

  // Of bytes[i] bytes at pointers[i] each; those in no registered buffer need nothing. As RegisteredBuffer::Begin, and
  // kInvalidArgument for memory that is only partly a registered buffer's; then nothing is open.
  Status Begin(std::span<const std::byte* const> pointers, std::span<const size_t> bytes, std::chrono::nanoseconds timeout);
  Status End();

 private:
  void LookUpAgain();
  Status BeginAll(std::span<const std::byte* const> pointers, std::span<const size_t> bytes, std::chrono::nanoseconds timeout);

  struct Known {
    std::span<const std::byte> memory;
    std::weak_ptr<RegisteredBuffer> buffer;
  };
  std::shared_ptr<BufferRegistry> registry_;
  uint64_t seen_ = 0;
  std::vector<Known> known_;
  std::vector<std::shared_ptr<RegisteredBuffer>> open_;
};

}  // namespace npu
