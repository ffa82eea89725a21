// How much memory a plan takes once it is compiled, without a device: what Executable::memory_use will say
// (backends/opencl/segment_memory.h). Pure but for delegate-cpu's weights, which every processor packs in its own way.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "backends/backend.h"
#include "partitioner/plan.h"

namespace npu {

struct PlanMemoryUse {
  std::vector<MemoryUse> segments;    // by Plan::segments
  std::vector<MemoryUse> partitions;  // by Plan::partitions: of its segments and of the tensors between them
  MemoryUse total;                    // all partitions are there at once
};

// kResourceExhausted for models whose operators may need more than 1 GiB of constants beside the model's own:
// those are not laid out for a report. Else errors of the layout.
Result<PlanMemoryUse> MemoryOfPlan(const Plan& plan, const ComputeOptions& options = {});

}  // namespace npu
