// Runs a whole Plan without a host: all partitions in order, tensors between them in its own memory.
// The C API's npu_session is a shim over this; --verify in delegate-check uses two of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backends/partition_executable.h"
#include "partitioner/options.h"
#include "partitioner/plan.h"

namespace npu {

class Session {
 public:
  // kUnsupported, listing them, if an op is placed on the host.
  static Result<std::unique_ptr<Session>> Create(std::shared_ptr<const Plan> plan, const Options& options);

  const Graph& graph() const { return *plan_->graph; }
  const std::string& device_name() const { return device_name_; }

  // Memory of graph input/output i: the bound memory, else the session's own.
  std::span<std::byte> input(int i);
  std::span<std::byte> output(int i);
  void BindInput(int i, const std::byte* data);  // null: the session's own again
  void BindOutput(int i, std::byte* data);
  bool input_bound(int i) const { return bound_[graph().inputs[i]] != nullptr; }

  Status Invoke();

 private:
  struct Step {
    std::unique_ptr<Executable> executable;
    std::vector<int> inputs, outputs;  // tensors
    // Filled anew at each Invoke; sized once.
    std::vector<const std::byte*> input_pointers;
    std::vector<std::byte*> output_pointers;
  };

  std::span<std::byte> Memory(int tensor);

  std::shared_ptr<const Plan> plan_;
  std::string device_name_;
  std::vector<Step> steps_;
  std::vector<std::vector<std::byte>> memory_;  // per tensor, one byte longer than it; or empty
  std::vector<std::byte*> bound_;               // per tensor; null: memory_
};

}  // namespace npu
