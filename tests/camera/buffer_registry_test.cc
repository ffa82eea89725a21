// Registered frame buffers: what is refused, what is recognized by its address, brackets on every path and from several
// threads, with system calls of our own as the driver.
// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/buffer_registry.h"

#include <gtest/gtest.h>
#include <linux/dma-buf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <thread>

#include "capi/npu_delegate.h"

namespace npu {
namespace {

using namespace std::chrono_literals;

constexpr size_t kBytes = 4096;

std::atomic<int> open_brackets = 0, syncs = 0;
int fail_at = -1;
bool fail_ends = false, no_dma_buf = false, ready = true;

int Ioctl(int, unsigned long, void* argument) {
  const bool end = (static_cast<dma_buf_sync*>(argument)->flags & DMA_BUF_SYNC_END) != 0;
  if (no_dma_buf) {
    errno = ENOTTY;
    return -1;
  }
  if (end ? fail_ends : syncs++ == fail_at) {
    errno = EIO;
    return -1;
  }
  open_brackets += end ? -1 : 1;
  return 0;
}
int Poll(pollfd* fds, nfds_t, int) {
  fds->revents = ready ? POLLIN : 0;
  return ready ? 1 : 0;
}
const FrameSystem kSystem{Ioctl, Poll, [](const std::byte*, size_t) { return 5e9; }};

class BufferRegistryTest : public testing::Test {
 protected:
  void SetUp() override {
    open_brackets = syncs = 0;
    fail_at = -1;
    fail_ends = no_dma_buf = false;
    ready = true;
    fd_ = memfd_create("frame", MFD_CLOEXEC);
    ASSERT_EQ(ftruncate(fd_, kBytes), 0);
    void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    ASSERT_NE(memory, MAP_FAILED);
    memory_ = {static_cast<const std::byte*>(memory), kBytes};
  }
  void TearDown() override {
    munmap(const_cast<std::byte*>(memory_.data()), kBytes);
    close(fd_);
  }
  std::string AddRefused(std::span<const std::byte> memory, int fd) {
    const Status added = registry_->Add(memory, fd);
    EXPECT_FALSE(added);
    if (added) return {};
    EXPECT_EQ(added.error().code, ErrorCode::kInvalidArgument);
    return added.error().text;
  }
  Status Begin(RegisteredReads& reads, const std::byte* at, size_t bytes) {
    const std::array pointers = {at};
    const std::array sizes = {bytes};
    return reads.Begin(pointers, sizes, 20ms);
  }

  int fd_ = -1;
  std::span<const std::byte> memory_;
  std::shared_ptr<BufferRegistry> registry_ = std::make_shared<BufferRegistry>(kSystem);
};

TEST_F(BufferRegistryTest, WhatIsNoMappedMemoryIsRefused) {
  EXPECT_NE(AddRefused({}, fd_).find("empty"), std::string::npos);
  EXPECT_NE(AddRefused(memory_, 9999).find("9999 is not open"), std::string::npos);
  EXPECT_NE(AddRefused(memory_, -1).find("-1 is not open"), std::string::npos);
  EXPECT_NE(AddRefused({memory_.data(), kBytes + 1}, fd_).find("has 4096 bytes; 4097"), std::string::npos);
  EXPECT_NE(AddRefused({memory_.data(), SIZE_MAX}, fd_).find("address space"), std::string::npos);
  EXPECT_FALSE(registry_->Remove(memory_.data()));
  EXPECT_FALSE(registry_->CountsOf(memory_.data()));
}

TEST_F(BufferRegistryTest, OverlappingMemoryIsRefusedUntilTheOtherIsGone) {
  ASSERT_TRUE(registry_->Add(memory_.subspan(1024, 1024), fd_));
  for (const auto& [offset, size] : {std::pair{1024, 1024}, {0, 1025}, {2047, 1}, {0, 4096}, {1500, 10}}) {
    EXPECT_NE(AddRefused(memory_.subspan(offset, size), fd_).find("overlap"), std::string::npos) << offset;
  }
  EXPECT_TRUE(registry_->Add(memory_.subspan(0, 1024), fd_));
  EXPECT_TRUE(registry_->Add(memory_.subspan(2048, 1), fd_));
  EXPECT_FALSE(registry_->Remove(memory_.data() + 1));
  EXPECT_TRUE(registry_->Remove(memory_.data() + 1024));
  EXPECT_FALSE(registry_->Remove(memory_.data() + 1024));
  EXPECT_TRUE(registry_->Add(memory_.subspan(1024, 512), fd_));
}

TEST_F(BufferRegistryTest, IsRecognizedByItsAddressAfterEveryChange) {
  RegisteredReads reads(registry_);
  const std::byte other[64] = {};
  const auto counts = [&] { return *registry_->CountsOf(memory_.data()); };
  ASSERT_TRUE(Begin(reads, memory_.data(), 64));
  EXPECT_EQ(syncs, 0) << "not registered yet";
  ASSERT_TRUE(registry_->Add(memory_.first(1024), fd_));
  ASSERT_TRUE(Begin(reads, memory_.data() + 100, 64));
  EXPECT_EQ(open_brackets, 1);
  ASSERT_TRUE(reads.End());
  EXPECT_EQ(open_brackets, 0);
  ASSERT_TRUE(Begin(reads, other, sizeof other));
  ASSERT_TRUE(Begin(reads, memory_.data() + 1024, 64));
  EXPECT_EQ(open_brackets, 0);
  EXPECT_EQ(counts().reads, 1u);
  EXPECT_EQ(counts().syncs, 1u);
  ASSERT_TRUE(registry_->Remove(memory_.data()));
  ASSERT_TRUE(Begin(reads, memory_.data(), 64));
  EXPECT_EQ(syncs, 1);

  // Removed while it is read: the bracket is closed all the same.
  ASSERT_TRUE(registry_->Add(memory_, fd_));
  ASSERT_TRUE(Begin(reads, memory_.data(), kBytes));
  ASSERT_TRUE(registry_->Remove(memory_.data()));
  ASSERT_TRUE(reads.End());
  EXPECT_EQ(open_brackets, 0);
}

TEST_F(BufferRegistryTest, AMemfdIsReadWithoutBrackets) {
  no_dma_buf = true;
  ASSERT_TRUE(registry_->Add(memory_, fd_));
  RegisteredReads reads(registry_);
  ASSERT_TRUE(Begin(reads, memory_.data(), kBytes));
  ASSERT_TRUE(reads.End());
  EXPECT_EQ(registry_->CountsOf(memory_.data())->reads, 1u);
  EXPECT_EQ(registry_->CountsOf(memory_.data())->syncs, 0u);
}

TEST_F(BufferRegistryTest, FailuresLeaveNothingOpen) {
  const auto half = memory_.size() / 2;
  ASSERT_TRUE(registry_->Add(memory_.first(half), fd_));
  ASSERT_TRUE(registry_->Add(memory_.subspan(half), fd_));
  RegisteredReads reads(registry_);
  // One that runs out of its buffer.
  const Status across = Begin(reads, memory_.data() + half - 1, 2);
  ASSERT_FALSE(across);
  EXPECT_EQ(across.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(across.error().text.find("only partly"), std::string::npos) << across.error().text;
  // The second of two buffers that cannot be read.
  fail_at = syncs + 1;
  const std::array pointers = {memory_.data(), memory_.data() + half};
  const std::array<size_t, 2> sizes = {16, 16};
  EXPECT_FALSE(reads.Begin(pointers, sizes, 20ms));
  EXPECT_EQ(open_brackets, 0);
  // A producer that never finishes, and one that cuts the file.
  ready = false;
  const Status late = Begin(reads, memory_.data(), 16);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kDevice);
  ready = true;
  for (const int bytes : {100, 0}) {
    ASSERT_EQ(ftruncate(fd_, bytes), 0);
    const Status cut = Begin(reads, memory_.data(), 16);
    ASSERT_FALSE(cut);
    EXPECT_NE(cut.error().text.find("shorter"), std::string::npos) << cut.error().text;
  }
  ASSERT_EQ(ftruncate(fd_, kBytes), 0);
  fail_ends = true;
  ASSERT_TRUE(Begin(reads, memory_.data(), 16));
  EXPECT_FALSE(reads.End());
}

TEST_F(BufferRegistryTest, TheCallersDescriptorIsHisOwn) {
  const int fd = dup(fd_);
  ASSERT_TRUE(registry_->Add(memory_, fd));
  close(fd);
  RegisteredReads reads(registry_);
  EXPECT_TRUE(Begin(reads, memory_.data(), 16));
}

// Readers share a bracket; buffers come and go meanwhile.
TEST_F(BufferRegistryTest, ManyThreads) {
  ASSERT_TRUE(registry_->Add(memory_.first(1024), fd_));
  std::atomic<bool> stop = false;
  std::atomic<int> failures = 0, rounds = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      RegisteredReads reads(registry_);
      while (!stop) {
        if (!Begin(reads, memory_.data() + (t == 0 ? 2048 : 16), 16) || !reads.End()) ++failures;
        ++rounds;
      }
    });
  }
  for (int i = 0; i < 2000 || rounds < 2000; ++i) {
    ASSERT_TRUE(registry_->Add(memory_.subspan(2048, 512), fd_));
    ASSERT_TRUE(registry_->Remove(memory_.data() + 2048));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(open_brackets, 0);
  EXPECT_GT(registry_->CountsOf(memory_.data())->reads, 0u);
}

TEST_F(BufferRegistryTest, ThroughTheCApi) {
  EXPECT_EQ(npu_register_frame_buffer(nullptr, 1, fd_), NPU_INVALID_ARGUMENT);
  EXPECT_EQ(npu_unregister_frame_buffer(memory_.data()), NPU_INVALID_ARGUMENT);
  ASSERT_EQ(npu_register_frame_buffer(memory_.data(), kBytes, fd_), NPU_OK) << npu_last_error();
  EXPECT_EQ(npu_register_frame_buffer(memory_.data(), kBytes, fd_), NPU_INVALID_ARGUMENT);
  EXPECT_NE(std::string(npu_last_error()).find("overlap"), std::string::npos) << npu_last_error();
  npu_frame_buffer_info info{};
  EXPECT_EQ(npu_frame_buffer_counts(memory_.data(), &info), NPU_INVALID_ARGUMENT) << "no struct_size";
  info.struct_size = sizeof info;
  EXPECT_EQ(npu_frame_buffer_counts(memory_.data() + 1, &info), NPU_INVALID_ARGUMENT);
  EXPECT_EQ(npu_frame_buffer_counts(memory_.data(), &info), NPU_OK) << npu_last_error();
  EXPECT_EQ(info.reads, 0u);
  EXPECT_EQ(npu_unregister_frame_buffer(memory_.data()), NPU_OK) << npu_last_error();
}

}  // namespace
}  // namespace npu
