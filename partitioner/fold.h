// Folds: operators that another operator computes along the way. FoldGraph makes, of the graph that the host
// and the user see, the graph that backends compile: one operator (`into`) with other operands or parameters,
// and operators that it absorbed and that run no more. Every fold gives the same bytes, and says why.
// Start at FoldGraph; the rules are one file each, partitioner/fold_<name>.cc (fold_rules.h).
//
// Indices stay: op i and tensor t of the compute graph are op i and tensor t of the original; absorbed ops
// are there without operands, constants that folds need are appended. So the host cuts partitions on the
// original graph and plans speak of original operators, whatever was folded.
// A fold is atomic: plan.cc gives up every fold whose operators do not all reach the NPU in one partition.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/ops/inference.h"
#include "schema/graph.h"

namespace npu {

struct Fold {
  std::string_view name;      // of FoldNames(); "pad-into-window"
  int into = -1;              // the op that now does the work of all
  std::vector<int> absorbed;  // ops that run no more, ascending
  std::vector<int> bypassed;  // ops that still run, for other readers, but no longer for `into`; ascending
  std::string why;            // one sentence: why every byte is the same
  std::vector<int> rewritten{};  // ops that still run, on what `into` wants; ascending
  bool on_cpu = false;           // it is made for delegate-cpu: all its operators run there

  // All operators of the fold, ascending.
  std::vector<int> group() const;
  // The same rule on the same operators.
  bool Matches(const Fold& other) const;
};

// A fold that looks possible and is not made.
struct DeclinedFold {
  std::string_view name;
  int into = -1;
  std::string why;
};

struct FoldedGraph {
  std::shared_ptr<const Graph> graph;  // the original itself when nothing folds
  std::vector<Fold> folds;             // in the order they were applied
  std::vector<DeclinedFold> declined;  // by rule and op; none of ops that a fold was made into
};

// Whether a fold that is exact is also wanted.
using FoldFilter = std::function<bool(const Fold&)>;

// Applies every rule wherever it is exact, the folded op passes CheckNpu, nobody outside the fold reads (and
// no graph output is) a tensor that the fold does away with, and `accept` agrees. `inference` is that of
// `graph`; operators whose shapes failed, or that were evaluated, are never part of a fold.
FoldedGraph FoldGraph(std::shared_ptr<const Graph> graph, const InferenceResult& inference,
                      const FoldFilter& accept);

// Every fold there is, in the order in which they are tried: names for the option `folds`, and one sentence
// each for the documentation.
std::vector<std::string_view> FoldNames();
// Whether a fold is made only if the option `folds` names it.
bool IsFoldOnRequest(std::string_view name);
std::string FoldsMarkdown();

}  // namespace npu
