// Why a network is in pieces: every boundary between our partitions and the host, what crosses it, which
// operators caused it, and what work they keep off the NPU. Pure and deterministic, like the plan it reads.
//
// A boundary joins two neighbours: a partition and an island of host operators (all that are connected by
// tensors which only host operators make and read), or two partitions, one of which reads what the other made
// but had to wait for an operator of the host. What the caller gives and takes is no boundary.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace npu {

struct Plan;

struct Boundary {
  int from = -1;             // partition that makes the tensors; -1: the host
  int to = -1;               // partition that reads them; -1: the host
  std::vector<int> tensors;  // ascending
  int64_t bytes = 0;         // of all of them, each once
  // Host operators, ascending: those that read the tensors (to == -1), those that make them (from == -1), or,
  // between two partitions, those that the readers wait for and that the host runs after `from`. Their reasons
  // are the reasons of the boundary.
  std::vector<int> causes;
  // Of the islands that the causes are in. Boundaries around one island count the same work.
  int host_ops = 0;
  int64_t host_macs = 0;
};

// In ascending order of (from, to), then of the island's first operator. The plan's partitions, placements
// and MACs must be there.
std::vector<Boundary> FindBoundaries(const Plan& plan);

}  // namespace npu
