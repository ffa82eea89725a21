// SPDX-License-Identifier: Apache-2.0
#include "partitioner/fragmentation.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "partitioner/plan.h"
#include "partitioner/saturating.h"
#include "partitioner/segments.h"

namespace npu {
namespace {

constexpr int kNobody = -1;
constexpr int kHostSide = -1;

void SortUnique(std::vector<int>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

// from, to, first operator of the island (kNobody between two partitions).
using Key = std::tuple<int, int, int>;

class BoundaryFinder {
 public:
  explicit BoundaryFinder(const Plan& plan)
      : plan_(plan), graph_(*plan.graph), maker_(graph_.tensors.size(), kNobody) {
    for (size_t i = 0; i < graph_.ops.size(); ++i) {
      for (int tensor : graph_.ops[i].outputs) {
        if (tensor != kNoTensor) maker_[tensor] = static_cast<int>(i);
      }
    }
    FindIslands();
    FindTurns();
  }

  std::vector<Boundary> Find() {
    std::map<Key, Boundary> boundaries;
    std::map<Key, std::vector<int>> readers;  // between two partitions
    for (size_t i = 0; i < graph_.ops.size(); ++i) {
      const int reader = static_cast<int>(i);
      // Shape arithmetic that the plan has done already reads nothing any more.
      if (plan_.ops[i].evaluated) continue;
      for (int tensor : graph_.ops[i].inputs) {
        if (tensor == kNoTensor || maker_[tensor] == kNobody || graph_.tensors[tensor].is_constant())
          continue;
        const int maker = maker_[tensor];
        const int from = plan_.ops[maker].partition, to = plan_.ops[reader].partition;
        if (from == to) continue;
        const int island = from == kHostSide ? island_[maker] : to == kHostSide ? island_[reader] : kNobody;
        const Key key{from, to, island};
        Boundary& boundary = boundaries[key];
        boundary.tensors.push_back(tensor);
        if (to == kHostSide) {
          boundary.causes.push_back(reader);
        } else if (from == kHostSide) {
          boundary.causes.push_back(maker);
        } else {
          readers[key].push_back(reader);
        }
      }
    }
    std::vector<Boundary> result;
    for (auto& [key, boundary] : boundaries) {
      std::tie(boundary.from, boundary.to, std::ignore) = key;
      if (const auto found = readers.find(key); found != readers.end()) {
        boundary.causes = HostOpsWaitedFor(found->second, turn_[plan_.partitions[boundary.from].ops.front()]);
      }
      Complete(boundary);
      result.push_back(std::move(boundary));
    }
    return result;
  }

 private:
  bool OnHost(int op) const { return plan_.ops[op].partition == kHostSide; }

  // Connects host operators; each island is named by its first operator.
  void FindIslands() {
    island_.resize(graph_.ops.size());
    std::iota(island_.begin(), island_.end(), 0);
    const auto root = [&](int op) {
      while (island_[op] != op) op = island_[op] = island_[island_[op]];
      return op;
    };
    for (size_t i = 0; i < graph_.ops.size(); ++i) {
      if (!OnHost(static_cast<int>(i))) continue;
      for (int tensor : graph_.ops[i].inputs) {
        if (tensor == kNoTensor || maker_[tensor] == kNobody || !OnHost(maker_[tensor])) continue;
        const int a = root(maker_[tensor]), b = root(static_cast<int>(i));
        island_[std::max(a, b)] = std::min(a, b);
      }
    }
    host_ops_.resize(graph_.ops.size());
    host_macs_.resize(graph_.ops.size());
    for (size_t i = 0; i < graph_.ops.size(); ++i) {
      const int op = static_cast<int>(i);
      island_[i] = root(op);
      if (!OnHost(op)) continue;
      ++host_ops_[island_[i]];
      host_macs_[island_[i]] = SaturatingAdd(host_macs_[island_[i]], plan_.ops[i].macs);
    }
  }

  // The order in which a host runs its own operators and our partitions.
  void FindTurns() {
    std::vector<int> ops(graph_.ops.size()), side(graph_.ops.size());
    std::iota(ops.begin(), ops.end(), 0);
    for (int op : ops) side[op] = OnHost(op) ? 0 : 1;
    const std::vector<ColourGroup> groups = GroupByColour(graph_, ops, side);
    turn_.resize(graph_.ops.size());
    for (size_t i = 0; i < groups.size(); ++i) {
      for (int op : groups[i].ops) turn_[op] = static_cast<int>(i);
    }
  }

  // The first host operators on every way back from `ops` of one partition that run after turn `from`.
  std::vector<int> HostOpsWaitedFor(std::vector<int> ops, int from) const {
    const int partition = plan_.ops[ops.front()].partition;
    std::vector<bool> seen(graph_.ops.size());
    std::vector<int> found;
    SortUnique(ops);
    for (int op : ops) seen[op] = true;
    while (!ops.empty()) {
      const int op = ops.back();
      ops.pop_back();
      for (int tensor : graph_.ops[op].inputs) {
        const int maker = tensor == kNoTensor ? kNobody : maker_[tensor];
        if (maker == kNobody || seen[maker]) continue;
        seen[maker] = true;
        if (OnHost(maker)) {
          if (turn_[maker] > from) found.push_back(maker);
        } else if (plan_.ops[maker].partition == partition) {
          ops.push_back(maker);
        }
      }
    }
    return found;
  }

  void Complete(Boundary& boundary) const {
    SortUnique(boundary.tensors);
    SortUnique(boundary.causes);
    for (int tensor : boundary.tensors) {
      boundary.bytes = SaturatingAdd(boundary.bytes, graph_.tensors[tensor].byte_size().value_or(0));
    }
    std::vector<int> islands;
    for (int op : boundary.causes) islands.push_back(island_[op]);
    SortUnique(islands);
    for (int island : islands) {
      boundary.host_ops += host_ops_[island];
      boundary.host_macs = SaturatingAdd(boundary.host_macs, host_macs_[island]);
    }
  }

  const Plan& plan_;
  const Graph& graph_;
  std::vector<int> maker_;   // per tensor
  std::vector<int> island_;  // per op: the first operator of its island; of ours: itself
  std::vector<int> turn_;    // per op
  std::vector<int> host_ops_;
  std::vector<int64_t> host_macs_;  // both per island
};

}  // namespace

std::vector<Boundary> FindBoundaries(const Plan& plan) { return BoundaryFinder(plan).Find(); }

}  // namespace npu
