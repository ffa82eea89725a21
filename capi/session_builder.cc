// SPDX-License-Identifier: Apache-2.0
#include "capi/session_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "backends/ops/room.h"
#include "partitioner/segments.h"

namespace npu {
namespace {

// How many operators an error lists before it says how many more there are.
constexpr size_t kListedOps = 8;

bool IsVariableOp(OpKind kind) {
  return kind == OpKind::kVarHandle || kind == OpKind::kReadVariable || kind == OpKind::kAssignVariable ||
         kind == OpKind::kCallOnce;
}

// Shape arithmetic that only a host would have to be told.
bool IsKnown(const Graph& graph, const Op& op) {
  return !op.outputs.empty() &&
         std::all_of(op.outputs.begin(), op.outputs.end(), [&](int t) { return graph.tensors[t].is_constant(); });
}

// Left to the host for nothing but what it costs to cross over to us and back.
bool CpuComputes(const Plan& plan, int op) {
  const std::vector<Reason>& reasons = plan.ops[op].reasons;
  if (reasons.empty()) return false;
  const Op& graph_op = plan.graph->ops[op];
  if (CheckCpu(*plan.graph, graph_op).eligible()) {
    return reasons.back().code == ReasonCode::kNotBesideNpu || reasons.back().code == ReasonCode::kSegmentTooShort;
  }
  return reasons.back().code == ReasonCode::kSegmentTooShort && CheckNpu(*plan.graph, graph_op).eligible();
}

bool SessionDoes(const Plan& plan, int op) {
  const Op& graph_op = plan.graph->ops[op];
  return IsVariableOp(graph_op.kind) || IsKnown(*plan.graph, graph_op) || CpuComputes(plan, op);
}

}  // namespace

Session::Builder::Builder(std::shared_ptr<const Plan> plan, const Options& options, const Subgraphs& subgraphs,
                          std::shared_ptr<Variables> variables, bool inside_once)
    : plan_(std::move(plan)),
      graph_(*plan_->graph),
      options_(options),
      subgraphs_(subgraphs),
      inside_once_(inside_once),
      variable_of_(graph_.tensors.size(), -1) {
  session_->variables_ = std::move(variables);
}

Result<std::unique_ptr<Session>> Session::Builder::Build() {
  NPU_RETURN_IF_ERROR(RefuseHostOps());
  NPU_ASSIGN_OR_RETURN(backends_, OpenBackends(options_));
  session_->plan_ = plan_;
  session_->graph_ = plan_->graph;
  if (!plan_->uint8_inputs.empty()) {
    auto graph = std::make_shared<Graph>(*plan_->graph);
    for (int tensor : plan_->uint8_inputs) graph->tensors[tensor] = AsUint8(graph->tensors[tensor]);
    session_->graph_ = std::move(graph);
  }
  session_->device_name_ = backends_.npu->device_name();
  session_->options_ = options_;
  // A subgraph that runs once is not measured.
  if (inside_once_) session_->options_.profile_path.clear();
  session_->memory_.resize(graph_.tensors.size());
  session_->bound_.resize(graph_.tensors.size(), nullptr);
  session_->framed_.resize(graph_.inputs.size(), false);

  // The cut that the plan's partitions come from, with the host's groups between them.
  std::vector<int> ops(graph_.ops.size()), colour(graph_.ops.size());
  std::iota(ops.begin(), ops.end(), 0);
  for (int op : ops) colour[op] = plan_->ops[op].placement == Placement::kHost ? 0 : 1;
  for (const ColourGroup& group : GroupByColour(graph_, ops, colour)) {
    NPU_RETURN_IF_ERROR(group.colour == 0 ? AddHostOps(group.ops) : AddPartition(plan_->ops[group.ops[0]].partition));
  }

  for (int tensor : graph_.inputs) NPU_RETURN_IF_ERROR(Allocate(tensor));
  for (int tensor : graph_.outputs) NPU_RETURN_IF_ERROR(Allocate(tensor));
  for (Step& step : session_->steps_) {
    for (int tensor : step.inputs) NPU_RETURN_IF_ERROR(Allocate(tensor));
    for (int tensor : step.outputs) NPU_RETURN_IF_ERROR(Allocate(tensor));
    step.input_pointers.resize(step.inputs.size());
    step.output_pointers.resize(step.outputs.size());
  }
  for (State& state : session_->states_) state.saved.resize(session_->Memory(state.tensor).size());
  session_->Reset();
  return std::move(session_);
}

Status Session::Builder::RefuseHostOps() const {
  std::vector<std::string> names;
  size_t count = 0;
  for (size_t i = 0; i < plan_->ops.size(); ++i) {
    if (plan_->ops[i].placement != Placement::kHost || SessionDoes(*plan_, static_cast<int>(i))) continue;
    if (++count <= kListedOps) names.push_back(fmt::format("#{} {}", i, OpName(graph_.ops[i])));
  }
  if (count == 0) return {};
  return Fail(ErrorCode::kUnsupported,
              fmt::format("{} of {} operators are left to the host runtime, which a session does not have: "
                          "{}{}. Load the plug-in in TFLite or LiteRT, or see why with delegate-check",
                          count, plan_->ops.size(), fmt::join(names, ", "),
                          count > kListedOps ? fmt::format(" and {} more", count - kListedOps) : ""));
}

Status Session::Builder::AddPartition(int index) {
  const Partition& partition = plan_->partitions[index];
  Step step{.graph = plan_->compute_graph, .inputs = partition.inputs, .outputs = partition.outputs};
  NPU_ASSIGN_OR_RETURN(step.executable, CompilePlanPartition(*plan_, index, backends_, options_.compute));
  for (std::vector<int>* tensors : {&step.inputs, &step.outputs}) {
    tensors->insert(tensors->end(), partition.states.begin(), partition.states.end());
  }
  for (int tensor : partition.states) session_->states_.push_back({tensor, {}});
  session_->steps_.push_back(std::move(step));
  return {};
}

Status Session::Builder::AddHostOps(std::span<const int> ops) {
  std::vector<int> to_compute;
  for (int index : ops) {
    const Op& op = graph_.ops[index];
    if (!IsVariableOp(op.kind)) {
      if (!IsKnown(graph_, op)) to_compute.push_back(index);
      continue;
    }
    NPU_RETURN_IF_ERROR(AddComputation(to_compute));
    if (Status status = op.kind == OpKind::kCallOnce ? AddCallOnce(op) : AddVariableOp(op); !status) {
      return tl::unexpected(status.error().WithContext(DescribeOp(graph_, index)));
    }
  }
  return AddComputation(to_compute);
}

// Through a partition of one part, which keeps its states as any other.
Status Session::Builder::AddComputation(std::vector<int>& ops) {
  if (ops.empty()) return {};
  const SegmentOps segment = BoundaryOf(graph_, std::move(ops));
  ops.clear();
  PartitionSpec spec{{{backends_.cpu, segment}}, segment.inputs, segment.outputs, segment.states};
  Step step{.graph = plan_->graph, .inputs = segment.inputs, .outputs = segment.outputs};
  NPU_ASSIGN_OR_RETURN(step.executable, CompilePartition(plan_->graph, spec, options_.compute));
  for (std::vector<int>* tensors : {&step.inputs, &step.outputs}) {
    tensors->insert(tensors->end(), segment.states.begin(), segment.states.end());
  }
  for (int tensor : segment.states) session_->states_.push_back({tensor, {}});
  session_->steps_.push_back(std::move(step));
  return {};
}

Result<int> Session::Builder::VariableOf(int tensor) const {
  if (tensor != kNoTensor && variable_of_[tensor] >= 0) return variable_of_[tensor];
  return Fail(ErrorCode::kUnsupported, "its resource is not made by a VAR_HANDLE of the same graph");
}

Status Session::Builder::AddVariableOp(const Op& op) {
  const size_t inputs = op.kind == OpKind::kVarHandle ? 0 : op.kind == OpKind::kReadVariable ? 1 : 2;
  const size_t outputs = op.kind == OpKind::kAssignVariable ? 0 : 1;
  if (op.inputs.size() != inputs || op.outputs.size() != outputs || !op.params_error.empty() ||
      std::count(op.inputs.begin(), op.inputs.end(), kNoTensor) > 0) {
    return Fail(ErrorCode::kUnsupported, fmt::format("expected {} inputs and {} outputs {}", inputs, outputs,
                                                     op.params_error));
  }
  if (op.kind == OpKind::kVarHandle) {
    variable_of_[op.outputs[0]] = session_->variables_->Find(op.as<VarHandleParams>());
    return {};
  }
  Step step;
  NPU_ASSIGN_OR_RETURN(step.variable, VariableOf(op.inputs[0]));
  const bool reads = op.kind == OpKind::kReadVariable;
  const int tensor = reads ? op.outputs[0] : op.inputs[1];
  step.kind = reads ? Step::Kind::kReadVariable : Step::Kind::kAssignVariable;
  (reads ? step.outputs : step.inputs).push_back(tensor);
  const auto bytes = graph_.tensors[tensor].byte_size();
  if (!bytes) return Fail(ErrorCode::kUnsupported, "the value has no size known before the model runs");
  NPU_RETURN_IF_ERROR(session_->variables_->SetSize(step.variable, *bytes));
  session_->steps_.push_back(std::move(step));
  return {};
}

Status Session::Builder::AddCallOnce(const Op& op) {
  const int index = op.as<CallOnceParams>().init_subgraph;
  if (inside_once_) return Fail(ErrorCode::kUnsupported, "a subgraph of CALL_ONCE calls another");
  if (index < 1 || static_cast<size_t>(index) >= subgraphs_.size()) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("init_subgraph is {}; expected 1 to {}", index, static_cast<int64_t>(subgraphs_.size()) - 1));
  }
  if (!subgraphs_[index]->inputs.empty() || !subgraphs_[index]->outputs.empty()) {
    return Fail(ErrorCode::kUnsupported, fmt::format("subgraph {} has inputs or outputs; expected none", index));
  }
  // Names of the main graph's operators mean nothing there.
  NPU_ASSIGN_OR_RETURN(Plan plan, MakePlan(std::make_shared<Graph>(*subgraphs_[index]), {}));
  Once once;
  Builder builder(std::make_shared<const Plan>(std::move(plan)), options_, subgraphs_, session_->variables_, true);
  NPU_ASSIGN_OR_RETURN(once.session, builder.Build());
  Step step{.kind = Step::Kind::kCallOnce};
  step.once = static_cast<int>(session_->once_.size());
  session_->once_.push_back(std::move(once));
  session_->steps_.push_back(std::move(step));
  return {};
}

Status Session::Builder::Allocate(int index) {
  const Tensor& tensor = graph_.tensors[index];
  const auto bytes = tensor.byte_size();
  if (!bytes) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("T#{} \"{}\" has no size known before the model runs", index, tensor.name));
  }
  // At least one byte, so that every tensor has an address.
  auto& memory = session_->memory_[index];
  memory.resize(static_cast<size_t>(*bytes) + 1);
  if (tensor.is_constant()) std::copy(tensor.data.bytes.begin(), tensor.data.bytes.end(), memory.begin());
  return {};
}

}  // namespace npu
