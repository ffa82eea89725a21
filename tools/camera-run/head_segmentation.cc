// Segmentation: a class per pixel. DeepLab with its ArgMax inside gives classes [H,W]; without, scores [H,W,C], of which
// the largest is taken here. One channel alone is foreground where it is above 0.5.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tools/camera-run/heads.h"

namespace camera_run {
namespace {

class Segmentation : public Head {
 public:
  Segmentation(int height, int width, int channels, bool classes, int top)
      : height_(height), width_(width), channels_(channels), classes_(classes), top_(top) {}
  const char* name() const override { return "segmentation"; }

  Meaning Read(std::span<const Tensor> outputs) const override {
    const Tensor& scores = outputs[0];
    Meaning meaning;
    meaning.mask = {width_, height_, std::vector<uint8_t>(static_cast<size_t>(width_) * height_)};
    std::vector<size_t> pixels(256);
    for (size_t i = 0; i < meaning.mask.classes.size(); ++i) {
      const auto index = static_cast<uint8_t>(ClassAt(scores, i));
      meaning.mask.classes[i] = index;
      ++pixels[index];
    }
    // The classes that are there, by the part of the picture that they cover.
    for (int index = 1; index < 256; ++index) {
      if (pixels[index] == 0) continue;
      meaning.classes.push_back({index, static_cast<double>(pixels[index]) / static_cast<double>(meaning.mask.classes.size())});
    }
    std::ranges::stable_sort(meaning.classes, std::greater<>(), &Score::score);
    if (meaning.classes.size() > static_cast<size_t>(top_)) meaning.classes.resize(top_);
    return meaning;
  }

 private:
  int ClassAt(const Tensor& scores, size_t pixel) const {
    if (classes_) return static_cast<int>(std::clamp(scores[pixel], 0.0, 255.0));
    if (channels_ == 1) return scores[pixel] > 0.5 ? 1 : 0;
    int best = 0;
    double largest = scores[pixel * channels_];
    for (int c = 1; c < channels_; ++c) {
      const double value = scores[pixel * channels_ + c];
      if (value > largest) {
        largest = value;
        best = c;
      }
    }
    return best;
  }

  int height_, width_, channels_;
  bool classes_;
  int top_;
};

}  // namespace

std::unique_ptr<Head> MakeSegmentation(std::span<const Tensor> outputs, const HeadOptions& options) {
  if (outputs.size() != 1) return nullptr;
  const std::vector<int> shape = outputs[0].shape();
  const npu_type type = outputs[0].info.type;
  const bool whole = type == NPU_TYPE_INT32 || type == NPU_TYPE_INT64;
  if (shape.size() != 2 && shape.size() != 3) return nullptr;
  const int channels = shape.size() == 3 ? shape[2] : 1;
  if (shape[0] < 2 || shape[1] < 2 || channels < 1 || channels > 256) return nullptr;
  return std::make_unique<Segmentation>(shape[0], shape[1], channels, whole && channels == 1, options.top);
}

}  // namespace camera_run
