// Every advice has a graph that gets exactly it; victims get their cause's; models of the corpus get theirs.
// SPDX-License-Identifier: Apache-2.0
#include "partitioner/advice.h"

#include <filesystem>

#include "schema/reader.h"
#include "tests/partition/advice_graph_cases.h"

namespace npu::test {
namespace {

// The NPU a thousand times as slow as the host with everything.
PlacementModels SlowNpu() {
  PlacementModels models;
#define NPU_SPEED_FIELD(name, unit, what) models.host.name = 1, models.npu.name = 1e-3;
  NPU_SPEED_FIELDS
#undef NPU_SPEED_FIELD
  models.npu.launch_us = models.npu.invoke_us = 1000;
  return models;
}

PlanAdvice Advise(const Plan& plan) {
  return AdvisePlan(plan, Diagnose(*plan.graph), FindProblems(*plan.graph), FindBlockers(plan));
}

std::set<std::string> Names(const std::set<AdviceId>& ids) {
  std::set<std::string> names;
  for (AdviceId id : ids) names.emplace(GetAdvice(id).name);
  return names;
}

std::set<std::string> Names(const PlanAdvice& advice) {
  std::set<std::string> names;
  for (const Advice& item : advice.ranked) names.emplace(GetAdvice(item.id).name);
  return names;
}

Plan PlanOf(std::shared_ptr<Graph> graph, const PlanOptions& options = {}) {
  const PlacementModels models = SlowNpu();
  auto plan = MakePlan(std::move(graph), options, &models);
  EXPECT_TRUE(plan) << plan.error().text;
  return std::move(*plan);
}

std::vector<AdviceCase> AllCases() {
  std::vector<AdviceCase> cases = AdviceCasesOfQuantization();
  for (AdviceCase& one : AdviceCasesOfGraphs()) cases.push_back(std::move(one));
  return cases;
}

TEST(Advice, EveryOneHasAGraphThatGetsExactlyIt) {
  std::set<AdviceId> tested;
  for (const AdviceCase& one : AllCases()) {
    SCOPED_TRACE(GetAdvice(one.id).name);
    Draft draft;
    const int output = one.draw(draft);
    const auto graph = draft.builder.Build({output});
    for (Op& op : graph->ops) {
      if (op.kind == OpKind::kCustom) op.custom_name = draft.custom_name;
      if (op.kind == OpKind::kLceBconv2d) op.params_error = draft.params_error;
    }
    const Plan plan = PlanOf(graph, one.options);
    const PlanAdvice advice = Advise(plan);
    std::set<AdviceId> expected = one.beside;
    expected.insert(one.id);
    EXPECT_EQ(Names(advice), Names(expected));
    for (size_t i = 0; i < plan.ops.size(); ++i) {
      ASSERT_EQ(advice.reasons[i].size(), plan.ops[i].reasons.size());
      for (size_t r = 0; r < plan.ops[i].reasons.size(); ++r) {
        EXPECT_TRUE(advice.reasons[i][r]) << ReasonCodeName(plan.ops[i].reasons[r].code);
      }
    }
    EXPECT_TRUE(tested.insert(one.id).second) << "twice";
  }
  for (const AdviceText& text : AllAdvice()) EXPECT_TRUE(tested.contains(text.id)) << text.name;
}

TEST(Advice, TheTableIsFitToBeShown) {
  std::set<std::string_view> names, titles;
  for (const AdviceText& text : AllAdvice()) {
    SCOPED_TRACE(text.name);
    EXPECT_EQ(&GetAdvice(text.id), &text);
    EXPECT_TRUE(names.insert(text.name).second && titles.insert(text.title).second);
    EXPECT_EQ(text.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"), std::string_view::npos);
    EXPECT_LE(text.title.size(), 110u);
    EXPECT_NE(text.title.back(), '.');
    EXPECT_EQ(text.text.back(), '.');
    EXPECT_GE(text.text.size(), 80u);
    EXPECT_LE(text.text.size(), 520u);
    EXPECT_EQ(text.text.find('\n'), std::string_view::npos);
    EXPECT_EQ(AdviceUrl(text.id), "docs/advice.md#" + std::string(text.name));
  }
}

// The costlier cause first; what is on the NPU counts for nothing.
TEST(Advice, IsRankedByTheMacsThatItWouldMove) {
  Draft d;
  const int sparse = d.Weights(DataType::kInt8, {2, 1, 1, 2});
  d.builder.tensor(sparse).is_sparse = true;
  const int cosine = d.Unary(OpKind::kCos, d.Conv(d.Input()));
  const int conv = d.ConvOf(d.Unary(OpKind::kCos, cosine), sparse, d.Bias());
  const PlanAdvice advice = Advise(PlanOf(d.builder.Build({conv})));
  ASSERT_EQ(advice.ranked.size(), 2u);
  EXPECT_EQ(advice.ranked[0].id, AdviceId::kSparse);
  EXPECT_EQ(advice.ranked[0].macs, 64);
  EXPECT_EQ(advice.ranked[0].ops, std::vector<int>{3});
  EXPECT_EQ(advice.ranked[1].ops, (std::vector<int>{1, 2}));
  EXPECT_EQ(advice.ranked[1].macs, 0);
}

// Shape arithmetic that the host reads is the reader's affair.
TEST(Advice, VictimsGetTheirCausesAdvice) {
  Draft d;
  const int shape = d.Put(OpKind::kShape, {d.Input()}, d.builder.Tensor(DataType::kInt32, {4}), ShapeParams{});
  const int floats = d.Input(DataType::kFloat32);
  const int out = d.Put(OpKind::kReshape, {floats, shape}, d.Quantized(DataType::kFloat32), ReshapeParams{});
  const Plan plan = PlanOf(d.builder.Build({out}));
  const PlanAdvice advice = Advise(plan);
  ASSERT_TRUE(HasReason(plan.ops[0], ReasonCode::kResultNeededByHost));
  for (const MaybeAdvice& id : advice.reasons[0]) EXPECT_EQ(id, AdviceId::kQuantizeFloat32);
}

// What an operator without a shape comes from decides, however far away it is.
TEST(Advice, UnknownShapesAreTheirMakersAffair) {
  Draft d;
  const int first = d.Unary(OpKind::kUnique, d.Input());
  d.builder.tensor(first).shape_known = false;
  const int second = d.Relu(first), third = d.Relu(second);
  d.builder.tensor(second).shape_known = d.builder.tensor(third).shape_known = false;
  const PlanAdvice advice = Advise(PlanOf(d.builder.Build({third})));
  EXPECT_EQ(Names(advice), Names({AdviceId::kDataDependent}));
}

TEST(Advice, ModelsOfTheCorpus) {
  const std::filesystem::path models = std::filesystem::path(NPU_SHARED_DIR) / "models";
  if (!std::filesystem::exists(models)) GTEST_SKIP() << "no models at " << models;
  using enum AdviceId;
  const std::pair<const char*, AdviceId> expected[] = {
      {"gen/seed2_cifar_cnn/cifar_cnn_f32.tflite", kQuantizeFloat32},
      {"gen/seed2_cifar_cnn/cifar_cnn_f16.tflite", kQuantizeFloat16},
      {"gen/seed2_cifar_cnn/cifar_cnn_dyn.tflite", kDynamicRange},
      {"gen/seed2_cifar_cnn/cifar_cnn_int8_fio.tflite", kCameraInput},
      {"gen/seed2_cifar_cnn/cifar_cnn_mixed_float_fc.tflite", kFloatOutput},
      {"gen/seed0_tf40055/conv_maxpool_bn_untrained_int8_i8.tflite", kUnfusedBatchNorm},
      {"larq/QuickNetSmall_int8.tflite", kBinaryOnCpu},
      {"larq/lce07/tf40055_int8.lce07.tflite", kSharedConstant},
      {"larq/mixed_bnn_float.tflite", kBinaryFloat},
      {"larq/seed1_sign_float.tflite", kPackedOutput},
      {"gen/ops/sub_self_int8.tflite", kSubOfItself},
      {"hostile/made/q_softmax_out_scale_wrong.tflite", kFixedScale},
      {"hostile/made/op_version_4096.tflite", kOperatorVersion},
  };
  for (const auto& [path, id] : expected) {
    SCOPED_TRACE(path);
    const auto model = ReadModelFile((models / path).string());
    ASSERT_TRUE(model) << model.error().text;
    const std::set<std::string> names = Names(Advise(PlanOf(model->subgraphs[0])));
    EXPECT_TRUE(names.contains(std::string(GetAdvice(id).name))) << testing::PrintToString(names);
  }
}

}  // namespace
}  // namespace npu::test
