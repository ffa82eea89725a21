// SPDX-License-Identifier: Apache-2.0
#include "partitioner/blockers.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string>

#include "partitioner/plan.h"
#include "partitioner/saturating.h"
#include "partitioner/segments.h"

namespace npu {
namespace {

// Blockers are ranked before partitions are counted anew; more than this many are hostile.
constexpr size_t kMostCounted = 100;
// Blockers of one island that share its victims.
constexpr size_t kMostBlamed = 16;

bool IsVictim(const OpPlan& op) {
  return std::none_of(op.reasons.begin(), op.reasons.end(), [](const Reason& reason) {
    return ReasonKindName(reason.code) == "own" || reason.code == ReasonCode::kDeniedByOption ||
           reason.code == ReasonCode::kDelegatedElsewhere;
  });
}

// Without what stands between double quotes.
std::string WithoutNames(std::string_view text) {
  std::string result;
  bool quoted = false;
  for (char c : text) {
    quoted = quoted != (c == '"');
    if (!quoted) result += c;
  }
  return result;
}

// What operators of one blocker have in common.
std::string KeyOf(const Plan& plan, int op) {
  std::string key(OpName(plan.graph->ops[op]));
  key += '\n';
  key += PlacementName(plan.ops[op].placement);
  for (const Reason& reason : plan.ops[op].reasons) {
    key += '\n';
    key += ReasonCodeName(reason.code);
    for (const std::string* part : {&reason.text, &reason.actual, &reason.allowed}) {
      key += '\t';
      key += WithoutNames(*part);
    }
  }
  return key;
}

// Per op of the host: a number that operators joined by tensors share.
std::vector<int> FindIslands(const Plan& plan) {
  const Graph& graph = *plan.graph;
  std::vector<int> island(graph.ops.size()), maker(graph.tensors.size(), -1);
  std::iota(island.begin(), island.end(), 0);
  const auto root = [&](int op) {
    while (island[op] != op) op = island[op] = island[island[op]];
    return op;
  };
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    if (plan.ops[i].placement != Placement::kHost) continue;
    for (int tensor : graph.ops[i].inputs) {
      if (tensor != kNoTensor && maker[tensor] >= 0) island[root(static_cast<int>(i))] = root(maker[tensor]);
    }
    for (int tensor : graph.ops[i].outputs) {
      if (tensor != kNoTensor) maker[tensor] = static_cast<int>(i);
    }
  }
  for (size_t i = 0; i < island.size(); ++i) island[i] = root(static_cast<int>(i));
  return island;
}

int64_t SumOfMacs(const Plan& plan, const std::vector<int>& ops) {
  int64_t macs = 0;
  for (int op : ops) macs = SaturatingAdd(macs, plan.ops[op].macs);
  return macs;
}

void CountBoundaries(const Plan& plan, std::vector<Blocker>& blockers) {
  std::vector<std::vector<size_t>> of_op(plan.ops.size());
  for (size_t b = 0; b < blockers.size(); ++b) {
    for (int op : blockers[b].ops) of_op[op].push_back(b);
    for (int op : blockers[b].victims) of_op[op].push_back(b);
  }
  std::vector<size_t> counted_for(blockers.size(), plan.boundaries.size());
  for (size_t i = 0; i < plan.boundaries.size(); ++i) {
    for (int cause : plan.boundaries[i].causes) {
      for (size_t b : of_op[cause]) {
        if (counted_for[b] == i) continue;
        counted_for[b] = i;
        ++blockers[b].boundaries;
        blockers[b].bytes = SaturatingAdd(blockers[b].bytes, plan.boundaries[i].bytes);
      }
    }
  }
}

// Cuts partitions anew as if the blocker's operators were ours.
int ExtraPartitions(const Plan& plan, const Blocker& blocker) {
  const int now = static_cast<int>(plan.partitions.size());
  if (now < 2 || blocker.boundaries == 0) return 0;
  std::vector<int> ops(plan.ops.size()), ours(plan.ops.size());
  std::iota(ops.begin(), ops.end(), 0);
  for (int op : ops) ours[op] = plan.ops[op].placement != Placement::kHost ? 1 : 0;
  for (const std::vector<int>* list : {&blocker.ops, &blocker.victims}) {
    for (int op : *list) ours[op] = 1;
  }
  const std::vector<ColourGroup> groups = GroupByColour(*plan.graph, ops, ours);
  const auto partitions =
      std::count_if(groups.begin(), groups.end(), [](const ColourGroup& group) { return group.colour == 1; });
  return std::max(0, now - static_cast<int>(partitions));
}

}  // namespace

std::vector<Blocker> FindBlockers(const Plan& plan) {
  const std::vector<int> island = FindIslands(plan);
  std::vector<int> causes, victims;
  std::set<int> caused_islands;
  for (size_t i = 0; i < plan.ops.size(); ++i) {
    const int op = static_cast<int>(i);
    if (plan.ops[i].placement == Placement::kNpu) continue;
    if (IsVictim(plan.ops[i])) {
      victims.push_back(op);
    } else {
      causes.push_back(op);
      if (plan.ops[i].placement == Placement::kHost) caused_islands.insert(island[op]);
    }
  }
  const auto is_alone = [&](int op) { return !caused_islands.contains(island[op]); };
  std::copy_if(victims.begin(), victims.end(), std::back_inserter(causes), is_alone);
  std::erase_if(victims, is_alone);
  std::sort(causes.begin(), causes.end());

  std::vector<Blocker> blockers;
  std::map<std::string, size_t> of_key;
  std::map<int, std::set<size_t>> of_island;
  for (int op : causes) {
    const size_t index = of_key.try_emplace(KeyOf(plan, op), blockers.size()).first->second;
    if (index == blockers.size()) blockers.emplace_back();
    blockers[index].ops.push_back(op);
    if (plan.ops[op].placement != Placement::kHost) continue;
    std::set<size_t>& blamed = of_island[island[op]];
    if (blamed.size() < kMostBlamed) blamed.insert(index);
  }
  for (int op : victims) {
    for (size_t index : of_island[island[op]]) blockers[index].victims.push_back(op);
  }
  for (Blocker& blocker : blockers) {
    blocker.macs = SumOfMacs(plan, blocker.ops);
    blocker.victim_macs = SumOfMacs(plan, blocker.victims);
  }
  CountBoundaries(plan, blockers);
  std::sort(blockers.begin(), blockers.end(), [](const Blocker& a, const Blocker& b) {
    const auto rank = [](const Blocker& x) {
      return std::tuple(-SaturatingAdd(x.macs, x.victim_macs), -static_cast<int64_t>(x.ops.size() + x.victims.size()), -x.bytes,
                        x.ops.front());
    };
    return rank(a) < rank(b);
  });
  for (size_t i = 0; i < std::min(blockers.size(), kMostCounted); ++i) {
    blockers[i].extra_partitions = ExtraPartitions(plan, blockers[i]);
  }
  return blockers;
}

}  // namespace npu
