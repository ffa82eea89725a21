// The profile document on traces whose numbers are known.
// SPDX-License-Identifier: Apache-2.0
#include "partitioner/profile.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/partition/small_net.h"

namespace npu {
namespace {

using nlohmann::json;
using test::Net;

// conv(0) → relu(1), folded into it → add(2) → unique(3), which stays with the host.
std::shared_ptr<const Plan> SmallPlan() {
  Net net;
  const int x = net.Input(), relu = net.Relu(net.Conv(x));
  auto graph = net.builder.Build({net.Host(net.Add(relu, x))});
  return std::make_shared<const Plan>(test::MakeHoldingPlan(graph));
}

// One segment: upload 1 us, queue 2 us, run 40 us with op 0 in two launches of 10 us each and op 2 in `add_us`, download
// 3 us. Begins at `begin` us.
InvokeTrace Trace(int64_t begin_us, int64_t add_us = 15) {
  const int64_t begin = begin_us * 1000;
  SegmentTrace segment{.clock = TraceClock::kDevice,
                       .upload_bytes = 100,
                       .download_bytes = 50,
                       .begin_ns = begin,
                       .uploaded_ns = begin + 1000,
                       .queued_ns = begin + 3000,
                       .ran_ns = begin + 43000,
                       .end_ns = begin + 46000,
                       .steps = {{0, "first", begin + 3000, begin + 13000},
                                 {0, "second", begin + 13000, begin + 23000},
                                 {2, "add", begin + 23000, begin + 23000 + 1000 * add_us}}};
  return {{segment}};
}

json Read(const Profile& profile) { return json::parse(profile.Json()); }

class ProfileTest : public testing::Test {
 protected:
  std::shared_ptr<const Plan> plan_ = SmallPlan();
  Profile profile_{plan_, {"a device", 1, 2.0}};
  int number_ = profile_.Add({plan_->compute_graph, {}, {.arena_bytes = 10, .constant_bytes = 20, .staging_bytes = 5}});
};

TEST_F(ProfileTest, EveryOperatorIsThereOnceWithItsState) {
  profile_.Record(number_, Trace(0));
  const json document = Read(profile_), &profile = document["profile"];
  ASSERT_EQ(profile["ops"].size(), plan_->ops.size());
  const char* states[] = {"opencl", "folded", "opencl", "host"};
  for (size_t i = 0; i < profile["ops"].size(); ++i) {
    EXPECT_EQ(profile["ops"][i]["index"], i);
    EXPECT_EQ(profile["ops"][i]["state"], states[i]);
  }
  EXPECT_EQ(profile["ops"][0]["does"], json({1}));
  EXPECT_EQ(profile["ops"][1]["into"], 0);
  EXPECT_TRUE(profile["ops"][1]["us"].is_null());
  EXPECT_EQ(profile["ops"][0]["kernels"], json({"first", "second"}));
  EXPECT_EQ(profile["ops"][0]["launches"], 2);
}

TEST_F(ProfileTest, NumbersAddUp) {
  profile_.Record(number_, Trace(0));
  const json document = Read(profile_), &profile = document["profile"];
  const json& segment = profile["segments"][0];
  EXPECT_EQ(segment["us"]["median"], 46.0);
  EXPECT_EQ(segment["upload_us"].get<double>() + segment["queue_us"].get<double>() + segment["run_us"].get<double>() +
                segment["download_us"].get<double>(),
            46.0);
  double ops = 0, shares = 0;
  int launches = 0;
  for (const json& op : profile["ops"]) {
    ops += op["us"].is_null() ? 0.0 : op["us"]["median"].get<double>();
    shares += op["share"].get<double>();
    launches += op["launches"].get<int>();
  }
  EXPECT_EQ(ops, segment["busy_us"]);
  EXPECT_DOUBLE_EQ(shares, 1);
  EXPECT_EQ(launches, segment["launches"]);
  EXPECT_EQ(segment["ops"], json({0, 2}));
  EXPECT_EQ(profile["us"], 46.0);
  EXPECT_EQ(profile["invocations"], 1);

  // 4x4 points, 2 channels from 2: 64 MACs in 20 us; the peak is 2 GMAC/s.
  EXPECT_EQ(profile["ops"][0]["macs"], 64);
  EXPECT_DOUBLE_EQ(profile["ops"][0]["gmacs"], 64 / 20000.0);
  EXPECT_DOUBLE_EQ(profile["ops"][0]["peak_share"], 64 / 20000.0 / 2.0);
  EXPECT_TRUE(profile["ops"][2]["gmacs"].is_null());
  // Input and output of 32 bytes, 4 weights, 2 biases.
  EXPECT_EQ(profile["ops"][0]["bytes"], 32 + 32 + 4 + 8);
  EXPECT_EQ(profile["ops"][2]["bytes"], 3 * 32);
  EXPECT_EQ(profile["memory"]["arena_bytes"], 10);
  EXPECT_EQ(profile["memory"]["staging_bytes"], 5);
  EXPECT_GT(profile["memory"]["process_peak_rss_bytes"], 1000000);
}

TEST_F(ProfileTest, MediansOverInvocations) {
  for (int64_t add : {15, 5, 9, 6}) profile_.Record(number_, Trace(100 * add, add));
  const json op = Read(profile_)["profile"]["ops"][2];
  EXPECT_EQ(op["us"]["median"], 7.5);
  EXPECT_EQ(op["us"]["min"], 5.0);
  EXPECT_EQ(op["us"]["max"], 15.0);
  EXPECT_EQ(op["us"]["count"], 4);
}

TEST_F(ProfileTest, KeepsTheLastInvocations) {
  for (size_t i = 0; i < kKeptInvocations; ++i) profile_.Record(number_, Trace(0, 1));
  for (size_t i = 0; i < kKeptInvocations; ++i) profile_.Record(number_, Trace(0, 7));
  const json document = Read(profile_);
  EXPECT_EQ(document["profile"]["invocations"], 2 * kKeptInvocations);
  EXPECT_EQ(document["profile"]["ops"][2]["us"]["count"], kKeptInvocations);
  EXPECT_EQ(document["profile"]["ops"][2]["us"]["min"], 7.0);
  size_t adds = 0;
  for (const json& event : document["traceEvents"]) adds += event["name"] == "ADD@2";
  EXPECT_EQ(adds, kTimelineInvocations);
}

TEST_F(ProfileTest, ReplacedExecutablesStartAnew) {
  profile_.Record(number_, Trace(0, 15));
  profile_.Replace(number_, {plan_->compute_graph, {}, {}});
  EXPECT_EQ(Read(profile_)["profile"]["ops"][0]["state"], "not measured");
  profile_.Record(number_, Trace(0, 5));
  EXPECT_EQ(Read(profile_)["profile"]["ops"][2]["us"]["max"], 5.0);
  EXPECT_EQ(profile_.recorded(), 2);
}

// A kernel of a host holds some of the operators, numbered its own way.
TEST_F(ProfileTest, OperatorsOfAPartAreNamedAsInThePlan) {
  Profile profile(plan_, {"a device", 1, std::nullopt});
  auto graph = std::make_shared<Graph>();
  graph->tensors = plan_->graph->tensors;
  graph->ops = {plan_->graph->ops[2]};
  const int number = profile.Add({graph, {2}, {}});
  InvokeTrace trace;
  trace.segments.push_back({.steps = {{0, "", 5, 1005}}});
  profile.Record(number, trace);
  const json document = Read(profile), &ops = document["profile"]["ops"];
  EXPECT_EQ(ops[2]["state"], "cpu");
  EXPECT_EQ(ops[2]["us"]["median"], 1.0);
  EXPECT_EQ(ops[0]["state"], "not measured");
  EXPECT_TRUE(document["profile"]["device"]["peak_gmacs"].is_null());
}

TEST_F(ProfileTest, TimelineIsSortedAndNested) {
  profile_.Record(number_, Trace(1000));
  profile_.Record(number_, Trace(2000));
  const json document = Read(profile_), &events = document["traceEvents"];
  EXPECT_EQ(document["displayTimeUnit"], "ns");
  double before = 0;
  std::vector<std::string> names;
  for (const json& event : events) {
    if (event["ph"] == "M") {
      EXPECT_TRUE(names.empty()) << "metadata comes first";
      continue;
    }
    ASSERT_EQ(event["ph"], "X");
    EXPECT_GE(event["ts"].get<double>(), before);
    EXPECT_GE(event["dur"].get<double>(), 0);
    before = event["ts"];
    names.push_back(event["name"]);
  }
  const std::vector<std::string> once = {"partition 0", "segment 0 on opencl", "upload", "queue",
                                         "run",         "CONV_2D@0",           "CONV_2D@0", "ADD@2", "download"};
  std::vector<std::string> twice = once;
  twice.insert(twice.end(), once.begin(), once.end());
  EXPECT_EQ(names, twice);
  EXPECT_EQ(events[3]["ts"], 0.0);
}

TEST_F(ProfileTest, AnEmptyProfileIsADocument) {
  const json document = Read(profile_);
  EXPECT_EQ(document["profile"]["invocations"], 0);
  EXPECT_EQ(document["profile"]["us"], 0.0);
  EXPECT_EQ(document["profile"]["ops"].size(), plan_->ops.size());
}

}  // namespace
}  // namespace npu
