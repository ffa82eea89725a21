// SPDX-License-Identifier: Apache-2.0
#include "capi/session.h"

#include <algorithm>

#include "capi/session_builder.h"

namespace npu {

Result<std::unique_ptr<Session>> Session::Create(std::shared_ptr<const Plan> plan, const Options& options,
                                                 const Subgraphs& subgraphs) {
  return Builder(std::move(plan), options, subgraphs, std::make_shared<Variables>(), false).Build();
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
  Save();
  Status status = RunSteps();
  if (!status) Restore();
  return status;
}

Status Session::RunSteps() {
  for (Step& step : steps_) NPU_RETURN_IF_ERROR(Run(step));
  return {};
}

Status Session::Run(Step& step) {
  switch (step.kind) {
    case Step::Kind::kReadVariable: return variables_->Read(step.variable, Memory(step.outputs[0]));
    case Step::Kind::kAssignVariable: variables_->Assign(step.variable, Memory(step.inputs[0])); return {};
    case Step::Kind::kCallOnce: {
      Once& once = once_[step.once];
      if (!once.done) NPU_RETURN_IF_ERROR(once.session->RunSteps());
      once.done = true;
      return {};
    }
    case Step::Kind::kCompute: break;
  }
  for (size_t i = 0; i < step.inputs.size(); ++i) step.input_pointers[i] = Memory(step.inputs[i]).data();
  for (size_t i = 0; i < step.outputs.size(); ++i) step.output_pointers[i] = Memory(step.outputs[i]).data();
  return step.executable->Invoke(step.input_pointers, step.output_pointers);
}

void Session::Save() {
  for (State& state : states_) std::ranges::copy(Memory(state.tensor), state.saved.begin());
  for (Once& once : once_) once.saved_done = once.done;
  variables_->Save();
}

void Session::Restore() {
  for (State& state : states_) std::ranges::copy(state.saved, Memory(state.tensor).begin());
  for (Once& once : once_) once.done = once.saved_done;
  variables_->Restore();
}

void Session::Reset() {
  for (const State& state : states_) {
    const Tensor& tensor = graph().tensors[state.tensor];
    const int value = tensor.type == DataType::kInt8 ? tensor.zero_point() : 0;
    std::ranges::fill(Memory(state.tensor), static_cast<std::byte>(value));
  }
  for (Once& once : once_) once.done = false;
  variables_->Clear();
}

}  // namespace npu
