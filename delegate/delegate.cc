// SPDX-License-Identifier: Apache-2.0
#include "delegate/delegate.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/log.h"
#include "delegate/host_graph.h"
#include "delegate/kernel.h"
#include "partitioner/report.h"

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

Status WriteAll(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Fail(ErrorCode::kIo, std::strerror(errno));
    text.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

// A reader sees the old file or the whole new one.
Status WriteFileAtomically(const std::string& path, std::string_view text) {
  static std::atomic<int> serial{0};
  const std::string temporary = fmt::format("{}.{}.{}.tmp", path, ::getpid(), serial++);
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) return Fail(ErrorCode::kIo, std::strerror(errno));
  Status status = WriteAll(file, text);
  if (::close(file) != 0 && status) status = Fail(ErrorCode::kIo, std::strerror(errno));
  if (status && std::rename(temporary.c_str(), path.c_str()) != 0) {
    status = Fail(ErrorCode::kIo, std::strerror(errno));
  }
  if (!status) ::unlink(temporary.c_str());
  return status;
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
  if (context->report_error != nullptr) context->report_error(context, "%s", text.c_str());
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
}

const Result<Backends>& DelegateState::backends() {
  const std::lock_guard lock(mutex_);
  if (!backends_) backends_ = OpenBackends(options_);
  return *backends_;
}

std::string DelegateState::NextReportPath() {
  const int number = reports_++;
  return number == 0 ? options_.report_path : fmt::format("{}.{}", options_.report_path, number);
}

void DelegateState::WriteReport(host::Context* context, const Plan& plan) {
  const std::string path = NextReportPath();
  if (const Status status = WriteFileAtomically(path, ReportJson(plan)); !status) {
    Warn(context, fmt::format("cannot write the report {}: {}", path, status.error().text));
  }
}

host::StatusCode DelegateState::Apply(host::Context* context, host::Delegate* delegate) {
  auto host_graph = ReadHostGraph(context);
  if (!host_graph) {
    Warn(context, "no operator is delegated: " + host_graph.error().text);
    return host::kOk;
  }
  const size_t op_count = host_graph->graph->ops.size();
  auto made = MakePlan(host_graph->graph, options_.plan);
  if (!made) {
    Warn(context, "no operator is delegated: " + made.error().text);
    return host::kOk;
  }
  const auto plan = std::make_shared<const Plan>(std::move(*made));
  if (!options_.report_path.empty()) WriteReport(context, *plan);
  if (plan->partitions.empty()) {
    Log(LogLevel::kInfo, "none of {} operators is eligible", op_count);
    return host::kOk;
  }
  const Result<Backends>& opened = backends();
  if (!opened) {
    Warn(context, "no operator is delegated: " + opened.error().text);
    return host::kOk;
  }
  PreparedGraph prepared{plan, host_graph->node_of_op, options_.compute, {}};
  if (prepared.compute.threads == 0 && context->recommended_num_threads > 0) {
    prepared.compute.threads = context->recommended_num_threads;
  }
  prepared.partitions = CompilePartitions(context, plan, *opened, prepared.compute);
  std::vector<int> nodes;
  for (const PreparedPartition& partition : prepared.partitions) {
    for (int op : partition.compiler.ops()) nodes.push_back(host_graph->node_of_op[op]);
  }
  if (nodes.empty()) return host::kOk;
  std::sort(nodes.begin(), nodes.end());
  const std::unique_ptr<host::IntArray, decltype(&std::free)> claimed(MakeIntArray(nodes), &std::free);
  if (claimed == nullptr || context->replace_node_subsets_with_delegate_kernels == nullptr) {
    Warn(context, "no operator is delegated: the host cannot be told which");
    return host::kOk;
  }
  Log(LogLevel::kInfo, "{} of {} operators in {} partitions on {}", nodes.size(), op_count,
      prepared.partitions.size(), opened->npu->device_name());
  const CurrentGraphScope scope(&prepared);
  return context->replace_node_subsets_with_delegate_kernels(context, KernelRegistration(), claimed.get(),
                                                             delegate);
}

}  // namespace npu
