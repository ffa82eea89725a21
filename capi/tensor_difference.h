// Two computations of one tensor, element by element.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "backends/backend.h"
#include "schema/graph.h"

namespace npu {

using TensorBytes = std::vector<std::byte>;

struct Difference {
  int64_t elements = 0;
  int64_t differing = 0;  // in any bit
  double max = 0;         // of their values; 0 also where only bits differ (NaN, -0)
};

Difference Compare(const Tensor& tensor, const TensorBytes& a, const TensorBytes& b);

// Behind a segment's inputs, and its outputs, Invoke takes its states.
std::vector<int> WithStates(std::vector<int> tensors, const SegmentOps& ops);

// Compiles `ops`, runs them once and gives what they make: ops.outputs, then the new states. values: by tensor.
Result<std::vector<TensorBytes>> RunOnce(Backend& backend, const std::shared_ptr<const Graph>& graph, const SegmentOps& ops,
                                         const ComputeOptions& options, const std::vector<TensorBytes>& values);

}  // namespace npu
