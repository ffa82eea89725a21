// What must hold for every cut of every graph, and random graphs to hold it against.
// The host's partitioner is written here a second time, as sweeps over all operators the way hosts run it,
// so that segments.cc is compared with something other than itself.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "backends/ops/lce.h"
#include "partitioner/plan.h"
#include "schema/graph.h"

namespace npu::test {

// `ops` operators on INT8 [1,8] tensors of one scale; each reads two earlier tensors, mostly recent ones.
// Tensors that nobody reads, and some others, are outputs.
inline std::shared_ptr<Graph> RandomDag(uint32_t seed, int ops, const std::vector<OpKind>& kinds) {
  std::mt19937 engine(seed);
  const auto below = [&](int n) { return static_cast<int>(engine() % static_cast<uint32_t>(n)); };
  auto graph = std::make_shared<Graph>();
  const auto add_tensor = [&] {
    Tensor tensor;
    tensor.name = fmt::format("t{}", graph->tensors.size());
    tensor.type = DataType::kInt8;
    tensor.shape = {1, 8};
    tensor.quantization = {{0.5f}, {0}, 0};
    graph->tensors.push_back(tensor);
    return static_cast<int>(graph->tensors.size()) - 1;
  };
  const int inputs = 1 + below(3);
  for (int i = 0; i < inputs; ++i) graph->inputs.push_back(add_tensor());
  for (int i = 0; i < ops; ++i) {
    const int existing = static_cast<int>(graph->tensors.size());
    const auto pick = [&] {
      const int back = below(3) == 0 ? below(existing) : below(std::min(existing, 6));
      return existing - 1 - back;
    };
    Op op;
    op.kind = kinds[below(static_cast<int>(kinds.size()))];
    op.inputs = {pick()};
    if (op.kind == OpKind::kAdd) {
      op.inputs.push_back(pick());
      op.params = BinaryParams{};
    }
    op.outputs = {add_tensor()};
    graph->ops.push_back(std::move(op));
  }
  std::set<int> read;
  for (const Op& op : graph->ops) read.insert(op.inputs.begin(), op.inputs.end());
  for (const Op& op : graph->ops) {
    if (!read.count(op.outputs[0]) || below(8) == 0) graph->outputs.push_back(op.outputs[0]);
  }
  return graph;
}

// The epochs a host finds: sweeps until nothing is added. Ops without side effects only.
inline std::vector<std::vector<int>> HostSweeps(const Graph& graph, const std::vector<int>& colour) {
  std::vector<bool> made(graph.tensors.size(), true), done(graph.ops.size(), false);
  for (const Op& op : graph.ops) {
    for (int tensor : op.outputs) made[tensor] = false;
  }
  std::vector<std::vector<int>> epochs;
  while (true) {
    std::vector<int> epoch;
    for (bool more = true; more;) {
      more = false;
      for (size_t i = 0; i < graph.ops.size(); ++i) {
        bool ready = !done[i] && (epoch.empty() || colour[epoch[0]] == colour[i]);
        for (int tensor : graph.ops[i].inputs) ready = ready && (tensor == kNoTensor || made[tensor]);
        if (!ready) continue;
        done[i] = more = true;
        epoch.push_back(static_cast<int>(i));
        for (int tensor : graph.ops[i].outputs) made[tensor] = true;
      }
    }
    if (epoch.empty()) return epochs;
    epochs.push_back(std::move(epoch));
  }
}

// With every group drawn together into one node, what is left has no cycle: all can run in some order.
// Hosts wait for the maker of a tensor even where the plan has made it a constant; segments need not.
enum class PlanTimeConstants { kWaitedFor, kThere };
inline void ExpectAcyclic(const Graph& graph, const std::vector<std::vector<int>>& groups,
                          PlanTimeConstants constants = PlanTimeConstants::kWaitedFor) {
  std::vector<int> node(graph.ops.size(), -1);
  int nodes = 0;
  for (const auto& group : groups) {
    for (int op : group) {
      EXPECT_EQ(node[op], -1) << "op " << op << " is in two groups";
      node[op] = nodes;
    }
    ++nodes;
  }
  for (int& n : node) {
    if (n < 0) n = nodes++;
  }
  std::vector<int> maker(graph.tensors.size(), -1);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    for (int tensor : graph.ops[i].outputs) maker[tensor] = node[i];
  }
  std::vector<std::set<int>> waits_for(nodes);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    for (int tensor : graph.ops[i].inputs) {
      if (tensor == kNoTensor || maker[tensor] < 0 || maker[tensor] == node[i]) continue;
      if (constants == PlanTimeConstants::kThere && graph.tensors[tensor].is_constant()) continue;
      waits_for[node[i]].insert(maker[tensor]);
    }
  }
  std::vector<bool> run(nodes, false);
  int left = nodes;
  for (bool progress = true; progress;) {
    progress = false;
    for (int n = 0; n < nodes; ++n) {
      bool ready = !run[n];
      for (int before : waits_for[n]) ready = ready && run[before];
      if (!ready) continue;
      run[n] = progress = true;
      --left;
    }
  }
  EXPECT_EQ(left, 0) << "groups wait for each other";
}

// What fold.h and plan.h promise about folds.
inline void ExpectFoldsHold(const Plan& plan) {
  const Graph &graph = *plan.graph, &compute = *plan.compute_graph;
  Graph as_read = compute;  // without the constants that planning has evaluated
  for (const Op& op : compute.ops) {
    for (int tensor : op.outputs) {
      if (tensor != kNoTensor) as_read.tensors[tensor].data = {};
    }
  }
  const Status valid = Validate(as_read);
  EXPECT_TRUE(valid) << valid.error().text;
  ASSERT_EQ(compute.ops.size(), graph.ops.size());
  ASSERT_GE(compute.tensors.size(), graph.tensors.size());
  EXPECT_EQ(compute.inputs, graph.inputs);
  EXPECT_EQ(compute.outputs, graph.outputs);
  std::set<int> made;
  for (const Op& op : compute.ops) made.insert(op.outputs.begin(), op.outputs.end());
  for (size_t i = graph.tensors.size(); i < compute.tensors.size(); ++i) {
    EXPECT_NE(compute.tensors[i].is_constant(), made.count(static_cast<int>(i)) == 1) << "T#" << i;
  }
  std::set<int> touched, absorbed;
  for (const Fold& fold : plan.folds) {
    EXPECT_FALSE(fold.why.empty());
    EXPECT_FALSE(fold.absorbed.empty() && fold.bypassed.empty());
    const int partition = plan.ops[fold.into].partition;
    EXPECT_GE(partition, 0);
    for (int op : fold.group()) {
      touched.insert(op);
      EXPECT_EQ(plan.ops[op].partition, partition) << fold.name << " is cut apart";
    }
    const Placement placement = fold.on_cpu ? Placement::kDelegateCpu : Placement::kNpu;
    EXPECT_EQ(plan.ops[fold.into].placement, placement);
    for (int op : fold.rewritten) EXPECT_EQ(plan.ops[op].placement, placement);
    for (int op : fold.absorbed) {
      EXPECT_TRUE(absorbed.insert(op).second) << "op " << op << " is absorbed twice";
      EXPECT_TRUE(compute.ops[op].inputs.empty() && compute.ops[op].outputs.empty());
      EXPECT_EQ(plan.ops[op].placement, placement);
    }
  }
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const int into = plan.ops[i].folded_into;
    EXPECT_EQ(into >= 0, absorbed.count(static_cast<int>(i)) == 1);
    if (into >= 0) {
      EXPECT_EQ(plan.ops[into].folded_into, -1);
      EXPECT_EQ(plan.ops[into].segment, plan.ops[i].segment);
    }
    if (touched.count(static_cast<int>(i)) == 0) {
      EXPECT_EQ(compute.ops[i].kind, graph.ops[i].kind);
      EXPECT_EQ(compute.ops[i].inputs, graph.ops[i].inputs);
      EXPECT_EQ(compute.ops[i].outputs, graph.ops[i].outputs);
    }
  }
}

// Everything plan.h promises about one plan.
inline void ExpectPlanHolds(const Plan& plan) {
  const Graph &graph = *plan.graph, &compute = *plan.compute_graph;
  ExpectFoldsHold(plan);
  ASSERT_EQ(plan.ops.size(), graph.ops.size());
  std::vector<int> colour;
  int64_t macs = 0;
  for (const OpPlan& op : plan.ops) {
    colour.push_back(op.placement == Placement::kHost ? 0 : 1);
    macs += op.macs;
    EXPECT_EQ(op.reasons.empty(), op.placement == Placement::kNpu);
    EXPECT_EQ(op.partition >= 0, op.placement != Placement::kHost);
    EXPECT_EQ(op.segment >= 0, op.placement != Placement::kHost && !op.evaluated);
    EXPECT_FALSE(op.evaluated && op.placement != Placement::kNpu);
  }
  EXPECT_EQ(plan.total_macs, macs);

  std::vector<std::vector<int>> partitions, segments, host_view;
  for (const auto& epoch : HostSweeps(graph, colour)) {
    if (colour[epoch[0]] == 1) host_view.push_back(epoch);
  }
  // Runs the plan on paper: a part may start when all it reads is there.
  std::vector<bool> there(graph.tensors.size(), true);
  for (const Op& op : graph.ops) {
    for (int tensor : op.outputs) there[tensor] = false;
  }
  for (size_t p = 0; p < plan.partitions.size(); ++p) {
    const Partition& partition = plan.partitions[p];
    partitions.push_back(partition.ops);
    std::set<int> in_segments, evaluated;
    std::vector<bool> inside = there;
    for (int tensor : partition.inputs) {
      EXPECT_FALSE(graph.tensors[tensor].is_constant());
      inside[tensor] = true;
    }
    bool any_npu = false;
    for (int s : partition.segments) {
      const Segment& segment = plan.segments[s];
      segments.push_back(segment.ops.ops);
      EXPECT_EQ(segment.partition, static_cast<int>(p));
      any_npu = any_npu || segment.placement == Placement::kNpu;
      for (int tensor : segment.ops.inputs)
        EXPECT_TRUE(inside[tensor]) << "segment " << s << " waits for T#" << tensor;
      std::vector<bool> local(graph.tensors.size(), false);
      for (int tensor : segment.ops.inputs) local[tensor] = true;
      for (int tensor : segment.ops.states) local[tensor] = true;
      for (int op : segment.ops.ops) {
        EXPECT_EQ(plan.ops[op].segment, s);
        EXPECT_EQ(plan.ops[op].placement, segment.placement);
        in_segments.insert(op);
        for (int tensor : compute.ops[op].inputs) {
          EXPECT_TRUE(tensor == kNoTensor || compute.tensors[tensor].is_constant() || local[tensor]);
        }
        for (int tensor : compute.ops[op].outputs) local[tensor] = true;
      }
      for (int tensor : segment.ops.outputs) EXPECT_TRUE(inside[tensor] = local[tensor]);
    }
    // Binary operators are ours whatever they cost: hosts do not have them.
    const bool any_binary = std::any_of(partition.ops.begin(), partition.ops.end(),
                                        [&](int op) { return IsBinary(graph.ops[op].kind); });
    EXPECT_TRUE(any_npu || any_binary) << "partition " << p << " has nothing on the NPU";
    for (int op : partition.ops) {
      EXPECT_EQ(plan.ops[op].partition, static_cast<int>(p));
      EXPECT_EQ(in_segments.count(op) == 0, plan.ops[op].evaluated || plan.ops[op].folded_into >= 0);
    }
    for (int tensor : partition.outputs) EXPECT_TRUE(inside[tensor]) << "nobody makes T#" << tensor;
    EXPECT_TRUE(any_binary || partition.macs >= plan.options.min_segment_macs);
    // The model's operators, those that folds take in among them.
    const auto npu_ops = std::count_if(partition.ops.begin(), partition.ops.end(), [&](int op) {
      return plan.ops[op].placement == Placement::kNpu && !plan.ops[op].evaluated;
    });
    EXPECT_TRUE(any_binary || partition.macs > 0 || npu_ops >= plan.options.min_segment_ops ||
                partition.ops.size() == graph.ops.size())
        << "partition " << p << " is too short";
  }
  EXPECT_EQ(partitions, host_view);
  ExpectAcyclic(graph, partitions);
  ExpectAcyclic(compute, segments, PlanTimeConstants::kThere);

  // Whatever the caller or the host reads of ours is an output of its partition.
  std::set<int> handed_out;
  for (const Partition& partition : plan.partitions) {
    handed_out.insert(partition.outputs.begin(), partition.outputs.end());
  }
  std::vector<int> maker(graph.tensors.size(), -1);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    for (int tensor : graph.ops[i].outputs) maker[tensor] = static_cast<int>(i);
  }
  const auto expect_handed_out = [&](int tensor) {
    if (tensor == kNoTensor || maker[tensor] < 0 || plan.ops[maker[tensor]].placement == Placement::kHost)
      return;
    EXPECT_TRUE(handed_out.count(tensor)) << "T#" << tensor;
  };
  for (int tensor : graph.outputs) expect_handed_out(tensor);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    if (plan.ops[i].placement != Placement::kHost) continue;
    for (int tensor : graph.ops[i].inputs) expect_handed_out(tensor);
  }
}

}  // namespace npu::test
