// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/buffer_registry.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

namespace npu {
namespace {

// Pointers of different allocations have an order only so.
bool Before(const std::byte* a, const std::byte* b) { return std::less<>{}(a, b); }

bool Overlap(std::span<const std::byte> a, std::span<const std::byte> b) {
  return Before(a.data(), b.data() + b.size()) && Before(b.data(), a.data() + a.size());
}

std::string Named(std::span<const std::byte> memory) {
  return fmt::format("{} bytes at {}", memory.size(), static_cast<const void*>(memory.data()));
}

}  // namespace

RegisteredBuffer::~RegisteredBuffer() { close(fd_); }

Status RegisteredBuffer::Begin(std::chrono::nanoseconds timeout) {
  const std::lock_guard lock(mutex_);
  if (readers_ == 0) {
    NPU_RETURN_IF_ERROR(CheckLength(fd_, memory_.size()));
    NPU_RETURN_IF_ERROR(WaitReadable(system_, fd_, timeout, "the registered frame buffer"));
    NPU_ASSIGN_OR_RETURN(bracket_, SyncForRead(system_, fd_, true));
    if (bracket_) ++counts_.syncs;
  }
  ++readers_;
  ++counts_.reads;
  return {};
}

Status RegisteredBuffer::End() {
  const std::lock_guard lock(mutex_);
  if (--readers_ > 0 || !std::exchange(bracket_, false)) return {};
  if (const auto ended = SyncForRead(system_, fd_, false); !ended) return tl::unexpected<Error>(ended.error());
  return {};
}

RegisteredBuffer::Counts RegisteredBuffer::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::shared_ptr<BufferRegistry> BufferRegistry::OfProcess() {
  static const auto registry = std::make_shared<BufferRegistry>();
  return registry;
}

Status BufferRegistry::Add(std::span<const std::byte> memory, int fd) {
  if (memory.empty() || memory.data() == nullptr) return Fail(ErrorCode::kInvalidArgument, "the memory is empty");
  if (reinterpret_cast<uintptr_t>(memory.data()) > UINTPTR_MAX - memory.size()) {
    return Fail(ErrorCode::kInvalidArgument, Named(memory) + " do not fit into the address space");
  }
  struct stat info {};
  if (fstat(fd, &info) != 0) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("file descriptor {} is not open: {}", fd, std::strerror(errno)));
  }
  NPU_ASSIGN_OR_RETURN(const uint64_t there, MemorySize(fd, info));
  if (there < memory.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("file descriptor {} has {} bytes; {} are said to be mapped", fd, there, memory.size()));
  }
  const std::lock_guard lock(mutex_);
  for (const auto& [begin, buffer] : buffers_) {
    if (!Overlap(buffer->memory(), memory)) continue;
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} overlap the frame buffer of {}: unregister that first",
                                                         Named(memory), Named(buffer->memory())));
  }
  const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) {
    return Fail(ErrorCode::kResourceExhausted, fmt::format("file descriptor {} cannot be duplicated: {}", fd, std::strerror(errno)));
  }
  buffers_.emplace(memory.data(), std::make_shared<RegisteredBuffer>(system_, memory, own));
  generation_.fetch_add(1, std::memory_order_release);
  return {};
}

Result<std::shared_ptr<RegisteredBuffer>> BufferRegistry::Find(const std::byte* begin) const {
  const auto found = buffers_.find(begin);
  if (found != buffers_.end()) return found->second;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("no registered frame buffer begins at {}", static_cast<const void*>(begin)));
}

Status BufferRegistry::Remove(const std::byte* begin) {
  const std::lock_guard lock(mutex_);
  if (const auto found = Find(begin); !found) return tl::unexpected<Error>(found.error());
  buffers_.erase(begin);
  generation_.fetch_add(1, std::memory_order_release);
  return {};
}

Result<RegisteredBuffer::Counts> BufferRegistry::CountsOf(const std::byte* begin) const {
  const std::lock_guard lock(mutex_);
  NPU_ASSIGN_OR_RETURN(const std::shared_ptr<RegisteredBuffer> buffer, Find(begin));
  return buffer->counts();
}

std::vector<std::weak_ptr<RegisteredBuffer>> BufferRegistry::buffers() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::weak_ptr<RegisteredBuffer>> all;
  for (const auto& [begin, buffer] : buffers_) all.push_back(buffer);
  return all;
}

void RegisteredReads::LookUpAgain() {
  // Before the buffers: a change in between is seen next time.
  seen_ = registry_->generation();
  known_.clear();
  for (const std::weak_ptr<RegisteredBuffer>& weak : registry_->buffers()) {
    if (const auto buffer = weak.lock()) known_.push_back({buffer->memory(), weak});
  }
}

Status RegisteredReads::Begin(std::span<const std::byte* const> pointers, std::span<const size_t> bytes,
                              std::chrono::nanoseconds timeout) {
  if (registry_->generation() != seen_) LookUpAgain();
  if (known_.empty()) return {};
  Status begun = BeginAll(pointers, bytes, timeout);
  if (!begun) static_cast<void>(End());
  return begun;
}

Status RegisteredReads::BeginAll(std::span<const std::byte* const> pointers, std::span<const size_t> bytes,
                                 std::chrono::nanoseconds timeout) {
  open_.reserve(pointers.size());
  for (size_t i = 0; i < pointers.size(); ++i) {
    const std::span memory(pointers[i], bytes[i]);
    for (const Known& known : known_) {
      if (!Overlap(known.memory, memory)) continue;
      if (Before(memory.data(), known.memory.data()) ||
          Before(known.memory.data() + known.memory.size(), memory.data() + memory.size())) {
        return Fail(ErrorCode::kInvalidArgument,
                    fmt::format("an input of {} is only partly in the registered frame buffer of {}", Named(memory),
                                Named(known.memory)));
      }
      // Gone: it was removed a moment ago, and the memory is the caller's alone again.
      std::shared_ptr<RegisteredBuffer> buffer = known.buffer.lock();
      if (buffer == nullptr) continue;
      NPU_RETURN_IF_ERROR(buffer->Begin(timeout));
      open_.push_back(std::move(buffer));
    }
  }
  return {};
}

Status RegisteredReads::End() {
  Status status;
  for (const std::shared_ptr<RegisteredBuffer>& buffer : open_) {
    if (Status ended = buffer->End(); !ended) status = ended;
  }
  open_.clear();
  return status;
}

}  // namespace npu
