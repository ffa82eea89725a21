// placement=auto with models whose numbers are known.
// SPDX-License-Identifier: Apache-2.0
#include "partitioner/placement_cost.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "backends/host_speed.h"
#include "partitioner/report.h"
#include "tests/partition/small_net.h"

namespace npu {
namespace {

using test::HasReason;
using test::Net;
using test::Placements;

// 1 unit a microsecond of everything, operators for nothing.
SpeedModel Unit() {
  SpeedModel model;
#define NPU_SPEED_FIELD(name, unit, what) model.name = 1e-3;
  NPU_SPEED_FIELDS
#undef NPU_SPEED_FIELD
  model.launch_us = model.invoke_us = 0;
  return model;
}

PlanOptions Auto() {
  PlanOptions options;
  options.placement = PlacementRule::kAuto;
  return options;
}

// The NPU `times` as slow as the host with everything.
PlacementModels Slower(double times) {
  PlacementModels models{Unit(), Unit()};
#define NPU_SPEED_FIELD(name, unit, what) models.npu.name = 1e-3 / times;
  NPU_SPEED_FIELDS
#undef NPU_SPEED_FIELD
  models.npu.launch_us = models.npu.invoke_us = 0;
  return models;
}

Plan MakeAuto(std::shared_ptr<Graph> graph, const PlacementModels& models) {
  auto plan = MakePlan(std::move(graph), Auto(), &models);
  EXPECT_TRUE(plan);
  test::ExpectPlanHolds(*plan);
  return std::move(*plan);
}

TEST(PlacementCost, TimeOfAnOperatorByKind) {
  SpeedModel speed = Unit();
  speed.convolution_gmacs = 2e-3;
  speed.convolution_gouts = 4e-3;
  speed.depthwise_gmacs = 5e-3;
  speed.fully_connected_gmacs = 8e-3;
  speed.move_gbs = 10e-3;
  speed.launch_us = 3;
  const OpWork work = {OpWork::Class::kConvolution, 100, 20, 1000};
  EXPECT_DOUBLE_EQ(EstimateUs(work, speed), 3 + 50 + 5);
  EXPECT_DOUBLE_EQ(EstimateUs({OpWork::Class::kDepthwise, 100, 20, 1000}, speed), 3 + 20);
  EXPECT_DOUBLE_EQ(EstimateUs({OpWork::Class::kFullyConnected, 100, 20, 1000}, speed), 3 + 12.5);
  EXPECT_DOUBLE_EQ(EstimateUs({OpWork::Class::kOther, 100, 20, 1000}, speed), 3 + 100);
}

TEST(PlacementCost, WorkOfConvolutionsCountsTheChannelsThatAreComputed) {
  Net net;
  const int x = net.Input();
  auto graph = net.builder.Build({net.Relu(net.Conv(x))});
  const OpWork conv = WorkOf(*graph, graph->ops[0]), relu = WorkOf(*graph, graph->ops[1]);
  EXPECT_EQ(conv.kind, OpWork::Class::kConvolution);
  EXPECT_EQ(conv.macs, 64.0 * 32);  // 2 channels of 64
  EXPECT_EQ(conv.outputs, 32.0 * 32);
  EXPECT_EQ(relu.kind, OpWork::Class::kOther);
  EXPECT_EQ(relu.bytes, 2 * 32);
}

TEST(PlacementCost, PartitionsPayForCrossingAndForEachSegment) {
  Net net;
  const int x = net.Input();
  auto graph = net.builder.Build({net.Relu(net.Relu(x))});
  PlacementModels models{Unit(), Unit()};
  models.npu.copy_gbs = 0.5e-3;
  models.npu.invoke_us = 7;
  const PlacedOp one_segment[] = {{0, true}, {1, true}};
  const int host[] = {0, 1};
  PlacementEstimate estimate = EstimatePartition(*graph, one_segment, *graph, host, 64, models);
  EXPECT_DOUBLE_EQ(estimate.host_us, 2 * 64);
  EXPECT_DOUBLE_EQ(estimate.npu_us, 7 + 128 + 2 * 64);
  EXPECT_TRUE(estimate.npu_is_slower());
  const PlacedOp with_cpu[] = {{0, true}, {1, false}, {0, true}};
  estimate = EstimatePartition(*graph, with_cpu, *graph, host, 0, models);
  EXPECT_NEAR(estimate.npu_us, 2 * 7 + 2 * 64, 1) << "two segments; delegate-cpu computes 64 bytes for next to nothing";
}

TEST(PlacementEstimate, ErrorIsCountedAgainstTheNpu) {
  EXPECT_FALSE((PlacementEstimate{79, 100}.npu_is_slower()));
  EXPECT_TRUE((PlacementEstimate{81, 100}.npu_is_slower()));
}

TEST(PlacementAuto, SlowerPartitionsStayWithTheHostAndSayWhy) {
  Net net;
  const int x = net.Input();
  auto graph = net.builder.Build({net.Add(net.Conv(x), x)});
  const Plan plan = MakeAuto(std::make_shared<Graph>(*graph), Slower(10));
  EXPECT_EQ(Placements(plan), "hh");
  ASSERT_EQ(plan.ops[0].reasons.size(), 1u);
  const Reason& reason = plan.ops[0].reasons[0];
  EXPECT_EQ(reason.code, ReasonCode::kSlowerThanHost);
  EXPECT_NE(reason.actual.find("us on the NPU"), std::string::npos);
  EXPECT_NE(reason.allowed.find("us, the estimate for the host"), std::string::npos);

  const Plan faster = MakeAuto(std::make_shared<Graph>(*graph), Slower(0.01));
  EXPECT_EQ(Placements(faster), "NN");
  ASSERT_TRUE(faster.partitions[0].estimate);
  EXPECT_LT(faster.partitions[0].estimate->npu_us, faster.partitions[0].estimate->host_us);
  const auto report = nlohmann::json::parse(ReportJson(faster));
  EXPECT_EQ(report["partitions"][0]["estimate"]["npu_us"], faster.partitions[0].estimate->npu_us);
}

TEST(PlacementAuto, EachPartitionIsJudgedAlone) {
  // A small partition that crosses much, the host, and one that computes more than it crosses.
  Net net;
  const int x = net.Input();
  int y = net.Host(net.Add(net.Relu(x), x));
  for (int i = 0; i < 20; ++i) y = net.Conv(y);
  PlacementModels models{Unit(), Unit()};
  models.npu.convolution_gmacs = models.npu.convolution_gouts = 1;
  models.npu.move_gbs = 0.5e-3;
  const Plan plan = MakeAuto(net.builder.Build({y}), models);
  EXPECT_EQ(Placements(plan), "hhh" + std::string(20, 'N'));
}

TEST(PlacementAuto, FoldsOfWhatStaysWithTheHostAreGivenUp) {
  Net net;
  const int x = net.Input();
  const Plan plan = MakeAuto(net.builder.Build({net.Relu(net.Conv(x))}), Slower(10));
  EXPECT_EQ(Placements(plan), "hh");
  EXPECT_TRUE(plan.folds.empty());
}

TEST(PlacementAuto, PlacementAllAsksNoModel) {
  Net net;
  const int x = net.Input();
  auto graph = net.builder.Build({net.Add(net.Conv(x), x)});
  const PlacementModels models = Slower(10);
  const auto plan = MakePlan(graph, {}, &models);
  ASSERT_TRUE(plan);
  EXPECT_EQ(Placements(*plan), "NN");
  EXPECT_FALSE(plan->partitions[0].estimate);
  EXPECT_EQ(ReportJson(*plan).find("estimate"), std::string::npos);
}

TEST(PlacementAuto, OperatorsThatHostsLackAreNeverLeftToThem) {
  Op op;
  op.custom_name = "LceBconv2d";
  EXPECT_TRUE(HostLacks(op));
  op.custom_name = "TFLite_Detection_PostProcess";
  EXPECT_FALSE(HostLacks(op));
  EXPECT_FALSE(HostLacks(Op{}));
}

TEST(HostSpeed, EveryNumberIsThereAndThreadsHelp) {
  EXPECT_GT(MeasureCoreGmacs(), 0);
  for (bool tiles : {false, true}) {
    const SpeedModel one = HostSpeedOf(100, tiles, 1), two = HostSpeedOf(100, tiles, 2);
    EXPECT_TRUE(ReadSpeedModel(SpeedModelText(one)));
    EXPECT_GT(two.convolution_gmacs, one.convolution_gmacs);
    EXPECT_LE(two.convolution_gmacs, 2 * one.convolution_gmacs);
  }
  EXPECT_EQ(HostSpeed(1), HostSpeed(1)) << "measured once";
}

}  // namespace
}  // namespace npu
