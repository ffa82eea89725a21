// The same picture in different formats and memory gives the same bytes, in the reference and in kernels;
// very wide frames and very small outputs, too. SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <libdrm/drm_fourcc.h>

#include "backends/opencl/frame_converter.h"
#include "tests/camera/frame_testing.h"
#include "tests/support/opencl_device.h"

namespace npu::test {
namespace {

constexpr FrameFilter kEveryFilter[] = {FrameFilter::kBilinear, FrameFilter::kBilinearLegacy,
                                        FrameFilter::kArea, FrameFilter::kNearest};

TestFrame Blank(uint32_t fourcc, uint32_t width, uint32_t height, uint32_t extra) {
  TestFrame test;
  test.frame.fourcc = fourcc;
  test.frame.width = width;
  test.frame.height = height;
  test.Allocate(extra, GuardedBytes::At::kEnd);
  return test;
}

// Sample `index` of a component in row `row`.
uint8_t& Sample(TestFrame& test, int component, uint32_t row, uint32_t index) {
  const FormatComponent& c = test.format().components[component];
  return test.memory[c.plane]
      ->data()[size_t{row} * test.frame.planes[c.plane].stride + size_t{index} * c.step + c.offset];
}

// The same picture in another format with the same sampling, its rows `extra` bytes longer.
TestFrame Recoded(TestFrame& from, uint32_t fourcc, uint32_t extra) {
  TestFrame to = Blank(fourcc, from.frame.width, from.frame.height, extra);
  const PixelFormat& format = from.format();
  EXPECT_EQ(format.chroma_shift_x, to.format().chroma_shift_x);
  EXPECT_EQ(format.chroma_shift_y, to.format().chroma_shift_y);
  for (int i = 0; i < 3; ++i) {
    for (uint32_t y = 0; y < format.Rows(i, from.frame.height); ++y) {
      for (uint32_t x = 0; x < format.Samples(i, from.frame.width); ++x) {
        Sample(to, i, y, x) = Sample(from, i, y, x);
      }
    }
  }
  return to;
}

// By the reference; where there is a device every kernel must say the same.
FrameBytes Everywhere(const TestFrame& test, const Fit& fit, const Tensor& tensor) {
  EXPECT_TRUE(CheckFrame(test.frame));
  auto made = MakeConversion(test.frame, fit, tensor);
  EXPECT_TRUE(made);
  if (!made) return {};
  const auto conversion = std::make_shared<const Conversion>(std::move(*made));
  const FrameBytes bytes = Convert(*MakeReferenceConverter(conversion), *conversion, test.frame);
  EXPECT_FALSE(bytes.empty());
  const auto device = FirstOpenClDevice();
  if (device == nullptr) return bytes;
  for (FrameKernel kernel : {FrameKernel::kPixels, FrameKernel::kStrips}) {
    const auto converter = MakeFrameConverter(device, conversion, kernel);
    if (!converter && converter.error().code == ErrorCode::kUnsupported) continue;
    EXPECT_TRUE(converter) << converter.error().text;
    if (converter) {
      EXPECT_EQ(Convert(**converter, *conversion, test.frame), bytes)
          << Describe(test.frame, fit, *conversion);
    }
  }
  return bytes;
}

// Every format of a group is the same picture as the first.
void ExpectSame(std::initializer_list<uint32_t> group, uint32_t seed) {
  Random random(seed);
  for (uint32_t width : {150u, 97u}) {
    TestFrame first = Blank(*group.begin(), width, 61, 0);
    first.Fill(random, 0);
    for (FrameFilter filter : kEveryFilter) {
      Fit fit;
      fit.filter = filter;
      const Tensor tensor = ImageTensor(20, 37, 3);
      const FrameBytes expected = Everywhere(first, fit, tensor);
      for (uint32_t fourcc : group) {
        TestFrame other = Recoded(first, fourcc, 13);
        EXPECT_EQ(Everywhere(other, fit, tensor), expected) << other.format().name;
      }
    }
  }
}

TEST(FrameFormats, SemiPlanarIsPlanarIsSwapped) {
  ExpectSame({DRM_FORMAT_NV12, DRM_FORMAT_NV21, DRM_FORMAT_YUV420, DRM_FORMAT_YVU420}, 1);
}

TEST(FrameFormats, PackedChromaInAnyOrder) {
  ExpectSame({DRM_FORMAT_YUYV, DRM_FORMAT_YVYU, DRM_FORMAT_UYVY, DRM_FORMAT_VYUY}, 2);
}

TEST(FrameFormats, RgbInAnyOrder) {
  ExpectSame({DRM_FORMAT_BGR888, DRM_FORMAT_RGB888, DRM_FORMAT_XBGR8888, DRM_FORMAT_ABGR8888,
              DRM_FORMAT_XRGB8888, DRM_FORMAT_ARGB8888, DRM_FORMAT_RGBX8888, DRM_FORMAT_RGBA8888,
              DRM_FORMAT_BGRX8888, DRM_FORMAT_BGRA8888},
             3);
}

// The second plane behind the first in one memory, at a coded height of its own, or each in its own.
TEST(FrameFormats, OneMemoryOrTwo) {
  Random random(4);
  TestFrame two = Blank(DRM_FORMAT_NV12, 150, 60, 10);
  two.Fill(random, 0x11);
  const uint32_t stride = two.frame.planes[0].stride, coded_rows = 64;
  std::vector<uint8_t> memory(size_t{stride} * coded_rows * 3 / 2, 0x99);
  TestFrame one;
  one.frame = two.frame;
  std::copy_n(two.memory[0]->data(), two.frame.planes[0].size, memory.data());
  std::copy_n(two.memory[1]->data(), two.frame.planes[1].size, &memory[size_t{stride} * coded_rows]);
  for (int i = 0; i < 2; ++i) {
    one.frame.planes[i] = {reinterpret_cast<const std::byte*>(memory.data()), -1, stride,
                           i == 0 ? 0 : uint64_t{stride} * coded_rows, memory.size()};
  }
  for (FrameFilter filter : kEveryFilter) {
    Fit fit;
    fit.filter = filter;
    EXPECT_EQ(Everywhere(one, fit, ImageTensor(20, 37, 3)), Everywhere(two, fit, ImageTensor(20, 37, 3)));
  }
}

TEST(FrameFormats, GreyIsTheSameInEveryChannel) {
  Random random(5);
  TestFrame grey = Blank(DRM_FORMAT_R8, 150, 61, 3), colour = Blank(DRM_FORMAT_BGR888, 150, 61, 0);
  grey.Fill(random, 0x11);
  for (uint32_t y = 0; y < 61; ++y) {
    for (uint32_t x = 0; x < 150; ++x) {
      for (int i = 0; i < 3; ++i) Sample(colour, i, y, x) = Sample(grey, 0, y, x);
    }
  }
  for (FrameFilter filter : kEveryFilter) {
    Fit fit;
    fit.filter = filter;
    const FrameBytes one = Everywhere(grey, fit, ImageTensor(20, 37, 1));
    const FrameBytes three = Everywhere(grey, fit, ImageTensor(20, 37, 3));
    EXPECT_EQ(Everywhere(colour, fit, ImageTensor(20, 37, 3)), three);
    ASSERT_EQ(three.size(), 3 * one.size());
    for (size_t i = 0; i < three.size(); ++i) ASSERT_EQ(three[i], one[i / 3]) << i;
  }
}

// 65535 pixels in a row, and 100 of them to an output: sums and positions must not overflow, windows do not
// suffice.
TEST(FrameFormats, VeryWideFramesAndRatios) {
  struct Size {
    uint32_t width, height;
    int out_width, out_height;
  };
  Random random(6);
  for (const Size& size : {Size{65535, 2, 224, 3}, Size{65535, 3, 9000, 1}, Size{2, 65535, 2, 40},
                           Size{2400, 300, 24, 3}, Size{2400, 70, 24, 70}, Size{100, 100, 1, 1}}) {
    for (uint32_t fourcc : {DRM_FORMAT_NV12, DRM_FORMAT_YUYV, DRM_FORMAT_BGR888, DRM_FORMAT_YUV420}) {
      TestFrame test = Blank(fourcc, size.width, size.height, 0);
      for (auto white : {false, true}) {
        test.Fill(random, 0);
        if (white) {
          for (int i = 0; i < 3; ++i) {
            for (uint32_t y = 0; y < test.format().Rows(i, size.height); ++y) {
              for (uint32_t x = 0; x < test.format().Samples(i, size.width); ++x) Sample(test, i, y, x) = 255;
            }
          }
        }
        for (FrameFilter filter : kEveryFilter) {
          Fit fit;
          fit.filter = filter;
          const FrameBytes bytes =
              Everywhere(test, fit, ImageTensor(size.out_height, size.out_width, 3, DataType::kUInt8));
          // One colour everywhere stays one colour, whatever the weights.
          for (size_t i = 3; white && i < bytes.size(); ++i) ASSERT_EQ(bytes[i], bytes[i % 3]) << i;
          if (white && fourcc == DRM_FORMAT_BGR888) {
            ASSERT_FALSE(bytes.empty());
            EXPECT_EQ(bytes[0], 255);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace npu::test
