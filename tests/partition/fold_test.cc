// What holds for every fold: it is all on the NPU in one partition or not at all, options name it, nobody loses a
// tensor that he reads, and the report and the proof speak of the model's own operators.
// SPDX-License-Identifier: Apache-2.0
#include "partitioner/fold.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "partitioner/options.h"
#include "partitioner/report.h"
#include "tests/ops/convolution_testing.h"
#include "tests/partition/fold_testing.h"

namespace npu {
namespace {

using test::Folds;
using test::FoldsOf;
using test::GraphBuilder;
using test::PlanOf;

// PAD -> CONV_2D, `blocks` times; between blocks whatever `between` names.
std::shared_ptr<Graph> PadConvNet(int blocks = 1, std::optional<OpKind> between = std::nullopt) {
  GraphBuilder b;
  int tensor = b.Input(DataType::kInt8, {1, 6, 6, 4}, test::kInputScale, 3);
  for (int i = 0; i < blocks; ++i) {
    if (i > 0 && between) {
      const int next = b.Tensor(DataType::kInt8, {1, 6, 6, 4}, test::kInputScale, 3);
      b.Op(*between, {tensor}, {next});
      tensor = next;
    }
    const int padded = b.Tensor(DataType::kInt8, {1, 8, 8, 4}, test::kInputScale, 3);
    const int amounts = b.Constant<int32_t>(DataType::kInt32, {4, 2}, {0, 0, 1, 1, 1, 1, 0, 0});
    b.Op(OpKind::kPad, {tensor, amounts}, {padded});
    test::LayerQuantization q{.output_zero_point = 3};
    const test::Layer layer = test::AddLayerBehind(b, q, padded, {4, 3, 3, 4}, 0, 36, 7 + i);
    b.tensor(layer.output).quantization = test::PerTensor(test::kInputScale, 3);
    b.Op(OpKind::kConv2D, layer.operands, {layer.output}, Conv2DParams{.padding = Padding::kValid});
    tensor = layer.output;
  }
  return b.Build({tensor});
}

PlanOptions FoldOption(std::vector<std::string> names) {
  PlanOptions options;
  options.folds = std::move(names);
  return options;
}

TEST(Folds, TheOptionTurnsThemOnAndOff) {
  const auto graph = PadConvNet();
  EXPECT_EQ(FoldsOf(graph), "pad-into-window(0>1)");
  EXPECT_EQ(FoldsOf(graph, FoldOption({"pad-into-window"})), "pad-into-window(0>1)");
  const Plan plan = PlanOf(graph, FoldOption({}));
  EXPECT_EQ(Folds(plan), "");
  EXPECT_EQ(plan.compute_graph, plan.graph);
}

TEST(Folds, MacsAndPlacementsAreThoseOfTheModel) {
  const auto graph = PadConvNet(2);
  const Plan folded = PlanOf(graph), plain = PlanOf(graph, FoldOption({}));
  EXPECT_EQ(folded.total_macs, plain.total_macs);
  ASSERT_EQ(folded.segments.size(), 1u);
  EXPECT_EQ(folded.segments[0].macs, plain.segments[0].macs);
  EXPECT_EQ(folded.segments[0].ops.ops, (std::vector<int>{1, 3}));
  EXPECT_EQ(folded.partitions[0].ops, (std::vector<int>{0, 1, 2, 3}));
  for (const OpPlan& op : folded.ops) EXPECT_EQ(op.placement, Placement::kNpu);
}

TEST(Folds, AreGivenUpWhenAnOperatorIsDenied) {
  const auto graph = PadConvNet(2);
  PlanOptions options;
  options.deny = {"#0"};
  const Plan no_pad = PlanOf(graph, options);
  EXPECT_EQ(Folds(no_pad), "pad-into-window(2>3)");
  EXPECT_EQ(no_pad.ops[0].placement, Placement::kHost);
  ASSERT_EQ(no_pad.ops[0].reasons.size(), 1u);
  EXPECT_EQ(no_pad.ops[0].reasons[0].code, ReasonCode::kDeniedByOption);
  EXPECT_EQ(no_pad.ops[1].placement, Placement::kNpu);
  options.deny = {"#3"};
  const Plan no_conv = PlanOf(graph, options);
  EXPECT_EQ(Folds(no_conv), "pad-into-window(0>1)");
  EXPECT_EQ(no_conv.ops[2].placement, Placement::kNpu);
  EXPECT_EQ(no_conv.ops[2].folded_into, -1);
  options.deny = {};
  options.allow = {"CONV_2D"};
  EXPECT_EQ(FoldsOf(graph, options), "");
}

TEST(Folds, AreGivenUpWithAPartitionThatIsTooSmall) {
  PlanOptions options;
  options.min_segment_macs = 1 << 20;
  const Plan plan = PlanOf(PadConvNet(), options);
  EXPECT_EQ(Folds(plan), "");
  for (const OpPlan& op : plan.ops) {
    EXPECT_EQ(op.placement, Placement::kHost);
    EXPECT_EQ(op.folded_into, -1);
    EXPECT_EQ(op.reasons.size(), 1u);
  }
}

TEST(Folds, StayInsideTheirPartitions) {
  const Plan plan = PlanOf(PadConvNet(2, OpKind::kFloor));
  EXPECT_EQ(Folds(plan), "pad-into-window(0>1) pad-into-window(3>4)");
  EXPECT_EQ(plan.partitions.size(), 2u);
}

TEST(Folds, AnOperatorWhoseShapesFailIsLeftAlone) {
  const auto graph = PadConvNet();
  graph->tensors[graph->ops[0].inputs[1]].data = {};  // paddings that only the running model has
  EXPECT_EQ(FoldsOf(graph), "");
}

TEST(Folds, AFoldedOperatorMustPassItsOwnRules) {
  GraphBuilder b;
  const int input = b.Input(DataType::kInt8, {1, 1, 1, 1}, 0.5f, 0);
  const int padded = b.Tensor(DataType::kInt8, {1, 9, 9, 1}, 0.5f, 0);
  const int amounts = b.Constant<int32_t>(DataType::kInt32, {4, 2}, {0, 0, 4, 4, 4, 4, 0, 0});
  b.Op(OpKind::kPad, {input, amounts}, {padded});
  const test::Layer layer = test::AddLayerBehind(b, {}, padded, {1, 3, 3, 1}, 0, 9, 1);
  b.Op(OpKind::kConv2D, layer.operands, {layer.output}, Conv2DParams{.padding = Padding::kValid}, 99);
  const Plan plan = PlanOf(b.Build({layer.output}));
  EXPECT_EQ(Folds(plan), "");
  EXPECT_EQ(plan.ops[1].reasons[0].code, ReasonCode::kUnsupportedOperatorVersion);
}

TEST(Folds, TheReportShowsThem) {
  const Plan plan = PlanOf(PadConvNet());
  const nlohmann::json report = nlohmann::json::parse(ReportJson(plan));
  ASSERT_EQ(report["folds"].size(), 1u);
  const nlohmann::json& fold = report["folds"][0];
  EXPECT_EQ(fold["name"], "pad-into-window");
  EXPECT_EQ(fold["into"], 1);
  EXPECT_EQ(fold["absorbed"], nlohmann::json::array({0}));
  EXPECT_EQ(fold["bypassed"], nlohmann::json::array());
  EXPECT_NE(fold["why"].get<std::string>().find("zero point 3"), std::string::npos);
  EXPECT_EQ(report["ops"][0]["folded_into"], 1);
  EXPECT_EQ(report["ops"][0]["placement"], "npu");
  EXPECT_EQ(report["ops"][0]["segment"], report["ops"][1]["segment"]);
  EXPECT_EQ(report["ops"][1]["folded_into"], -1);
  EXPECT_EQ(report["ops"][0]["notes"][0], "folded into Op#1 CONV_2D (pad-into-window): does not run");
  EXPECT_EQ(report["ops"][1]["notes"][0], "does the work of Op#0 PAD (pad-into-window)");
  EXPECT_EQ(report["segments"][0]["ops"], nlohmann::json::array({1}));
}

TEST(Folds, TheReportCallsViewsViews) {
  GraphBuilder b;
  const int input = b.Input(DataType::kInt8, {1, 6}, 0.5f, 3);
  const int flat = b.Tensor(DataType::kInt8, {2, 3}, 0.5f, 3);
  const int unsigned_flat = b.Tensor(DataType::kUInt8, {2, 3}, 0.5f, 131);
  const int rescaled = b.Tensor(DataType::kInt8, {2, 3}, 0.25f, 3);
  b.Op(OpKind::kReshape, {input}, {flat}, ReshapeParams{{2, 3}});
  b.Op(OpKind::kQuantize, {flat}, {unsigned_flat});
  b.Op(OpKind::kQuantize, {flat}, {rescaled});
  const nlohmann::json report = nlohmann::json::parse(ReportJson(PlanOf(b.Build({unsigned_flat, rescaled}))));
  EXPECT_EQ(report["ops"][0]["notes"], nlohmann::json::array({"a view of its input: no kernel runs"}));
  EXPECT_EQ(report["ops"][1]["notes"], report["ops"][0]["notes"]);
  EXPECT_EQ(report["ops"][2]["notes"], nlohmann::json::array({"a pass of its own over 6 bytes: scale or type changes here"}));
}

TEST(FoldsOption, TakesAllNoneAndNames) {
  const auto parse = [](std::string_view value) { return ParseOptions({{"folds", std::string(value)}}); };
  EXPECT_FALSE(parse("all")->plan.folds);
  EXPECT_FALSE(parse("ALL")->plan.folds);
  EXPECT_TRUE(parse("none")->plan.folds->empty());
  EXPECT_EQ(*parse(" Pad-Into-Window ")->plan.folds, std::vector<std::string>{"pad-into-window"});
  for (const std::string_view bad : {"", "+", "all+none"}) EXPECT_FALSE(parse(bad)) << bad;
  const auto unknown = parse("pad-in-window");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidOption);
  EXPECT_NE(unknown.error().text.find("did you mean \"pad-into-window\""), std::string::npos) << unknown.error().text;
}

TEST(FoldsOption, ItsHelpNamesEveryFold) {
  const std::string help = OptionsHelp();
  for (const std::string_view name : FoldNames()) EXPECT_NE(help.find(name), std::string::npos) << name;
  const std::string table = FoldsMarkdown();
  for (const std::string_view name : FoldNames()) EXPECT_NE(table.find(name), std::string::npos) << name;
}

}  // namespace
}  // namespace npu
