// The codes of a Verdict, in order, for comparing in tests; GoogleTest prints them by name.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <vector>

#include "backends/ops/room.h"

namespace npu {

inline void PrintTo(ReasonCode code, std::ostream* out) { *out << ReasonCodeName(code); }

namespace test {

inline std::vector<ReasonCode> Codes(const Verdict& verdict) {
  std::vector<ReasonCode> codes;
  for (const Reason& reason : verdict.reasons()) codes.push_back(reason.code);
  return codes;
}

// The codes for op 0 on the NPU.
inline std::vector<ReasonCode> NpuCodes(const Graph& graph) { return Codes(CheckNpu(graph, graph.ops[0])); }

}  // namespace test
}  // namespace npu
