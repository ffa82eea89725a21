// One host-visible partition: NPU and delegate-cpu segments, run in order, with the tensors between them
// in host memory. The delegate's kernel and the C API's session both run these and nothing else.
// If the device fails while running, the segment is computed again by the CPU backend (same bytes), a
// warning is logged once, and the device is not asked again. New states are kept aside until every segment has
// succeeded, so that no failure applies an input to a state twice; old and new state may be one memory.
// An input that one part alone reads has that part's place (Executable::PlaceOf); the CPU gets it from there when the
// device has failed.
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
  std::vector<int> states;   // of all parts; each belongs to one part
  // Of inputs, INT8: their bytes come as UINT8, 128 above (AsUint8).
  std::vector<int> uint8_inputs = {};
};

// What the bytes of an INT8 tensor are once 128 is added to each: the same real values as UINT8.
Tensor AsUint8(const Tensor& int8);

// inputs/outputs of the Executable's Invoke follow PartitionSpec::inputs/outputs, then states.
Result<std::unique_ptr<Executable>> CompilePartition(std::shared_ptr<const Graph> graph,
                                                     const PartitionSpec& spec,
                                                     const ComputeOptions& options);

// Bytes of host memory that such an Executable holds for tensors between its parts. Backends may be null.
Result<int64_t> BytesBetween(const Graph& graph, const PartitionSpec& spec);

}  // namespace npu
