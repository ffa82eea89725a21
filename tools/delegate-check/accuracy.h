// --accuracy: a classifier on labelled samples, on the device and on the CPU reference.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/api.h"
#include "tools/delegate-check/layout.h"
#include "tools/delegate-check/options.h"

namespace delegate_check {

// {device, source, samples, classes, data (what was done to it), top1, top5: {correct, share} or null (no
// labels, no more than five classes), reference: {top1, top5, same_top1, same_bytes}}. A progress bar on
// stderr, where that is a terminal. Throws a Failure for a model that is no classifier of one input, and for
// samples that do not fit.
nlohmann::ordered_json Accuracy(const npu_model* model, const npu_plan* plan, const Arguments& arguments);

// As a person reads it; names already fit to be shown.
std::string AccuracyText(const nlohmann::ordered_json& accuracy, const Style& style);

}  // namespace delegate_check
