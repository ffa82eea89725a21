// npu_plan_profile: where the time of a plan's partitions goes, without a host for the operators between them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "partitioner/options.h"
#include "partitioner/plan.h"

namespace npu {

// Every partition alone, `runs` times, on random inputs: the document of partitioner/profile.h.
Result<std::string> ProfilePlan(std::shared_ptr<const Plan> plan, const Options& options, uint64_t seed, size_t runs);

}  // namespace npu
