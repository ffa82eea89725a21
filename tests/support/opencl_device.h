// For tests that need an OpenCL device itself, not only a Backend on it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "backends/opencl/device.h"

namespace npu::test {

// The first device found; null where there is none. One that does not open is a test failure, too.
inline std::shared_ptr<OpenClDevice> FirstOpenClDevice() {
  const auto found = FindDevices();
  if (!found || found->empty()) return nullptr;
  auto device = OpenDevice(found->front());
  EXPECT_TRUE(device) << device.error().text;
  return device ? *device : nullptr;
}

}  // namespace npu::test
