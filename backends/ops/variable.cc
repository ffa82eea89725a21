// VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE, CALL_ONCE: the resource variables of streaming networks, which keep
// their values from one invocation to the next.
//   VAR_HANDLE       names a variable          READ_VARIABLE    its value
//   ASSIGN_VARIABLE  its new value             CALL_ONCE        runs a subgraph at the first invocation alone
// Never ours in a host, which owns the variables: other subgraphs and signatures of the model share them, and no
// delegate can reach them. A session, which has no host, keeps them itself (capi/variables.h).
// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/data_movement.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

Status Infer(Graph& graph, const Op& op) {
  if (op.kind == OpKind::kVarHandle && !op.outputs.empty()) SetOutputShape(graph, op, 0, {});
  // What a variable holds only the model says.
  return {};
}

void Check(const OpView&, Verdict& verdict) {
  verdict.Add(ReasonCode::kUnsupportedVariable, "resource variables", "owned by the host",
              "operators without them (a session keeps them itself)");
}

constexpr std::string_view kRules[] = {
    "Never taken from a host, which owns the variables and shares them between the subgraphs of a model. A session of "
    "the C API keeps them itself: any type of a fixed size, read only after an assignment.",
};

}  // namespace

extern const OpRoom kVariableRoom;
const OpRoom kVariableRoom = {
    .name = "variable",
    .infer = Infer,
    .check = Check,
    .check_cpu = nullptr,
    .reference = nullptr,
    .lower = nullptr,
    .macs = nullptr,
    .min_inputs = 0,
    .max_inputs = 2,
    .min_outputs = 0,
    .max_outputs = 1,
    .rules = kRules,
    .resources = true,
};

}  // namespace npu
