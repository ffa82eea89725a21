// SPDX-License-Identifier: Apache-2.0
#include "capi/profile_plan.h"

#include <utility>
#include <vector>

#include "backends/invoke_trace.h"
#include "capi/random_input.h"
#include "partitioner/compile.h"
#include "partitioner/profile.h"

namespace npu {
namespace {

using Bytes = std::vector<std::byte>;

std::vector<int> WithStates(std::vector<int> tensors, const std::vector<int>& states) {
  tensors.insert(tensors.end(), states.begin(), states.end());
  return tensors;
}

}  // namespace

Result<std::string> ProfilePlan(std::shared_ptr<const Plan> plan, const Options& options, uint64_t seed, size_t runs) {
  NPU_ASSIGN_OR_RETURN(const Backends backends, OpenBackends(options));
  Profile profile(plan, {backends.npu->device_name(), options.compute.threads, MeasuredPeakGmacs(options)});
  for (size_t p = 0; p < plan->partitions.size(); ++p) {
    const Partition& partition = plan->partitions[p];
    NPU_ASSIGN_OR_RETURN(const auto executable,
                         CompilePlanPartition(*plan, static_cast<int>(p), backends, options.compute));
    std::mt19937_64 engine(seed + p);
    std::vector<Bytes> inputs, outputs;
    std::vector<const std::byte*> in;
    std::vector<std::byte*> out;
    for (int tensor : WithStates(partition.inputs, partition.states)) {
      inputs.push_back(RandomInput(plan->graph->tensors[tensor], engine));
    }
    for (int tensor : WithStates(partition.outputs, partition.states)) {
      outputs.emplace_back(plan->graph->tensors[tensor].byte_size().value_or(0));
    }
    for (const Bytes& bytes : inputs) in.push_back(bytes.data());
    for (Bytes& bytes : outputs) out.push_back(bytes.data());
    const int number = profile.Add({plan->compute_graph, {}, executable->memory_use()});
    InvokeTrace warm_up;
    NPU_RETURN_IF_ERROR(executable->InvokeTraced(in, out, warm_up));
    for (size_t run = 0; run < runs; ++run) {
      InvokeTrace trace;
      NPU_RETURN_IF_ERROR(executable->InvokeTraced(in, out, trace));
      profile.Record(number, std::move(trace));
    }
  }
  return profile.Json();
}

}  // namespace npu
