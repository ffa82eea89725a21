// camera-run's readings of outputs, on outputs made by hand: what is put in is found again.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tools/camera-run/failure.h"
#include "tools/camera-run/heads.h"
#include "tools/camera-run/report.h"

namespace camera_run {
namespace {

Tensor Floats(std::vector<int> dims, float value = 0) {
  Tensor tensor;
  tensor.info.type = NPU_TYPE_FLOAT32;
  tensor.info.rank = static_cast<int>(dims.size());
  std::copy(dims.begin(), dims.end(), tensor.info.dims);
  const std::vector<float> values(tensor.elements(), value);
  tensor.data.resize(values.size() * sizeof(float));
  std::memcpy(tensor.data.data(), values.data(), tensor.data.size());
  return tensor;
}

void Set(Tensor& tensor, size_t i, float value) { std::memcpy(tensor.data.data() + i * sizeof value, &value, sizeof value); }

constexpr HeadOptions kOptions{5, 0.3, 160, 80};

TEST(Heads, ClassificationTakesTheBestOfQuantizedScores) {
  Tensor scores;
  scores.info.type = NPU_TYPE_INT8;
  scores.info.rank = 2;
  scores.info.dims[0] = 1;
  scores.info.dims[1] = 10;
  scores.info.scale = 1.0f / 256;
  scores.info.zero_point = -128;
  scores.data.assign(10, std::byte{0x80});
  scores.data[7] = std::byte{64};  // 192 of 256
  scores.data[2] = std::byte{0xc0};  // 64 of 256
  const auto head = MakeHead("auto", std::span(&scores, 1), kOptions);
  EXPECT_STREQ(head->name(), "classification");
  const Meaning meaning = head->Read(std::span(&scores, 1));
  ASSERT_EQ(meaning.classes.size(), 5u);
  EXPECT_EQ(meaning.classes[0].index, 7);
  EXPECT_DOUBLE_EQ(meaning.classes[0].score, 0.75);
  EXPECT_EQ(meaning.classes[1].index, 2);
  EXPECT_EQ(meaning.classes[2].index, 0) << "equal ones in order";
}

TEST(Heads, LogitsBecomeProbabilities) {
  Tensor scores = Floats({1, 1, 1, 3});
  Set(scores, 0, 5);
  Set(scores, 1, 5);
  Set(scores, 2, -20);
  const Meaning meaning = MakeHead("auto", std::span(&scores, 1), kOptions)->Read(std::span(&scores, 1));
  EXPECT_NEAR(meaning.classes[0].score, 0.5, 1e-9);
  Set(scores, 1, std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(MakeHead("auto", std::span(&scores, 1), kOptions)->Read(std::span(&scores, 1)).classes[0].index, 0);
}

// Both orders in which exporters put classes and scores.
TEST(Heads, DetectionFindsBoxesInAnyOrder) {
  for (const bool swapped : {false, true}) {
    std::vector<Tensor> outputs{Floats({1, 10, 4}), Floats({1, 10}), Floats({1, 10}), Floats({1})};
    Tensor &classes = outputs[swapped ? 2 : 1], &scores = outputs[swapped ? 1 : 2];
    const float box[4] = {0.25f, 0.125f, 0.75f, 0.5f};  // ymin, xmin, ymax, xmax
    for (int i = 0; i < 4; ++i) Set(outputs[0], 4 + i, box[i]);
    Set(classes, 0, 3);
    Set(classes, 1, 17);
    Set(scores, 0, 0.1f);  // under the threshold
    Set(scores, 1, 0.9f);
    Set(outputs[3], 0, 2);
    const auto head = MakeHead("auto", outputs, kOptions);
    EXPECT_STREQ(head->name(), "detection");
    const Meaning meaning = head->Read(outputs);
    ASSERT_EQ(meaning.detections.size(), 1u);
    EXPECT_EQ(meaning.detections[0].index, 17);
    EXPECT_FLOAT_EQ(meaning.detections[0].x0, 20);
    EXPECT_FLOAT_EQ(meaning.detections[0].y0, 20);
    EXPECT_FLOAT_EQ(meaning.detections[0].x1, 80);
    EXPECT_FLOAT_EQ(meaning.detections[0].y1, 60);
    // A number that is none.
    for (const float count : {-1.0f, 1e30f, std::numeric_limits<float>::quiet_NaN()}) {
      Set(outputs[3], 0, count);
      EXPECT_LE(head->Read(outputs).detections.size(), 5u);
    }
  }
}

TEST(Heads, SegmentationTakesTheLargestScore) {
  Tensor scores = Floats({1, 2, 2, 3});
  Set(scores, 0 * 3 + 1, 2);
  Set(scores, 1 * 3 + 2, 2);
  Set(scores, 3 * 3 + 2, 1);
  const Meaning meaning = MakeHead("auto", std::span(&scores, 1), kOptions)->Read(std::span(&scores, 1));
  EXPECT_EQ(meaning.mask.classes, (std::vector<uint8_t>{1, 2, 0, 2}));
  ASSERT_EQ(meaning.classes.size(), 2u);
  EXPECT_EQ(meaning.classes[0].index, 2);
  EXPECT_DOUBLE_EQ(meaning.classes[0].score, 0.5);
}

TEST(Heads, MoveNetKeypointsAreScaled) {
  Tensor rows = Floats({1, 1, 17, 3}, 0.5f);
  const auto head = MakeHead("auto", std::span(&rows, 1), kOptions);
  EXPECT_STREQ(head->name(), "movenet");
  const Meaning meaning = head->Read(std::span(&rows, 1));
  ASSERT_EQ(meaning.poses.size(), 1u);
  EXPECT_FLOAT_EQ(meaning.poses[0].keypoints[16].x, 80);
  EXPECT_FLOAT_EQ(meaning.poses[0].keypoints[16].y, 40);
}

// A skeleton that is put into heatmaps, offsets and displacements by hand.
TEST(Heads, PoseNetFollowsItsDisplacements) {
  constexpr int kHeight = 6, kWidth = 11;  // cells of 16 pixels
  std::vector<Tensor> outputs{Floats({1, kHeight, kWidth, 17}, -10), Floats({1, kHeight, kWidth, 34}), Floats({1, kHeight, kWidth, 64})};
  const auto cell = [](int y, int x) { return static_cast<size_t>(y) * kWidth + x; };
  // All keypoints at row k % 5, column k % 10; each one's heat there, and an offset of 3 pixels to the right, 2 down.
  const auto place = [](int k) { return std::pair{k % 5, k % 10}; };
  for (int k = 0; k < 17; ++k) {
    const auto [y, x] = place(k);
    Set(outputs[0], cell(y, x) * 17 + k, k == 0 ? 4.0f : 3.0f);
    Set(outputs[1], cell(y, x) * 34 + k, 2);
    Set(outputs[1], cell(y, x) * 34 + 17 + k, 3);
  }
  const std::pair<int, int> tree[16] = {{0, 1}, {1, 3}, {0, 2}, {2, 4}, {0, 5}, {5, 7}, {7, 9}, {5, 11},
                                        {11, 13}, {13, 15}, {0, 6}, {6, 8}, {8, 10}, {6, 12}, {12, 14}, {14, 16}};
  for (int e = 0; e < 16; ++e) {
    const auto [py, px] = place(tree[e].first);
    const auto [cy, cx] = place(tree[e].second);
    Set(outputs[2], cell(py, px) * 64 + e, static_cast<float>(16 * (cy - py)));
    Set(outputs[2], cell(py, px) * 64 + 16 + e, static_cast<float>(16 * (cx - px)));
  }
  HeadOptions options = kOptions;
  options.input_height = 16 * (kHeight - 1) + 1;
  options.input_width = 16 * (kWidth - 1) + 1;
  const auto head = MakeHead("auto", outputs, options);
  EXPECT_STREQ(head->name(), "posenet");
  const Meaning meaning = head->Read(outputs);
  ASSERT_GE(meaning.poses.size(), 1u);
  for (int k = 0; k < 17; ++k) {
    const auto [y, x] = place(k);
    EXPECT_FLOAT_EQ(meaning.poses[0].keypoints[k].x, static_cast<float>(16 * x + 3)) << k;
    EXPECT_FLOAT_EQ(meaning.poses[0].keypoints[k].y, static_cast<float>(16 * y + 2)) << k;
  }
}

TEST(Heads, BlazeFaceAnchorsAreGridCentres) {
  std::vector<Tensor> outputs{Floats({1, 512, 16}), Floats({1, 512, 1}, -10), Floats({1, 384, 1}, -10), Floats({1, 384, 16})};
  // Row 1, column 2 of the 8 x 8 grid, its fourth anchor; the same face again from the next anchor.
  for (const int anchor : {3, 4}) {
    const size_t row = (1 * 8 + 2) * 6 + static_cast<size_t>(anchor);
    Set(outputs[2], row, anchor == 3 ? 3.0f : 2.0f);
    Set(outputs[3], row * 16 + 2, 32);
    Set(outputs[3], row * 16 + 3, 16);
    Set(outputs[3], row * 16 + 4, 5);
  }
  HeadOptions options{5, 0.5, 128, 128};
  const auto head = MakeHead("auto", outputs, options);
  EXPECT_STREQ(head->name(), "blazeface");
  const Meaning meaning = head->Read(outputs);
  ASSERT_EQ(meaning.detections.size(), 1u) << "two anchors of one face";
  EXPECT_FLOAT_EQ(meaning.detections[0].x0, 40 - 16);
  EXPECT_FLOAT_EQ(meaning.detections[0].y1, 24 + 8);
  EXPECT_FLOAT_EQ(meaning.detections[0].keypoints[0].x, 45);
}

TEST(Heads, UnknownOutputsAndWrongHeadsAreNamed) {
  std::vector<Tensor> outputs{Floats({1, 7, 5, 3, 2})};
  try {
    MakeHead("auto", outputs, kOptions);
    ADD_FAILURE();
  } catch (const Failure& failure) {
    EXPECT_NE(std::string(failure.what()).find("[1,7,5,3,2]"), std::string::npos) << failure.what();
  }
  outputs = {Floats({1, 10})};
  EXPECT_THROW(MakeHead("posenet", outputs, kOptions), Failure);
}

TEST(Report, HostileNamesAreShownNotObeyed) {
  Tensor scores = Floats({1, 3}, 0.2f);
  const auto head = MakeHead("auto", std::span(&scores, 1), kOptions);
  FrameReport report{3, "a\x1b[31m\xff.png", NPU_JOB_DONE, "", 1.5, head.get(), head->Read(std::span(&scores, 1))};
  const std::string text = TextLine(report, Labels());
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_TRUE(text.starts_with("3 a?[31m"));
  const auto json = nlohmann::json::parse(JsonLine(report, Labels()));
  EXPECT_EQ(json["frame"], 3);
  EXPECT_EQ(json["classes"].size(), 3u);
  report.state = NPU_JOB_DROPPED;
  report.text = "the queue was full";
  EXPECT_EQ(nlohmann::json::parse(JsonLine(report, Labels()))["reason"], "the queue was full");
}

}  // namespace
}  // namespace camera_run
