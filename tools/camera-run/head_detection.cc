// SSD and EfficientDet networks that end in TFLite_Detection_PostProcess: boxes [N,4] as ymin, xmin, ymax, xmax in parts
// of the input, classes [N], scores [N] and how many of them hold.
// Exporters order the outputs differently and name them badly. Boxes and the number have shapes of their own; of the other
// two, scores are never over 1 and seldom whole numbers.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tools/camera-run/heads.h"

namespace camera_run {
namespace {

bool LooksLikeClasses(const Tensor& tensor, size_t count) {
  bool whole = true, over_one = false;
  for (size_t i = 0; i < count; ++i) {
    const double value = tensor[i];
    whole = whole && value == std::floor(value);
    over_one = over_one || value > 1;
  }
  return whole && (over_one || count > 0);
}

class SsdDetection : public Head {
 public:
  SsdDetection(const HeadOptions& options, int boxes, int count, int first, int second)
      : options_(options), boxes_(boxes), count_(count), first_(first), second_(second) {}
  const char* name() const override { return "detection"; }

  Meaning Read(std::span<const Tensor> outputs) const override {
    const Tensor& boxes = outputs[boxes_];
    const size_t room = boxes.elements() / 4;
    const double told = outputs[count_][0];
    const size_t count = told > 0 ? std::min(room, static_cast<size_t>(std::min(told, 1e6))) : 0;
    // The operator's own order is classes, scores; only what cannot be classes changes it.
    const bool swapped = !LooksLikeClasses(outputs[first_], count) && LooksLikeClasses(outputs[second_], count);
    const Tensor& classes = outputs[swapped ? second_ : first_];
    const Tensor& scores = outputs[swapped ? first_ : second_];
    Meaning meaning;
    for (size_t i = 0; i < count; ++i) {
      if (!(scores[i] >= options_.threshold)) continue;
      Detection box;
      box.y0 = static_cast<float>(boxes[4 * i] * options_.input_height);
      box.x0 = static_cast<float>(boxes[4 * i + 1] * options_.input_width);
      box.y1 = static_cast<float>(boxes[4 * i + 2] * options_.input_height);
      box.x1 = static_cast<float>(boxes[4 * i + 3] * options_.input_width);
      if (!std::isfinite(box.x0 + box.y0 + box.x1 + box.y1)) continue;
      box.score = scores[i];
      box.index = static_cast<int>(std::clamp(classes[i], -1.0, 1e6));
      meaning.detections.push_back(std::move(box));
    }
    std::ranges::stable_sort(meaning.detections, std::greater<>(), &Detection::score);
    if (meaning.detections.size() > static_cast<size_t>(options_.top)) meaning.detections.resize(options_.top);
    return meaning;
  }

 private:
  HeadOptions options_;
  int boxes_, count_, first_, second_;
};

}  // namespace

std::unique_ptr<Head> MakeDetection(std::span<const Tensor> outputs, const HeadOptions& options) {
  if (outputs.size() != 4) return nullptr;
  int boxes = -1, count = -1;
  std::vector<int> others;
  for (int i = 0; i < 4; ++i) {
    const std::vector<int> shape = outputs[i].shape();
    if (shape.size() == 2 && shape[1] == 4 && boxes < 0) {
      boxes = i;
    } else if (outputs[i].elements() == 1 && count < 0) {
      count = i;
    } else if (shape.size() == 1) {
      others.push_back(i);
    }
  }
  if (boxes < 0 || count < 0 || others.size() != 2) return nullptr;
  const size_t room = outputs[boxes].elements() / 4;
  if (outputs[others[0]].elements() != room || outputs[others[1]].elements() != room) return nullptr;
  return std::make_unique<SsdDetection>(options, boxes, count, others[0], others[1]);
}

}  // namespace camera_run
