// Frames behind file descriptors: memfds stand in for DMA-BUFs, and system calls of our own for what a driver answers.
// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/buffer_cache.h"
#include "tests/support/resident_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/dma-buf.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace npu {
namespace {

using namespace std::chrono_literals;

constexpr size_t kBytes = 64 << 10;

// What the next calls of DMA_BUF_IOCTL_SYNC answer, and what was asked: a driver.
struct Driver {
  std::vector<int> errors;  // errno of calls to come, 0: success; empty: success
  bool always = false;      // the first of errors for ever
  std::vector<uint64_t> flags;
  int polls = 0, interrupted_polls = 0;
  bool slow_reads = false, slow_machine = false;
  int probes = 0;
};
Driver driver;

int FakeIoctl(int, unsigned long request, void* argument) {
  EXPECT_EQ(request, DMA_BUF_IOCTL_SYNC);
  driver.flags.push_back(static_cast<dma_buf_sync*>(argument)->flags);
  if (driver.errors.empty()) return 0;
  const int error = driver.errors.front();
  if (!driver.always) driver.errors.erase(driver.errors.begin());
  errno = error;
  return error == 0 ? 0 : -1;
}
int FakePoll(pollfd* fds, nfds_t count, int timeout_ms) {
  ++driver.polls;
  EXPECT_TRUE(driver.flags.empty() || (driver.flags.back() & DMA_BUF_SYNC_END) != 0) << "polled inside a bracket";
  if (driver.interrupted_polls > 0) {
    --driver.interrupted_polls;
    errno = EINTR;
    return -1;
  }
  return ::poll(fds, count, timeout_ms);
}
// A mapping first, then memory of our own to compare with.
double FakeRate(const std::byte*, size_t) {
  const bool own = driver.probes++ % 2 == 1;
  return driver.slow_machine || (driver.slow_reads && !own) ? 130e6 : 5e9;
}

const FrameSystem kFake{FakeIoctl, FakePoll, FakeRate};
constexpr uint64_t kStart = DMA_BUF_SYNC_READ | DMA_BUF_SYNC_START, kEnd = DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END;

class Memfd {
 public:
  explicit Memfd(size_t bytes = kBytes, char fill = 'a') : fd_(memfd_create("frame", MFD_CLOEXEC)) {
    const std::string content(bytes, fill);
    EXPECT_EQ(write(fd_, content.data(), bytes), static_cast<ssize_t>(bytes));
  }
  ~Memfd() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

class BufferCacheTest : public testing::Test {
 protected:
  void SetUp() override { driver = {}; }
  char First(int fd, uint64_t size = kBytes) {
    const auto buffer = cache_.Map(fd, size);
    EXPECT_TRUE(buffer) << buffer.error().text;
    if (!buffer) return '?';
    const auto reading = SharedBuffer::Read(*buffer, 1s);
    EXPECT_TRUE(reading) << reading.error().text;
    return reading ? static_cast<char>((*buffer)->bytes()[0]) : '?';
  }
  std::shared_ptr<SharedBuffer> Map(const Memfd& memfd) {
    auto buffer = cache_.Map(memfd.fd(), kBytes);
    EXPECT_TRUE(buffer);
    return *buffer;
  }
  BufferCache cache_{kFake};
};

std::vector<int> OpenFiles() {
  std::vector<int> files;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) files.push_back(std::stoi(entry.path().filename()));
  std::erase_if(files, [](int fd) { return fcntl(fd, F_GETFD) < 0; });  // the listing's own
  return files;
}

size_t Mappings() {
  std::ifstream maps("/proc/self/maps");
  size_t lines = 0;
  for (std::string line; std::getline(maps, line);) lines += line.find("memfd:frame") != line.npos;
  return lines;
}

TEST_F(BufferCacheTest, MapsOnceAndSeesWhatChanges) {
  const Memfd frame;
  EXPECT_EQ(First(frame.fd()), 'a');
  EXPECT_EQ(pwrite(frame.fd(), "b", 1, 0), 1);
  EXPECT_EQ(First(frame.fd()), 'b');
  EXPECT_EQ(cache_.maps(), 1u);
  EXPECT_EQ(Map(frame)->syncs(), 2u);
}

TEST_F(BufferCacheTest, EveryBracketCloses) {
  const Memfd frame;
  {
    auto first = SharedBuffer::Read(Map(frame), 1s);
    auto second = SharedBuffer::Read(Map(frame), 1s);  // another plane of the same buffer
    ASSERT_TRUE(first && second);
    EXPECT_EQ(driver.flags, std::vector<uint64_t>{kStart});
  }
  EXPECT_EQ(driver.flags, (std::vector<uint64_t>{kStart, kEnd}));
}

TEST_F(BufferCacheTest, GoesOnAfterInterruptions) {
  const Memfd frame;
  driver.errors = {EINTR, EAGAIN, EINTR, 0, EAGAIN, EINTR, 0};
  driver.interrupted_polls = 3;
  auto reading = SharedBuffer::Read(Map(frame), 1s);
  ASSERT_TRUE(reading) << reading.error().text;
  EXPECT_TRUE(reading->End());
  EXPECT_EQ(driver.flags, (std::vector<uint64_t>{kStart, kStart, kStart, kStart, kEnd, kEnd, kEnd}));
  EXPECT_EQ(driver.polls, 4);
}

TEST_F(BufferCacheTest, WhatIsNoDmaBufNeedsNoBracket) {
  const Memfd frame;
  driver.errors = {ENOTTY};
  driver.always = true;
  EXPECT_EQ(First(frame.fd()), 'a');
  EXPECT_EQ(Map(frame)->syncs(), 0u);
  EXPECT_EQ(driver.flags, std::vector<uint64_t>{kStart});  // and no END
}

TEST_F(BufferCacheTest, TheRealSystemTakesAMemfd) {
  const Memfd frame;
  BufferCache cache;
  const auto buffer = cache.Map(frame.fd(), kBytes);
  ASSERT_TRUE(buffer) << buffer.error().text;
  const auto reading = SharedBuffer::Read(*buffer, 1s);
  ASSERT_TRUE(reading) << reading.error().text;
  EXPECT_EQ(static_cast<char>((*buffer)->bytes()[kBytes - 1]), 'a');
  EXPECT_EQ((*buffer)->syncs(), 0u);
}

TEST_F(BufferCacheTest, ADriverThatFailsIsAnError) {
  const Memfd frame;
  driver.errors = {EIO};
  const auto reading = SharedBuffer::Read(Map(frame), 1s);
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().code, ErrorCode::kDevice);
  EXPECT_NE(reading.error().text.find("START"), std::string::npos) << reading.error().text;
  driver = {};
  driver.errors = {0, EIO};
  auto second = SharedBuffer::Read(Map(frame), 1s);
  ASSERT_TRUE(second);
  const Status ended = second->End();
  ASSERT_FALSE(ended);
  EXPECT_NE(ended.error().text.find("END"), std::string::npos) << ended.error().text;
}

TEST_F(BufferCacheTest, ADriverThatIsAlwaysBusyIsGivenUp) {
  const Memfd frame;
  driver.errors = {EAGAIN};
  driver.always = true;
  const auto reading = SharedBuffer::Read(Map(frame), 1s);
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().code, ErrorCode::kDevice);
}

TEST(WaitReadable, EndsWhenTheFenceIsSignalledAndAfterTheTimeout) {
  const int fence = eventfd(0, EFD_CLOEXEC);
  const Status never = WaitReadable(RealFrameSystem(), fence, 20ms, "acquire_fence_fd");
  ASSERT_FALSE(never);
  EXPECT_EQ(never.error().code, ErrorCode::kDevice);
  EXPECT_NE(never.error().text.find("acquire_fence_fd was not signalled within 20 ms"), std::string::npos) << never.error().text;
  ASSERT_EQ(eventfd_write(fence, 1), 0);
  EXPECT_TRUE(WaitReadable(RealFrameSystem(), fence, 20ms, "acquire_fence_fd"));
  close(fence);
  EXPECT_FALSE(WaitReadable(RealFrameSystem(), fence, 20ms, "acquire_fence_fd"));
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  close(ends[1]);  // hung up: an error, not a wait for ever
  EXPECT_FALSE(WaitReadable(RealFrameSystem(), ends[0], 20ms, "acquire_fence_fd"));
  close(ends[0]);
}

TEST_F(BufferCacheTest, AFrameThatIsNeverReadyOpensNoBracket) {
  // An eventfd has no size; the fence of a buffer is asked of the buffer itself, so a driver must play it.
  const Memfd frame;
  const FrameSystem never{FakeIoctl, [](pollfd*, nfds_t, int) { return 0; }, FakeRate};
  BufferCache cache(never);
  const auto reading = SharedBuffer::Read(*cache.Map(frame.fd(), kBytes), 5ms);
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().code, ErrorCode::kDevice);
  EXPECT_TRUE(driver.flags.empty());
}

TEST_F(BufferCacheTest, KnowsBuffersByInodeNotByNumber) {
  auto first = std::make_unique<Memfd>(kBytes, 'a');
  const int number = first->fd();
  EXPECT_EQ(First(number), 'a');
  first.reset();
  const Memfd second(kBytes, 'b');
  ASSERT_EQ(second.fd(), number) << "the number is used again";
  EXPECT_EQ(First(second.fd()), 'b');
  // The same buffer under another number is no new mapping.
  const int other = dup(second.fd());
  EXPECT_EQ(First(other), 'b');
  EXPECT_EQ(cache_.maps(), 2u);
  close(other);
}

TEST_F(BufferCacheTest, RefusesWhatIsTooShortOrNoMemory) {
  const Memfd frame;
  const auto longer = cache_.Map(frame.fd(), kBytes + 1);
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(longer.error().text.find("has 65536 bytes; 65537 are needed"), std::string::npos) << longer.error().text;
  EXPECT_EQ(First(frame.fd()), 'a');
  // Shorter than when it was mapped: reading it would be SIGBUS.
  const auto mapped = Map(frame);
  ASSERT_EQ(ftruncate(frame.fd(), kBytes / 2), 0);
  EXPECT_FALSE(cache_.Map(frame.fd(), kBytes));
  const auto cut = SharedBuffer::Read(mapped, 1s);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(First(frame.fd(), kBytes / 2), 'a');
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  for (const int fd : {ends[0], -1, 9999}) {
    const auto none = cache_.Map(fd, kBytes);
    ASSERT_FALSE(none) << fd;
    EXPECT_EQ(none.error().code, ErrorCode::kInvalidArgument) << none.error().text;
  }
  close(ends[0]);
  close(ends[1]);
}

TEST_F(BufferCacheTest, SaysWhatCannotBeMapped) {
  const int sink = open("/dev/shm", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);  // not readable: PROT_READ is refused
  if (sink < 0) GTEST_SKIP() << "no /dev/shm here";
  ASSERT_EQ(ftruncate(sink, kBytes), 0);
  const auto reading = cache_.Map(sink, kBytes);
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(reading.error().text.find("cannot be mapped"), std::string::npos) << reading.error().text;
  close(sink);
}

TEST_F(BufferCacheTest, TellsUncachedMemoryOnlyOfDmaBufs) {
  const auto uncached = [&](const Memfd& frame) {
    First(frame.fd());
    return Map(frame)->uncached();
  };
  const Memfd slow, fast, plain, slow_as_all;
  driver.slow_reads = true;
  EXPECT_TRUE(uncached(slow));
  driver.slow_reads = false;
  EXPECT_TRUE(uncached(slow)) << "probed once";
  EXPECT_FALSE(uncached(fast));
  driver = {};
  driver.slow_machine = true;
  EXPECT_FALSE(uncached(slow_as_all)) << "an emulator";
  driver = {};
  driver.slow_reads = true;
  driver.errors = {ENOTTY};
  driver.always = true;
  EXPECT_FALSE(uncached(plain));
}

TEST_F(BufferCacheTest, ItsDescriptorsDoNotSurviveExec) {
  const Memfd frame;
  const auto before = OpenFiles();
  First(frame.fd());
  const auto after = OpenFiles();
  EXPECT_EQ(after.size(), before.size() + 1);
  for (const int fd : after) {
    if (std::ranges::find(before, fd) != before.end()) continue;
    EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0) << fd << " would be handed on";
  }
}

// A camera that is stopped and started has new buffers each time; old ones must not stay.
TEST_F(BufferCacheTest, TenThousandFramesLeaveNothing) {
  const auto run = [&](int frames) {
    for (int i = 0; i < frames; ++i) {
      Memfd frame(4096, static_cast<char>('a' + i % 26));
      ASSERT_EQ(First(frame.fd(), 4096), 'a' + i % 26);
    }
  };
  run(200);
  const auto files = OpenFiles().size(), mappings = Mappings();
  const long resident = test::ResidentKiB();
  run(10000);
  EXPECT_EQ(OpenFiles().size(), files);
  EXPECT_EQ(Mappings(), mappings);
  EXPECT_EQ(mappings, cache_.size());
  EXPECT_LE(cache_.size(), 32u);
  if (!test::kSanitized) {
    EXPECT_LT(test::ResidentKiB() - resident, 1024);
  }
  cache_.Clear();
  EXPECT_EQ(Mappings(), 0u);
}

}  // namespace
}  // namespace npu
