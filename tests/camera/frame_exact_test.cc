// Every kernel against the reference, byte by byte, on frames, fits and sizes drawn at random: no memory
// outside the rows is read, and what lies between the rows changes nothing.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "backends/cpu_features.h"
#include "backends/opencl/frame_converter.h"
#include "tests/camera/frame_testing.h"
#include "tests/support/opencl_device.h"

namespace npu::test {
namespace {

// The device as sessions use it on one thread, or as the driver divides its work.
std::shared_ptr<OpenClDevice> Device(bool in_caller) {
  auto device = FirstOpenClDevice();
  if (device == nullptr || !in_caller) return device;
  auto part = device->WithThreads(1);
  return part ? *part : nullptr;
}

struct Case {
  TestFrame test;
  Fit fit;
  std::shared_ptr<const Conversion> conversion;
};

Case RandomCase(Random& random, uint32_t most_width, uint32_t most_height) {
  for (;;) {
    Case c{RandomFrame(random, most_width, most_height), RandomFit(random), nullptr};
    const Tensor tensor = ImageTensor(static_cast<int>(random.Between(1, 70)),
                                      static_cast<int>(random.Between(1, 90)), random.OneIn(4) ? 1 : 3,
                                      random.OneIn(2) ? DataType::kInt8 : DataType::kUInt8, 0.0187f, 3);
    if (!CheckFrame(c.test.frame)) continue;
    auto conversion = MakeConversion(c.test.frame, c.fit, tensor);
    if (!conversion) continue;
    c.conversion = std::make_shared<const Conversion>(std::move(*conversion));
    return c;
  }
}

void CheckCase(Case& c, const std::shared_ptr<OpenClDevice>& device, FrameKernel kernel, int& ran) {
  // On several threads where the device is one of one thread.
  const TeamSettings team = {.members = 1 + ran % 3, .most_helpers = 2, .microseconds = 1000};
  auto converter = MakeFrameConverter(device, c.conversion, kernel, team);
  if (!converter && kernel == FrameKernel::kStrips && converter.error().code == ErrorCode::kUnsupported)
    return;
  ASSERT_TRUE(converter) << converter.error().text;
  const FrameBytes expected = Convert(*MakeReferenceConverter(c.conversion), *c.conversion, c.test.frame);
  ASSERT_FALSE(expected.empty());
  const FrameBytes actual = Convert(**converter, *c.conversion, c.test.frame);
  ASSERT_EQ(actual, expected) << Describe(c.test.frame, c.fit, *c.conversion) << ": " << (*converter)->name();
  c.test.Poison(0xee);
  ASSERT_EQ(Convert(**converter, *c.conversion, c.test.frame), expected)
      << "padding is read: " << Describe(c.test.frame, c.fit, *c.conversion);
  ++ran;
}

// Frames that are the input but for a flipped bit or the rows' distance, drawn from every format that can be.
TEST(FrameExact, RowsEqualTheReference) {
  Random random(7);
  int ran = 0, flipped = 0;
  for (int i = 0; i < 20000 && ran < 300; ++i) {
    TestFrame test = RandomFrame(random, 90, 60);
    const Rect picture = test.frame.picture();
    const int channels = random.OneIn(2) ? 1 : 3;
    const Tensor tensor =
        ImageTensor(static_cast<int>(picture.height), static_cast<int>(picture.width), channels,
                    random.OneIn(2) ? DataType::kInt8 : DataType::kUInt8, 1 / 127.5f, -1);
    if (!CheckFrame(test.frame)) continue;
    Fit fit = RandomFit(random);
    auto made = MakeConversion(test.frame, fit, tensor);
    if (!made || !made->is_copy()) continue;
    const auto conversion = std::make_shared<const Conversion>(std::move(*made));
    const FrameBytes expected = Convert(*MakeReferenceConverter(conversion), *conversion, test.frame);
    ASSERT_FALSE(expected.empty());
    ASSERT_EQ(Convert(*MakeRowConverter(conversion), *conversion, test.frame), expected)
        << Describe(test.frame, fit, *conversion);
    ++ran;
    flipped += conversion->bytes.flip != 0;
  }
  EXPECT_GE(ran, 100);
  EXPECT_GE(flipped, 30);
}

TEST(FrameExact, PixelsEqualTheReference) {
  for (bool in_caller : {true, false}) {
    const auto device = Device(in_caller);
    if (device == nullptr) GTEST_SKIP() << "no OpenCL device";
    Random random(5);
    int ran = 0;
    for (int i = 0; i < 1500 && !HasFatalFailure(); ++i) {
      Case c = RandomCase(random, 300, 200);
      CheckCase(c, device, FrameKernel::kPixels, ran);
    }
    EXPECT_EQ(ran, 1500);
  }
}

TEST(FrameExact, StripsEqualTheReference) {
  for (bool in_caller : {true, false}) {
    const auto device = Device(in_caller);
    if (device == nullptr) GTEST_SKIP() << "no OpenCL device";
    Random random(6);
    int ran = 0;
    for (int i = 0; i < 3000 && !HasFatalFailure(); ++i) {
      Case c = RandomCase(random, i % 2 == 0 ? 300 : 800, 200);
      CheckCase(c, device, FrameKernel::kStrips, ran);
    }
    if (!CpuHasVbmi()) GTEST_SKIP() << "this processor has no strips";
    printf("%d of 3000 by strips\n", ran);
    EXPECT_GT(ran, 1500);
  }
}

}  // namespace
}  // namespace npu::test
