// The OpenCL sources embedded at build time (cmake/embed_cl.cmake): headers first, then kernels, ended by
// a null row. Programs are made of them in this order (program.h).
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace npu {

struct KernelSource {
  const char* name;  // "conv2d.cl"
  const char* text;
};

extern const KernelSource kKernelSources[];
// Of camera frames (frame_converter.h): a program of their own, so that networks without a camera build nothing for them.
extern const KernelSource kFrameKernelSources[];

}  // namespace npu
