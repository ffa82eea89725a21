// What FrameReader reads and leaves behind, with system calls of our own as the driver: brackets on every path, memory
// without a cache copied once and only where the picture is.
// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/frame_reader.h"

#include <gtest/gtest.h>
#include <linux/dma-buf.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "capi/npu_delegate.h"

namespace npu {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kWidth = 6, kHeight = 4, kStride = 16;
constexpr size_t kBytes = kStride * kHeight * 3 / 2;

int open_brackets = 0, syncs = 0, fail_at = -1;
bool slow = false;

int Ioctl(int, unsigned long, void* argument) {
  const bool end = (static_cast<dma_buf_sync*>(argument)->flags & DMA_BUF_SYNC_END) != 0;
  if (!end && syncs++ == fail_at) {
    errno = EIO;
    return -1;
  }
  open_brackets += end ? -1 : 1;
  return 0;
}
int rates = 0;
const FrameSystem kSystem{Ioctl, ::poll, [](const std::byte*, size_t) { return slow && rates++ % 2 == 0 ? 100e6 : 5e9; }};

// An NV12 frame with each plane in a buffer of its own.
class FrameReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    open_brackets = syncs = rates = 0;
    fail_at = -1;
    slow = false;
    frame_.fourcc = NPU_FOURCC_NV12;
    frame_.width = kWidth;
    frame_.height = kHeight;
    frame_.plane_count = 2;
    for (int i = 0; i < 2; ++i) {
      fds_[i] = memfd_create("frame", MFD_CLOEXEC);
      std::string bytes(kBytes, '.');
      for (size_t b = 0; b < kBytes; ++b) bytes[b] = static_cast<char>(17 * b + static_cast<size_t>(i));
      ASSERT_EQ(write(fds_[i], bytes.data(), kBytes), static_cast<ssize_t>(kBytes));
      frame_.planes[i].fd = fds_[i];
      frame_.planes[i].stride = kStride;
    }
  }
  void TearDown() override {
    for (const int fd : fds_) close(fd);
  }
  MappedFrame Map() {
    auto mapped = MapFrame(frame_, cache_);
    EXPECT_TRUE(mapped) << mapped.error().text;
    return *mapped;
  }
  int fds_[2];
  Frame frame_;
  BufferCache cache_{kSystem};
};

TEST_F(FrameReaderTest, BracketsAreOpenOnlyInBetween) {
  FrameReader reader;
  const MappedFrame mapped = Map();
  ASSERT_TRUE(reader.Begin(frame_, mapped, 1s, kSystem));
  EXPECT_EQ(open_brackets, 2);
  EXPECT_EQ(reader.brackets(), 2);
  EXPECT_EQ(reader.memory().planes[1].rows, mapped.planes[1].rows) << "read where it is";
  EXPECT_EQ(reader.staged_bytes(), 0u);
  EXPECT_TRUE(reader.End());
  EXPECT_EQ(open_brackets, 0);
  {
    FrameReader gone;
    ASSERT_TRUE(gone.Begin(frame_, mapped, 1s, kSystem));
    ASSERT_TRUE(gone.Begin(frame_, mapped, 1s, kSystem));
  }
  EXPECT_EQ(open_brackets, 0);
}

TEST_F(FrameReaderTest, AFailureHalfWayClosesWhatWasOpened) {
  FrameReader reader;
  fail_at = 1;
  EXPECT_FALSE(reader.Begin(frame_, Map(), 1s, kSystem));
  EXPECT_EQ(open_brackets, 0);
}

TEST_F(FrameReaderTest, TheFenceComesBeforeAnyBracket) {
  const int fence = eventfd(0, EFD_CLOEXEC);
  frame_.acquire_fence_fd = fence;
  const MappedFrame mapped = Map();
  FrameReader reader;
  const Status late = reader.Begin(frame_, mapped, 5ms, kSystem);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kDevice);
  EXPECT_EQ(syncs, 0);
  ASSERT_EQ(eventfd_write(fence, 1), 0);
  close(fence);  // the duplicate stays
  EXPECT_TRUE(reader.Begin(frame_, mapped, 1s, kSystem));
  frame_.acquire_fence_fd = 9999;
  EXPECT_FALSE(MapFrame(frame_, cache_));
}

TEST_F(FrameReaderTest, UncachedMemoryIsCopiedOnceWhereThePictureIs) {
  slow = true;
  frame_.crop = {2, 2, 4, 2};
  FrameReader reader;
  const MappedFrame mapped = Map();
  ASSERT_TRUE(reader.Begin(frame_, mapped, 1s, kSystem));
  EXPECT_EQ(reader.staged_bytes(), 2u * 4 + 1u * 4);  // two rows of Y, one of pairs
  for (int plane = 0; plane < 2; ++plane) {
    const auto *copy = reader.memory().planes[plane].rows, *real = mapped.planes[plane].rows;
    EXPECT_NE(copy, real);
    const size_t first = plane == 0 ? 2 * kStride + 2 : 1 * kStride + 2;
    EXPECT_EQ(std::memcmp(copy + first, real + first, 4), 0);
  }
  EXPECT_TRUE(reader.End());
  // The whole frame, in the same memory.
  frame_.crop = {};
  ASSERT_TRUE(reader.Begin(frame_, mapped, 1s, kSystem));
  EXPECT_EQ(reader.staged_bytes(), size_t{kWidth} * kHeight * 3 / 2);
}

TEST_F(FrameReaderTest, PointersNeedNoSystem) {
  const std::string bytes(kBytes, 'x');
  for (FramePlane& plane : frame_.planes) plane.ptr = reinterpret_cast<const std::byte*>(bytes.data());
  FrameReader reader;
  ASSERT_TRUE(reader.Begin(frame_, Map(), 1s, kSystem));
  EXPECT_EQ(syncs, 0);
  EXPECT_EQ(cache_.maps(), 0u);
}

}  // namespace
}  // namespace npu
