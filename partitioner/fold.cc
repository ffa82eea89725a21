// SPDX-License-Identifier: Apache-2.0
#include "partitioner/fold.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "backends/ops/room.h"
#include "partitioner/fold_rules.h"

namespace npu {

extern const FoldRule kDilatedConvFold;
extern const FoldRule kPadIntoWindowFold;
extern const FoldRule kRequantizePairFold;
extern const FoldRule kActivationFold;

extern const FoldRule kRequantizeTableFold;
extern const FoldRule kSameInputFold;
extern const FoldRule kFloatUnaryFold;
extern const FoldRule kFloatBinaryFold;
extern const FoldRule kFloatConcatFold;
extern const FoldRule kFloatMoveFold;
extern const FoldRule kFloatMathFold;
extern const FoldRule kSignFold;

namespace {

// Tried in this order at every operator.
constexpr const FoldRule* kRules[] = {
    &kDilatedConvFold,
    &kPadIntoWindowFold,
    &kRequantizePairFold,
    &kActivationFold,
    &kRequantizeTableFold,
    &kSameInputFold,
    &kFloatUnaryFold,
    &kFloatBinaryFold,
    &kFloatConcatFold,
    &kFloatMoveFold,
    &kFloatMathFold,
    &kSignFold,
};

// One pass finds all but the folds that a later operator's fold makes possible; a model needs two or three
// passes, a hostile one could ask for as many as it has operators.
constexpr int kMaxPasses = 16;

void SortUnique(std::vector<int>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

bool Contains(const std::vector<int>& values, int value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

class Folder : public FoldSite {
 public:
  Folder(const Graph& graph, const InferenceResult& inference, const FoldFilter& accept)
      : graph_(std::make_shared<Graph>(graph)), accept_(accept), may_fold_(graph.ops.size(), true) {
    maker_.resize(graph.tensors.size(), -1);
    readers_.resize(graph.tensors.size());
    is_output_.resize(graph.tensors.size());
    for (int tensor : graph.outputs) is_output_[tensor] = true;
    for (size_t i = 0; i < graph.ops.size(); ++i) {
      may_fold_[i] = inference.errors[i].empty() && !inference.evaluated[i];
      Connect(static_cast<int>(i));
    }
  }

  FoldedGraph Run() {
    bool changed = true;
    for (int pass = 0; changed && pass < kMaxPasses; ++pass) {
      changed = false;
      for (int op = 0; op < static_cast<int>(graph_->ops.size()); ++op) {
        while (may_fold_[op] && FoldInto(op)) changed = true;
      }
    }
    return {graph_, std::move(folds_), Declined()};
  }

  const Graph& graph() const override { return *graph_; }

  int MakerOf(int tensor) const override {
    if (tensor == kNoTensor) return -1;
    const int maker = maker_[tensor];
    return maker >= 0 && may_fold_[maker] ? maker : -1;
  }

  int OnlyReaderOf(int tensor) const override {
    if (tensor == kNoTensor || is_output_[tensor] || readers_[tensor].size() != 1) return -1;
    const int reader = readers_[tensor][0];
    return may_fold_[reader] ? reader : -1;
  }

  void Decline(int into, std::string why) const override { declined_[{rule_->name, into}] = std::move(why); }

 private:
  // What the last pass said.
  std::vector<DeclinedFold> Declined() const {
    std::vector<DeclinedFold> list;
    for (const auto& [key, why] : declined_) {
      const auto& [rule, into] = key;
      const bool folded = std::any_of(folds_.begin(), folds_.end(), [into = into](const Fold& fold) {
        return fold.into == into || Contains(fold.absorbed, into);
      });
      if (!folded) list.push_back({rule, into, why});
    }
    return list;
  }

  void Connect(int op) {
    for (int tensor : graph_->ops[op].inputs) {
      if (tensor != kNoTensor) readers_[tensor].push_back(op);
    }
    for (int tensor : graph_->ops[op].outputs) {
      if (tensor != kNoTensor) maker_[tensor] = op;
    }
  }

  void Disconnect(int op) {
    for (int tensor : graph_->ops[op].inputs) {
      if (tensor != kNoTensor) std::erase(readers_[tensor], op);
    }
    for (int tensor : graph_->ops[op].outputs) {
      if (tensor != kNoTensor && maker_[tensor] == op) maker_[tensor] = -1;
    }
  }

  bool FoldInto(int into) {
    for (const FoldRule* rule : kRules) {
      if (rule->match == nullptr) continue;
      rule_ = rule;
      std::optional<FoldMatch> match = rule->match(*this, into);
      if (!match) continue;
      if (match->rule != nullptr) rule_ = match->rule;
      Fold fold{rule_->name, into, {}, {}, std::move(match->why)};
      fold.on_cpu = rule_->on_cpu;
      for (const auto& [op, other] : match->rewritten) fold.rewritten.push_back(op);
      SortUnique(fold.rewritten);
      if (!SplitByReaders(*match, fold) || !InOrder(*match, into) || !accept_(fold)) continue;
      const size_t tensors = graph_->tensors.size();
      graph_->tensors.insert(graph_->tensors.end(), match->new_tensors.begin(), match->new_tensors.end());
      if (!CanRun(*match, into)) {
        graph_->tensors.resize(tensors);
        continue;
      }
      Apply(*match, std::move(fold));
      return true;
    }
    return false;
  }

  bool CanRun(const FoldMatch& match, int into) const {
    const auto can_run = [&](const Op& op) {
      const Verdict verdict = rule_->on_cpu ? CheckCpu(*graph_, op) : CheckNpu(*graph_, op);
      if (verdict.eligible() || match.rewritten.empty()) return verdict.eligible();
      const Reason& reason = verdict.reasons().front();
      Decline(into, fmt::format("{} on bytes: {}: {}; allowed: {}", OpName(op), reason.text, reason.actual,
                                reason.allowed));
      return false;
    };
    return can_run(match.op) && std::all_of(match.rewritten.begin(), match.rewritten.end(),
                                            [&](const auto& other) { return can_run(other.second); });
  }

  // Which operators of the match run no more and which go on for other readers; false if what somebody else
  // reads would vanish.
  bool SplitByReaders(const FoldMatch& match, Fold& fold) const {
    std::vector<int> group = match.absorbed;
    group.insert(group.end(), fold.rewritten.begin(), fold.rewritten.end());
    group.push_back(fold.into);
    const auto vanishes = [&](int op) {
      return std::all_of(graph_->ops[op].outputs.begin(), graph_->ops[op].outputs.end(), [&](int tensor) {
        if (tensor == kNoTensor || Contains(match.op.outputs, tensor)) return true;
        const std::vector<int>& readers = readers_[tensor];
        return !is_output_[tensor] && std::all_of(readers.begin(), readers.end(),
                                                  [&](int reader) { return Contains(group, reader); });
      });
    };
    if (!vanishes(fold.into)) return false;
    // What goes on running reads on, so that its makers go on, too: until nothing changes.
    fold.absorbed = match.absorbed;
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t i = fold.absorbed.size(); i-- > 0;) {
        const int op = fold.absorbed[i];
        if (vanishes(op)) continue;
        if (!match.may_bypass || op > fold.into) return false;
        fold.bypassed.push_back(op);
        fold.absorbed.erase(fold.absorbed.begin() + static_cast<std::ptrdiff_t>(i));
        group.erase(std::find(group.begin(), group.end(), op));
        changed = true;
      }
    }
    for (int op : fold.rewritten) {
      if (vanishes(op)) continue;
      Decline(fold.into, fmt::format("{} is read by others, too", DescribeOp(*graph_, op)));
      return false;
    }
    SortUnique(fold.absorbed);
    SortUnique(fold.bypassed);
    return true;
  }

  // Everything the folded op reads is made before it.
  bool InOrder(const FoldMatch& match, int into) const {
    return std::all_of(match.op.inputs.begin(), match.op.inputs.end(), [&](int tensor) {
      return tensor == kNoTensor || tensor >= static_cast<int>(maker_.size()) || maker_[tensor] < into;
    });
  }

  void Apply(FoldMatch& match, Fold fold) {
    maker_.resize(graph_->tensors.size(), -1);
    readers_.resize(graph_->tensors.size());
    is_output_.resize(graph_->tensors.size());
    for (int op : fold.absorbed) {
      Disconnect(op);
      graph_->ops[op].inputs.clear();
      graph_->ops[op].outputs.clear();
      may_fold_[op] = false;
    }
    for (auto& [op, other] : match.rewritten) {
      Disconnect(op);
      graph_->ops[op] = std::move(other);
      Connect(op);
    }
    Disconnect(fold.into);
    graph_->ops[fold.into] = std::move(match.op);
    Connect(fold.into);
    folds_.push_back(std::move(fold));
  }

  std::shared_ptr<Graph> graph_;
  const FoldFilter& accept_;
  std::vector<bool> may_fold_;             // per op
  std::vector<int> maker_;                 // per tensor: op, or -1
  std::vector<std::vector<int>> readers_;  // per tensor: ops, one entry per operand
  std::vector<bool> is_output_;            // per tensor
  std::vector<Fold> folds_;
  const FoldRule* rule_ = nullptr;  // being asked
  mutable std::map<std::pair<std::string_view, int>, std::string> declined_;
};

}  // namespace

std::vector<int> Fold::group() const {
  std::vector<int> ops = absorbed;
  ops.insert(ops.end(), bypassed.begin(), bypassed.end());
  ops.insert(ops.end(), rewritten.begin(), rewritten.end());
  ops.push_back(into);
  SortUnique(ops);
  return ops;
}

bool Fold::Matches(const Fold& other) const {
  return name == other.name && into == other.into && group() == other.group();
}

FoldedGraph FoldGraph(std::shared_ptr<const Graph> graph, const InferenceResult& inference,
                      const FoldFilter& accept) {
  FoldedGraph folded = Folder(*graph, inference, accept).Run();
  if (folded.folds.empty()) folded.graph = std::move(graph);
  return folded;
}

std::vector<std::string_view> FoldNames() {
  std::vector<std::string_view> names;
  for (const FoldRule* rule : kRules) names.push_back(rule->name);
  return names;
}

bool IsFoldOnRequest(std::string_view name) {
  return std::any_of(std::begin(kRules), std::end(kRules),
                     [&](const FoldRule* rule) { return rule->name == name && rule->on_request; });
}

std::string FoldsMarkdown() {
  std::string text = "| Fold | What it does |\n|---|---|\n";
  for (const FoldRule* rule : kRules) text += fmt::format("| `{}` | {} |\n", rule->name, rule->summary);
  return text;
}

bool QuantizedAlike(const Tensor& a, const Tensor& b) {
  return a.type == b.type && a.quantization.per_tensor() && b.quantization.per_tensor() &&
         a.scale() == b.scale() && a.zero_point() == b.zero_point();
}

}  // namespace npu
