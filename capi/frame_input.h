// The C API's frames and fits as the backends' own.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backends/frames/fit_geometry.h"
#include "backends/frames/frame.h"
#include "capi/npu_delegate.h"

namespace npu {

Frame FromC(const npu_frame& frame);
Fit FromC(const npu_fit& fit);
npu_fit_map ToC(const FitGeometry& geometry);

}  // namespace npu
