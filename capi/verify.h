// Is the device right? Every segment of a plan alone, on random boundary inputs, against the CPU reference,
// which computes the operators as the model has them, without folds.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "partitioner/options.h"
#include "partitioner/plan.h"

namespace npu {

// The comparison as JSON, in the form that npu_plan_verify (npu_delegate.h) documents.
Result<std::string> VerifyPlan(const Plan& plan, const Options& options, uint64_t seed);

}  // namespace npu
