// Shapes and shape arithmetic, before any rule is checked: walks the graph in execution order, lets each
// room infer its outputs' shapes, and evaluates integer arithmetic on constants and shapes (SHAPE, PACK,
// STRIDED_SLICE ... as Keras exports it before RESHAPE) so that it never cuts a network in two.
// Called when a plan is made, and again after a host resized an input.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "schema/graph.h"

namespace npu {

struct InferenceResult {
  // Per op: why its output shapes could not be inferred, or that they contradict the file's; empty: fine.
  std::vector<std::string> errors;
  // Per op: its outputs were computed here and are now constants of the graph.
  std::vector<bool> evaluated;
};

// Updates shapes (and data of evaluated tensors) in place. Graph has passed Validate().
// Outputs of operators without a room keep the shape of the file.
InferenceResult InferShapes(Graph& graph);

}  // namespace npu
