// SPDX-License-Identifier: Apache-2.0
#include "delegate/partition_compiler.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/ops/inference.h"
#include "backends/ops/room.h"
#include "partitioner/segments.h"
#include "partitioner/uint8_inputs.h"

namespace npu {
namespace {

// Adds the evaluated ops, wherever they are in the plan, on whose results `selected` ops depend: their
// values change with the shapes, and no host tensor holds them while shapes are inferred.
void SelectEvaluatedMakers(const Plan& plan, std::vector<bool>& selected) {
  const Graph& graph = *plan.graph;
  std::vector<int> maker(graph.tensors.size(), -1);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    for (int tensor : graph.ops[i].outputs) maker[tensor] = static_cast<int>(i);
  }
  for (int i = static_cast<int>(graph.ops.size()) - 1; i >= 0; --i) {
    if (!selected[i]) continue;
    for (int tensor : graph.ops[i].inputs) {
      if (tensor != kNoTensor && maker[tensor] >= 0 && plan.ops[maker[tensor]].evaluated) {
        selected[maker[tensor]] = true;
      }
    }
  }
}

}  // namespace

Result<PartitionCompiler> PartitionCompiler::Create(std::shared_ptr<const Plan> plan, std::vector<int> ops,
                                                    std::vector<int> outputs) {
  const Graph& graph = *plan->graph;
  PartitionCompiler result;
  std::vector<bool> selected(graph.ops.size());
  for (int op : ops) {
    if (op < 0 || static_cast<size_t>(op) >= graph.ops.size()) {
      return Fail(ErrorCode::kInternal, fmt::format("op {} is not in the plan", op));
    }
    if (plan->ops[op].placement == Placement::kHost) {
      return Fail(ErrorCode::kInternal,
                  DescribeOp(graph, op) + " is handed over, but the plan leaves it to the host");
    }
    selected[op] = true;
  }
  const std::vector<bool> ours = selected;
  SelectEvaluatedMakers(*plan, selected);

  result.graph_.name = graph.name;
  result.graph_.tensors = graph.tensors;
  std::vector<bool> read(graph.tensors.size()), made(graph.tensors.size()), made_by_us(graph.tensors.size());
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    if (!selected[i]) continue;
    result.graph_.ops.push_back(graph.ops[i]);
    result.plan_op_.push_back(static_cast<int>(i));
    result.ours_.push_back(ours[i]);
    for (int tensor : graph.ops[i].inputs) {
      if (tensor != kNoTensor) read[tensor] = true;
    }
    for (int tensor : graph.ops[i].outputs) {
      made[tensor] = true;
      if (ours[i]) made_by_us[tensor] = true;
    }
  }
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    Tensor& tensor = result.graph_.tensors[i];
    // What is made here is inferred from nothing but the inputs.
    if (made[i]) {
      tensor.data = {};
      tensor.shape_known = false;
    } else if (read[i] && !tensor.is_constant()) {
      result.graph_.inputs.push_back(static_cast<int>(i));
    }
  }
  for (int tensor : outputs) {
    if (tensor < 0 || static_cast<size_t>(tensor) >= made_by_us.size() || !made_by_us[tensor]) {
      return Fail(ErrorCode::kInternal,
                  fmt::format("the host wants tensor {} of ops that do not make it", tensor));
    }
  }
  result.graph_.outputs = outputs;
  result.plan_ = std::move(plan);
  result.ops_ = std::move(ops);
  result.outputs_ = std::move(outputs);
  return result;
}

std::vector<Shape> PartitionCompiler::planned_shapes() const {
  std::vector<Shape> shapes;
  for (int tensor : inputs()) shapes.push_back(plan_->graph->tensors[tensor].shape);
  return shapes;
}

Result<Placement> PartitionCompiler::FindPlacement(const Graph& compute_graph, size_t op,
                                                   const std::string& inference_error) const {
  const Placement placement = plan_->ops[plan_op_[op]].placement;
  std::string problem = inference_error;
  if (problem.empty()) {
    const Op& to_run = compute_graph.ops[op];
    const bool on_npu = placement == Placement::kNpu;
    const Verdict verdict = on_npu ? CheckNpu(compute_graph, to_run) : CheckCpu(compute_graph, to_run);
    if (verdict.eligible()) return placement;
    if (on_npu && CheckCpu(compute_graph, to_run).eligible()) return Placement::kDelegateCpu;
    problem = ReasonText(verdict.reasons().front());
  }
  return Fail(ErrorCode::kUnsupported,
              fmt::format("{} cannot run on {} with the shapes that it has now: {}",
                          DescribeOp(*plan_->graph, plan_op_[op]), PlacementName(placement), problem));
}

bool PartitionCompiler::IsFoldOfPlan(const Fold& fold) const {
  Fold in_plan{fold.name, plan_op_[fold.into], {}, {}, {}};
  for (int op : fold.absorbed) in_plan.absorbed.push_back(plan_op_[op]);
  for (int op : fold.bypassed) in_plan.bypassed.push_back(plan_op_[op]);
  for (int op : fold.rewritten) in_plan.rewritten.push_back(plan_op_[op]);
  return std::any_of(plan_->folds.begin(), plan_->folds.end(),
                     [&](const Fold& known) { return known.Matches(in_plan); });
}

Result<CompiledPartition> PartitionCompiler::Compile(std::vector<Shape> input_shapes,
                                                     const Backends& backends,
                                                     const ComputeOptions& options) const {
  auto shaped = std::make_shared<Graph>(graph_);
  for (size_t i = 0; i < inputs().size(); ++i) {
    Tensor& tensor = shaped->tensors[inputs()[i]];
    tensor.shape = input_shapes[i];
    tensor.shape_known = true;
  }
  const InferenceResult inference = InferShapes(*shaped);
  FoldedGraph folded =
      FoldGraph(shaped, inference, [this](const Fold& fold) { return IsFoldOfPlan(fold); });
  const std::shared_ptr<const Graph> graph = std::move(folded.graph);
  std::vector<bool> runs(graph->ops.size(), true);
  for (const Fold& fold : folded.folds) {
    for (int op : fold.absorbed) runs[op] = false;
  }

  std::vector<int> to_run, colour;
  for (size_t i = 0; i < graph->ops.size(); ++i) {
    if (inference.evaluated[i] || !runs[i]) continue;
    NPU_ASSIGN_OR_RETURN(const Placement placement, FindPlacement(*graph, i, inference.errors[i]));
    if (!ours_[i]) {
      return Fail(ErrorCode::kUnsupported, DescribeOp(*plan_->graph, plan_op_[i]) +
                                               " can no longer be evaluated before the model runs");
    }
    to_run.push_back(static_cast<int>(i));
    colour.push_back(static_cast<int>(placement));
  }

  CompiledPartition result;
  for (int tensor : outputs_) {
    (graph->tensors[tensor].is_constant() ? result.constant_outputs : result.outputs).push_back(tensor);
  }
  std::vector<ColourGroup> groups = GroupByColour(*graph, to_run, colour);
  std::vector<std::vector<int>> group_ops;
  for (ColourGroup& group : groups) group_ops.push_back(std::move(group.ops));
  std::vector<SegmentOps> segments = BoundariesOf(*graph, std::move(group_ops), inference.evaluated);
  PartitionSpec spec;
  for (size_t i = 0; i < segments.size(); ++i) {
    const bool on_npu = groups[i].colour == static_cast<int>(Placement::kNpu);
    spec.parts.push_back({on_npu ? backends.npu : backends.cpu, std::move(segments[i])});
  }
  SegmentOps boundary = BoundaryOf(*graph, to_run);
  spec.inputs = std::move(boundary.inputs);
  spec.states = std::move(boundary.states);
  spec.uint8_inputs = Uint8Inputs(*plan_, spec.inputs);
  spec.outputs = result.outputs;
  result.inputs = spec.inputs;
  result.states = spec.states;
  if (!to_run.empty()) {
    NPU_ASSIGN_OR_RETURN(result.executable, CompilePartition(graph, spec, options));
  }
  result.graph = graph;
  result.input_shapes = std::move(input_shapes);
  return result;
}

}  // namespace npu
