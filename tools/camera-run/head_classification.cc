// Classification: one row of scores, the best ones are the answer. Scores that are no probabilities (logits) are made some
// by softmax, so that they can be read.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numeric>

#include "tools/camera-run/heads.h"

namespace camera_run {
namespace {

class Classification : public Head {
 public:
  explicit Classification(const HeadOptions& options) : top_(options.top) {}
  const char* name() const override { return "classification"; }

  Meaning Read(std::span<const Tensor> outputs) const override {
    const Tensor& scores = outputs[0];
    const size_t count = scores.elements();
    std::vector<double> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = std::isfinite(scores[i]) ? scores[i] : 0;
    const double largest = *std::ranges::max_element(values), least = *std::ranges::min_element(values);
    // A quantized softmax is off by a step or two; logits are negative or far above 1.
    if (count > 1 && (least < -0.01 || largest > 1.01)) {
      double sum = 0;
      for (double& value : values) sum += value = std::exp(value - largest);
      for (double& value : values) value /= sum;
    }
    std::vector<int> order(count);
    std::iota(order.begin(), order.end(), 0);
    const size_t top = std::min(count, static_cast<size_t>(top_));
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), order.end(),
                      [&](int a, int b) { return values[a] != values[b] ? values[a] > values[b] : a < b; });
    Meaning meaning;
    for (size_t i = 0; i < top; ++i) meaning.classes.push_back({order[i], values[order[i]]});
    return meaning;
  }

 private:
  int top_;
};

}  // namespace

std::unique_ptr<Head> MakeClassification(std::span<const Tensor> outputs, const HeadOptions& options) {
  if (outputs.empty() || outputs[0].elements() == 0) return nullptr;
  const std::vector<int> shape = outputs[0].shape();
  // [1,1001], [1001] and [1,1,1,1001].
  for (size_t i = 0; i + 1 < shape.size(); ++i) {
    if (shape[i] != 1) return nullptr;
  }
  return std::make_unique<Classification>(options);
}

}  // namespace camera_run
