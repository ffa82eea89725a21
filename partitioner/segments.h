// Cuts a graph into convex groups: the algorithm by which TFLite and LiteRT hosts split a graph between a
// delegate and themselves, so that our partitions are theirs. Epoch by epoch: the first ready op names the
// epoch's colour; every op of that colour joins as soon as what it reads is made; when none is left that is
// ready, the next epoch starts. An epoch only reads what it or earlier epochs made, so groups never form a
// cycle, whatever the branches. Needs ops in topological order (graph.h Validate).
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
// Tensors that no op of `ops` makes are ready from the start. Ops that may have side effects (control flow
// that calls subgraphs, resource tensors) wait for the one before them, as in hosts since TFLite 2.8.
// A tensor that the plan turned into a constant still makes its readers wait for its maker: hosts know
// nothing of our shape arithmetic.
std::vector<ColourGroup> GroupByColour(const Graph& graph, std::span<const int> ops,
                                       std::span<const int> colour);

// Inputs, outputs and states of a set of ops: see SegmentOps. Ascending tensor indices.
SegmentOps BoundaryOf(const Graph& graph, std::vector<int> ops);

// The same for several disjoint sets in one walk over the graph. Readers with unread[op] set (shape
// arithmetic evaluated at plan time) count as reading nothing; empty: every reader counts.
std::vector<SegmentOps> BoundariesOf(const Graph& graph, std::vector<std::vector<int>> groups,
                                     const std::vector<bool>& unread = {});

}  // namespace npu
