// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/frame_system.h"

#include <linux/dma-buf.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace npu {
namespace {

using Clock = std::chrono::steady_clock;

// A driver that is busy says EAGAIN or EINTR; one that goes on saying so is broken.
constexpr std::chrono::seconds kSyncTimeout{1};

int Ioctl(int fd, unsigned long request, void* argument) { return ioctl(fd, request, argument); }

double ReadRate(const std::byte* data, size_t bytes) {
  std::vector<std::byte> to(bytes);  // its pages are there before the clock starts
  double best = 0;
  for (int pass = 0; pass < 2; ++pass) {
    const auto start = Clock::now();
    std::memcpy(to.data(), data, bytes);
    const std::chrono::duration<double> time = Clock::now() - start;
    best = std::max(best, static_cast<double>(bytes) / std::max(time.count(), 1e-9));
  }
  return best;
}

// The rest of a timeout for poll(), at least 1 ms: rounding down would spin.
int LeftMs(Clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, std::numeric_limits<int>::max()));
}

}  // namespace

const FrameSystem& RealFrameSystem() {
  static const FrameSystem system{Ioctl, ::poll, ReadRate};
  return system;
}

Status WaitReadable(const FrameSystem& system, int fd, std::chrono::nanoseconds timeout, const char* what) {
  const auto end = Clock::now() + std::min<std::chrono::nanoseconds>(timeout, std::chrono::hours(24));
  for (;;) {
    pollfd ready{fd, POLLIN, 0};
    const int count = system.poll(&ready, 1, LeftMs(end));
    if (count > 0 && (ready.revents & POLLIN) != 0) return {};
    if (count > 0) {
      return Fail(ErrorCode::kInvalidArgument, std::string(what) + " cannot be waited for: file descriptor " +
                                                   std::to_string(fd) + ((ready.revents & POLLNVAL) != 0 ? " is not open" : " is in error"));
    }
    if (count < 0 && errno != EINTR && errno != EAGAIN) {
      return Fail(ErrorCode::kDevice, std::string(what) + " cannot be waited for: " + std::strerror(errno));
    }
    if (count == 0 && Clock::now() >= end) {
      return Fail(ErrorCode::kDevice,
                  std::string(what) + " was not signalled within " +
                      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count()) +
                      " ms: what writes the frame has not finished");
    }
  }
}

Result<bool> SyncForRead(const FrameSystem& system, int fd, bool start) {
  dma_buf_sync sync{};
  sync.flags = DMA_BUF_SYNC_READ | (start ? DMA_BUF_SYNC_START : DMA_BUF_SYNC_END);
  const auto end = Clock::now() + kSyncTimeout;
  for (;;) {
    if (system.ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync) == 0) return true;
    // What is no DMA-BUF says ENOTTY.
    if (errno == ENOTTY) return false;
    if ((errno != EINTR && errno != EAGAIN) || Clock::now() >= end) {
      return Fail(ErrorCode::kDevice, std::string("DMA_BUF_IOCTL_SYNC ") + (start ? "START" : "END") +
                                          " failed: " + std::strerror(errno));
    }
    if (errno == EAGAIN) sched_yield();
  }
}

// A DMA-BUF tells its size by seeking to its end only; st_size of it is 0.
Result<uint64_t> MemorySize(int fd, const struct stat& info) {
  if (info.st_size > 0) return static_cast<uint64_t>(info.st_size);
  const off_t end = lseek(fd, 0, SEEK_END);
  if (end > 0) return static_cast<uint64_t>(end);
  return Fail(ErrorCode::kInvalidArgument, "file descriptor " + std::to_string(fd) + " is no memory: it has no size");
}

Status CheckLength(int fd, uint64_t bytes) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return Fail(ErrorCode::kDevice, std::string("the frame's memory is gone: ") + std::strerror(errno));
  const uint64_t there = MemorySize(fd, info).value_or(0);
  if (there >= bytes) return {};
  return Fail(ErrorCode::kInvalidArgument, "the frame's memory has become shorter: " + std::to_string(there) +
                                               " bytes; it was mapped with " + std::to_string(bytes));
}

}  // namespace npu
