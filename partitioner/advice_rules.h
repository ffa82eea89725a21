// Which advice a reason gets: the rules, by what failed, what the operator is and what kind of model it is in. For
// advice.cc alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "partitioner/advice.h"

namespace npu {

// What the rules look at besides the reason, found once per plan.
class AdviceContext {
 public:
  AdviceContext(const Plan& plan, const Diagnosis& diagnosis, std::span<const Finding> findings);

  // Of a reason of kind own or policy. Ask in ascending order of op: what an unknown shape comes from decides.
  MaybeAdvice ForReason(int op, const Reason& reason);
  // Of a finding of the same plan.
  MaybeAdvice ForFinding(const Finding& finding) const;

 private:
  MaybeAdvice ForFloat(int op, const Reason& reason) const;
  MaybeAdvice ForFloatNeighbour(int op) const;
  MaybeAdvice ForType(int op, const Reason& reason) const;
  MaybeAdvice ForOperator(int op, const Reason& reason) const;
  MaybeAdvice ForUnknownShape(int op) const;
  MaybeAdvice ForRunTimeParameter(int op) const;
  MaybeAdvice ForRunTimeOperand(int op, const Reason& reason) const;
  bool ReadsShapes(int op) const;
  bool HasBlocks(int op) const;
  bool TouchesBorder(int op) const;

  const Graph& graph_;
  const ModelKind kind_;
  std::vector<int> maker_;             // per tensor: op, or -1
  std::vector<int> reader_;            // per tensor: the first op, or -1
  std::vector<bool> of_shapes_;        // per tensor: integers computed from a tensor's shape
  std::vector<int> unknown_root_;      // per tensor: the op whose output first had no shape; -1: none
  std::vector<bool> shared_constant_;  // per op: a finding says so
  std::vector<bool> wanted_;           // per tensor: floats that QUANTIZE makes bytes of again
  std::vector<MaybeAdvice> first_;     // per op: what its first advised reason got
  const bool quantized_;               // some operator computes in 8 or 16 bits
  bool sixteen_bit_ = false;           // INT16 activations, and no 8-bit ones
  bool dynamic_inputs_ = false;        // an input's signature leaves a dimension open
};

// What the whole graph shows, whether or not a rule failed: (id, operators).
struct ModelAdvice {
  AdviceId id;
  std::vector<int> ops;
};
std::vector<ModelAdvice> AdviseModel(const Plan& plan);

}  // namespace npu
