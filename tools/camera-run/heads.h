// What a model's outputs mean: classes, boxes, a mask, keypoints. A head is chosen by the outputs' number and shapes, or
// by --head; each is one file, head_<name>.cc.
// All coordinates are pixels of the model's input; frames know where those lie (npu_fit_map).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tools/camera-run/tensor.h"

namespace camera_run {

struct Score {
  int index = 0;
  double score = 0;
};
struct Keypoint {
  float x = 0, y = 0, score = 0;
};
struct Detection {
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  double score = 0;
  int index = -1;  // of the class; -1: there is only one
  std::vector<Keypoint> keypoints;
};
struct Pose {
  double score = 0;
  std::vector<Keypoint> keypoints;
};
struct Mask {
  int width = 0, height = 0;
  std::vector<uint8_t> classes;  // 0: background
};

struct Meaning {
  std::vector<Score> classes;  // the best ones, falling
  std::vector<Detection> detections;
  std::vector<Pose> poses;
  Mask mask;
};

struct HeadOptions {
  int top = 5;              // classes, boxes or poses at most
  double threshold = 0.3;   // of boxes, poses and keypoints
  int input_width = 0, input_height = 0;
};

class Head {
 public:
  virtual ~Head() = default;
  virtual const char* name() const = 0;
  virtual Meaning Read(std::span<const Tensor> outputs) const = 0;
  // Pairs of keypoints that drawing joins by a line.
  virtual std::span<const std::pair<int, int>> bones() const { return {}; }
};

// name "auto" or one of HeadNames(). Throws Failure (usage) if the outputs do not fit it.
std::unique_ptr<Head> MakeHead(const std::string& name, std::span<const Tensor> outputs, const HeadOptions& options);
std::vector<std::string> HeadNames();

// Each: null if the outputs are not of its kind.
std::unique_ptr<Head> MakeClassification(std::span<const Tensor> outputs, const HeadOptions& options);
std::unique_ptr<Head> MakeDetection(std::span<const Tensor> outputs, const HeadOptions& options);
std::unique_ptr<Head> MakeSegmentation(std::span<const Tensor> outputs, const HeadOptions& options);
std::unique_ptr<Head> MakePoseNet(std::span<const Tensor> outputs, const HeadOptions& options);
std::unique_ptr<Head> MakeMoveNet(std::span<const Tensor> outputs, const HeadOptions& options);
std::unique_ptr<Head> MakeBlazeFace(std::span<const Tensor> outputs, const HeadOptions& options);

// The 17 keypoints that PoseNet and MoveNet share (COCO's), by the lines between them.
std::span<const std::pair<int, int>> CocoBones();

// Boxes that overlap a better one by more than `overlap` (intersection over union) are dropped; at most `most` stay.
void KeepBest(std::vector<Detection>& detections, double overlap, int most);

}  // namespace camera_run
