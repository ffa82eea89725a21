// Cuts a graph into convex groups: the algorithm by which TFLite and LiteRT hosts split a graph between a
// delegate and themselves, so that our partitions are theirs. Epoch by epoch: take every ready op of the
// current colour until none is ready, then change colour.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "backends/backend.h"
#include "schema/graph.h"

namespace npu {

struct ColourGroup {
  int colour = 0;
  std::vector<int> ops;  // in execution order
};

// Groups in execution order; every op of `ops` is in exactly one. colour[i] is the colour of ops[i].
// Tensors that no op of `ops` makes are ready from the start.
std::vector<ColourGroup> GroupByColour(const Graph& graph, std::span<const int> ops,
                                       std::span<const int> colour);

// Inputs and outputs of a set of ops: see SegmentOps. Ascending tensor indices.
SegmentOps BoundaryOf(const Graph& graph, std::vector<int> ops);

}  // namespace npu
