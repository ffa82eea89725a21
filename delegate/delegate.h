// The object behind the host's delegate handle. Apply() runs inside the host's ModifyGraphWithDelegate:
// host context → Graph → Plan → compiled partitions → the plan's nodes claimed.
// It never fails a host's load: whatever goes wrong is one warning (stderr and the host's error reporter)
// and fewer nodes, or none, are claimed; the host then computes them itself. Except with the option input_uint8: the
// host would take UINT8 for INT8, so that it gets an error instead.
// One DelegateState may serve many interpreters, at once and from several threads: it holds options and
// the shared devices, nothing of any interpreter. Kernels share it, so that a host may delete the delegate
// before its interpreters.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "delegate/graph_profile.h"
#include "delegate/host_abi.h"
#include "delegate/partition_compiler.h"
#include "partitioner/compile.h"
#include "partitioner/options.h"

namespace npu {

class DelegateState {
 public:
  // The handle given to the host lives inside the state; Destroy() ends the host's share of it.
  static host::Delegate* Create(Options options);
  static void Destroy(host::Delegate* delegate);
  static DelegateState* From(host::Delegate* delegate) { return static_cast<DelegateState*>(delegate->data); }

  // The state behind a handle, to be kept by a kernel. Only while the host holds the handle.
  std::shared_ptr<DelegateState> Share() const { return self_; }

  const Options& options() const { return options_; }

  // Opened at the first call, once; the error stays the answer.
  const Result<Backends>& backends();

  // Never fails, apart from a host that breaks off half way.
  host::StatusCode Apply(host::Context* context, host::Delegate* delegate);

 private:
  explicit DelegateState(Options options) : options_(std::move(options)) {}

  // `path` for the first graph; the next ones (further subgraphs of a model, further interpreters) get ".1", ".2" ...
  // appended.
  static std::string Numbered(const std::string& path, std::atomic<int>& count);
  // The end of an Apply that claims nothing: a warning, or an error where the host must not compute.
  host::StatusCode ClaimNothing(host::Context* context, const std::string& why) const;
  PlanOptions PlanOptionsFor(host::Context* context, const Graph& graph);
  void WriteReport(host::Context* context, const Plan& plan);
  std::shared_ptr<GraphProfile> NewProfile(const std::shared_ptr<const Plan>& plan, const Backends& backends,
                                           const ComputeOptions& compute);

  host::Delegate handle_{};
  const Options options_;
  std::mutex mutex_;
  std::optional<Result<Backends>> backends_;
  std::atomic<int> graphs_{0}, reports_{0}, profile_files_{0};
  std::vector<std::weak_ptr<GraphProfile>> profiles_;  // under mutex_; kernels own them
  std::shared_ptr<DelegateState> self_;  // the host's share
};

// What Apply prepared for the kernels that the host creates while it takes the nodes: the host calls
// Registration::init inside ReplaceNodeSubsetsWithDelegateKernels, on the same thread.
struct PreparedPartition {
  PartitionCompiler compiler;
  CompiledPartition compiled;
};

struct PreparedGraph {
  std::shared_ptr<const Plan> plan;
  std::span<const int> node_of_op;
  ComputeOptions compute;
  std::vector<PreparedPartition> partitions;
  std::shared_ptr<GraphProfile> profile = {};  // null: nothing is measured
  // Null outside Apply.
  static PreparedGraph* Current();
};

// A warning that both the log and the host's error reporter get.
void Warn(host::Context* context, const std::string& text);
void ReportError(host::Context* context, const std::string& text);

}  // namespace npu
