// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/buffer_cache.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace npu {
namespace {

// What a probe of a mapping reads. Uncached DMA-BUFs are read at about 130 MB/s, cached ones at several GB/s also on small
// cores; on a machine that is slow altogether (an emulator) memory of our own is as slow.
constexpr size_t kProbeBytes = 128 << 10;
constexpr double kUncachedBytesPerSecond = 500e6;
constexpr double kUncachedRatio = 1.0 / 8;

bool IsUncached(const FrameSystem& system, std::span<const std::byte> memory) {
  const size_t bytes = std::min(memory.size(), kProbeBytes);
  const double rate = system.read_rate(memory.data(), bytes);
  if (rate >= kUncachedBytesPerSecond) return false;
  const std::vector<std::byte> own(bytes, std::byte{1});
  return rate < kUncachedRatio * system.read_rate(own.data(), bytes);
}

// Before Linux 5.3 all DMA-BUFs had the one inode of anonymous files.
#ifndef ANON_INODE_FS_MAGIC
#define ANON_INODE_FS_MAGIC 0x09041934
#endif

std::string Named(int fd) { return "file descriptor " + std::to_string(fd); }

}  // namespace

SharedBuffer::~SharedBuffer() {
  munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  close(fd_);
}

SharedBuffer::Reading& SharedBuffer::Reading::operator=(Reading&& other) noexcept {
  if (this != &other) {
    End();
    buffer_ = std::move(other.buffer_);
  }
  return *this;
}

Status SharedBuffer::Reading::End() {
  if (buffer_ == nullptr) return {};
  const std::shared_ptr<SharedBuffer> buffer = std::move(buffer_);
  if (--buffer->readers_ > 0 || !buffer->brackets_) return {};
  if (auto ended = SyncForRead(buffer->system_, buffer->fd_, false); !ended) return tl::unexpected<Error>(ended.error());
  return {};
}

Result<SharedBuffer::Reading> SharedBuffer::Read(const std::shared_ptr<SharedBuffer>& buffer, std::chrono::nanoseconds timeout) {
  SharedBuffer& self = *buffer;
  if (self.readers_ == 0) {
    NPU_RETURN_IF_ERROR(CheckLength(self.fd_, self.bytes_.size()));
    // The fence of whoever writes first, then the caches: a bracket waits for nobody.
    NPU_RETURN_IF_ERROR(WaitReadable(self.system_, self.fd_, timeout, "the frame's buffer"));
    NPU_ASSIGN_OR_RETURN(self.brackets_, SyncForRead(self.system_, self.fd_, true));
    if (self.brackets_) ++self.syncs_;
  }
  ++self.readers_;
  Reading reading;
  reading.buffer_ = buffer;
  // Memory of the CPU's own (a memfd) is cached; a DMA-BUF tells nobody whether it is.
  if (!self.probed_ && self.brackets_) {
    self.uncached_ = IsUncached(self.system_, self.bytes_);
  }
  self.probed_ = true;
  return reading;
}

Result<std::shared_ptr<SharedBuffer>> BufferCache::Map(int fd, uint64_t size) {
  struct stat info {};
  struct statfs system_info {};
  if (fstat(fd, &info) != 0 || fstatfs(fd, &system_info) != 0) {
    return Fail(ErrorCode::kInvalidArgument, Named(fd) + " is not open: " + std::strerror(errno));
  }
  NPU_ASSIGN_OR_RETURN(const uint64_t there, MemorySize(fd, info));
  if (size > there) {
    return Fail(ErrorCode::kInvalidArgument,
                Named(fd) + " has " + std::to_string(there) + " bytes; " + std::to_string(size) + " are needed");
  }
  const bool own_inode = system_info.f_type != ANON_INODE_FS_MAGIC;
  const auto known = std::ranges::find_if(buffers_, [&](const auto& buffer) {
    return own_inode && buffer->own_inode_ && buffer->device_ == info.st_dev && buffer->inode_ == info.st_ino;
  });
  if (known != buffers_.end()) {
    if ((*known)->bytes().size() == there) {
      buffers_.splice(buffers_.begin(), buffers_, known);
      return buffers_.front();
    }
    buffers_.erase(known);  // a memfd that had another size
  }
  const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return Fail(ErrorCode::kResourceExhausted, Named(fd) + " cannot be duplicated: " + std::strerror(errno));
  void* memory = mmap(nullptr, there, PROT_READ, MAP_SHARED, own, 0);
  if (memory == MAP_FAILED) {
    const std::string why = std::strerror(errno);
    close(own);
    return Fail(ErrorCode::kUnsupported, Named(fd) + " cannot be mapped: " + why +
                                             "; export it for reading (O_RDWR, DRM_RDWR), or hand in memory");
  }
  std::shared_ptr<SharedBuffer> buffer(new SharedBuffer(system_, own, std::span{static_cast<const std::byte*>(memory), there}));
  buffer->device_ = info.st_dev;
  buffer->inode_ = info.st_ino;
  buffer->own_inode_ = own_inode;
  ++maps_;
  if (!own_inode) return buffer;  // nothing would find it again
  buffers_.push_front(buffer);
  if (buffers_.size() > capacity_) buffers_.pop_back();
  return buffer;
}

}  // namespace npu
