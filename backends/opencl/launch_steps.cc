// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/launch_steps.h"

#include <algorithm>

namespace npu {
namespace {

// Launching a range costs 0.7 us, and members meet in 0.3 us at the end of a step: measured on PoCL's basic
// device. A launch of this length gains a third when two share it.
constexpr double kWorthDividing = 4.0;
// Ranges of this length are worth a launch: short enough that a member whose core is taken away for a while
// leaves most of the work to others.
constexpr double kWorthARange = 40.0;
constexpr size_t kMostRangesPerMember = 4;

// The dimension in which that many ranges are most alike. Of several the last: neighbours in the first ones
// share what they read.
size_t ChooseDimension(const LaunchShape& shape, size_t ranges) {
  size_t best = 2;
  double least = 0;
  for (size_t d = 3; d-- > 0;) {
    const size_t groups = shape.global[d] / shape.local[d];
    const size_t longest = (groups + ranges - 1) / ranges;
    const double part = static_cast<double>(longest) / static_cast<double>(groups);  // of the launch
    if (d == 2 || part < least) {
      best = d;
      least = part;
    }
  }
  return best;
}

std::vector<LaunchShape> Divide(const LaunchCost& launch, size_t members) {
  if (launch.microseconds < kWorthDividing) return {};
  const auto affordable = static_cast<size_t>(launch.microseconds / kWorthARange) / members;
  const size_t wanted = std::clamp<size_t>(affordable, 1, kMostRangesPerMember) * members;
  const size_t d = ChooseDimension(launch.shape, wanted);
  const size_t groups = launch.shape.global[d] / launch.shape.local[d];
  const size_t ranges = std::min(wanted, groups);
  if (ranges < 2) return {};
  std::vector<LaunchShape> result;
  for (size_t i = 0; i < ranges; ++i) {
    const size_t begin = groups * i / ranges, end = groups * (i + 1) / ranges;
    LaunchShape& range = result.emplace_back(launch.shape);
    range.offset[d] += begin * range.local[d];
    range.global[d] = (end - begin) * range.local[d];
  }
  return result;
}

}  // namespace

std::vector<LaunchStep> DivideLaunches(std::span<const LaunchCost> launches, int members) {
  std::vector<LaunchStep> steps;
  for (int i = 0; i < static_cast<int>(launches.size()); ++i) {
    std::vector<LaunchShape> ranges;
    if (members > 1) ranges = Divide(launches[i], static_cast<size_t>(members));
    if (ranges.empty() && !steps.empty() && steps.back().ranges.empty()) {
      ++steps.back().count;
    } else {
      steps.push_back({i, 1, std::move(ranges)});
    }
  }
  return steps;
}

}  // namespace npu
