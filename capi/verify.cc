// SPDX-License-Identifier: Apache-2.0
#include "capi/verify.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/room.h"
#include "capi/random_input.h"
#include "capi/tensor_difference.h"
#include "partitioner/compile.h"
#include "partitioner/segments.h"

namespace npu {
namespace {

// The operators of a segment as the model has them: folds undone, so that the reference proves the folds, too.
// Reads at least what the folded segment reads and makes at least what it makes.
SegmentOps UnfoldedSegment(const Plan& plan, const SegmentOps& segment) {
  std::vector<bool> in_segment(plan.ops.size());
  for (int op : segment.ops) in_segment[op] = true;
  // Backwards: a later fold may have taken in an operator that an earlier one had folded into.
  for (auto fold = plan.folds.rbegin(); fold != plan.folds.rend(); ++fold) {
    if (!in_segment[fold->into]) continue;
    for (int op : fold->group()) in_segment[op] = true;
  }
  std::vector<int> ops;
  for (size_t i = 0; i < in_segment.size(); ++i) {
    if (in_segment[i]) ops.push_back(static_cast<int>(i));
  }
  SegmentOps unfolded = BoundaryOf(*plan.graph, std::move(ops));
  unfolded.outputs = segment.outputs;
  unfolded.states = segment.states;
  return unfolded;
}

void Add(Difference& sum, const Difference& difference) {
  sum.elements += difference.elements;
  sum.differing += difference.differing;
  sum.max = std::max(sum.max, difference.max);
}

// Every operator of a segment alone, on the reference's values of its inputs: differences do not add up then.
Result<Difference> CompareOperators(const Plan& plan, const Segment& segment, Backend& device, Backend& reference,
                                    const ComputeOptions& options, std::vector<TensorBytes> values) {
  Difference all;
  for (int op : segment.ops.ops) {
    const SegmentOps alone = BoundaryOf(*plan.compute_graph, {op});
    NPU_ASSIGN_OR_RETURN(auto expected, RunOnce(reference, plan.compute_graph, alone, options, values));
    NPU_ASSIGN_OR_RETURN(const auto actual, RunOnce(device, plan.compute_graph, alone, options, values));
    const std::vector<int> made = WithStates(alone.outputs, alone);
    for (size_t i = 0; i < made.size(); ++i) {
      Add(all, Compare(plan.compute_graph->tensors[made[i]], expected[i], actual[i]));
      values[made[i]] = std::move(expected[i]);
    }
  }
  return all;
}

}  // namespace

Result<std::string> VerifyPlan(const Plan& plan, const Options& options, uint64_t seed) {
  NPU_ASSIGN_OR_RETURN(const Backends backends, OpenBackends(options));
  const std::shared_ptr<Backend> reference = MakeCpuBackend();
  nlohmann::ordered_json report{{"device", backends.npu->device_name()}};
  report["segments"] = nlohmann::ordered_json::array();
  double max_difference = 0;
  const bool by_operators = options.compute.requantize == Requantize::kFloat;
  Difference of_operators;
  for (size_t s = 0; s < plan.segments.size(); ++s) {
    const Segment& segment = plan.segments[s];
    // delegate-cpu segments run the reference itself: there is nothing to compare them with.
    if (segment.placement != Placement::kNpu) continue;
    std::mt19937_64 engine(seed + s);
    SegmentOps unfolded = UnfoldedSegment(plan, segment.ops);
    // Float operators have no reference here: then the folded operators' own one is compared.
    const bool computable = std::all_of(unfolded.ops.begin(), unfolded.ops.end(), [&](int op) {
      return CheckNpu(*plan.graph, plan.graph->ops[op]).eligible() || CheckCpu(*plan.graph, plan.graph->ops[op]).eligible();
    });
    if (!computable) unfolded = segment.ops;
    const std::shared_ptr<const Graph>& reference_graph = computable ? plan.graph : plan.compute_graph;
    std::vector<TensorBytes> inputs(plan.compute_graph->tensors.size());
    for (int index : WithStates(unfolded.inputs, unfolded)) {
      inputs[index] = RandomInput(plan.compute_graph->tensors[index], engine);
    }
    NPU_ASSIGN_OR_RETURN(const auto expected, RunOnce(*reference, reference_graph, unfolded, options.compute, inputs));
    NPU_ASSIGN_OR_RETURN(const auto actual,
                         RunOnce(*backends.npu, plan.compute_graph, segment.ops, options.compute, inputs));
    nlohmann::ordered_json outputs = nlohmann::ordered_json::array();
    const std::vector<int> compared = WithStates(segment.ops.outputs, segment.ops);
    for (size_t i = 0; i < compared.size(); ++i) {
      const int index = compared[i];
      const Tensor& tensor = plan.compute_graph->tensors[index];
      const Difference difference = Compare(tensor, expected[i], actual[i]);
      max_difference = std::max(max_difference, difference.max);
      outputs.push_back({{"tensor", index},
                         {"name", tensor.name},
                         {"elements", difference.elements},
                         {"max_difference", difference.max},
                         {"differing", difference.differing}});
    }
    if (by_operators) {
      NPU_ASSIGN_OR_RETURN(const Difference difference, CompareOperators(plan, segment, *backends.npu, *reference,
                                                                         options.compute, std::move(inputs)));
      Add(of_operators, difference);
    }
    report["segments"].push_back(
        {{"index", s}, {"placement", PlacementName(segment.placement)}, {"outputs", std::move(outputs)}});
  }
  report["max_difference"] = max_difference;
  report["tolerance"] = by_operators ? 1.0 : 0.0;
  if (by_operators) {
    report["operators"] = {{"elements", of_operators.elements},
                           {"max_difference", of_operators.max},
                           {"differing", of_operators.differing}};
  }
  return report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace npu
