// A frame's pixels as addresses that the CPU may read: what a plane's pointer says, or its file descriptor
// mapped. The one place that knows what kinds of memory frames come in.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

#include "backends/frames/frame.h"
#include "base/result.h"

namespace npu {

// From the first byte of the first row to the last byte of the last.
struct MappedPlane {
  const std::byte* rows = nullptr;
  size_t bytes = 0;
};

// Valid while the frame's memory is.
struct MappedFrame {
  std::array<MappedPlane, kMaxPlanes> planes;
};

// The frame has been checked. kUnsupported for planes that have no pointer.
Result<MappedFrame> MapFrame(const Frame& frame);

}  // namespace npu
