// Frames in DMA-BUFs on a device that imports them. No device here does: the "driver" is a set of functions that maps the
// descriptor it is given and takes it, as the extension says, on the OpenCL device that there is.
// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/dma_buf_import.h"

#include <gtest/gtest.h>
#include <linux/dma-buf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "backends/frames/frame_reader.h"
#include "backends/opencl/frame_converter.h"
#include "capi/npu_delegate.h"
#include "tests/support/opencl_device.h"

namespace npu::test {
namespace {

constexpr uint32_t kWidth = 40, kHeight = 30, kStride = 64, kRows = 32;  // rows with chroma's behind them
constexpr size_t kBytes = kStride * kRows * 3 / 2;

struct Driver {
  int created = 0, destroyed = 0, acquired = 0, released = 0;
  cl_int refuses = CL_SUCCESS;
  bool dma_buf = true;
} driver;

struct Mapping {
  void* memory;
  size_t bytes;
  int fd;
};

cl_mem Create(cl_context context, const cl_mem_properties* properties, cl_mem_flags flags, size_t bytes, void* host, cl_int* code) {
  EXPECT_EQ(properties[0], cl_mem_properties{CL_EXTERNAL_MEMORY_HANDLE_DMA_BUF_KHR});
  EXPECT_EQ(properties[2], cl_mem_properties{CL_DEVICE_HANDLE_LIST_KHR});
  EXPECT_EQ(properties[4], cl_mem_properties{CL_DEVICE_HANDLE_LIST_END_KHR});
  EXPECT_EQ(properties[5], 0u);
  EXPECT_EQ(flags, cl_mem_flags{CL_MEM_READ_ONLY});
  EXPECT_EQ(host, nullptr);
  *code = driver.refuses;
  if (driver.refuses != CL_SUCCESS) return nullptr;
  const int fd = static_cast<int>(properties[1]);
  auto* mapping = new Mapping{mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), bytes, fd};
  EXPECT_NE(mapping->memory, MAP_FAILED);
  const cl_mem memory = clCreateBuffer(context, flags | CL_MEM_USE_HOST_PTR, bytes, mapping->memory, code);
  const auto gone = [](cl_mem, void* user) {
    auto* mapping = static_cast<Mapping*>(user);
    munmap(mapping->memory, mapping->bytes);
    close(mapping->fd);
    delete mapping;
    ++driver.destroyed;
  };
  EXPECT_EQ(clSetMemObjectDestructorCallback(memory, gone, mapping), CL_SUCCESS);
  ++driver.created;
  return memory;
}
cl_int Acquire(cl_command_queue, cl_uint count, const cl_mem*, cl_uint, const cl_event*, cl_event*) {
  EXPECT_EQ(driver.acquired, driver.released);
  driver.acquired += static_cast<int>(count);
  return CL_SUCCESS;
}
cl_int Release(cl_command_queue, cl_uint count, const cl_mem*, cl_uint, const cl_event*, cl_event*) {
  driver.released += static_cast<int>(count);
  return CL_SUCCESS;
}
constexpr ExternalMemory kImports{Create, Acquire, Release};

int Sync(int, unsigned long, void*) {
  errno = ENOTTY;
  return driver.dma_buf ? 0 : -1;
}
const FrameSystem kSystem{Sync, ::poll, [](const std::byte*, size_t) { return 5e9; }};

class DmaBufImportTest : public testing::Test {
 protected:
  void SetUp() override {
    driver = {};
    device_ = FirstOpenClDevice();
    if (device_ == nullptr) GTEST_SKIP() << "no OpenCL device";
    fd_ = memfd_create("camera", MFD_CLOEXEC);
    ASSERT_EQ(ftruncate(fd_, kBytes), 0);
    pixels_ = static_cast<uint8_t*>(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0));
    ASSERT_NE(pixels_, MAP_FAILED);
    frame_.fourcc = NPU_FOURCC_NV12;
    frame_.width = kWidth;
    frame_.height = kHeight;
    frame_.plane_count = 2;
    frame_.planes[0] = {nullptr, fd_, kStride, 0, 0};
    frame_.planes[1] = {nullptr, fd_, kStride, kStride * kRows, 0};
    Tensor input;
    input.type = DataType::kInt8;
    input.shape = {1, 16, 24, 3};
    input.quantization = {{1.0f}, {-128}, 0};
    auto conversion = MakeConversion(frame_, Fit{}, input);
    ASSERT_TRUE(conversion) << conversion.error().text;
    conversion_ = std::make_shared<const Conversion>(std::move(*conversion));
  }
  void TearDown() override {
    if (pixels_ != nullptr) munmap(pixels_, kBytes);
    close(fd_);
  }

  void Paint(int seed) {
    for (size_t i = 0; i < kBytes; ++i) pixels_[i] = static_cast<uint8_t>(i * 31 + i / kStride * 7 + static_cast<size_t>(seed) * 91);
  }
  std::vector<std::byte> Convert(FrameConverter& converter) {
    std::vector<std::byte> out(conversion_->bytes_out());
    const auto mapped = MapFrame(frame_, cache_);
    EXPECT_TRUE(mapped) << mapped.error().text;
    FrameReader reader;
    EXPECT_TRUE(reader.Begin(frame_, *mapped, std::chrono::seconds(1), kSystem));
    const Status status = converter.Convert(frame_, reader.memory(), out.data());
    EXPECT_TRUE(status) << status.error().text;
    return out;
  }
  std::vector<std::byte> Expected() { return Convert(*MakeReferenceConverter(conversion_)); }
  std::unique_ptr<FrameConverter> Importing() {
    auto converter = MakeFrameConverter(device_, conversion_, FrameKernel::kPixels, {}, &kImports);
    EXPECT_TRUE(converter) << converter.error().text;
    return std::move(*converter);
  }

  std::shared_ptr<OpenClDevice> device_;
  std::shared_ptr<const Conversion> conversion_;
  Frame frame_;
  BufferCache cache_{kSystem};
  int fd_ = -1;
  uint8_t* pixels_ = nullptr;
};

TEST_F(DmaBufImportTest, EachBufferIsImportedOnceAndReadWhereItIs) {
  auto converter = Importing();
  for (int seed = 0; seed < 4; ++seed) {
    Paint(seed);
    EXPECT_EQ(Convert(*converter), Expected()) << "frame " << seed;
    EXPECT_EQ(converter->copied_bytes(), 0u);
    EXPECT_EQ(converter->name(), "opencl pixels, imported DMA-BUF");
    EXPECT_EQ(driver.acquired, seed + 1) << "both planes are in one buffer";
    EXPECT_EQ(driver.released, seed + 1);
  }
  EXPECT_EQ(driver.created, 1);
  converter.reset();
  EXPECT_EQ(driver.destroyed, 1) << "the driver's share of the descriptor is given back";
}

TEST_F(DmaBufImportTest, ABufferThatIsGoneIsLetGo) {
  auto converter = Importing();
  Paint(1);
  Convert(*converter);
  cache_.Clear();
  // The same file mapped again is another buffer.
  EXPECT_EQ(Convert(*converter), Expected());
  EXPECT_EQ(driver.created, 2);
  EXPECT_EQ(driver.destroyed, 1);
}

TEST_F(DmaBufImportTest, WhatIsRefusedIsCopied) {
  driver.refuses = CL_INVALID_MEM_OBJECT;
  auto converter = Importing();
  for (int seed = 0; seed < 2; ++seed) {
    Paint(seed);
    EXPECT_EQ(Convert(*converter), Expected());
    EXPECT_GT(converter->copied_bytes(), 0u);
    EXPECT_EQ(converter->name(), "opencl pixels");
  }
  EXPECT_EQ(driver.acquired, 0);
  const int files = dup(0);
  close(files);
  for (int seed = 0; seed < 3; ++seed) Convert(*converter);
  const int later = dup(0);
  EXPECT_EQ(later, files) << "a refused descriptor is closed";
  close(later);
}

TEST_F(DmaBufImportTest, AMemfdIsCopied) {
  driver.dma_buf = false;
  auto converter = Importing();
  Paint(3);
  EXPECT_EQ(Convert(*converter), Expected());
  EXPECT_EQ(driver.created, 0);
  EXPECT_GT(converter->copied_bytes(), 0u);
}

TEST_F(DmaBufImportTest, ADeviceWithoutTheExtensionHasNoFunctions) {
  const auto extensions = device_->device().getInfo<CL_DEVICE_EXTENSIONS>();
  EXPECT_EQ(FindExternalMemory(*device_).has_value(), extensions.find("cl_khr_external_memory_dma_buf") != std::string::npos);
}

}  // namespace
}  // namespace npu::test
