// A host runtime in miniature: gives a Graph to a delegate the way TFLite does (context, nodes, structs by
// value, delegate params in init's buffer) and runs the result. Tests may spoil any of its public structs
// before applying the delegate: that is how hostile contexts are made.
// Nodes that the delegate leaves are computed by the operators' own references.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "delegate/host_abi.h"
#include "schema/graph.h"

namespace npu::test {

class FakeHost {
 public:
  // Outputs of the graph are the host's outputs; shapes that are unknown become rank 0, as in real hosts.
  explicit FakeHost(std::shared_ptr<const Graph> graph);
  ~FakeHost();
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  // One of host::kOk, host::kError. Apply calls the delegate's prepare; Allocate the kernels' prepare.
  host::StatusCode Apply(host::Delegate* delegate);
  host::StatusCode Allocate();
  host::StatusCode Invoke();

  void Resize(int tensor, const std::vector<int32_t>& dims);
  void SetInput(int tensor, const std::vector<std::byte>& bytes);
  std::vector<std::byte> Read(int tensor) const;
  std::vector<int32_t> Dims(int tensor) const;
  int kernel_count() const { return static_cast<int>(kernels_.size()); }
  // Original nodes still in the execution plan.
  int host_node_count() const;

  host::Context context{};
  std::vector<host::Tensor> tensors;
  std::vector<host::Node> nodes;
  std::vector<host::Registration> registrations;
  std::vector<int32_t> plan;        // execution plan: node indices
  std::vector<std::string> errors;  // what the delegate reported
  int partitioning_count = 0;       // how often the host was asked to cut its graph
  bool keep_all_tensors = false;    // every claimed node becomes a partition of its own

 private:
  struct Partition {
    std::vector<int32_t> nodes, inputs, outputs;
  };
  struct KernelNode;

  static FakeHost& Of(const host::Context* context) { return *static_cast<FakeHost*>(context->impl); }
  static host::IntArray* NewArray(const std::vector<int32_t>& values);
  void AddTensor(const Tensor& tensor);
  void AddNode(const Op& op);
  std::vector<Partition> Cut(const host::IntArray* claimed, bool only_claimed);
  void SetSize(host::Tensor& tensor);
  host::StatusCode RunReference(int node);

  std::shared_ptr<const Graph> graph_;
  std::vector<std::vector<std::byte>> memory_;        // per tensor
  std::vector<std::unique_ptr<std::byte[]>> blocks_;  // builtin_data, quantization
  std::vector<std::unique_ptr<KernelNode>> kernels_;  // node index = nodes.size() + position
  host::IntArray* plan_copy_ = nullptr;
  std::vector<host::DelegateParams> preview_;
  bool in_delegate_prepare_ = false;
};

}  // namespace npu::test
