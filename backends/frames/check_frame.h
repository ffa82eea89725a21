// Whether a frame, and a fit, is one that can be read: every field of it, before anything else looks at them.
// Errors begin with the field's name in the C API. No memory of a frame is touched.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backends/frames/frame.h"
#include "base/result.h"

namespace npu {

inline constexpr uint32_t kMaxFrameSide = 65535;

// Format, size, crop, colour and orientation: what says where pixels go. Planes may be missing.
Status CheckPicture(const Frame& frame);

// CheckPicture, and every plane: enough memory, none past the end of the address space.
Status CheckFrame(const Frame& frame);

Status CheckFit(const Fit& fit);

// V4L2's rules (linux/videodev2.h, V4L2_MAP_*_DEFAULT) on struct v4l2_pix_format. kUnsupported for encodings
// that are none of ColourMatrix's.
Status SetV4l2Colour(Frame& frame, uint32_t colorspace, uint32_t ycbcr_enc, uint32_t quantization);

}  // namespace npu
