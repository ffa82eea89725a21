// Camera frames on an OpenCL device: resize, colour and quantization in one kernel, reading the frame where
// it is and writing the input. Start at MakeFrameConverter. Kernels are a program of their own
// (frame_kernels/), built when the first frame is bound. Which one runs: strips of rows with vector
// instructions where the processor has them, the description suits them and they have passed a self-test; a
// work-item per pixel elsewhere. All give the bytes of backends/frames/reference.h.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "backends/frames/frame_converter.h"
#include "backends/opencl/device.h"
#include "backends/opencl/dma_buf_import.h"
#include "backends/opencl/launch_team.h"

namespace npu {

// Which kernel: tests and benchmarks name one.
enum class FrameKernel : uint8_t { kBest, kPixels, kStrips };

// team: threads that share a frame, where the device runs commands in the calling thread. kStrips: kUnsupported where they
// cannot run. kDevice.
// imports: for tests; as on a device that does not share the host's memory, and imports DMA-BUFs by these functions.
Result<std::unique_ptr<FrameConverter>> MakeFrameConverter(std::shared_ptr<OpenClDevice> device,
                                                           std::shared_ptr<const Conversion> conversion,
                                                           FrameKernel kernel = FrameKernel::kBest,
                                                           const TeamSettings& team = {},
                                                           const ExternalMemory* imports = nullptr);

}  // namespace npu
