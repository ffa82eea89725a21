// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/launch_shape.h"

#include <algorithm>
#include <bit>

namespace npu {
namespace {

// Two warps of NVIDIA's, one wavefront of AMD's; more gains nothing in kernels without local memory.
constexpr size_t kGpuGroup = 64;

// On a CPU a group is a loop on one core. Measured on PoCL 3.1: a group costs 7 ns on top of its
// work-items, which 32 of them make cheap.
constexpr size_t kCpuGroup = 32;
// Groups per core below which the cores would not share the work evenly.
constexpr size_t kCpuGroupsPerUnit = 8;

// Four groups or more, so that rounding up adds a third at most.
bool WorthGroups(size_t items) { return items > 3 * kCpuGroup; }

std::array<size_t, 3> CpuGroup(const std::array<size_t, 3>& items, size_t max_group, int cpu_units,
                               const std::array<size_t, 3>& usual) {
  std::array<size_t, 3> local{1, 1, 1};
  const size_t enough = kCpuGroup * kCpuGroupsPerUnit * static_cast<size_t>(cpu_units);
  if (max_group < kCpuGroup) return local;
  if (items[0] * items[1] * items[2] < enough) {
    for (size_t d = 0; d < 3; ++d) {
      if (usual[d] > 1 && WorthGroups(items[d])) return usual;
    }
    return local;
  }
  for (size_t d = 0; d < 3; ++d) {
    if (!WorthGroups(items[d])) continue;
    local[d] = kCpuGroup;
    break;
  }
  return local;
}

// Filled from the first dimension on, where neighbours read neighbouring bytes.
std::array<size_t, 3> GpuGroup(const std::array<size_t, 3>& items, size_t max_group) {
  std::array<size_t, 3> local{1, 1, 1};
  size_t room = std::bit_floor(std::clamp<size_t>(max_group, 1, kGpuGroup));
  for (size_t d = 0; d < 3; ++d) {
    local[d] = std::min(room, std::bit_ceil(std::clamp<size_t>(items[d], 1, kGpuGroup)));
    room /= local[d];
  }
  return local;
}

}  // namespace

LaunchShape ChooseLaunchShape(const std::array<size_t, 3>& items, const std::array<size_t, 3>& required_local,
                              size_t max_group, int cpu_units, const std::array<size_t, 3>& usual) {
  LaunchShape shape;
  if (required_local[0] != 0) {
    shape.local = required_local;
    const size_t pieces = required_local[0] * required_local[1] * required_local[2] > 1 ? kSimtPieces : 1;
    for (size_t d = 0; d < 3; ++d) shape.global[d] = items[d] * required_local[d] * (d == 1 ? pieces : 1);
    return shape;
  }
  shape.local = cpu_units > 0 ? CpuGroup(items, max_group, cpu_units, usual) : GpuGroup(items, max_group);
  for (size_t d = 0; d < 3; ++d) {
    const size_t groups = items[d] / shape.local[d] + (items[d] % shape.local[d] != 0 ? 1 : 0);
    shape.global[d] = groups * shape.local[d];
  }
  return shape;
}

}  // namespace npu
