// SPDX-License-Identifier: Apache-2.0
#include "capi/session.h"

#include <algorithm>
#include <utility>

#include "backends/invoke_trace.h"
#include "base/log.h"
#include "base/write_file.h"
#include "capi/session_builder.h"

namespace npu {

Result<std::unique_ptr<Session>> Session::Create(std::shared_ptr<const Plan> plan, const Options& options,
                                                 const Subgraphs& subgraphs) {
  NPU_ASSIGN_OR_RETURN(auto session,
                       Builder(std::move(plan), options, subgraphs, std::make_shared<Variables>(), false).Build());
  if (!options.profile_path.empty()) {
    // Said now, when it can still be changed; the file is written at the end.
    if (const Status status = CheckWritable(options.profile_path); !status) {
      Log(LogLevel::kWarning, "profile: {} cannot be written: {}", options.profile_path, status.error().text);
    }
    session->StartProfile();
  }
  return session;
}

Session::~Session() {
  if (options_.profile_path.empty() || profile_ == nullptr) return;
  try {
    const Status status = WriteFileAtomically(options_.profile_path, profile_->Json() + "\n");
    if (!status) Log(LogLevel::kWarning, "profile: {} is not written: {}", options_.profile_path, status.error().text);
  } catch (...) {
    Log(LogLevel::kWarning, "profile: {} is not written: no memory", options_.profile_path);
  }
}

void Session::StartProfile() {
  profile_ = std::make_unique<Profile>(
      plan_, ProfileDevice{device_name_, options_.compute.threads, MeasuredPeakGmacs(options_)});
  for (Step& step : steps_) {
    if (step.executable == nullptr) continue;
    step.profiled = profile_->Add({step.graph, {}, step.executable->memory_use()});
  }
}

std::span<std::byte> Session::Memory(int tensor) {
  auto& memory = memory_[tensor];
  return {bound_[tensor] != nullptr ? bound_[tensor] : memory.data(), memory.size() - 1};
}

std::span<std::byte> Session::input(int i) { return Memory(graph().inputs[i]); }
std::span<std::byte> Session::output(int i) { return Memory(graph().outputs[i]); }

void Session::BindInput(int i, const std::byte* data) {
  frames_.Unbind(i);
  framed_[i] = false;
  // Only ever read: partitions write their own outputs, and Validate() keeps inputs out of those.
  bound_[graph().inputs[i]] = const_cast<std::byte*>(data);
}

Result<FitGeometry> Session::BindFrame(int i, const Frame& frame, const Fit& fit, const FrameRelease& release) {
  const int tensor = graph().inputs[i];
  NPU_ASSIGN_OR_RETURN(const FitGeometry geometry, frames_.Bind(i, graph().tensors[tensor], frame, fit, release,
                                                                [&] { return PlaceOf(tensor); }));
  framed_[i] = true;
  bound_[tensor] = const_cast<std::byte*>(frames_.Memory(i));  // what is not made there is only read, as above
  return geometry;
}

// The place that the one step which reads the tensor has for it.
Result<InputPlace> Session::PlaceOf(int tensor) {
  const std::vector<int>& outputs = graph().outputs;
  if (std::ranges::find(outputs, tensor) != outputs.end()) return InputPlace{};
  Step* reader = nullptr;
  for (Step& step : steps_) {
    const auto uses = std::ranges::count(step.inputs, tensor);
    if (uses == 0) continue;
    if (uses > 1 || reader != nullptr || step.executable == nullptr) return InputPlace{};
    reader = &step;
  }
  if (reader == nullptr) return InputPlace{};
  return reader->executable->PlaceOf(std::ranges::find(reader->inputs, tensor) - reader->inputs.begin());
}

void Session::BindOutput(int i, std::byte* data) { bound_[graph().outputs[i]] = data; }

Status Session::Invoke() {
  const bool has_frames = frames_.any();
  if (has_frames) {
    if (Status status = ReadFrames(); !status) {
      FramesUsed();
      return status;
    }
  }
  Save();
  Status status = RunSteps();
  if (!status) Restore();
  if (has_frames) FramesUsed();
  return status;
}

Status Session::ReadFrames() {
  for (size_t i = 0; i < graph().inputs.size(); ++i) {
    if (frames_.bound(i)) NPU_RETURN_IF_ERROR(frames_.Read(i, Memory(graph().inputs[i])));
  }
  return {};
}

// A frame that was the input as it is may be given back only now. A frame that has been given back is no longer the input.
void Session::FramesUsed() {
  for (size_t i = 0; i < graph().inputs.size(); ++i) {
    if (!framed_[i]) continue;
    frames_.Used(i);
    if (frames_.bound(i)) continue;
    bound_[graph().inputs[i]] = nullptr;
    framed_[i] = false;
  }
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
  if (step.profiled < 0) return step.executable->Invoke(step.input_pointers, step.output_pointers);
  InvokeTrace trace;
  NPU_RETURN_IF_ERROR(step.executable->InvokeTraced(step.input_pointers, step.output_pointers, trace));
  profile_->Record(step.profiled, std::move(trace));
  return {};
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
