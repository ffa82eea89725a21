// --device-info: the machine's devices, what was measured of one, and the kernel's graphics and accelerator nodes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/options.h"

namespace delegate_check {

// The document of npu_device_info_json with "drm" added: {"nodes": [...], "error"}.
nlohmann::ordered_json DeviceInfo(const Arguments& arguments);
std::string DeviceInfoText(const nlohmann::ordered_json& info);

}  // namespace delegate_check
