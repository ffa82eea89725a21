// A host's context and execution plan → the same Graph that the file reader makes of the model file:
// tensor index == the host's tensor index; op i == the i-th node of the execution plan, which in a host
// that no other delegate has touched is node i. Constants are views into the host's memory, which
// outlives every kernel.
// The host is trusted to own the memory it points to, and nothing else: a parameter or tensor that breaks
// a promise of schema/graph.h makes the operators that use it ineligible (Op::params_error). A structure
// that is no graph (operands out of range, cycles, two writers) is an Error; the delegate then claims
// nothing, since the host's own partitioning would crash on it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "delegate/host_abi.h"
#include "schema/graph.h"

namespace npu {

struct HostGraph {
  std::shared_ptr<Graph> graph;  // has passed Validate()
  std::vector<int> node_of_op;   // host node index of each op
};

// Only while Delegate::prepare runs. Graph inputs: tensors that are read, never written, not constant.
// Graph outputs: what the host names as the outputs of a partition of every node (an upper bound when it
// keeps all tensors); hosts without that function give the tensors that nobody reads.
Result<HostGraph> ReadHostGraph(host::Context* context);

// The host's number for an element type and back; nullopt for types that the file format lacks.
std::optional<DataType> DataTypeFromHost(int32_t host_type);

// A view of a host array; empty when the pointer is null or the size is negative.
std::span<const int32_t> View(const host::IntArray* array);

// An array that the host may free. Null when there is no memory.
host::IntArray* MakeIntArray(std::span<const int32_t> values);

}  // namespace npu
