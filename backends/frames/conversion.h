// How frames of one description become an input's bytes, with everything computed that does not depend on the
// pixels: made once, used for every frame of a camera. What it means is ConvertFrame (reference.h); devices
// have kernels for it (backends/opencl/frame_converter.h), equal in every byte.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "backends/frames/colour.h"
#include "backends/frames/fit_geometry.h"
#include "backends/frames/frame.h"
#include "backends/frames/frame_memory.h"
#include "backends/frames/sampling.h"
#include "base/result.h"

namespace npu {

struct Conversion {
  const PixelFormat* format = nullptr;
  uint32_t frame_width = 0, frame_height = 0;
  FitGeometry geometry;
  uint32_t width = 0, height = 0;  // of the input
  int channels = 0;                // 1 or 3
  std::array<Axis, 2> x, y;        // of the first component, and of the others
  Colour colour;
  ByteTables bytes;

  bool area() const { return geometry.filter == FrameFilter::kArea; }
  const Axis& axis_x(int component) const { return x[component > 0 && format->chroma_shift_x > 0 ? 1 : 0]; }
  const Axis& axis_y(int component) const { return y[component > 0 && format->chroma_shift_y > 0 ? 1 : 0]; }
  // How many components there are to read: one if all channels are made of the first.
  int components() const;
  // Every output byte is a byte of the frame, flipped: no resizing, no turn, no other colour.
  bool is_copy() const;
  size_t bytes_out() const { return size_t{width} * height * channels; }
};

// The frame and the fit have been checked. kUnsupported if the tensor is no image input: INT8 or UINT8, 4-D
// (NHWC), one picture of 1 or 3 channels.
Result<Conversion> MakeConversion(const Frame& frame, const Fit& fit, const Tensor& tensor);

// Whether a Conversion made for `frame` serves `other`, too: all that is not where the memory is.
bool SameDescription(const Frame& frame, const Frame& other);

// Where the source's first sample of every component is.
struct ComponentView {
  const uint8_t* first = nullptr;
  size_t stride = 0;
  int step = 0;
};
using FrameView = std::array<ComponentView, 3>;

FrameView ViewFrame(const Conversion& conversion, const Frame& frame, const MappedFrame& memory);

}  // namespace npu
