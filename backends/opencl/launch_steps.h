// How the launches of a segment are divided among the members of a team (launch_team.h). Pure: no OpenCL here.
// A launch that takes long enough is a step of its own, cut into ranges along one dimension; the launches
// between two such steps are one step, which the caller does alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "backends/opencl/launch_shape.h"

namespace npu {

struct LaunchCost {
  LaunchShape shape;
  double microseconds = 0;  // of the whole launch on one thread
};

struct LaunchStep {
  int first = 0, count = 1;         // launches
  std::vector<LaunchShape> ranges;  // of the one launch, in order; empty: the step is not divided
};

// In order, every launch in exactly one step. Undivided steps only if members is 1 or nothing takes long
// enough.
std::vector<LaunchStep> DivideLaunches(std::span<const LaunchCost> launches, int members);

}  // namespace npu
