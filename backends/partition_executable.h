// One host-visible partition: NPU and delegate-cpu segments, run in order, with the tensors between them
// in host memory. The delegate's kernel and the C API's session both run these and nothing else.
// If the device fails while running, the segment is computed again by the CPU backend (same bytes), a
// warning is logged once, and the device is not asked again.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "backends/backend.h"

namespace npu {

struct PartitionSpec {
  struct Part {
    std::shared_ptr<Backend> backend;
    SegmentOps ops;
  };
  std::vector<Part> parts;   // in execution order
  std::vector<int> inputs;   // tensors of the graph, constants excluded
  std::vector<int> outputs;
};

// inputs/outputs of the Executable's Invoke follow PartitionSpec::inputs/outputs.
Result<std::unique_ptr<Executable>> CompilePartition(std::shared_ptr<const Graph> graph,
                                                     const PartitionSpec& spec,
                                                     const ComputeOptions& options);

}  // namespace npu
