// Makes a Session's steps out of a plan: the plan's partitions and, between them, what a session does in a host's
// place. Start at Build.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "capi/session.h"

namespace npu {

class Session::Builder {
 public:
  // inside_once: for a subgraph that CALL_ONCE runs, which may not call others.
  Builder(std::shared_ptr<const Plan> plan, const Options& options, const Subgraphs& subgraphs,
          std::shared_ptr<Variables> variables, bool inside_once);

  // kUnsupported, listing them, if an op is placed on the host that a session does not do.
  Result<std::unique_ptr<Session>> Build();

 private:
  Status RefuseHostOps() const;
  Status AddPartition(int index);
  // Ops of the host's cut (partitioner/segments.h), in its order.
  Status AddHostOps(std::span<const int> ops);
  Status AddComputation(std::vector<int>& ops);
  Status AddVariableOp(const Op& op);
  Status AddCallOnce(const Op& op);
  Status Allocate(int tensor);
  // The variable that a resource tensor is, and -1 for none.
  Result<int> VariableOf(int tensor) const;

  std::shared_ptr<const Plan> plan_;
  const Graph& graph_;
  const Options& options_;
  const Subgraphs& subgraphs_;
  const bool inside_once_;
  Backends backends_;
  std::vector<int> variable_of_;  // per tensor; -1: none
  std::unique_ptr<Session> session_ = std::make_unique<Session>();
};

}  // namespace npu
