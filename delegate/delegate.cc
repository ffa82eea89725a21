// SPDX-License-Identifier: Apache-2.0
#include "delegate/delegate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/log.h"
#include "base/showable.h"
#include "base/write_file.h"
#include "delegate/host_graph.h"
#include "delegate/kernel.h"
#include "partitioner/report.h"
#include "partitioner/uint8_inputs.h"

namespace npu {
namespace {

thread_local PreparedGraph* current_graph = nullptr;

// Makes `graph` the current one while the host creates kernels.
class CurrentGraphScope {
 public:
  explicit CurrentGraphScope(PreparedGraph* graph) { current_graph = graph; }
  ~CurrentGraphScope() { current_graph = nullptr; }
  CurrentGraphScope(const CurrentGraphScope&) = delete;
};

host::StatusCode PrepareCallback(host::Context* context, host::Delegate* delegate) noexcept {
  try {
    return DelegateState::From(delegate)->Apply(context, delegate);
  } catch (...) {
    // Out of memory, most likely: nothing was claimed, so the host still has a whole graph.
    std::fputs("npu_delegate: unexpected exception while planning; no operator is delegated\n", stderr);
    return host::kOk;
  }
}

// Compiles every partition for the shapes of the plan. One that does not compile stays with the host.
std::vector<PreparedPartition> CompilePartitions(host::Context* context,
                                                 const std::shared_ptr<const Plan>& plan,
                                                 const Backends& backends, const ComputeOptions& compute) {
  std::vector<PreparedPartition> result;
  for (const Partition& partition : plan->partitions) {
    auto compiler = PartitionCompiler::Create(plan, partition.ops, partition.outputs);
    if (!compiler) {
      Warn(context, "a partition stays with the host: " + compiler.error().text);
      continue;
    }
    auto compiled = compiler->Compile(compiler->planned_shapes(), backends, compute);
    if (!compiled) {
      Warn(context, fmt::format("a partition of {} operators stays with the host: {}", partition.ops.size(),
                                compiled.error().text));
      continue;
    }
    result.push_back({std::move(*compiler), std::move(*compiled)});
  }
  return result;
}

}  // namespace

PreparedGraph* PreparedGraph::Current() { return current_graph; }

void Warn(host::Context* context, const std::string& text) {
  Log(LogLevel::kWarning, "{}", text);
  ReportError(context, "npu_delegate: " + text);
}

void ReportError(host::Context* context, const std::string& text) {
  if (context->report_error != nullptr) context->report_error(context, "%s", Showable(text, Newlines::kKeep).c_str());
}

host::Delegate* DelegateState::Create(Options options) {
  std::shared_ptr<DelegateState> state(new DelegateState(std::move(options)));
  state->handle_.data = state.get();
  state->handle_.prepare = PrepareCallback;
  state->handle_.flags = host::kFlagAllowDynamicTensors;
  state->self_ = state;
  return &state->handle_;
}

void DelegateState::Destroy(host::Delegate* delegate) {
  if (delegate == nullptr) return;
  // Moved out first: the last share may go, and with it the member that held it.
  const std::shared_ptr<DelegateState> state = std::move(From(delegate)->self_);
  const std::lock_guard lock(state->mutex_);
  for (const std::weak_ptr<GraphProfile>& weak : state->profiles_) {
    if (const std::shared_ptr<GraphProfile> profile = weak.lock()) profile->Write();
  }
}

const Result<Backends>& DelegateState::backends() {
  const std::lock_guard lock(mutex_);
  if (!backends_) backends_ = OpenBackends(options_);
  return *backends_;
}

std::string DelegateState::Numbered(const std::string& path, std::atomic<int>& count) {
  const int number = count++;
  return number == 0 ? path : fmt::format("{}.{}", path, number);
}

std::shared_ptr<GraphProfile> DelegateState::NewProfile(const std::shared_ptr<const Plan>& plan,
                                                        const Backends& backends, const ComputeOptions& compute) {
  Options options = options_;
  options.compute = compute;
  auto profile = std::make_shared<GraphProfile>(
      plan, ProfileDevice{backends.npu->device_name(), compute.threads, MeasuredPeakGmacs(options)},
      Numbered(options_.profile_path, profile_files_));
  const std::lock_guard lock(mutex_);
  std::erase_if(profiles_, [](const auto& weak) { return weak.expired(); });
  profiles_.push_back(profile);
  return profile;
}

void DelegateState::WriteReport(host::Context* context, const Plan& plan) {
  const std::string path = Numbered(options_.report_path, reports_);
  if (const Status status = WriteFileAtomically(path, ReportJson(plan)); !status) {
    Warn(context, fmt::format("cannot write the report {}: {}", path, status.error().text));
  }
}

host::StatusCode DelegateState::ClaimNothing(host::Context* context, const std::string& why) const {
  // An input that is given as UINT8 is read rightly by nobody else.
  if (!options_.plan.input_uint8.empty()) {
    ReportError(context, "npu_delegate: " + why);
    Log(LogLevel::kError, "{}", why);
    return host::kError;
  }
  Warn(context, "no operator is delegated: " + why);
  return host::kOk;
}

PlanOptions DelegateState::PlanOptionsFor(host::Context* context, const Graph& graph) {
  PlanOptions options = options_.plan;
  // The option speaks of the model's main graph, which hosts hand over first; others may lack such an input.
  if (graphs_++ > 0) {
    std::erase_if(options.input_uint8, [&](const std::string& item) {
      const auto found = SelectUint8Inputs(graph, {item});
      if (!found) Warn(context, "in a further graph: " + found.error().text);
      return !found;
    });
  }
  return options;
}

host::StatusCode DelegateState::Apply(host::Context* context, host::Delegate* delegate) {
  auto host_graph = ReadHostGraph(context);
  if (!host_graph) return ClaimNothing(context, host_graph.error().text);
  const size_t op_count = host_graph->graph->ops.size();
  Options options = options_;
  if (options.compute.threads == 0 && context->recommended_num_threads > 0) {
    options.compute.threads = context->recommended_num_threads;
  }
  const auto models = MeasuredModels(options);
  if (!models) return ClaimNothing(context, models.error().text);
  auto made = MakePlan(host_graph->graph, PlanOptionsFor(context, *host_graph->graph), *models ? &**models : nullptr);
  if (!made) return ClaimNothing(context, made.error().text);
  const auto plan = std::make_shared<const Plan>(std::move(*made));
  if (!options_.report_path.empty()) WriteReport(context, *plan);
  if (plan->partitions.empty()) {
    Log(LogLevel::kInfo, "none of {} operators is eligible", op_count);
    return host::kOk;
  }
  const Result<Backends>& opened = backends();
  if (!opened) return ClaimNothing(context, opened.error().text);
  PreparedGraph prepared{plan, host_graph->node_of_op, options.compute, {}, {}};
  prepared.partitions = CompilePartitions(context, plan, *opened, prepared.compute);
  std::vector<int> nodes;
  for (const PreparedPartition& partition : prepared.partitions) {
    for (int op : partition.compiler.ops()) nodes.push_back(host_graph->node_of_op[op]);
  }
  if (!plan->uint8_inputs.empty() && prepared.partitions.size() < plan->partitions.size()) {
    return ClaimNothing(context, "option input_uint8: a partition does not compile, and the host's operators would "
                                 "take UINT8 for INT8");
  }
  if (nodes.empty()) return host::kOk;
  std::sort(nodes.begin(), nodes.end());
  const std::unique_ptr<host::IntArray, decltype(&std::free)> claimed(MakeIntArray(nodes), &std::free);
  if (claimed == nullptr || context->replace_node_subsets_with_delegate_kernels == nullptr) {
    return ClaimNothing(context, "the host cannot be told which");
  }
  Log(LogLevel::kInfo, "{} of {} operators in {} partitions on {}", nodes.size(), op_count,
      prepared.partitions.size(), opened->npu->device_name());
  if (!options_.profile_path.empty()) prepared.profile = NewProfile(plan, *opened, prepared.compute);
  const CurrentGraphScope scope(&prepared);
  return context->replace_node_subsets_with_delegate_kernels(context, KernelRegistration(), claimed.get(),
                                                             delegate);
}

}  // namespace npu
