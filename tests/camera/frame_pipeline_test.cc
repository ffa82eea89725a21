// Frames behind file descriptors, through a session and its pipeline, by the C API: memfds stand in for a camera's buffers,
// the frame's number is painted into its pixels, and the outputs must be the frame's own.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "capi/npu_delegate.h"
#include "tests/support/resident_memory.h"

namespace {

constexpr uint32_t kSide = 8;  // of the bundled model's input: INT8 [1,8,8,1]
constexpr uint32_t kStride = 64;
constexpr size_t kBytes = size_t{kStride} * kSide;

size_t OpenFiles() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

struct Maps {
  size_t frames = 0, all = 0;
};
Maps Mappings() {
  Maps maps;
  std::ifstream file("/proc/self/maps");
  for (std::string line; std::getline(file, line); ++maps.all) maps.frames += line.find("memfd:camera") != line.npos;
  return maps;
}

// A camera's buffer.
struct Buffer {
  int fd = memfd_create("camera", MFD_CLOEXEC);
  uint8_t* pixels = nullptr;
  std::atomic<bool> free = true;
  Buffer() {
    EXPECT_EQ(ftruncate(fd, kBytes), 0);
    pixels = static_cast<uint8_t*>(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  }
  ~Buffer() {
    munmap(pixels, kBytes);
    close(fd);
  }
  // A picture that no other number below 65536 has: two blocks as bright as its two bytes, and stripes.
  void Paint(uint64_t number) {
    for (uint32_t y = 0; y < kSide; ++y) {
      for (uint32_t x = 0; x < kStride; ++x) {
        const bool upper = y < kSide / 2;
        pixels[y * kStride + x] = x >= kSide  ? static_cast<uint8_t>(number * 7)  // padding: must not matter
                                  : x % 4 < 2 ? static_cast<uint8_t>(upper ? number : number >> 8)
                                              : static_cast<uint8_t>(x * 9);
      }
    }
  }
  npu_frame Frame(uint64_t id) const {
    npu_frame frame{};
    frame.struct_size = sizeof frame;
    frame.fourcc = NPU_FOURCC_R8;
    frame.width = frame.height = kSide;
    frame.plane_count = 1;
    frame.planes[0] = {nullptr, fd, kStride, 0, 0};
    frame.id = id;
    return frame;
  }
};

class FramePipelineTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string path = std::string(NPU_SOURCE_DIR) + "/examples/digits/digits_int8.tflite";
    ASSERT_EQ(npu_model_open_file(path.c_str(), &model_), NPU_OK) << npu_last_error();
    // The reference needs no device: what is tested here is the frames' way, not the kernels.
    const npu_option options[] = {{"device", "reference"}};
    ASSERT_EQ(npu_plan_create(model_, options, 1, &plan_), NPU_OK) << npu_last_error();
    ASSERT_EQ(npu_session_create(plan_, &session_), NPU_OK) << npu_last_error();
    ASSERT_EQ(npu_session_create(plan_, &alone_), NPU_OK) << npu_last_error();
    npu_tensor_info info{};
    info.struct_size = sizeof info;
    ASSERT_EQ(npu_session_output(session_, 0, &info), NPU_OK);
    output_bytes_ = info.bytes;
  }
  void TearDown() override {
    npu_session_destroy(session_);
    npu_session_destroy(alone_);
    npu_plan_destroy(plan_);
    npu_model_destroy(model_);
  }
  // Of a frame alone, by its address.
  std::vector<int8_t> Expected(const npu_frame& frame, const uint8_t* pixels) {
    npu_frame by_address = frame;
    by_address.release = nullptr;
    by_address.planes[0].ptr = pixels;
    return Run(alone_, by_address);
  }
  std::vector<int8_t> Run(npu_session* session, const npu_frame& frame) {
    std::vector<int8_t> out(output_bytes_);
    EXPECT_EQ(npu_session_bind_frame(session, 0, &frame, nullptr, nullptr), NPU_OK) << npu_last_error();
    EXPECT_EQ(npu_session_invoke(session), NPU_OK) << npu_last_error();
    EXPECT_EQ(npu_session_copy_output(session, 0, out.data(), out.size()), NPU_OK) << npu_last_error();
    return out;
  }
  npu_io_info Info(const npu_session* session) {
    npu_io_info info{};
    info.struct_size = sizeof info;
    EXPECT_EQ(npu_session_io_info(session, 0, &info), NPU_OK) << npu_last_error();
    return info;
  }

  npu_model* model_ = nullptr;
  npu_plan* plan_ = nullptr;
  npu_session *session_ = nullptr, *alone_ = nullptr;
  size_t output_bytes_ = 0;
};

TEST_F(FramePipelineTest, ADescriptorIsReadLikeItsMemory) {
  Buffer buffer;
  std::vector<int8_t> before;
  for (const uint64_t number : {1u, 200u, 65000u}) {
    buffer.Paint(number);
    const npu_frame frame = buffer.Frame(number);
    const auto result = Run(session_, frame);
    EXPECT_EQ(result, Expected(frame, buffer.pixels));
    EXPECT_NE(result, before) << "the frame changed, the result did not";
    before = result;
  }
  const npu_io_info info = Info(session_);
  EXPECT_EQ(info.maps, 1u);
  EXPECT_EQ(info.syncs, 0u) << "a memfd has no brackets";
  EXPECT_EQ(info.copied_bytes, 0u);
  EXPECT_EQ(info.frames, 3u);
}

// The caller may close its descriptor: the session has its own.
TEST_F(FramePipelineTest, ABoundFrameOutlivesItsDescriptor) {
  Buffer buffer;
  buffer.Paint(77);
  npu_frame frame = buffer.Frame(77);
  frame.planes[0].fd = dup(buffer.fd);
  ASSERT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, nullptr), NPU_OK);
  close(frame.planes[0].fd);
  ASSERT_EQ(npu_session_invoke(session_), NPU_OK) << npu_last_error();
  std::vector<int8_t> out(output_bytes_);
  ASSERT_EQ(npu_session_copy_output(session_, 0, out.data(), out.size()), NPU_OK);
  EXPECT_EQ(out, Expected(frame, buffer.pixels));
}

TEST_F(FramePipelineTest, BadDescriptorsAreNamed) {
  Buffer buffer;
  npu_frame frame = buffer.Frame(0);
  frame.planes[0].offset = 1;  // one byte too long for the memory: the last row has no padding, the stride's rest is not needed
  EXPECT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, nullptr), NPU_OK) << npu_last_error();
  frame.planes[0].offset = kStride;
  EXPECT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, nullptr), NPU_INVALID_ARGUMENT);
  EXPECT_NE(std::string(npu_last_error()).find("planes[0].fd"), std::string::npos) << npu_last_error();
  frame = buffer.Frame(0);
  frame.planes[0].fd = 9999;
  EXPECT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, nullptr), NPU_INVALID_ARGUMENT);
  EXPECT_NE(std::string(npu_last_error()).find("is not open"), std::string::npos) << npu_last_error();
}

TEST_F(FramePipelineTest, AFenceThatIsNeverSignalledFailsTheFrameAndReleasesIt) {
  Buffer buffer;
  const int fence = eventfd(0, EFD_CLOEXEC);
  npu_frame frame = buffer.Frame(5);
  std::atomic<int> released = 0;
  frame.acquire_fence_fd = fence;
  frame.release = [](void* user, uint64_t id) {
    EXPECT_EQ(id, 5u);
    ++*static_cast<std::atomic<int>*>(user);
  };
  frame.user = &released;
  ASSERT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, nullptr), NPU_OK);
  EXPECT_EQ(npu_session_invoke(session_), NPU_DEVICE_ERROR);
  EXPECT_NE(std::string(npu_last_error()).find("acquire_fence_fd was not signalled"), std::string::npos) << npu_last_error();
  EXPECT_EQ(released, 1);
  ASSERT_EQ(eventfd_write(fence, 1), 0);
  ASSERT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, nullptr), NPU_OK);
  EXPECT_EQ(npu_session_invoke(session_), NPU_OK) << npu_last_error();
  EXPECT_EQ(released, 2);
  close(fence);
}

TEST_F(FramePipelineTest, ASessionWithAPipelineIsItsAlone) {
  EXPECT_EQ(npu_session_pipeline_start(session_, 0), NPU_INVALID_ARGUMENT);
  EXPECT_EQ(npu_session_pipeline_start(session_, 65), NPU_INVALID_ARGUMENT);
  npu_job job{};
  job.struct_size = sizeof job;
  EXPECT_EQ(npu_session_submit(session_, &job), NPU_INVALID_ARGUMENT) << "no pipeline";
  ASSERT_EQ(npu_session_pipeline_start(session_, 2), NPU_OK);
  EXPECT_EQ(npu_session_pipeline_start(session_, 2), NPU_INVALID_ARGUMENT);
  EXPECT_EQ(npu_session_invoke(session_), NPU_INVALID_ARGUMENT);
  EXPECT_EQ(npu_session_reset(session_), NPU_INVALID_ARGUMENT);
  EXPECT_EQ(npu_session_submit(session_, &job), NPU_INVALID_ARGUMENT) << "neither frame nor data";
  job.policy = 3;
  EXPECT_EQ(npu_session_submit(session_, &job), NPU_INVALID_ARGUMENT);
  job.policy = 0;
  job.input = 1;
  EXPECT_EQ(npu_session_submit(session_, &job), NPU_INVALID_ARGUMENT);
  npu_result result{};
  EXPECT_EQ(npu_session_wait(session_, 0, &result), NPU_INVALID_ARGUMENT) << "struct_size";
  result.struct_size = sizeof result;
  EXPECT_EQ(npu_session_wait(session_, 1000, &result), NPU_TIMEOUT);
  ASSERT_EQ(npu_session_pipeline_stop(session_), NPU_OK);
  EXPECT_EQ(npu_session_invoke(session_), NPU_OK) << npu_last_error();
  EXPECT_EQ(npu_session_pipeline_start(session_, 1), NPU_OK);
  EXPECT_EQ(npu_session_pipeline_stop(nullptr), NPU_INVALID_ARGUMENT);
}

TEST_F(FramePipelineTest, PlainBytesAreJobsToo) {
  ASSERT_EQ(npu_session_pipeline_start(session_, 2), NPU_OK);
  const std::vector<int8_t> pixels(kSide * kSide, 40);
  npu_job job{};
  job.struct_size = sizeof job;
  job.data = pixels.data();
  job.bytes = pixels.size() - 1;
  EXPECT_EQ(npu_session_submit(session_, &job), NPU_INVALID_ARGUMENT);
  job.bytes = pixels.size();
  job.id = 9;
  ASSERT_EQ(npu_session_submit(session_, &job), NPU_OK) << npu_last_error();
  npu_result result{};
  result.struct_size = sizeof result;
  ASSERT_EQ(npu_session_wait(session_, -1, &result), NPU_OK);
  EXPECT_EQ(result.state, NPU_JOB_DONE);
  EXPECT_EQ(result.id, 9u);
  std::vector<int8_t> out(output_bytes_);
  ASSERT_EQ(npu_session_copy_input(alone_, 0, pixels.data(), pixels.size()), NPU_OK);
  ASSERT_EQ(npu_session_invoke(alone_), NPU_OK);
  ASSERT_EQ(npu_session_copy_output(alone_, 0, out.data(), out.size()), NPU_OK);
  EXPECT_EQ(std::memcmp(out.data(), result.outputs[0], out.size()), 0);
}

// A camera of four buffers that writes into each as soon as it is given back, and drops.
TEST_F(FramePipelineTest, TenThousandFramesHaveTheirOwnOutputs) {
  constexpr uint64_t kFrames = npu::test::kSanitized ? 500 : 10000;
  std::vector<Buffer> buffers(4);
  ASSERT_EQ(npu_session_pipeline_start(session_, 2), NPU_OK);
  const auto run = [&](uint64_t first, uint64_t count, bool check) {
    std::vector<std::vector<int8_t>> expected(count);
    std::thread camera([&] {
      for (uint64_t i = 0; i < count; ++i) {
        Buffer* buffer = nullptr;
        for (size_t b = i; buffer == nullptr; ++b) {
          if (buffers[b % 4].free) buffer = &buffers[b % 4];
        }
        buffer->free = false;
        buffer->Paint(first + i);
        npu_frame frame = buffer->Frame(first + i);
        if (check) expected[i] = Expected(frame, buffer->pixels);
        frame.user = buffer;
        // Written over at once: whoever reads on reads another number.
        frame.release = [](void* user, uint64_t) {
          auto* buffer = static_cast<Buffer*>(user);
          std::memset(buffer->pixels, 0x55, kBytes);
          buffer->free = true;
        };
        npu_job job{};
        job.struct_size = sizeof job;
        job.id = first + i;
        job.frame = &frame;
        job.policy = static_cast<uint32_t>(i % 5 == 0 ? NPU_POLICY_DROP_NEW : i % 3 == 0 ? NPU_POLICY_DROP_OLDEST : NPU_POLICY_BLOCK);
        ASSERT_EQ(npu_session_submit(session_, &job), NPU_OK) << npu_last_error();
      }
    });
    std::vector<std::vector<int8_t>> got(count);
    for (uint64_t i = 0; i < count; ++i) {
      npu_result result{};
      result.struct_size = sizeof result;
      ASSERT_EQ(npu_session_wait(session_, -1, &result), NPU_OK) << npu_last_error();
      ASSERT_EQ(result.id, first + i);
      ASSERT_NE(result.state, NPU_JOB_FAILED) << result.text;
      if (result.state != NPU_JOB_DONE) continue;
      got[i].resize(output_bytes_);
      std::memcpy(got[i].data(), result.outputs[0], output_bytes_);
    }
    camera.join();
    for (uint64_t i = 0; check && i < count; ++i) ASSERT_TRUE(got[i].empty() || got[i] == expected[i]) << "frame " << first + i;
  };
  run(0, 500, true);
  const size_t files = OpenFiles();
  const Maps maps = Mappings();
  const long resident = npu::test::ResidentKiB();
  run(500, kFrames, true);
  EXPECT_EQ(OpenFiles(), files);
  EXPECT_EQ(Mappings().frames, maps.frames);
  if (!npu::test::kSanitized) {
    EXPECT_LT(npu::test::ResidentKiB() - resident, 4096);
  }
  npu_pipeline_stats stats{};
  stats.struct_size = sizeof stats;
  ASSERT_EQ(npu_session_pipeline_stats(session_, &stats), NPU_OK);
  EXPECT_EQ(stats.submitted, kFrames + 500);
  EXPECT_EQ(stats.done + stats.dropped, kFrames + 500);
  EXPECT_EQ(stats.failed, 0u);
  ASSERT_EQ(npu_session_pipeline_stop(session_), NPU_OK);
  EXPECT_EQ(Info(session_).maps, 4u);
  for (const Buffer& buffer : buffers) EXPECT_TRUE(buffer.free);
}

}  // namespace
