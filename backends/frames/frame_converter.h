// Who converts frames: one object per description of frames (Conversion), for many frames. The reference
// computes them on the CPU; a device has kernels (backends/opencl/frame_converter.h) that give the same
// bytes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "backends/frames/conversion.h"
#include "backends/frames/frame_memory.h"

namespace npu {

// Not thread-safe.
class FrameConverter {
 public:
  virtual ~FrameConverter() = default;
  // frame: of the Conversion's description. out: Conversion::bytes_out() bytes, elsewhere than the frame.
  // Returns when the frame has been read and out holds.
  virtual Status Convert(const Frame& frame, const MappedFrame& memory, std::byte* out) = 0;
  // What does it: "reference", "rows", "opencl strips (x86_vbmi)". For reports.
  virtual const std::string& name() const = 0;
  // Bytes of the last frame that were copied before they were read; 0: read where they are.
  virtual size_t copied_bytes() const = 0;
};

std::unique_ptr<FrameConverter> MakeReferenceConverter(std::shared_ptr<const Conversion> conversion);
// In one pass of the CPU over the rows; for Conversion::is_copy() alone.
std::unique_ptr<FrameConverter> MakeRowConverter(std::shared_ptr<const Conversion> conversion);

}  // namespace npu
