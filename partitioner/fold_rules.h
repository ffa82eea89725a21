// What a fold rule is: looks at one operator, finds others around it whose work it could do, and says what
// would run instead. A rule decides exactness alone; that nobody else reads what vanishes, that the folded
// operator passes its room's Check and that the user wants it is decided by FoldGraph, for all rules alike.
// Adding a rule: one file fold_<name>.cc, one row in kRules of fold.cc, its name in the help of the option folds
// (options.def; a test insists), one file of cases in tests/partition.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/graph.h"

namespace npu {

// The compute graph as far as it is folded, and who makes and reads its tensors.
class FoldSite {
 public:
  virtual ~FoldSite() = default;
  virtual const Graph& graph() const = 0;
  // The op that makes the tensor; -1 for graph inputs, constants, kNoTensor, and what an operator makes that
  // may not be folded (its shapes are not known, or it was evaluated).
  virtual int MakerOf(int tensor) const = 0;
  // The op that reads the tensor when nothing else does, once; else -1. Same exceptions.
  virtual int OnlyReaderOf(int tensor) const = 0;
  // For the report: the rule that is being asked would fold into this op, were it not for that.
  virtual void Decline(int into, std::string why) const = 0;

  const Op& op(int index) const { return graph().ops[index]; }
  const Tensor& tensor(int index) const { return graph().tensors[index]; }
};

struct FoldRule;

struct FoldMatch {
  // Whose match it is, where one function matches for several rules; null: the rule that was asked.
  const FoldRule* rule = nullptr;
  std::vector<int> absorbed{};
  // Operators before `into` that others read, too, may go on running for those.
  bool may_bypass = false;
  // Operators before `into` that run with other operands or parameters; what they made in the model vanishes.
  std::vector<std::pair<int, Op>> rewritten{};
  Op op{};  // what runs at `into` instead
  // Appended to the graph's tensors: op's operands name them graph().tensors.size() + i.
  std::vector<Tensor> new_tensors{};
  std::string why{};
};

struct FoldRule {
  std::string_view name;
  std::string_view summary;  // what becomes what, for the documentation
  // Null: the nearest rule before it in kRules that has one matches for it, too (FoldMatch::rule).
  std::optional<FoldMatch> (*match)(const FoldSite& site, int into);
  bool on_request = false;  // not exact on every host: applied only if the option `folds` names it
  bool on_cpu = false;      // its operators run on delegate-cpu, not on the NPU
};

// Same type, and the same scale and zero point, one of each, bit for bit.
bool QuantizedAlike(const Tensor& a, const Tensor& b);

}  // namespace npu
