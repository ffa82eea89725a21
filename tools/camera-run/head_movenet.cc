// MoveNet: [1,17,3] per person (or [6,56] for several), keypoints as y, x in parts of the input, and a score.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tools/camera-run/heads.h"

namespace camera_run {
namespace {

constexpr int kKeypoints = 17, kValues = 3;
constexpr int kPersonRow = 56;  // 17 keypoints, then the box and its score
constexpr int kPersonScore = 55;

class MoveNet : public Head {
 public:
  MoveNet(const HeadOptions& options, int people) : options_(options), people_(people) {}
  const char* name() const override { return "movenet"; }
  std::span<const std::pair<int, int>> bones() const override { return CocoBones(); }

  Meaning Read(std::span<const Tensor> outputs) const override {
    const Tensor& rows = outputs[0];
    Meaning meaning;
    for (int person = 0; person < std::max(people_, 1); ++person) {
      const size_t row = static_cast<size_t>(person) * kPersonRow;
      Pose pose;
      for (int k = 0; k < kKeypoints; ++k) {
        const size_t at = row + static_cast<size_t>(k) * kValues;
        pose.keypoints.push_back({static_cast<float>(rows[at + 1] * options_.input_width),
                                  static_cast<float>(rows[at] * options_.input_height), static_cast<float>(rows[at + 2])});
        pose.score += rows[at + 2] / kKeypoints;
      }
      if (people_ > 0) pose.score = rows[row + kPersonScore];
      if (pose.score >= options_.threshold) meaning.poses.push_back(std::move(pose));
    }
    std::ranges::stable_sort(meaning.poses, std::greater<>(), &Pose::score);
    return meaning;
  }

 private:
  HeadOptions options_;
  int people_;  // 0: one, without a score of its own
};

}  // namespace

std::unique_ptr<Head> MakeMoveNet(std::span<const Tensor> outputs, const HeadOptions& options) {
  if (outputs.size() != 1) return nullptr;
  const std::vector<int> shape = outputs[0].shape();
  if (shape == std::vector{1, kKeypoints, kValues} || shape == std::vector{kKeypoints, kValues}) {
    return std::make_unique<MoveNet>(options, 0);
  }
  if (shape.size() == 2 && shape[1] == kPersonRow) return std::make_unique<MoveNet>(options, shape[0]);
  return nullptr;
}

}  // namespace camera_run
