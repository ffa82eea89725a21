// --verify-layers: every intermediate tensor, the device against the CPU reference (npu_plan_verify_layers).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/api.h"
#include "tools/delegate-check/layout.h"
#include "tools/delegate-check/options.h"

namespace delegate_check {

// The document of npu_plan_verify_layers; with --dump, writes the tensors there: "reference/T12",
// "isolated/T12" and "cumulative/T12" for T#12. report: the plan's.
nlohmann::ordered_json VerifyLayers(const npu_plan* plan, const nlohmann::ordered_json& report,
                                    const Arguments& arguments);

// As a person reads it; names already fit to be shown.
std::string LayersText(const nlohmann::ordered_json& layers, const Style& style);

}  // namespace delegate_check
