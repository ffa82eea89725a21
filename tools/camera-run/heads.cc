// SPDX-License-Identifier: Apache-2.0
#include "tools/camera-run/heads.h"

#include <algorithm>

#include "tools/camera-run/failure.h"

namespace camera_run {
namespace {

using Maker = std::unique_ptr<Head> (*)(std::span<const Tensor>, const HeadOptions&);
struct Row {
  const char* name;
  Maker make;
};

// The most particular shapes first: classification takes any single row of numbers.
constexpr Row kHeads[] = {
    {"detection", MakeDetection}, {"blazeface", MakeBlazeFace},       {"posenet", MakePoseNet},
    {"movenet", MakeMoveNet},     {"segmentation", MakeSegmentation}, {"classification", MakeClassification},
};

// PoseNet's and MoveNet's keypoints: nose 0, eyes 1 2, ears 3 4, shoulders 5 6, elbows 7 8, wrists 9 10, hips 11 12,
// knees 13 14, ankles 15 16; left before right.
constexpr std::pair<int, int> kBones[] = {{0, 1}, {1, 3}, {0, 2}, {2, 4}, {5, 6}, {5, 7}, {7, 9}, {6, 8}, {8, 10},
                                          {5, 11}, {6, 12}, {11, 12}, {11, 13}, {13, 15}, {12, 14}, {14, 16}};

double Area(const Detection& box) {
  return std::max(0.0, static_cast<double>(box.x1) - box.x0) * std::max(0.0, static_cast<double>(box.y1) - box.y0);
}

double Overlap(const Detection& a, const Detection& b) {
  const double width = static_cast<double>(std::min(a.x1, b.x1)) - std::max(a.x0, b.x0);
  const double height = static_cast<double>(std::min(a.y1, b.y1)) - std::max(a.y0, b.y0);
  if (width <= 0 || height <= 0) return 0;
  return width * height / (Area(a) + Area(b) - width * height);
}

std::string Shapes(std::span<const Tensor> outputs) {
  std::string text;
  for (const Tensor& tensor : outputs) {
    std::string dims;
    for (int i = 0; i < tensor.info.rank; ++i) dims += fmt::format("{}{}", i > 0 ? "," : "", tensor.info.dims[i]);
    text += fmt::format("{}[{}]", text.empty() ? "" : " ", dims);
  }
  return text;
}

}  // namespace

std::span<const std::pair<int, int>> CocoBones() { return kBones; }

std::vector<std::string> HeadNames() {
  std::vector<std::string> names{"auto"};
  for (const Row& row : kHeads) names.push_back(row.name);
  return names;
}

std::unique_ptr<Head> MakeHead(const std::string& name, std::span<const Tensor> outputs, const HeadOptions& options) {
  for (const Row& row : kHeads) {
    if (name != "auto" && name != row.name) continue;
    if (auto head = row.make(outputs, options)) return head;
  }
  throw Failure(kUsageError, fmt::format("--head {}: the model's outputs {} are not of {}", name, Shapes(outputs),
                                         name == "auto" ? "any kind that is known" : "that kind"));
}

void KeepBest(std::vector<Detection>& detections, double overlap, int most) {
  std::ranges::stable_sort(detections, std::greater<>(), &Detection::score);
  std::vector<Detection> kept;
  for (Detection& detection : detections) {
    if (static_cast<int>(kept.size()) == most) break;
    if (std::ranges::none_of(kept, [&](const Detection& better) { return Overlap(better, detection) > overlap; })) {
      kept.push_back(std::move(detection));
    }
  }
  detections = std::move(kept);
}

}  // namespace camera_run
