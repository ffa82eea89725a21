// What is measured of a device, without a word about how fast it is: that is bench/'s.
// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/calibration.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "backends/opencl/calibration_graphs.h"
#include "backends/opencl/opencl_backend.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"

namespace npu {
namespace {

namespace fs = std::filesystem;

SpeedModel SomeModel() {
  SpeedModel model;
  double value = 0.1;
#define NPU_SPEED_FIELD(name, unit, what) model.name = value *= 3.7;
  NPU_SPEED_FIELDS
#undef NPU_SPEED_FIELD
  return model;
}

TEST(SpeedModel, TextHoldsEveryNumberExactly) {
  const SpeedModel model = SomeModel();
  EXPECT_EQ(ReadSpeedModel(SpeedModelText(model)), model);
}

TEST(SpeedModel, TextThatIsNotWholeIsRefused) {
  const std::string text = SpeedModelText(SomeModel());
  const std::string first = text.substr(0, text.find('\n') + 1);
  EXPECT_FALSE(ReadSpeedModel(""));
  EXPECT_FALSE(ReadSpeedModel(text.substr(first.size()))) << "a field is missing";
  EXPECT_FALSE(ReadSpeedModel(text + first)) << "a field is there twice";
  EXPECT_FALSE(ReadSpeedModel(text + "speed 3\n"));
  for (const char* value : {"-1", "0", "nan", "inf", "", "1x"}) {
    EXPECT_FALSE(ReadSpeedModel("peak_gmacs " + std::string(value) + "\n" + text.substr(first.size()))) << value;
  }
}

TEST(CalibrationGraphs, EveryOperatorMayRunOnTheNpu) {
  for (const CalibrationGraph& graph : {DeepConvolution(), ShallowConvolution(), DepthwiseConvolution(), FullyConnected(),
                                        Sum(), TinyOperators(3), OnlyCopies()}) {
    EXPECT_TRUE(Validate(*graph.graph));
    for (const Op& op : graph.graph->ops) EXPECT_TRUE(CheckNpu(*graph.graph, op).eligible()) << OpName(op);
  }
  EXPECT_EQ(DeepConvolution().macs, 4.0 * 14 * 14 * 576 * 128);
  EXPECT_EQ(TinyOperators(33).graph->ops.size(), 33u);
}

TEST(Calibration, NumbersAreKeptAndReadBack) {
  if (test::TestDevice() == nullptr) GTEST_SKIP() << "no OpenCL device";
  const fs::path folder = fs::path(testing::TempDir()) / ("calibration_test." + std::to_string(getpid()));
  const auto files = FileCache::Open(folder.string());
  ASSERT_TRUE(files) << files.error().text;
  auto device = OpenDevice(FindDevices()->front());
  ASSERT_TRUE(device);
  const auto measured = Calibrate(*device, &*files);
  ASSERT_TRUE(measured) << measured.error().text;
  EXPECT_TRUE(ReadSpeedModel(SpeedModelText(*measured))) << "every number is above 0:\n" << SpeedModelText(*measured);
  // Two measurements never agree in every digit.
  EXPECT_EQ(*Calibrate(*device, &*files), *measured);

  ASSERT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
  const fs::path entry = fs::directory_iterator(folder)->path();
  fs::resize_file(entry, fs::file_size(entry) - 1);
  testing::internal::CaptureStderr();
  const auto again = Calibrate(*device, &*files);
  testing::internal::GetCapturedStderr();
  ASSERT_TRUE(again);
  EXPECT_FALSE(*again == *measured) << "a damaged entry is not used";
  fs::remove_all(folder);
}

TEST(Calibration, UnknownDevicesAreErrors) {
  EXPECT_EQ(MeasureOpenClDevice("no such device", 0, "").error().code, ErrorCode::kDevice);
  EXPECT_EQ(MeasureOpenClSpeed("no such device", 0, "").error().code, ErrorCode::kDevice);
  EXPECT_EQ(MeasureOpenClPeak("no such device", 0).error().code, ErrorCode::kDevice);
}

}  // namespace
}  // namespace npu
