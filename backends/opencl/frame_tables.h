// A Conversion as kernels read it: numbers, axes and byte tables, each one buffer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "backends/frames/conversion.h"

namespace npu {

struct FrameTables {
  std::vector<int32_t> numbers;              // npu_frame_numbers of frame_kernels/frame_pixels.cl
  std::vector<std::array<int32_t, 4>> axes;  // AxisEntry
  std::vector<uint8_t> bytes;                // three tables of 256, then the three bytes of the bars
};

FrameTables MakeFrameTables(const Conversion& conversion);

}  // namespace npu
