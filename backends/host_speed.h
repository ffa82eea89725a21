// What the host's own kernels would need: a SpeedModel of LiteRT with XNNPACK on this machine's CPU. Its kernels cannot be
// asked (the plug-in knows no host), so the core's 8-bit rate and the memory's are measured here, in a few milliseconds,
// and the rest is what XNNPACK makes of them: shares measured by bench/placement.py.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backends/speed_model.h"

namespace npu {

// 8-bit multiply-accumulates in 1e9 a second of the calling core, by the best vector instruction it has. Of AMX's tiles
// nothing is counted.
double MeasureCoreGmacs();

// The model for a core that reaches `core_gmacs`, with `has_tiles` (AMX-INT8), and `threads` of them.
SpeedModel HostSpeedOf(double core_gmacs, bool has_tiles, int threads);

// Of this machine. threads 0: all cores. Measured once per process.
SpeedModel HostSpeed(int threads);

}  // namespace npu
