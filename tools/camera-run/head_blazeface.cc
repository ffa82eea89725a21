// BlazeFace (front camera, 128 x 128): boxes and six keypoints relative to 896 anchors, and a logit for each. The anchors
// are the centres of a 16 x 16 grid, two each, then of an 8 x 8 grid, six each; all have the size of the input.
// Exports come with one tensor over all anchors, or one for each grid.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tools/camera-run/heads.h"

namespace camera_run {
namespace {

struct Grid {
  int side, anchors;  // of a cell
  int count() const { return side * side * anchors; }
};
constexpr Grid kGrids[] = {{16, 2}, {8, 6}};
constexpr int kAnchors = 896;     // of both grids
constexpr int kRow = 16;          // centre x, y, width, height, six keypoints x, y
constexpr int kKeypoints = 6;
constexpr double kOverlap = 0.3;  // faces that overlap more are one

class BlazeFace : public Head {
 public:
  // Tensors of grid g, or of both (the same for g = 0 and 1, starts one behind the other).
  struct Part {
    int boxes = -1, scores = -1;
    size_t start = 0;
  };
  BlazeFace(const HeadOptions& options, Part first, Part second) : options_(options), parts_{first, second} {}
  const char* name() const override { return "blazeface"; }

  Meaning Read(std::span<const Tensor> outputs) const override {
    Meaning meaning;
    for (int g = 0; g < 2; ++g) {
      const Tensor& boxes = outputs[parts_[g].boxes];
      const Tensor& scores = outputs[parts_[g].scores];
      for (int i = 0; i < kGrids[g].count(); ++i) {
        const size_t row = parts_[g].start + static_cast<size_t>(i);
        const double score = 1 / (1 + std::exp(-scores[row]));
        if (!(score >= options_.threshold)) continue;
        const int cell = i / kGrids[g].anchors, side = kGrids[g].side;
        const double x = (cell % side + 0.5) / side * options_.input_width;
        const double y = (cell / side + 0.5) / side * options_.input_height;
        meaning.detections.push_back(Face(boxes, row * kRow, x, y, score));
      }
    }
    KeepBest(meaning.detections, kOverlap, options_.top);
    return meaning;
  }

 private:
  static Detection Face(const Tensor& boxes, size_t at, double x, double y, double score) {
    Detection face;
    const double centre_x = x + boxes[at], centre_y = y + boxes[at + 1];
    const double half_width = boxes[at + 2] / 2, half_height = boxes[at + 3] / 2;
    face.x0 = static_cast<float>(centre_x - half_width);
    face.y0 = static_cast<float>(centre_y - half_height);
    face.x1 = static_cast<float>(centre_x + half_width);
    face.y1 = static_cast<float>(centre_y + half_height);
    face.score = score;
    for (int k = 0; k < kKeypoints; ++k) {
      const size_t point = at + 4 + 2 * static_cast<size_t>(k);
      face.keypoints.push_back({static_cast<float>(x + boxes[point]), static_cast<float>(y + boxes[point + 1]), 1});
    }
    return face;
  }

  HeadOptions options_;
  Part parts_[2];
};

}  // namespace

std::unique_ptr<Head> MakeBlazeFace(std::span<const Tensor> outputs, const HeadOptions& options) {
  BlazeFace::Part parts[2];
  for (int i = 0; i < static_cast<int>(outputs.size()); ++i) {
    const std::vector<int> shape = outputs[i].shape();
    if (shape.size() != 2 || (shape[1] != kRow && shape[1] != 1)) continue;
    for (int g = 0; g < 2; ++g) {
      if (shape[0] != kGrids[g].count() && shape[0] != kAnchors) continue;
      (shape[1] == kRow ? parts[g].boxes : parts[g].scores) = i;
      parts[g].start = shape[0] == kAnchors && g == 1 ? static_cast<size_t>(kGrids[0].count()) : 0;
    }
  }
  if (parts[0].boxes < 0 || parts[0].scores < 0 || parts[1].boxes < 0 || parts[1].scores < 0) return nullptr;
  return std::make_unique<BlazeFace>(options, parts[0], parts[1]);
}

}  // namespace camera_run
