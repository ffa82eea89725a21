// SPDX-License-Identifier: Apache-2.0
#include "tools/camera-run/draw.h"

#include <algorithm>
#include <cmath>

#include "tools/camera-run/byte_stream.h"
#include "tools/camera-run/failure.h"

namespace camera_run {
namespace {

constexpr size_t kLongestLabel = 4096;
constexpr size_t kMostLabels = 1 << 20;
constexpr int kMaskAlpha = 130;  // of 255: the picture is still to be seen
constexpr Colour kWhite{255, 255, 255}, kBlack{0, 0, 0};

int Round(float value) { return static_cast<int>(std::lround(std::clamp(value, -1e6f, 1e6f))); }

void DrawMask(Canvas& canvas, const Mask& mask, const npu_fit_map& map, int input_width, int input_height) {
  const double determinant = map.xx * map.yy - map.xy * map.yx;
  if (determinant == 0) return;
  // From the frame back to the input: the map is a turn, a scale and a shift.
  for (uint32_t y = 0; y < canvas.height(); ++y) {
    for (uint32_t x = 0; x < canvas.width(); ++x) {
      const double dx = x + 0.5 - map.x0, dy = y + 0.5 - map.y0;
      const double in_x = (map.yy * dx - map.xy * dy) / determinant, in_y = (map.xx * dy - map.yx * dx) / determinant;
      if (in_x < map.roi_x || in_y < map.roi_y || in_x >= map.roi_x + map.roi_width || in_y >= map.roi_y + map.roi_height) continue;
      const auto column = std::min(static_cast<int>(in_x * mask.width / input_width), mask.width - 1);
      const auto row = std::min(static_cast<int>(in_y * mask.height / input_height), mask.height - 1);
      const uint8_t index = mask.classes[static_cast<size_t>(row) * mask.width + column];
      if (index != 0) canvas.Blend(static_cast<int>(x), static_cast<int>(y), ClassColour(index), kMaskAlpha);
    }
  }
}

void DrawLabel(Canvas& canvas, int x, int y, const std::string& text, int scale, Colour colour) {
  const int height = Canvas::TextHeight(scale);
  const int left = std::clamp(x, 0, std::max(0, static_cast<int>(canvas.width()) - Canvas::TextWidth(text, scale)));
  canvas.Text(left, std::clamp(y, 0, std::max(0, static_cast<int>(canvas.height()) - height)), text, scale, kBlack, colour);
}

void DrawDetection(Canvas& canvas, const Detection& box, const Labels& labels, int scale) {
  const Colour colour = ClassColour(box.index + 1);
  canvas.Rectangle(Round(box.x0), Round(box.y0), Round(box.x1), Round(box.y1), scale + 1, colour);
  for (const Keypoint& point : box.keypoints) canvas.Disc(point.x, point.y, scale + 1, kWhite);
  const std::string percent = fmt::format("{:.0f}%", 100 * box.score);
  DrawLabel(canvas, Round(box.x0), Round(box.y0) - Canvas::TextHeight(scale),
            box.index < 0 ? percent : labels.Name(box.index) + " " + percent, scale, colour);
}

void DrawPose(Canvas& canvas, const Pose& pose, std::span<const std::pair<int, int>> bones, Colour colour, int scale,
              double threshold) {
  const auto seen = [&](int k) { return k < static_cast<int>(pose.keypoints.size()) && pose.keypoints[k].score >= threshold; };
  for (const auto& [a, b] : bones) {
    if (!seen(a) || !seen(b)) continue;
    const Keypoint &from = pose.keypoints[a], &to = pose.keypoints[b];
    canvas.Line(from.x, from.y, to.x, to.y, scale + 1, colour);
  }
  for (int k = 0; k < static_cast<int>(pose.keypoints.size()); ++k) {
    if (!seen(k)) continue;
    canvas.Disc(pose.keypoints[k].x, pose.keypoints[k].y, 2 * scale + 1, kBlack);
    canvas.Disc(pose.keypoints[k].x, pose.keypoints[k].y, 2 * scale, colour);
  }
}

void MapPoint(const npu_fit_map& map, float* x, float* y) {
  const float in[2] = {*x, *y};
  float out[2] = {*x, *y};
  npu_fit_points(&map, in, 1, out);
  *x = out[0];
  *y = out[1];
}

}  // namespace

Labels::Labels(const std::string& path) {
  ByteStream file(path);
  while (auto line = file.Line(kLongestLabel)) {
    if (names_.size() == kMostLabels) throw Failure(kUsageError, fmt::format("{}: has more than {} labels", path, kMostLabels));
    std::erase_if(*line, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
    names_.push_back(std::move(*line));
    if (file.Left() == 0) break;
  }
  // "0  background": files that have the number in front, and every line has one.
  const auto numbered = [&](size_t i) {
    const std::string number = std::to_string(i);
    return names_[i].starts_with(number) && names_[i].size() > number.size() && names_[i][number.size()] == ' ';
  };
  bool all = !names_.empty();
  for (size_t i = 0; i < names_.size(); ++i) all = all && numbered(i);
  for (size_t i = 0; all && i < names_.size(); ++i) names_[i].erase(0, names_[i].find_first_not_of(' ', std::to_string(i).size()));
}

std::string Labels::Name(int index) const {
  if (index >= 0 && index < static_cast<int>(names_.size()) && !names_[index].empty()) return names_[index];
  return fmt::format("class {}", index);
}

Meaning ToFrame(Meaning meaning, const npu_fit_map& map) {
  for (Detection& box : meaning.detections) {
    const float in[4] = {box.x0, box.y0, box.x1, box.y1};
    float out[4] = {};
    npu_fit_box(&map, in, out);
    box.x0 = out[0];
    box.y0 = out[1];
    box.x1 = out[2];
    box.y1 = out[3];
    for (Keypoint& point : box.keypoints) MapPoint(map, &point.x, &point.y);
  }
  for (Pose& pose : meaning.poses) {
    for (Keypoint& point : pose.keypoints) MapPoint(map, &point.x, &point.y);
  }
  return meaning;
}

void Draw(Canvas& canvas, const Meaning& meaning, std::span<const std::pair<int, int>> bones, const Labels& labels,
          const npu_fit_map& map, int input_width, int input_height, double keypoint_threshold) {
  const int scale = canvas.scale();
  if (meaning.mask.width > 0) DrawMask(canvas, meaning.mask, map, input_width, input_height);
  // The best one is painted last, on top.
  for (auto box = meaning.detections.rbegin(); box != meaning.detections.rend(); ++box) DrawDetection(canvas, *box, labels, scale);
  for (size_t i = meaning.poses.size(); i-- > 0;) {
    DrawPose(canvas, meaning.poses[i], bones, ClassColour(static_cast<int>(i)), scale, keypoint_threshold);
  }
  int y = 0;
  for (const Score& score : meaning.classes) {
    const bool mask = meaning.mask.width > 0;
    DrawLabel(canvas, 0, y, fmt::format("{:5.1f}% {}", 100 * score.score, labels.Name(score.index)), scale,
              mask ? ClassColour(score.index) : kWhite);
    y += Canvas::TextHeight(scale);
  }
}

}  // namespace camera_run
