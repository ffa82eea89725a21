// How many work-items a launch starts, and in what groups. Kernels check bounds and assume no group size,
// so the executable rounds the range up to whole groups of its own choice. Drivers left to choose take a
// divisor of the range (one work-item per group when it is prime), and PoCL compiles a kernel anew, for a
// tenth of a second and more, for every group size it sees: on a CPU a kernel gets one of four sizes, and in a segment
// one alone where that costs little (`usual`).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

namespace npu {

// Groups that share what one work-item of the form for CPUs does, where kernels have the form for GPUs
// (NPU_SIMT_PIECES of kernels/simt.h).
inline constexpr size_t kSimtPieces = 16;

struct LaunchShape {
  std::array<size_t, 3> global{1, 1, 1};  // multiples of local; 0 somewhere: nothing to launch
  std::array<size_t, 3> local{1, 1, 1};
  std::array<size_t, 3> offset{0, 0, 0};  // of the first work-item
};

// items: work-items the kernel needs. required_local: its reqd_work_group_size, zeros if it has none; one of several
// work-items makes a kernel in the form for GPUs, which gets kSimtPieces groups in dimension 1 for each item.
// max_group: most work-items one group of this kernel may have. cpu_units: cores of a CPU device, 0 for
// every other kind. usual: the group that a larger launch of the kernel has on a CPU; one that would go item by item gets
// it, too, if that adds few work-items.
LaunchShape ChooseLaunchShape(const std::array<size_t, 3>& items, const std::array<size_t, 3>& required_local,
                              size_t max_group, int cpu_units, const std::array<size_t, 3>& usual = {1, 1, 1});

}  // namespace npu
