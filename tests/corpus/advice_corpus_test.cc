// Over the whole shared corpus, hostile files included: every operator that is not on the NPU has a reason with an actual
// and an allowed value, nearly all have an advice, and blockers leave nobody out. Prints the counts.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <set>

#include "partitioner/advice.h"
#include "schema/reader.h"

namespace npu {
namespace {

constexpr double kAdvisedShare = 0.95;

struct Counts {
  int models = 0, graphs = 0, ops = 0, off_npu = 0, explained = 0, advised = 0, reasons = 0, advised_reasons = 0;
  std::map<std::string_view, int> graphs_per_advice;
};

void Count(const Graph& original, Counts& counts) {
  const auto plan = MakePlan(std::make_shared<Graph>(original), {});
  ASSERT_TRUE(plan) << plan.error().text;
  const std::vector<Blocker> blockers = FindBlockers(*plan);
  const PlanAdvice advice = AdvisePlan(*plan, Diagnose(*plan->graph), FindProblems(*plan->graph), blockers);
  ++counts.graphs;
  for (const Advice& item : advice.ranked) ++counts.graphs_per_advice[GetAdvice(item.id).name];
  std::set<int> blamed;
  for (const Blocker& blocker : blockers) {
    blamed.insert(blocker.ops.begin(), blocker.ops.end());
    blamed.insert(blocker.victims.begin(), blocker.victims.end());
  }
  for (size_t i = 0; i < plan->ops.size(); ++i) {
    ++counts.ops;
    if (plan->ops[i].placement == Placement::kNpu) continue;
    ++counts.off_npu;
    EXPECT_TRUE(blamed.contains(static_cast<int>(i))) << DescribeOp(*plan->graph, static_cast<int>(i));
    bool explained = false, advised = false;
    for (size_t r = 0; r < plan->ops[i].reasons.size(); ++r) {
      const Reason& reason = plan->ops[i].reasons[r];
      EXPECT_FALSE(reason.text.empty() || reason.actual.empty() || reason.allowed.empty()) << ReasonCodeName(reason.code);
      ++counts.reasons;
      explained = true;
      counts.advised_reasons += advice.reasons[i][r].has_value();
      advised = advised || advice.reasons[i][r];
    }
    EXPECT_TRUE(explained) << DescribeOp(*plan->graph, static_cast<int>(i));
    counts.explained += explained;
    counts.advised += advised;
  }
}

TEST(AdviceCorpus, EveryOperatorOffTheNpuIsExplainedAndNearlyEveryOneAdvised) {
  const std::filesystem::path folder = std::filesystem::path(NPU_SHARED_DIR) / "models";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no shared models in " << folder;
  Counts counts;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".tflite") continue;
    SCOPED_TRACE(entry.path());
    const auto model = ReadModelFile(entry.path().string());
    if (!model) continue;  // the reader's tests judge that
    ++counts.models;
    for (const auto& graph : model->subgraphs) Count(*graph, counts);
  }
  std::printf("%d models, %d graphs, %d operators, %d of them not on the NPU: %d explained, %d advised; %d of %d reasons advised\n",
              counts.models, counts.graphs, counts.ops, counts.off_npu, counts.explained, counts.advised, counts.advised_reasons,
              counts.reasons);
  for (const auto& [name, graphs] : counts.graphs_per_advice) {
    std::printf("  %4d graphs  %.*s\n", graphs, static_cast<int>(name.size()), name.data());
  }
  EXPECT_GT(counts.off_npu, 1000);
  EXPECT_EQ(counts.explained, counts.off_npu);
  EXPECT_GE(counts.advised, kAdvisedShare * counts.off_npu);
}

}  // namespace
}  // namespace npu
