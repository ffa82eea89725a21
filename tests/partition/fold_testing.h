// Shared by the tests of folds: what a plan has folded, in one line, and the proof that folding changes no byte.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "backends/cpu/cpu_backend.h"
#include "partitioner/compile.h"
#include "partitioner/plan.h"
#include "tests/partition/partition_invariants.h"
#include "tests/support/graph_builder.h"

namespace npu::test {

// A plan of a copy of the graph, held against everything that plans promise.
inline Plan PlanOf(const std::shared_ptr<Graph>& graph, const PlanOptions& options = {}) {
  EXPECT_TRUE(Validate(*graph));
  auto plan = MakePlan(std::make_shared<Graph>(*graph), options);
  EXPECT_TRUE(plan) << plan.error().text;
  if (!plan) return {};
  ExpectPlanHolds(*plan);
  return std::move(*plan);
}

// "pad-into-window(0>1) activation(2>1)": rule, what it absorbed > into; bypassed operators in brackets.
inline std::string Folds(const Plan& plan) {
  std::string text;
  for (const Fold& fold : plan.folds) {
    std::string bypassed;
    for (int op : fold.bypassed) bypassed += fmt::format("[{}]", op);
    text += fmt::format("{}{}({}{}>{})", text.empty() ? "" : " ", fold.name, fmt::join(fold.absorbed, ","), bypassed,
                        fold.into);
  }
  return text;
}

inline std::string FoldsOf(const std::shared_ptr<Graph>& graph, const PlanOptions& options = {}) {
  return Folds(PlanOf(graph, options));
}

// Runs all partitions of the plan, which leaves nothing to a host; outputs in graph order.
inline Result<std::vector<Bytes>> RunPlan(const Plan& plan, const std::shared_ptr<Backend>& npu,
                                          const std::vector<Bytes>& inputs) {
  const Graph& graph = *plan.graph;
  std::vector<Bytes> memory(graph.tensors.size());
  for (size_t i = 0; i < inputs.size(); ++i) memory[graph.inputs[i]] = inputs[i];
  for (size_t p = 0; p < plan.partitions.size(); ++p) {
    NPU_ASSIGN_OR_RETURN(const auto executable, CompilePlanPartition(plan, static_cast<int>(p),
                                                                     {npu, MakeCpuBackend()}, ComputeOptions()));
    std::vector<const std::byte*> in;
    std::vector<std::byte*> out;
    for (int tensor : plan.partitions[p].inputs) in.push_back(memory[tensor].data());
    for (int tensor : plan.partitions[p].outputs) {
      memory[tensor].resize(graph.tensors[tensor].byte_size().value());
      out.push_back(memory[tensor].data());
    }
    NPU_RETURN_IF_ERROR(executable->Invoke(in, out));
  }
  std::vector<Bytes> outputs;
  for (int tensor : graph.outputs) outputs.push_back(memory[tensor]);
  return outputs;
}

// The plan folds exactly `folds` (as Folds writes them; "" checks nothing), and on random inputs the folded
// operators give, on the CPU reference and on the device, the bytes that the model's own operators give on the
// CPU reference.
inline void ExpectFoldedEqualsUnfolded(const std::shared_ptr<Graph>& graph, const std::string& folds,
                                       uint32_t seed) {
  const Plan plan = PlanOf(graph);
  ASSERT_EQ(Folds(plan), folds);
  std::vector<Bytes> inputs;
  for (int index : graph->inputs) inputs.push_back(RandomBytes(graph->tensors[index], seed++));
  const std::shared_ptr<Backend> cpu = MakeCpuBackend();
  const auto expected = RunGraph(*cpu, std::make_shared<Graph>(*graph), inputs);
  ASSERT_TRUE(expected) << expected.error().text;
  const auto reference = RunPlan(plan, cpu, inputs);
  ASSERT_TRUE(reference) << reference.error().text;
  ASSERT_EQ(*reference, *expected) << "the CPU reference of the folded operators differs";
  if (Backend* device = TestDevice(); device != nullptr) {
    const auto actual = RunPlan(plan, std::shared_ptr<Backend>(std::shared_ptr<Backend>(), device), inputs);
    ASSERT_TRUE(actual) << actual.error().text;
    ASSERT_EQ(*actual, *expected) << "the device's folded operators differ";
  }
}

}  // namespace npu::test
