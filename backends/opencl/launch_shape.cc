// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/launch_shape.h"

#include <algorithm>
#include <bit>

namespace npu {
namespace {

// Two warps of NVIDIA's, one wavefront of AMD's; more gains nothing in kernels without local memory.
constexpr size_t kGroupItems = 64;

}  // namespace

LaunchShape ChooseLaunchShape(const std::array<size_t, 3>& items, const std::array<size_t, 3>& required_local,
                              size_t max_group) {
  LaunchShape shape;
  // Filled from the first dimension on, where neighbours read neighbouring bytes; powers of two.
  size_t room = std::bit_floor(std::clamp<size_t>(max_group, 1, kGroupItems));
  for (size_t d = 0; d < 3; ++d) {
    if (required_local[0] != 0) {
      shape.local[d] = required_local[d];
    } else {
      shape.local[d] = std::min(room, std::bit_ceil(std::clamp<size_t>(items[d], 1, kGroupItems)));
      room /= shape.local[d];
    }
    const size_t groups = items[d] / shape.local[d] + (items[d] % shape.local[d] != 0 ? 1 : 0);
    shape.global[d] = groups * shape.local[d];
  }
  return shape;
}

}  // namespace npu
