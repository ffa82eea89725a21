// What keeps a network off the NPU, cause by cause, the costliest first. Pure and deterministic, like the plan it reads.
// An operator that is not on the NPU is a cause or a victim:
//   cause   it has a reason of kind own, or an option or another delegate keeps it away (DENIED_BY_OPTION,
//           DELEGATED_ELSEWHERE)
//   victim  everything else: it went to the host because of what lies around it (RESULT_NEEDED_BY_HOST, NOT_BESIDE_NPU,
//           SEGMENT_TOO_SHORT, SEGMENT_TOO_SMALL, SLOWER_THAN_HOST)
// A victim belongs to every blocker that has a cause in the victim's island (host operators joined by tensors which
// host operators make and read; of 16 such blockers, should there be more). Victims of an island without causes are causes themselves.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace npu {

struct Plan;

// Causes that are the same: of one operator, one placement, with equal reasons (code, text, actual and allowed; tensor
// names in quotes aside).
struct Blocker {
  std::vector<int> ops;      // ascending, never empty; the first stands for all
  std::vector<int> victims;  // ascending
  int64_t macs = 0;          // of ops
  int64_t victim_macs = 0;   // of victims
  // Boundaries of the plan that an op or a victim is a cause of: how many, and the sum of their bytes. Boundaries that
  // several blockers cause count for each.
  int boundaries = 0;
  int64_t bytes = 0;
  // Partitions there are beyond those that there would be if ops and victims were on the NPU, never below 0.
  // nullopt: not counted, because the model has very many blockers.
  std::optional<int> extra_partitions;
};

// Every operator that is not on the NPU is in `ops` of exactly one blocker or a victim. Ranked by MACs lost (macs +
// victim_macs), then operators lost, then bytes, then the first operator's index. The plan must be complete.
std::vector<Blocker> FindBlockers(const Plan& plan);

}  // namespace npu
