// The ops that a host handed over as one node, ready to be compiled for whatever shapes its inputs have
// now. The placement of every op is the plan's; only shapes, and what follows from them (shape arithmetic,
// folds, memory), are made anew. Knows no host struct: kernel.h asks it, and so do tests.
// The set of ops is the host's choice: usually a partition of the plan, but hosts that keep all tensors
// hand over every op alone. Folds of the plan are applied where all their ops are in the set and the shapes
// still allow it; else those ops run one by one, if they can.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "partitioner/compile.h"
#include "partitioner/plan.h"

namespace npu {

using Shape = std::vector<int32_t>;

struct CompiledPartition {
  std::vector<Shape> input_shapes;         // what it was compiled for, as PartitionCompiler::inputs()
  std::shared_ptr<const Graph> graph;      // shapes of all tensors, evaluated constants
  std::unique_ptr<Executable> executable;  // null when all outputs are evaluated
  std::vector<int> inputs, outputs;        // of the executable: tensors
  std::vector<int> states;                 // likewise; behind inputs and outputs both
  std::vector<int> constant_outputs;       // evaluated shape arithmetic that the host wants to see
};

class PartitionCompiler {
 public:
  // ops: ascending indices into plan->graph->ops. outputs: tensors that the host wants to see; every one
  // must be made by these ops.
  static Result<PartitionCompiler> Create(std::shared_ptr<const Plan> plan, std::vector<int> ops,
                                          std::vector<int> outputs);

  // Tensors whose shapes decide all others: read but not made here. Ascending.
  const std::vector<int>& inputs() const { return graph_.inputs; }
  const std::vector<int>& outputs() const { return outputs_; }
  const std::vector<int>& ops() const { return ops_; }
  // Per op of CompiledPartition::graph: its index in the plan.
  const std::vector<int>& plan_ops() const { return plan_op_; }
  // Shapes that the inputs have in the plan.
  std::vector<Shape> planned_shapes() const;

  // kUnsupported, naming the op and the rule, when an op does not run with these shapes. If the device
  // fails to compile, the error is the backend's.
  Result<CompiledPartition> Compile(std::vector<Shape> input_shapes, const Backends& backends,
                                    const ComputeOptions& options) const;

 private:
  // Where op i of graph_ runs now: where the plan has it, or on delegate-cpu if the plan has it on the NPU only
  // because of a fold that is not applied here.
  Result<Placement> FindPlacement(const Graph& compute_graph, size_t op, const std::string& inference_error) const;
  bool IsFoldOfPlan(const Fold& fold) const;

  std::shared_ptr<const Plan> plan_;
  std::vector<int> ops_;  // of the plan
  std::vector<int> outputs_;
  Graph graph_;               // all tensors; ops: makers of evaluated inputs, then ops_, in order
  std::vector<int> plan_op_;  // per op of graph_: its index in the plan
  std::vector<bool> ours_;    // per op of graph_: in ops_
};

}  // namespace npu
