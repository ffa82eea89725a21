// Filters against TensorFlow's answers (data/make_resize_fixtures.py makes them): pictures in R, G, B as
// models were trained on them, never more than 1 from the rounded value. SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <libdrm/drm_fourcc.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "backends/frames/reference.h"
#include "tests/camera/frame_testing.h"

namespace npu::test {
namespace {

const std::map<std::string, FrameFilter> kFilters = {{"bilinear", FrameFilter::kBilinear},
                                                     {"area", FrameFilter::kArea},
                                                     {"legacy", FrameFilter::kBilinearLegacy}};

std::vector<uint8_t> Pixels(uint32_t seed, size_t count) {
  std::vector<uint8_t> out(count);
  for (uint8_t& byte : out) {
    seed = seed * 1664525u + 1013904223u;
    byte = static_cast<uint8_t>(seed >> 24);
  }
  return out;
}

// The largest distance of a byte from TensorFlow's value.
double Furthest(const nlohmann::json& fixture, FrameFilter filter) {
  const auto height = fixture["height"].get<uint32_t>(), width = fixture["width"].get<uint32_t>();
  const std::vector<uint8_t> pixels = Pixels(fixture["seed"], size_t{height} * width * 3);
  Frame frame;
  frame.fourcc = DRM_FORMAT_BGR888;  // bytes R G B
  frame.width = width;
  frame.height = height;
  frame.plane_count = 1;
  frame.planes[0] = {reinterpret_cast<const std::byte*>(pixels.data()), -1, 3 * width, 0, pixels.size()};
  EXPECT_TRUE(CheckFrame(frame));
  Fit fit;
  fit.filter = filter;
  const auto conversion = MakeConversion(
      frame, fit, ImageTensor(fixture["out_height"], fixture["out_width"], 3, DataType::kUInt8));
  const auto& expected = fixture["thousandths"];
  if (!conversion || expected.size() != conversion->bytes_out()) return 1e9;
  FrameBytes out(conversion->bytes_out());
  ConvertFrame(*conversion, ViewFrame(*conversion, frame, *MapFrame(frame)), out.data());
  double furthest = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    furthest = std::max(furthest, std::abs(out[i] - expected[i].get<double>() / 1000));
  }
  return furthest;
}

TEST(FrameResize, IsTensorFlows) {
  std::ifstream file(NPU_TEST_DATA_DIR "/resize_fixtures.json");
  const nlohmann::json fixtures = nlohmann::json::parse(file);
  std::map<std::string, double> furthest;
  std::map<std::string, int> cases;
  for (const auto& fixture : fixtures) {
    const std::string name = fixture["filter"];
    const double distance = Furthest(fixture, kFilters.at(name));
    EXPECT_LE(distance, 1) << fixture["width"] << "x" << fixture["height"] << " " << name;
    furthest[name] = std::max(furthest[name], distance);
    ++cases[name];
  }
  ASSERT_EQ(cases.size(), 3u);
  for (const auto& [name, count] : cases) {
    EXPECT_GE(count, 7) << name;
    printf("%s: furthest %.3f\n", name.c_str(), furthest[name]);
  }
}

// The fixtures tell filters apart: none of them passes for another.
TEST(FrameResize, FixturesTellFiltersApart) {
  std::ifstream file(NPU_TEST_DATA_DIR "/resize_fixtures.json");
  const nlohmann::json fixtures = nlohmann::json::parse(file);
  for (const auto& [right, unused] : kFilters) {
    for (const auto& [wrong, filter] : kFilters) {
      if (right == wrong) continue;
      double furthest = 0;
      for (const auto& fixture : fixtures) {
        if (fixture["filter"] == right) furthest = std::max(furthest, Furthest(fixture, filter));
      }
      EXPECT_GT(furthest, 10) << right << " as " << wrong;
    }
  }
}

}  // namespace
}  // namespace npu::test
