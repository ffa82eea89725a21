// The system calls that reading frames from file descriptors needs, in one place: calls that are interrupted go on, none
// waits longer than its timeout. A DMA-BUF is memory that a device may be writing: a fence says when it has finished,
// DMA_BUF_IOCTL_SYNC brackets make the CPU's caches agree with it. A memfd, or any other file, knows no brackets and needs
// none. Tests put calls of their own in.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>
#include <sys/stat.h>

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace npu {

// 0 or -1 with errno, as the system's own.
struct FrameSystem {
  int (*ioctl)(int fd, unsigned long request, void* argument);
  int (*poll)(pollfd* fds, nfds_t count, int timeout_ms);
  // Bytes per second of a read of `bytes` at `data`, the better of two.
  double (*read_rate)(const std::byte* data, size_t bytes);
};

const FrameSystem& RealFrameSystem();

// Until what is behind `fd` (a sync_file, a DMA-BUF) may be read. kDevice naming `what` after the timeout.
Status WaitReadable(const FrameSystem& system, int fd, std::chrono::nanoseconds timeout, const char* what);

// Opens (start) or closes a bracket of reads. False: `fd` is no DMA-BUF and needs none.
Result<bool> SyncForRead(const FrameSystem& system, int fd, bool start);

// Bytes of the memory behind `fd`, whose fstat is `info`. kInvalidArgument: it has none.
Result<uint64_t> MemorySize(int fd, const struct stat& info);

// kInvalidArgument if what was mapped with `bytes` has become shorter: reading past the end of a file is a signal, not an
// error.
Status CheckLength(int fd, uint64_t bytes);

}  // namespace npu
