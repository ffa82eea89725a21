// Where the input's pixels lie in the frame: every fit and orientation against pictures turned by hand.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "capi/npu_delegate.h"

namespace {

npu_frame Picture(uint32_t width, uint32_t height, int orientation, uint32_t fourcc = NPU_FOURCC_NV12) {
  npu_frame frame{};
  frame.struct_size = sizeof(frame);
  frame.fourcc = fourcc;
  frame.width = width;
  frame.height = height;
  frame.orientation = static_cast<uint8_t>(orientation);
  return frame;
}
npu_fit Fit(int mode) {
  npu_fit fit{};
  fit.struct_size = sizeof(fit);
  fit.mode = static_cast<uint8_t>(mode);
  return fit;
}
npu_fit_map Map(const npu_frame& frame, const npu_fit& fit, uint32_t width, uint32_t height) {
  npu_fit_map map{};
  map.struct_size = sizeof(map);
  EXPECT_EQ(npu_fit_map_make(&frame, &fit, width, height, &map), NPU_OK) << npu_last_error();
  return map;
}

struct Point {
  double x, y;
};

// A point of a w x h picture after turning it, one quarter clockwise at a time, and flipping it.
Point Upright(Point p, double w, double h, int orientation) {
  for (int i = 0; i < (orientation & 3); ++i) {
    p = {h - p.y, p.x};
    std::swap(w, h);
  }
  if (orientation & NPU_ORIENTATION_FLIP) p.x = w - p.x;
  return p;
}

TEST(FitMap, GoesBackThroughEveryOrientationAndFit) {
  std::mt19937 random(3);
  for (int orientation = 0; orientation < 8; ++orientation) {
    for (int mode : {NPU_FIT_STRETCH, NPU_FIT_LETTERBOX, NPU_FIT_CENTRE_CROP}) {
      for (const auto& [w, h] :
           {std::pair{1920u, 1080u}, {1080u, 1920u}, {641u, 479u}, {2u, 7u}, {224u, 224u}}) {
        npu_frame frame = Picture(w, h, orientation);
        frame.crop_x = w > 100 ? 32 : 0;
        frame.crop_y = h > 100 ? 16 : 0;
        frame.crop_width = w - frame.crop_x;
        frame.crop_height = h - frame.crop_y;
        const npu_fit_map map = Map(frame, Fit(mode), 224, 160);
        ASSERT_LE(map.roi_x + map.roi_width, 224u);
        ASSERT_LE(map.roi_y + map.roi_height, 160u);
        for (int i = 0; i < 20; ++i) {
          // In the frame, then where it must come to lie in the input.
          const Point in_source = {std::uniform_real_distribution<>(0, map.source_width)(random),
                                   std::uniform_real_distribution<>(0, map.source_height)(random)};
          const Point upright = Upright(in_source, map.source_width, map.source_height, orientation);
          const bool turned = orientation & 1;
          const double upright_w = turned ? map.source_height : map.source_width;
          const double upright_h = turned ? map.source_width : map.source_height;
          const float in_input[2] = {static_cast<float>(map.roi_x + upright.x * map.roi_width / upright_w),
                                     static_cast<float>(map.roi_y + upright.y * map.roi_height / upright_h)};
          float out[2];
          ASSERT_EQ(npu_fit_points(&map, in_input, 1, out), NPU_OK) << npu_last_error();
          // Coordinates up to 1920 as floats, times 1920 / 160.
          EXPECT_NEAR(out[0], map.source_x + in_source.x, 2e-2) << orientation << " " << mode << " " << w;
          EXPECT_NEAR(out[1], map.source_y + in_source.y, 2e-2) << orientation << " " << mode << " " << w;
        }
      }
    }
  }
}

TEST(FitMap, LetterboxKeepsShapeAndCentres) {
  const npu_fit_map wide = Map(Picture(1920, 1080, 0), Fit(NPU_FIT_LETTERBOX), 224, 224);
  EXPECT_EQ(wide.roi_x, 0u);
  EXPECT_EQ(wide.roi_y, 49u);
  EXPECT_EQ(wide.roi_width, 224u);
  EXPECT_EQ(wide.roi_height, 126u);
  const npu_fit_map turned = Map(Picture(1920, 1080, NPU_ORIENTATION_90), Fit(NPU_FIT_LETTERBOX), 224, 224);
  EXPECT_EQ(turned.roi_x, 49u);
  EXPECT_EQ(turned.roi_width, 126u);
  EXPECT_EQ(turned.roi_height, 224u);
  // Odd bars: the smaller one comes first.
  const npu_fit_map odd = Map(Picture(10, 3, 0, NPU_FOURCC_BGR888), Fit(NPU_FIT_LETTERBOX), 10, 10);
  EXPECT_EQ(odd.roi_y, 3u);
  EXPECT_EQ(odd.roi_height, 3u);
  // So thin that its height rounds to nothing: one row stays.
  const npu_fit_map thin = Map(Picture(60000, 1, 0), Fit(NPU_FIT_LETTERBOX), 224, 224);
  EXPECT_EQ(thin.roi_height, 1u);
}

TEST(FitMap, CentreCropTakesTheMiddleOnEvenPixels) {
  const npu_fit_map map = Map(Picture(1920, 1080, 0), Fit(NPU_FIT_CENTRE_CROP), 224, 224);
  EXPECT_EQ(map.source_x, 420u);
  EXPECT_EQ(map.source_y, 0u);
  EXPECT_EQ(map.source_width, 1080u);
  EXPECT_EQ(map.source_height, 1080u);
  EXPECT_EQ(map.roi_width, 224u);
  for (uint32_t width = 1; width < 60; ++width) {
    const npu_fit_map any = Map(Picture(width, 33, 0), Fit(NPU_FIT_CENTRE_CROP), 7, 5);
    EXPECT_EQ(any.source_x % 2, 0u);
    EXPECT_EQ(any.source_y % 2, 0u);
    EXPECT_LE(any.source_x + any.source_width, width);
    EXPECT_LE(any.source_y + any.source_height, 33u);
  }
}

TEST(FitMap, BoxesComeBackInsideTheSource) {
  const npu_fit_map map = Map(Picture(1920, 1080, NPU_ORIENTATION_FLIP), Fit(NPU_FIT_LETTERBOX), 224, 224);
  const float everything[4] = {-50, -50, 500, 500};
  float box[4];
  ASSERT_EQ(npu_fit_box(&map, everything, box), NPU_OK);
  EXPECT_EQ((std::array{box[0], box[1], box[2], box[3]}), (std::array{0.f, 0.f, 1920.f, 1080.f}));
  const float left_half[4] = {0, 49, 112, 175};
  ASSERT_EQ(npu_fit_box(&map, left_half, box), NPU_OK);
  EXPECT_EQ((std::array{box[0], box[1], box[2], box[3]}), (std::array{960.f, 0.f, 1920.f, 1080.f}));
}

TEST(FitMap, RefusesBadArguments) {
  npu_frame frame = Picture(64, 64, 0);
  npu_fit fit = Fit(0);
  npu_fit_map map{};
  map.struct_size = sizeof(map);
  const auto refused = [&](const char* text) {
    EXPECT_NE(npu_fit_map_make(&frame, &fit, 8, 8, &map), NPU_OK);
    EXPECT_NE(std::string(npu_last_error()).find(text), std::string::npos) << npu_last_error();
    fit = Fit(0);
    frame = Picture(64, 64, 0);
  };
  fit.mode = 3;
  refused("fit.mode is 3");
  fit.filter = 5;
  refused("fit.filter is 5");
  fit.channel_order = 2;
  refused("fit.channel_order is 2");
  fit.norm = 2;
  refused("fit.norm is 2");
  fit.reserved = 1;
  refused("fit.reserved is 1");
  fit.norm = NPU_NORM_MEAN_STD;
  refused("fit.std[0] is 0");
  fit.norm = NPU_NORM_MEAN_STD;
  fit.std[0] = fit.std[1] = fit.std[2] = 1;
  fit.mean[2] = std::numeric_limits<float>::quiet_NaN();
  refused("fit.mean[2] is nan");
  frame.width = 0;
  refused("width is 0");
  EXPECT_EQ(npu_fit_map_make(&frame, &fit, 0, 8, &map), NPU_INVALID_ARGUMENT);
  EXPECT_EQ(npu_fit_map_make(&frame, nullptr, 8, 8, &map), NPU_OK);
  EXPECT_EQ(npu_fit_map_make(&frame, nullptr, 8, 8, nullptr), NPU_INVALID_ARGUMENT);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float box[4] = {0, 0, nan, 1};
  float out[4];
  EXPECT_EQ(npu_fit_box(&map, box, out), NPU_INVALID_ARGUMENT);
  EXPECT_EQ(npu_fit_box(nullptr, box, out), NPU_INVALID_ARGUMENT);
  EXPECT_EQ(npu_fit_points(&map, nullptr, 1, out), NPU_INVALID_ARGUMENT);
  EXPECT_EQ(npu_fit_points(&map, nullptr, 0, nullptr), NPU_OK);
}

}  // namespace
