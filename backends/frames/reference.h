// The definition of a conversion: every output byte in integers, pixel by pixel. Kernels equal it in every
// byte. Slow, and the way frames are read where no device is (device=reference).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backends/frames/conversion.h"

namespace npu {

// out: conversion.bytes_out() bytes. Reads only samples inside the source's rows.
void ConvertFrame(const Conversion& conversion, const FrameView& frame, uint8_t* out);

}  // namespace npu
