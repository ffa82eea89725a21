// Shared by the tests of rooms that move data: every expectation is computed index by index from what the
// operator means, never with the copies that the rooms make.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/inference.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"

namespace npu::test {

using Index = std::vector<int32_t>;

inline int64_t Count(const Index& shape) {
  int64_t count = 1;
  for (int32_t dim : shape) count *= dim;
  return count;
}

inline int64_t Flat(const Index& shape, const Index& index) {
  int64_t flat = 0;
  for (size_t d = 0; d < shape.size(); ++d) flat = flat * shape[d] + index[d];
  return flat;
}

// Every index of the shape, in row-major order.
inline std::vector<Index> AllIndices(const Index& shape) {
  std::vector<Index> indices;
  for (int64_t flat = 0; flat < Count(shape); ++flat) {
    Index index(shape.size());
    int64_t rest = flat;
    for (size_t d = shape.size(); d-- > 0;) {
      index[d] = static_cast<int32_t>(rest % shape[d]);
      rest /= shape[d];
    }
    indices.push_back(std::move(index));
  }
  return indices;
}

// Runs on the CPU reference with random inputs of `seed`, hands inputs and results to `verify`, then lets
// the device answer the same.
inline void ExpectMoves(
    const std::shared_ptr<Graph>& graph, uint32_t seed,
    const std::function<void(const std::vector<Bytes>& in, const std::vector<Bytes>& out)>& verify,
    bool device = true) {
  std::vector<Bytes> inputs;
  for (int index : graph->inputs) inputs.push_back(RandomBytes(graph->tensors[index], seed++));
  const auto cpu = MakeCpuBackend();
  const auto results = RunGraph(*cpu, graph, inputs);
  ASSERT_TRUE(results) << results.error().text;
  verify(inputs, *results);
  if (device && !testing::Test::HasFailure()) ExpectOpenClMatchesReference(graph, seed);
}

// Error of InferShapes for op 0; empty: none.
inline std::string InferError(Graph& graph) { return InferShapes(graph).errors.at(0); }

// Verdict on op 0 after shape inference.
inline Verdict CheckFirst(Graph& graph) {
  InferShapes(graph);
  return CheckNpu(graph, graph.ops.at(0));
}

inline bool HasReason(const Verdict& verdict, ReasonCode code) {
  for (const Reason& reason : verdict.reasons()) {
    if (reason.code == code && !reason.actual.empty() && !reason.allowed.empty()) return true;
  }
  return false;
}

inline std::string Reasons(const Verdict& verdict) {
  std::string text;
  for (const Reason& reason : verdict.reasons()) {
    text += std::string(ReasonCodeName(reason.code)) + " " + reason.text + ": " + reason.actual +
            "; allowed: " + reason.allowed + "\n";
  }
  return text;
}

}  // namespace npu::test
