// What the CPU reference says that every tensor of a plan holds, after one invocation. See verify_layers.h.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "capi/tensor_difference.h"
#include "partitioner/plan.h"

namespace npu {

class LayerValues {
 public:
  // inputs: as Graph::inputs; empty: drawn from seed.
  LayerValues(const Plan& plan, std::shared_ptr<Backend> reference, const ComputeOptions& options,
              uint64_t seed);

  // kInvalidArgument if they do not fit.
  Status SetInputs(const std::vector<TensorBytes>& inputs);
  void Compute();

  // By tensor of the compute graph. A variable's value is the one before the invocation.
  const std::vector<TensorBytes>& values() const { return values_; }
  bool known(int tensor) const { return known_[tensor]; }
  // All that these ops read is known.
  bool ready(const SegmentOps& ops) const { return Ready(ops, known_); }
  static bool Ready(const SegmentOps& ops, const std::vector<bool>& known);
  // The model's own operator made it, not one that folds made.
  bool by_model(int tensor) const { return by_model_[tensor]; }
  // Of a variable, after the invocation; empty: not computed.
  const TensorBytes& state_after(int tensor) const { return states_after_[tensor]; }

  // How the outputs of an op that the host runs, or nobody, came to be.
  bool drawn(int op) const { return drawn_[op]; }
  // Why the reference did not compute an op; empty: it did, or was never asked.
  const std::string& problem(int op) const { return problems_[op]; }
  // Whether the model's own operator has a reference, and is not part of a fold that has none.
  bool own_reference(int op) const { return own_[op]; }

  // One op of `graph`, making all its outputs.
  static SegmentOps Alone(const Graph& graph, int op);

 private:
  void FindOwnReferences();
  bool ComputeOwn();
  bool ComputeFolded();
  bool Draw();
  bool Run(const std::shared_ptr<const Graph>& graph, int op);
  void Set(int tensor, TensorBytes bytes);
  void SetRandom(int tensor);

  const Plan& plan_;
  const std::shared_ptr<Backend> reference_;
  const ComputeOptions& options_;
  const uint64_t seed_;
  std::vector<TensorBytes> values_, states_after_;
  std::vector<bool> known_, by_model_, own_, done_, drawn_;
  std::vector<std::string> problems_;
};

}  // namespace npu
