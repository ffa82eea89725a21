// SPDX-License-Identifier: Apache-2.0
#include "capi/session.h"

#include <fmt/format.h>

#include "partitioner/compile.h"

namespace npu {
namespace {

// How many operators an error lists before it says how many more there are.
constexpr size_t kListedOps = 8;

Status RefuseHostOps(const Plan& plan) {
  std::vector<std::string> names;
  size_t count = 0;
  for (size_t i = 0; i < plan.ops.size(); ++i) {
    if (plan.ops[i].placement != Placement::kHost) continue;
    if (++count <= kListedOps) names.push_back(fmt::format("#{} {}", i, OpName(plan.graph->ops[i])));
  }
  if (count == 0) return {};
  return Fail(ErrorCode::kUnsupported,
              fmt::format("{} of {} operators are left to the host runtime, which a session does not have: "
                          "{}{}. Load the plug-in in TFLite or LiteRT, or see why with delegate-check",
                          count, plan.ops.size(), fmt::join(names, ", "),
                          count > kListedOps ? fmt::format(" and {} more", count - kListedOps) : ""));
}

}  // namespace

Result<std::unique_ptr<Session>> Session::Create(std::shared_ptr<const Plan> plan, const Options& options) {
  NPU_RETURN_IF_ERROR(RefuseHostOps(*plan));
  NPU_ASSIGN_OR_RETURN(const Backends backends, OpenBackends(options));
  auto session = std::make_unique<Session>();
  const Graph& graph = *plan->graph;
  session->plan_ = plan;
  session->device_name_ = backends.npu->device_name();
  session->memory_.resize(graph.tensors.size());
  session->bound_.resize(graph.tensors.size(), nullptr);
  for (size_t p = 0; p < plan->partitions.size(); ++p) {
    NPU_ASSIGN_OR_RETURN(auto executable, CompilePlanPartition(*plan, static_cast<int>(p), backends,
                                                               options.compute));
    const Partition& partition = plan->partitions[p];
    Step step{std::move(executable), partition.inputs, partition.outputs, {}, {}};
    step.input_pointers.resize(step.inputs.size());
    step.output_pointers.resize(step.outputs.size());
    session->steps_.push_back(std::move(step));
  }

  const auto allocate = [&](int index) -> Status {
    const Tensor& tensor = graph.tensors[index];
    const auto bytes = tensor.byte_size();
    if (!bytes) {
      return Fail(ErrorCode::kUnsupported, fmt::format("T#{} \"{}\" has no size known before the model runs",
                                                       index, tensor.name));
    }
    // At least one byte, so that every tensor has an address.
    auto& memory = session->memory_[index];
    memory.resize(static_cast<size_t>(*bytes) + 1);
    if (tensor.is_constant()) std::copy(tensor.data.bytes.begin(), tensor.data.bytes.end(), memory.begin());
    return {};
  };
  for (int index : graph.inputs) NPU_RETURN_IF_ERROR(allocate(index));
  for (int index : graph.outputs) NPU_RETURN_IF_ERROR(allocate(index));
  for (const Step& step : session->steps_) {
    for (int index : step.inputs) NPU_RETURN_IF_ERROR(allocate(index));
    for (int index : step.outputs) NPU_RETURN_IF_ERROR(allocate(index));
  }
  return session;
}

std::span<std::byte> Session::Memory(int tensor) {
  auto& memory = memory_[tensor];
  return {bound_[tensor] != nullptr ? bound_[tensor] : memory.data(), memory.size() - 1};
}

std::span<std::byte> Session::input(int i) { return Memory(graph().inputs[i]); }
std::span<std::byte> Session::output(int i) { return Memory(graph().outputs[i]); }

void Session::BindInput(int i, const std::byte* data) {
  // Only ever read: partitions write their own outputs, and Validate() keeps inputs out of those.
  bound_[graph().inputs[i]] = const_cast<std::byte*>(data);
}

void Session::BindOutput(int i, std::byte* data) { bound_[graph().outputs[i]] = data; }

Status Session::Invoke() {
  for (Step& step : steps_) {
    for (size_t i = 0; i < step.inputs.size(); ++i) step.input_pointers[i] = Memory(step.inputs[i]).data();
    for (size_t i = 0; i < step.outputs.size(); ++i) step.output_pointers[i] = Memory(step.outputs[i]).data();
    NPU_RETURN_IF_ERROR(step.executable->Invoke(step.input_pointers, step.output_pointers));
  }
  return {};
}

}  // namespace npu
