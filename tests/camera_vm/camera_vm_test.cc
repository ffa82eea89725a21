// Run by run.sh in a virtual machine: a real V4L2 driver (vivid: /dev/video0 with one buffer a frame, /dev/video1 with one
// a plane) and a real DMA-BUF exporter (vgem). camera_vm_test MODEL CAMERA_RUN; the model's input is INT8 [1,h,w,1].
// SPDX-License-Identifier: Apache-2.0
#include <drm.h>
#include <drm_mode.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <npu_delegate.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "backends/cpu/cpu_backend.h"
#include "tests/abi/plugin_delegate.h"
#include "tests/support/fake_host.h"
#include "tests/support/graph_builder.h"
#include "tools/camera-run/canvas.h"
#include "tools/camera-run/failure.h"
#include "tools/camera-run/source.h"
#include "tools/camera-run/v4l2_device.h"

namespace camera_run {
namespace {

std::string model_path, camera_run_path;

size_t OpenFiles() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

std::unique_ptr<Source> Camera(const std::string& fourcc, uint32_t stride = 0, const char* device = "/dev/video0",
                               uint32_t width = 320, uint32_t height = 180) {
  SourceOptions options;
  options.device = device;
  options.fourcc = fourcc;
  options.width = width;
  options.height = height;
  options.stride = stride;
  options.fps = 30;
  return OpenCamera(options);
}

// The bundled model, without a pipeline.
class Session {
 public:
  Session() {
    EXPECT_EQ(npu_model_open_file(model_path.c_str(), &model_), NPU_OK) << npu_last_error();
    const npu_option options[] = {{"threads", "1"}};
    EXPECT_EQ(npu_plan_create(model_, options, 1, &plan_), NPU_OK) << npu_last_error();
    EXPECT_EQ(npu_session_create(plan_, &session_), NPU_OK) << npu_last_error();
  }
  ~Session() {
    npu_session_destroy(session_);
    npu_plan_destroy(plan_);
    npu_model_destroy(model_);
  }
  std::vector<int8_t> Run(const npu_frame& frame) {
    npu_tensor_info info{};
    info.struct_size = sizeof info;
    EXPECT_EQ(npu_session_output(session_, 0, &info), NPU_OK);
    std::vector<int8_t> out(info.bytes);
    EXPECT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, nullptr), NPU_OK) << npu_last_error();
    EXPECT_EQ(npu_session_invoke(session_), NPU_OK) << npu_last_error();
    EXPECT_EQ(npu_session_copy_output(session_, 0, out.data(), out.size()), NPU_OK) << npu_last_error();
    return out;
  }
  npu_io_info Info() {
    npu_io_info info{};
    info.struct_size = sizeof info;
    EXPECT_EQ(npu_session_io_info(session_, 0, &info), NPU_OK) << npu_last_error();
    return info;
  }

 private:
  npu_model* model_ = nullptr;
  npu_plan* plan_ = nullptr;
  npu_session* session_ = nullptr;
};

Session& TheSession() {
  static Session* session = new Session;
  return *session;
}

// The same pixels through addresses instead of file descriptors.
npu_frame ByAddress(const SourceFrame& source) {
  npu_frame frame = source.frame;
  for (uint32_t p = 0; p < frame.plane_count; ++p) frame.planes[p].ptr = source.mapped[p];
  return frame;
}

// vivid's test picture: eight colour bars. What camera-run shows of them, in the lower part, where no text is.
std::vector<Colour> Bars(const SourceFrame& frame) {
  const Canvas canvas = ToCanvas(frame);
  std::vector<Colour> bars;
  for (uint32_t bar = 0; bar < 8; ++bar) {
    const size_t x = canvas.width() * (2 * bar + 1) / 16, y = canvas.height() * 7 / 8;
    const uint8_t* pixel = canvas.pixels() + 3 * (y * canvas.width() + x);
    bars.push_back({pixel[0], pixel[1], pixel[2]});
  }
  return bars;
}

// A dumb buffer of vgem and its DMA-BUF.
class VgemBuffer {
 public:
  VgemBuffer(uint32_t width, uint32_t height) {
    for (int i = 0; i < 8 && card_ < 0; ++i) {
      card_ = open(("/dev/dri/card" + std::to_string(i)).c_str(), O_RDWR | O_CLOEXEC);
      if (card_ < 0) continue;
      char name[32] = {};
      drm_version version{};
      version.name = name;
      version.name_len = sizeof name - 1;
      if (ioctl(card_, DRM_IOCTL_VERSION, &version) == 0 && std::string(name) == "vgem") break;
      close(card_);
      card_ = -1;
    }
    EXPECT_GE(card_, 0) << "no vgem";
    drm_mode_create_dumb dumb{};
    dumb.width = width;
    dumb.height = height;
    dumb.bpp = 8;
    EXPECT_EQ(ioctl(card_, DRM_IOCTL_MODE_CREATE_DUMB, &dumb), 0) << std::strerror(errno);
    size = dumb.size;
    stride = dumb.pitch;
    drm_prime_handle prime{};
    prime.handle = dumb.handle;
    prime.flags = DRM_CLOEXEC | DRM_RDWR;
    EXPECT_EQ(ioctl(card_, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), 0) << std::strerror(errno);
    fd = prime.fd;
    pixels = static_cast<uint8_t*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    EXPECT_NE(pixels, MAP_FAILED) << std::strerror(errno);
    // What another program would do with the descriptor.
    drm_prime_handle back{};
    back.fd = fd;
    EXPECT_EQ(ioctl(card_, DRM_IOCTL_PRIME_FD_TO_HANDLE, &back), 0) << std::strerror(errno);
    EXPECT_EQ(back.handle, dumb.handle);
  }
  ~VgemBuffer() {
    munmap(pixels, size);
    close(fd);
    close(card_);
  }
  npu_frame Frame(uint32_t width, uint32_t height) const {
    npu_frame frame{};
    frame.struct_size = sizeof frame;
    frame.fourcc = NPU_FOURCC_R8;
    frame.width = width;
    frame.height = height;
    frame.plane_count = 1;
    frame.planes[0] = {nullptr, fd, stride, 0, 0};
    return frame;
  }
  int fd = -1;
  uint8_t* pixels = nullptr;
  uint64_t size = 0;
  uint32_t stride = 0;

 private:
  int card_ = -1;
};

TEST(CameraVm, Enumerates) {
  const std::string cameras = ListCameras();
  for (const char* part : {"/dev/video0", "/dev/video1", "NV12", "NM12", "YUYV", "GREY", "RGB3"}) {
    EXPECT_NE(cameras.find(part), std::string::npos) << part << " is not in\n" << cameras;
  }
}

TEST(CameraVm, AllFormatsShowTheSamePicture) {
  std::vector<Colour> expected;
  struct Case {
    const char *fourcc, *device;
    uint32_t stride;
  };
  const Case cases[] = {{"RGB", "/dev/video0", 0},   {"NV12", "/dev/video0", 0},  {"NV12", "/dev/video0", 512}, {"YUYV", "/dev/video0", 0},
                        {"YUYV", "/dev/video0", 1024}, {"YU12", "/dev/video0", 384}, {"BGR", "/dev/video0", 1088},
                        {"NV12", "/dev/video1", 448}, {"NV12", "/dev/video1", 0}};
  for (const Case& c : cases) {
    SCOPED_TRACE(fmt::format("{} of {}, stride {}", c.fourcc, c.device, c.stride));
    auto camera = Camera(c.fourcc, c.stride, c.device);
    for (int i = 0; i < 3; ++i) {
      const auto frame = camera->Next();
      ASSERT_TRUE(frame);
      EXPECT_EQ(npu_frame_check(&frame->frame), NPU_OK) << npu_last_error();
      EXPECT_GT(frame->frame.planes[0].fd, 0) << "not exported as a DMA-BUF";
      EXPECT_EQ(frame->frame.planes[0].ptr, nullptr);
      EXPECT_GE(frame->frame.planes[0].stride, c.stride);
      const std::vector<Colour> bars = Bars(*frame);
      if (expected.empty()) expected = bars;
      for (size_t b = 0; b < bars.size(); ++b) {
        EXPECT_NEAR(bars[b].r, expected[b].r, 8) << "bar " << b;
        EXPECT_NEAR(bars[b].g, expected[b].g, 8) << "bar " << b;
        EXPECT_NEAR(bars[b].b, expected[b].b, 8) << "bar " << b;
      }
      camera->Return(frame->buffer);
    }
  }
  // White, yellow, cyan, green, magenta, red, blue, black: the bars are what they should be, not only alike.
  EXPECT_GT(expected[0].r, 160);
  EXPECT_LT(expected[7].r, 60);
  EXPECT_GT(expected[5].r, expected[5].b + 80);
  EXPECT_GT(expected[6].b, expected[6].r + 80);
}

TEST(CameraVm, FramesAreReadWhereTheyAre) {
  for (const char* fourcc : {"GREY", "NV12", "YUYV"}) {
    SCOPED_TRACE(fourcc);
    auto camera = Camera(fourcc, 384);
    const npu_io_info before = TheSession().Info();
    for (int i = 0; i < 6; ++i) {
      const auto frame = camera->Next();
      ASSERT_TRUE(frame);
      const auto through_fd = TheSession().Run(frame->frame);
      EXPECT_EQ(through_fd, TheSession().Run(ByAddress(*frame)));
      camera->Return(frame->buffer);
    }
    const npu_io_info info = TheSession().Info();
    EXPECT_EQ(info.frames - before.frames, 12u);
    EXPECT_EQ(info.copied_bytes, 0u) << info.path << ": " << info.reason;
    EXPECT_LE(info.maps - before.maps, 4u) << "each of the camera's buffers is mapped once";
    EXPECT_EQ(info.syncs - before.syncs, 6u) << "each frame through a descriptor has its bracket";
  }
}

TEST(CameraVm, VgemBuffersAreReadWhereTheyAre) {
  const VgemBuffer buffer(64, 64);
  const npu_frame frame = buffer.Frame(64, 64);
  std::vector<std::vector<int8_t>> results;
  for (const int value : {0, 255, 90}) {
    // A picture, not a plain: what is left of it would be the same for any.
    for (uint64_t i = 0; i < buffer.size; ++i) buffer.pixels[i] = static_cast<uint8_t>(i / buffer.stride / 8 % 2 != 0 ? value : 40);
    results.push_back(TheSession().Run(frame));
    npu_frame by_address = frame;
    by_address.planes[0].ptr = buffer.pixels;
    by_address.planes[0].size = buffer.size;
    EXPECT_EQ(results.back(), TheSession().Run(by_address));
  }
  EXPECT_NE(results[0], results[1]) << "a change of the buffer is not seen";
}

// A host's input in a buffer of a graphics driver, read by the plug-in as UINT8.
TEST(CameraVm, APluginReadsARegisteredVgemBuffer) {
  using namespace npu;
  test::GraphBuilder builder;
  const int x = builder.Input(DataType::kInt8, {1, 64, 64, 1}, 0.5f, -3), y = builder.Tensor(DataType::kInt8, {1, 32, 32, 1}, 0.5f, -3);
  builder.Op(OpKind::kMaxPool2D, {x}, {y}, Pool2DParams{Padding::kValid, 2, 2, 2, 2, Activation::kNone});
  const auto graph = builder.Build({y});
  test::PluginDelegate delegate{{"input_uint8", "#0"}};
  test::FakeHost host(graph);
  ASSERT_EQ(host.Apply(delegate.get()), host::kOk) << test::reported;
  ASSERT_EQ(host.Allocate(), host::kOk);
  const VgemBuffer buffer(64, 64);
  host.tensors[x].data = buffer.pixels;
  ASSERT_EQ(npu_register_frame_buffer(buffer.pixels, buffer.size, buffer.fd), NPU_OK) << npu_last_error();
  for (uint64_t round = 0; round < 3; ++round) {
    test::Bytes int8(64 * 64);
    for (size_t i = 0; i < int8.size(); ++i) {
      buffer.pixels[i] = static_cast<uint8_t>(i * (31 + round));
      int8[i] = static_cast<std::byte>(buffer.pixels[i] ^ 0x80);
    }
    ASSERT_EQ(host.Invoke(), host::kOk);
    EXPECT_EQ(host.Read(y), test::RunGraph(*MakeCpuBackend(), graph, {int8})->front());
    npu_frame_buffer_info info{};
    info.struct_size = sizeof info;
    ASSERT_EQ(npu_frame_buffer_counts(buffer.pixels, &info), NPU_OK) << npu_last_error();
    EXPECT_EQ(info.reads, round + 1);
    EXPECT_EQ(info.syncs, round + 1) << "a DMA-BUF is read in brackets";
  }
  EXPECT_EQ(npu_unregister_frame_buffer(buffer.pixels), NPU_OK);
}

// The camera writes into a buffer of another driver.
TEST(CameraVm, TheCameraFillsOurBuffer) {
  constexpr uint32_t kWidth = 320, kHeight = 180;
  const V4l2Device device("/dev/video0");
  const V4l2Format format = device.SetFormat(V4L2_PIX_FMT_GREY, kWidth, kHeight, 0);
  const VgemBuffer buffer(format.planes[0].bytes_per_line, kHeight);
  ASSERT_GE(buffer.size, format.planes[0].size);
  v4l2_requestbuffers request{};
  request.count = 1;
  request.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  request.memory = V4L2_MEMORY_DMABUF;
  ASSERT_EQ(ioctl(device.fd(), VIDIOC_REQBUFS, &request), 0) << std::strerror(errno);
  v4l2_buffer queued{};
  queued.type = request.type;
  queued.memory = V4L2_MEMORY_DMABUF;
  queued.m.fd = buffer.fd;
  queued.length = static_cast<uint32_t>(buffer.size);
  ASSERT_EQ(ioctl(device.fd(), VIDIOC_QBUF, &queued), 0) << std::strerror(errno);
  device.Start();
  v4l2_buffer taken{};
  taken.type = request.type;
  taken.memory = V4L2_MEMORY_DMABUF;
  int got = -1;
  for (int i = 0; i < 100 && (got = ioctl(device.fd(), VIDIOC_DQBUF, &taken)) != 0; ++i) usleep(50000);
  ASSERT_EQ(got, 0) << std::strerror(errno);
  device.Stop();
  EXPECT_GT(buffer.pixels[kHeight * 7 / 8 * format.planes[0].bytes_per_line + kWidth / 16], 100) << "the white bar is not there";
  npu_frame frame = buffer.Frame(kWidth, kHeight);
  frame.planes[0].stride = format.planes[0].bytes_per_line;
  npu_frame by_address = frame;
  by_address.planes[0].ptr = buffer.pixels;
  by_address.planes[0].size = buffer.size;
  EXPECT_EQ(TheSession().Run(frame), TheSession().Run(by_address));
}

TEST(CameraVm, StopsAndStartsAHundredTimes) {
  size_t files = 0;
  for (int round = 0; round < 100; ++round) {
    auto camera = Camera("GREY");
    const auto frame = camera->Next();
    ASSERT_TRUE(frame);
    if (round % 10 == 0) TheSession().Run(frame->frame);
    // Every other time with the frame still in our hands.
    if (round % 2 == 0) camera->Return(frame->buffer);
    camera.reset();
    if (round == 50) files = OpenFiles();
  }
  // What a session remembers of buffers that are gone is bounded.
  EXPECT_LE(OpenFiles(), files + 32);
}

TEST(CameraVm, CameraRunRuns) {
  const std::string command = camera_run_path + " -m " + model_path + " --device /dev/video0 --size 320x180 --frames 30 --format json --threads 1 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string out;
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
  EXPECT_EQ(pclose(pipe), 0) << out;
  int lines = 0;
  for (size_t at = 0; (at = out.find("{\"frame\":", at)) != out.npos; ++at) ++lines;
  EXPECT_EQ(lines, 30) << out;
  EXPECT_NE(out.find("\"done\""), std::string::npos) << out;
}

// The last test: the camera does not come back.
TEST(CameraVm, UnpluggingIsAnErrorNotAHang) {
  auto camera = Camera("YUYV", 0, "/dev/video1");
  ASSERT_TRUE(camera->Next());
  std::thread unplug([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    std::ofstream("/sys/bus/platform/drivers/vivid/unbind") << "vivid.0";
  });
  std::string said;
  try {
    for (int i = 0; i < 1000; ++i) {
      const auto frame = camera->Next();
      if (frame) camera->Return(frame->buffer);
    }
  } catch (const Failure& failure) {
    said = failure.what();
    EXPECT_EQ(failure.exit_code, kInputError);
  }
  unplug.join();
  EXPECT_NE(said.find("is gone"), std::string::npos) << said;
  camera.reset();  // nothing of it may hang or crash
  EXPECT_THROW(Camera("YUYV", 0, "/dev/video1"), Failure);
}

}  // namespace
}  // namespace camera_run

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 3) {
    std::fputs("camera_vm_test MODEL CAMERA_RUN\n", stderr);
    return 3;
  }
  camera_run::model_path = argv[1];
  camera_run::camera_run_path = argv[2];
  return RUN_ALL_TESTS();
}
