// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/sampling.h"

#include <algorithm>
#include <numeric>

namespace npu {
namespace {

int64_t FloorDiv(int64_t a, int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

// Position of output x in samples, as a fraction. Half-pixel centres: (x + 1/2) * pixels / outputs - 1/2;
// legacy: without the halves. A sample between two pixels is at (position - 1/2) / 2 in its own plane, one on
// the left pixel at position / 2.
AxisEntry Linear(const AxisRequest& r, bool legacy, int64_t x) {
  if (r.samples == 1) return {};
  const int64_t outputs = r.outputs;
  int64_t numerator = legacy ? 2 * x * r.pixels : (2 * x + 1) * r.pixels - outputs;
  int64_t denominator = 2 * outputs;
  if (r.shared) {
    if (!r.left) numerator -= outputs;
    denominator *= 2;
  }
  int64_t first = FloorDiv(numerator, denominator);
  int64_t weight = (4096 * (numerator - first * denominator) + denominator) / (2 * denominator);
  // Beyond the ends is what is at the ends. The second sample always exists.
  if (first < 0) first = weight = 0;
  if (first >= r.samples - 1) {
    first = r.samples - 2;
    weight = 2048;
  }
  AxisEntry entry;
  entry.first = static_cast<int32_t>(first);
  entry.weight = static_cast<int32_t>(weight);
  entry.count = 2;
  return entry;
}

AxisEntry Nearest(const AxisRequest& r, int64_t x) {
  if (r.samples == 1) return {};
  const int64_t pixel = std::min<int64_t>((2 * x + 1) * r.pixels / (2 * int64_t{r.outputs}), r.pixels - 1);
  const int64_t sample = r.shared ? pixel / 2 : pixel;
  AxisEntry entry;
  entry.count = 2;
  entry.first = static_cast<int32_t>(std::min<int64_t>(sample, r.samples - 2));
  entry.weight = sample > entry.first ? 2048 : 0;
  return entry;
}

// Output x covers the samples from edge(x) to edge(x + 1): x * pixels / outputs, halved where two pixels
// share a sample; one that lies on the left pixel covers a quarter of a sample less on its left. Weights are
// what is covered, in the coarsest unit in which all of them are whole numbers.
Axis Area(const AxisRequest& r) {
  int64_t step = r.pixels, sample = r.outputs, shift = 0;
  if (r.shared) {
    step *= 2;
    sample *= 4;
    if (r.left) shift = r.outputs;
  }
  const int64_t unit = std::gcd(std::gcd(step, sample), shift);
  step /= unit;
  sample /= unit;
  shift /= unit;
  Axis axis;
  axis.full = static_cast<int32_t>(sample);
  axis.total = static_cast<int32_t>(step);
  for (int64_t x = 0; x < r.outputs; ++x) {
    const int64_t from = x * step + shift, to = from + step;
    const int64_t most = int64_t{r.samples} - 1;
    const int64_t first = std::min(from / sample, most), last = std::min((to - 1) / sample, most);
    AxisEntry entry;
    entry.first = static_cast<int32_t>(first);
    entry.count = static_cast<int32_t>(last - first + 1);
    entry.weight = static_cast<int32_t>(first == last ? step : (first + 1) * sample - from);
    // What is beyond the last sample counts as the last.
    entry.last = static_cast<int32_t>(first == last ? 0 : to - last * sample);
    axis.entries.push_back(entry);
  }
  return axis;
}

}  // namespace

Axis MakeAxis(const AxisRequest& request, FrameFilter filter) {
  Axis axis;
  if (filter == FrameFilter::kArea) {
    axis = Area(request);
  } else {
    axis.entries.reserve(request.outputs);
    for (int64_t x = 0; x < request.outputs; ++x) {
      axis.entries.push_back(filter == FrameFilter::kNearest
                                 ? Nearest(request, x)
                                 : Linear(request, filter == FrameFilter::kBilinearLegacy, x));
    }
  }
  if (request.reverse) std::ranges::reverse(axis.entries);
  return axis;
}

}  // namespace npu
