// Tables for the strip kernels (frame_kernels/frame_strips*): for 16 output pixels at a time, which 64-byte
// windows of a row hold their bytes, and which byte of them is whose. Windows never reach beyond a row.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "backends/frames/conversion.h"
#include "backends/opencl/kernel_variant.h"

namespace npu {

// x86 CPUs with AVX-512 BW, VBMI and VNNI.
inline constexpr KernelVariant kFrameX86{"x86_vbmi", "-DNPU_FRAME_X86"};

struct StripTables {
  const char* kernel = nullptr;
  std::vector<int32_t> numbers;
};

// nullopt for what strips cannot do: rows below 64 bytes, pixels too far apart for the windows, weights above 127 or sums
// too large for a 32-bit division (area).
std::optional<StripTables> MakeStripTables(const Conversion& conversion);

}  // namespace npu
