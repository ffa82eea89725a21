// PoseNet (multi-person): a heatmap of logits per keypoint [h,w,17], offsets [h,w,34] from a cell to the keypoint near it
// (y of all keypoints, then x), and displacements [h,w,64] along the edges of the skeleton, from parent to child for 16
// edges, then back (Coral; PersonLab, Papandreou et al. 2018). All in pixels of the input.
// A pose starts at the best keypoint that no pose has yet, and follows the displacements to the others.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>

#include "tools/camera-run/heads.h"

namespace camera_run {
namespace {

constexpr int kKeypoints = 17, kEdges = 16;
// The tree from the nose outwards, as the displacements are ordered: {parent, child}.
constexpr std::pair<int, int> kTree[kEdges] = {{0, 1}, {1, 3}, {0, 2}, {2, 4}, {0, 5}, {5, 7}, {7, 9}, {5, 11},
                                               {11, 13}, {13, 15}, {0, 6}, {6, 8}, {8, 10}, {6, 12}, {12, 14}, {14, 16}};
constexpr double kSamePart = 20;  // keypoints of two poses that are nearer (pixels) are one
constexpr int kPeak = 1;          // cells around a local maximum

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// The tensors with their grid; positions are pixels of the input.
class Fields {
 public:
  Fields(const Tensor& heat, const Tensor& offsets, const Tensor& displacements, const HeadOptions& options)
      : heat_(heat), offsets_(offsets), displacements_(displacements), height_(heat.shape()[0]), width_(heat.shape()[1]) {
    step_x_ = width_ > 1 ? (options.input_width - 1.0) / (width_ - 1) : 1;
    step_y_ = height_ > 1 ? (options.input_height - 1.0) / (height_ - 1) : 1;
  }

  int height() const { return height_; }
  int width() const { return width_; }
  double Logit(int y, int x, int k) const { return heat_[Cell(y, x) * kKeypoints + k]; }

  Keypoint At(int y, int x, int k) const {
    const size_t row = Cell(y, x) * 2 * kKeypoints;
    return {static_cast<float>(x * step_x_ + offsets_[row + kKeypoints + k]),
            static_cast<float>(y * step_y_ + offsets_[row + k]), static_cast<float>(Sigmoid(Logit(y, x, k)))};
  }

  // From keypoint `from` along edge e (backwards: child to parent) to the keypoint `to`, made exact by its own offset.
  Keypoint Follow(const Keypoint& from, int e, bool backwards, int to) const {
    const auto [y, x] = Nearest(from);
    const size_t row = Cell(y, x) * 4 * kEdges + (backwards ? 2 * kEdges : 0);
    Keypoint there = from;
    there.y += static_cast<float>(displacements_[row + e]);
    there.x += static_cast<float>(displacements_[row + kEdges + e]);
    const auto [to_y, to_x] = Nearest(there);
    return At(to_y, to_x, to);
  }

 private:
  size_t Cell(int y, int x) const { return static_cast<size_t>(y) * width_ + x; }
  std::pair<int, int> Nearest(const Keypoint& point) const {
    return {static_cast<int>(std::clamp(std::round(point.y / step_y_), 0.0, height_ - 1.0)),
            static_cast<int>(std::clamp(std::round(point.x / step_x_), 0.0, width_ - 1.0))};
  }

  const Tensor &heat_, &offsets_, &displacements_;
  int height_, width_;
  double step_x_, step_y_;
};

struct Start {
  double logit;
  int y, x, k;
};

// Cells whose heat is over the threshold and the largest around.
std::vector<Start> FindStarts(const Fields& fields, double threshold) {
  const double least = std::log(threshold / (1 - threshold));
  std::vector<Start> starts;
  for (int y = 0; y < fields.height(); ++y) {
    for (int x = 0; x < fields.width(); ++x) {
      for (int k = 0; k < kKeypoints; ++k) {
        const double logit = fields.Logit(y, x, k);
        if (logit < least) continue;
        bool largest = true;
        for (int v = std::max(0, y - kPeak); v <= std::min(fields.height() - 1, y + kPeak); ++v) {
          for (int u = std::max(0, x - kPeak); u <= std::min(fields.width() - 1, x + kPeak); ++u) {
            largest = largest && fields.Logit(v, u, k) <= logit;
          }
        }
        if (largest) starts.push_back({logit, y, x, k});
      }
    }
  }
  std::ranges::stable_sort(starts, std::greater<>(), &Start::logit);
  return starts;
}

double Distance(const Keypoint& a, const Keypoint& b) { return std::hypot(a.x - b.x, a.y - b.y); }

class PoseNet : public Head {
 public:
  PoseNet(const HeadOptions& options, std::array<int, 3> order) : options_(options), order_(order) {}
  const char* name() const override { return "posenet"; }
  std::span<const std::pair<int, int>> bones() const override { return CocoBones(); }

  Meaning Read(std::span<const Tensor> outputs) const override {
    const Fields fields(outputs[order_[0]], outputs[order_[1]], outputs[order_[2]], options_);
    Meaning meaning;
    for (const Start& start : FindStarts(fields, std::clamp(options_.threshold, 0.01, 0.99))) {
      if (meaning.poses.size() == static_cast<size_t>(options_.top)) break;
      const Keypoint point = fields.At(start.y, start.x, start.k);
      const auto taken = [&](const Pose& pose) { return Distance(pose.keypoints[start.k], point) < kSamePart; };
      if (std::ranges::any_of(meaning.poses, taken)) continue;
      Pose pose = Grow(fields, start.k, point);
      // Keypoints that lie on those of a better pose say nothing of this one.
      for (int k = 0; k < kKeypoints; ++k) {
        const bool shared = std::ranges::any_of(
            meaning.poses, [&](const Pose& other) { return Distance(other.keypoints[k], pose.keypoints[k]) < kSamePart; });
        if (!shared) pose.score += pose.keypoints[k].score / kKeypoints;
      }
      if (pose.score >= options_.threshold) meaning.poses.push_back(std::move(pose));
    }
    std::ranges::stable_sort(meaning.poses, std::greater<>(), &Pose::score);
    return meaning;
  }

 private:
  static Pose Grow(const Fields& fields, int first, const Keypoint& point) {
    Pose pose;
    pose.keypoints.resize(kKeypoints);
    std::array<bool, kKeypoints> have{};
    pose.keypoints[first] = point;
    have[first] = true;
    // First towards the nose, then outwards: the tree's edges are in that order.
    for (int e = kEdges - 1; e >= 0; --e) {
      const auto [parent, child] = kTree[e];
      if (!have[child] || have[parent]) continue;
      pose.keypoints[parent] = fields.Follow(pose.keypoints[child], e, true, parent);
      have[parent] = true;
    }
    for (int e = 0; e < kEdges; ++e) {
      const auto [parent, child] = kTree[e];
      if (!have[parent] || have[child]) continue;
      pose.keypoints[child] = fields.Follow(pose.keypoints[parent], e, false, child);
      have[child] = true;
    }
    return pose;
  }

  HeadOptions options_;
  std::array<int, 3> order_;
};

}  // namespace

std::unique_ptr<Head> MakePoseNet(std::span<const Tensor> outputs, const HeadOptions& options) {
  if (outputs.size() != 3) return nullptr;
  std::array<int, 3> order{-1, -1, -1};
  const int channels[3] = {kKeypoints, 2 * kKeypoints, 4 * kEdges};
  for (int i = 0; i < 3; ++i) {
    const std::vector<int> shape = outputs[i].shape();
    if (shape.size() != 3 || shape[0] < 1 || shape[1] < 1) return nullptr;
    if (shape[0] != outputs[0].shape()[0] || shape[1] != outputs[0].shape()[1]) return nullptr;
    for (int c = 0; c < 3; ++c) {
      if (shape[2] == channels[c]) order[c] = i;
    }
  }
  if (std::ranges::find(order, -1) != order.end()) return nullptr;
  return std::make_unique<PoseNet>(options, order);
}

}  // namespace camera_run
