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

namespace npu {
namespace {

// What a probe of a mapping reads, and the rate under which it has no cache: uncached DMA-BUFs are read at about
// 130 MB/s, cached ones at several GB/s also on small cores.
constexpr size_t kProbeBytes = 128 << 10;
constexpr double kUncachedBytesPerSecond = 500e6;

// Before Linux 5.3 all DMA-BUFs had the one inode of anonymous files.
#ifndef ANON_INODE_FS_MAGIC
#define ANON_INODE_FS_MAGIC 0x09041934
#endif

std::string Named(int fd) { return "file descriptor " + std::to_string(fd); }

// A DMA-BUF tells its size by seeking to its end only; st_size of it is 0.
Result<uint64_t> SizeOf(int fd, const struct stat& info) {
  if (info.st_size > 0) return static_cast<uint64_t>(info.st_size);
  const off_t end = lseek(fd, 0, SEEK_END);
  if (end > 0) return static_cast<uint64_t>(end);
  return Fail(ErrorCode::kInvalidArgument, Named(fd) + " is no memory: it has no size");
}

}  // namespace

class BufferCache::Buffer {
 public:
  Buffer(const FrameSystem& system, int fd, std::span<const std::byte> bytes, dev_t device, ino_t inode, bool shared_inode)
      : system(system), fd(fd), bytes(bytes), device(device), inode(inode), shared_inode(shared_inode) {}
  ~Buffer() {
    munmap(const_cast<std::byte*>(bytes.data()), bytes.size());
    close(fd);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  const FrameSystem& system;
  int fd;
  std::span<const std::byte> bytes;
  dev_t device;
  ino_t inode;
  bool shared_inode;
  int readers = 0;       // brackets are per buffer: planes of one frame share one
  bool brackets = true;  // false: it is no DMA-BUF
  bool probed = false, uncached = false;
};

BufferCache::Reading& BufferCache::Reading::operator=(Reading&& other) noexcept {
  if (this != &other) {
    End();
    buffer_ = std::move(other.buffer_);
  }
  return *this;
}

std::span<const std::byte> BufferCache::Reading::bytes() const { return buffer_->bytes; }
bool BufferCache::Reading::uncached() const { return buffer_->uncached; }

Status BufferCache::Reading::End() {
  if (buffer_ == nullptr) return {};
  const std::shared_ptr<Buffer> buffer = std::move(buffer_);
  if (--buffer->readers > 0 || !buffer->brackets) return {};
  if (auto ended = SyncForRead(buffer->system, buffer->fd, false); !ended) return tl::unexpected<Error>(ended.error());
  return {};
}

Result<std::shared_ptr<BufferCache::Buffer>> BufferCache::Find(int fd, uint64_t size) {
  struct stat info {};
  struct statfs system_info {};
  if (fstat(fd, &info) != 0 || fstatfs(fd, &system_info) != 0) {
    return Fail(ErrorCode::kInvalidArgument, Named(fd) + " is not open: " + std::strerror(errno));
  }
  NPU_ASSIGN_OR_RETURN(const uint64_t there, SizeOf(fd, info));
  // Reading past the end of a file is a signal, not an error: what has become shorter is refused each time.
  if (size > there) {
    return Fail(ErrorCode::kInvalidArgument,
                Named(fd) + " has " + std::to_string(there) + " bytes; " + std::to_string(size) + " are needed");
  }
  const bool shared_inode = system_info.f_type == ANON_INODE_FS_MAGIC;
  const auto known = std::ranges::find_if(buffers_, [&](const auto& buffer) {
    return !shared_inode && !buffer->shared_inode && buffer->device == info.st_dev && buffer->inode == info.st_ino &&
           buffer->bytes.size() >= size;
  });
  if (known != buffers_.end()) {
    // Else a memfd that was mapped when it was longer.
    if ((*known)->bytes.size() <= there) {
      buffers_.splice(buffers_.begin(), buffers_, known);
      return buffers_.front();
    }
    buffers_.erase(known);
  }
  const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return Fail(ErrorCode::kResourceExhausted, Named(fd) + " cannot be duplicated: " + std::strerror(errno));
  void* memory = mmap(nullptr, there, PROT_READ, MAP_SHARED, own, 0);
  if (memory == MAP_FAILED) {
    const std::string why = std::strerror(errno);
    close(own);
    return Fail(ErrorCode::kUnsupported, Named(fd) + " cannot be mapped: " + why +
                                             "; export it mappable (DRM_RDWR, O_RDWR), or hand in memory");
  }
  auto buffer = std::make_shared<Buffer>(system_, own, std::span{static_cast<const std::byte*>(memory), there}, info.st_dev,
                                         info.st_ino, shared_inode);
  ++counters_.maps;
  if (shared_inode) return buffer;  // nothing would find it again
  buffers_.push_front(buffer);
  if (buffers_.size() > capacity_) buffers_.pop_back();
  return buffer;
}

Result<BufferCache::Reading> BufferCache::Read(int fd, uint64_t size, std::chrono::nanoseconds timeout) {
  NPU_ASSIGN_OR_RETURN(std::shared_ptr<Buffer> buffer, Find(fd, size));
  Reading reading;
  if (buffer->readers == 0) {
    // The fence of whoever writes first, then the caches: a bracket waits for nobody.
    NPU_RETURN_IF_ERROR(WaitReadable(system_, buffer->fd, timeout, "the frame's buffer"));
    NPU_ASSIGN_OR_RETURN(buffer->brackets, SyncForRead(system_, buffer->fd, true));
    if (buffer->brackets) ++counters_.syncs;
  }
  ++buffer->readers;
  reading.buffer_ = buffer;
  // Memory of the CPU's own (a memfd) is cached; a DMA-BUF tells nobody whether it is.
  if (!buffer->probed && buffer->brackets) {
    buffer->uncached = system_.read_rate(buffer->bytes.data(), std::min(buffer->bytes.size(), kProbeBytes)) < kUncachedBytesPerSecond;
  }
  buffer->probed = true;
  return reading;
}

}  // namespace npu
