// --run, --verify and --profile: executes the model through the C API.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "tools/delegate-check/api.h"
#include "tools/delegate-check/inputs.h"
#include "tools/delegate-check/options.h"

namespace delegate_check {

npu_tensor_info OutputInfo(const npu_session* session, size_t i);
SessionPtr MakeSession(const npu_plan* plan);
// One invocation: what the outputs hold.
std::vector<Bytes> Invoke(npu_session* session, const std::vector<Bytes>& inputs);
// The raw numbers of an output: quantized values as they are.
std::vector<double> Values(const npu_tensor_info& info, const Bytes& bytes);
// Operators stay with the host.
bool HasHostOps(const npu_plan* plan);
// The plan of the CPU reference: the model without any fold; with those that `arguments` ask for where only they bring all of it
// into the delegate.
PlanPtr MakeReferencePlan(const npu_model* model, const Arguments& arguments);

// Runs the whole model once, on random or the given inputs: {"device", "input", "outputs"}.
nlohmann::ordered_json Run(const npu_plan* plan, const Arguments& arguments);

// The whole model on the device and on the CPU reference, or, when operators stay with the host, each
// segment alone: {"device", "outputs" or "segments", "max_difference"}, and what npu_plan_verify adds with requantize=float.
nlohmann::ordered_json Verify(const npu_model* model, const npu_plan* plan, const Arguments& arguments);

// Whether what Verify returned is as it should be: every byte equal, or, with --requantize float, every operator to within
// its tolerance.
bool Agrees(const nlohmann::ordered_json& verify);

// Where the time goes (docs/profiling.md): the document of npu_session_profile_json, or, when operators stay with the
// host, of npu_plan_profile.
nlohmann::ordered_json Profile(const npu_plan* plan, const Arguments& arguments);

}  // namespace delegate_check
