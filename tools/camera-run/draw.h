// Paints what a model found onto a frame's picture: boxes and labels, a mask, keypoints with the lines between them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tools/camera-run/canvas.h"
#include "tools/camera-run/heads.h"

namespace camera_run {

// Line k of a file is the name of class k. Names come from anywhere: control characters are taken out.
class Labels {
 public:
  Labels() = default;
  explicit Labels(const std::string& path);  // throws Failure (usage)
  std::string Name(int index) const;         // "class 7" without one

 private:
  std::vector<std::string> names_;
};

// Coordinates of `meaning` as pixels of the frame; a mask stays as it is.
Meaning ToFrame(Meaning meaning, const npu_fit_map& map);

// `meaning` in pixels of the frame; `map` says where the mask's pixels lie, which cover an input of that size.
void Draw(Canvas& canvas, const Meaning& meaning, std::span<const std::pair<int, int>> bones, const Labels& labels,
          const npu_fit_map& map, int input_width, int input_height, double keypoint_threshold);

}  // namespace camera_run
