// The option input_uint8: which tensors it names, what is refused and why, and that the plan's partitions then give the
// bytes of INT8 inputs.
// SPDX-License-Identifier: Apache-2.0
#include "partitioner/uint8_inputs.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "partitioner/compile.h"
#include "partitioner/report.h"
#include "tests/partition/small_net.h"

namespace npu::test {
namespace {

// x and y are INT8 inputs, f a FLOAT32 one; sum = relu(x) + y. z = conv(sum).
struct TwoInputs {
  Net net;
  int x, y, f, sum, z;
  std::shared_ptr<Graph> graph;

  explicit TwoInputs(bool host_reads_x = false) {
    x = net.Input();
    y = net.Input();
    f = net.Input(DataType::kFloat32);
    net.builder.tensor(x).name = "serving_default_image:0";
    net.builder.tensor(y).name = "other";
    net.builder.tensor(f).name = "floats";
    sum = net.Add(net.Relu(x), y);
    net.builder.tensor(sum).name = "sum";
    z = net.Conv(sum);
    std::vector<int> outputs = {z, net.Host(f)};
    if (host_reads_x) outputs.push_back(net.Host(x));
    graph = net.builder.Build(outputs);
  }
};

std::string Refusal(const Graph& graph, const std::string& item) {
  const auto selected = SelectUint8Inputs(graph, {item});
  EXPECT_FALSE(selected) << item;
  if (selected) return {};
  EXPECT_EQ(selected.error().code, ErrorCode::kInvalidOption);
  EXPECT_EQ(selected.error().text.find("option input_uint8: "), 0u) << selected.error().text;
  return selected.error().text;
}

TEST(Uint8Inputs, AreNamedByGlobOrIndex) {
  const TwoInputs two;
  const auto selected = [&](const std::vector<std::string>& items) { return *SelectUint8Inputs(*two.graph, items); };
  EXPECT_EQ(selected({}), std::vector<int>{});
  EXPECT_EQ(selected({"serving_default_image:0"}), std::vector<int>{two.x});
  EXPECT_EQ(selected({"serving_default_image*"}), std::vector<int>{two.x});
  EXPECT_EQ(selected({"#" + std::to_string(two.y)}), std::vector<int>{two.y});
  EXPECT_EQ(selected({std::to_string(two.y), "other", "serving*"}), (std::vector<int>{two.x, two.y}));
}

TEST(Uint8Inputs, WhatIsNoInt8InputIsRefusedByName) {
  const TwoInputs two;
  EXPECT_NE(Refusal(*two.graph, "othr").find("names no tensor; did you mean \"other\"? (inputs: T#0"), std::string::npos)
      << Refusal(*two.graph, "othr");
  EXPECT_NE(Refusal(*two.graph, "#99").find("\"#99\" names no tensor"), std::string::npos);
  EXPECT_NE(Refusal(*two.graph, "sum").find("\"sum\" is no input of the model"), std::string::npos);
  EXPECT_NE(Refusal(*two.graph, "floats").find("is FLOAT32; only INT8"), std::string::npos);
  EXPECT_NE(Refusal(*two.graph, "*").find("is FLOAT32; only INT8"), std::string::npos);
  Graph graph = *two.graph;
  graph.tensors[two.x] = AsUint8(graph.tensors[two.x]);
  EXPECT_NE(Refusal(graph, "serving*").find("is UINT8 already"), std::string::npos);
  graph.tensors[two.y].quantization = {};
  EXPECT_NE(Refusal(graph, "other").find("has 0 scales"), std::string::npos);
}

TEST(Uint8Inputs, TheHostMayNotReadThem) {
  PlanOptions options;
  options.input_uint8 = {"serving*"};
  const TwoInputs read_by_host(true);
  const auto plan = MakePlan(read_by_host.graph, options);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::kInvalidOption);
  EXPECT_NE(plan.error().text.find("is read by Op#"), std::string::npos) << plan.error().text;
  EXPECT_NE(plan.error().text.find("UNIQUE"), std::string::npos) << plan.error().text;

  // An operator that only an option keeps away counts as well.
  options.deny = {"RELU"};
  const auto denied = MakePlan(TwoInputs().graph, options);
  ASSERT_FALSE(denied);
  EXPECT_NE(denied.error().text.find("option deny"), std::string::npos) << denied.error().text;

  Net net;
  const int x = net.Input();
  const int y = net.Relu(x);
  options = {};
  options.input_uint8 = {"#0"};
  const auto output = MakePlan(net.builder.Build({y, x}), options);
  ASSERT_FALSE(output);
  EXPECT_NE(output.error().text.find("is an output as well"), std::string::npos) << output.error().text;
}

TEST(Uint8Inputs, GiveTheBytesOfInt8) {
  const TwoInputs two;
  PlanOptions options;
  options.input_uint8 = {"serving*"};
  const Plan plan = MakeHoldingPlan(two.graph, options);
  EXPECT_EQ(plan.uint8_inputs, std::vector<int>{two.x});
  ASSERT_EQ(plan.partitions.size(), 1u);
  ASSERT_EQ(plan.partitions[0].inputs, (std::vector<int>{two.x, two.y}));
  Options reference;
  reference.device = "reference";
  const auto backends = OpenBackends(reference);
  ASSERT_TRUE(backends);
  const auto with = CompilePlanPartition(plan, 0, *backends, {});
  const auto without = CompilePlanPartition(MakeHoldingPlan(two.graph), 0, *backends, {});
  ASSERT_TRUE(with && without);

  const Bytes int8 = RandomBytes(two.graph->tensors[two.x], 1), other = RandomBytes(two.graph->tensors[two.y], 2);
  Bytes uint8 = int8;
  for (std::byte& byte : uint8) byte ^= std::byte{0x80};
  Bytes expected(int8.size()), actual(int8.size());
  const auto run = [&](Executable& executable, const Bytes& x, Bytes& out) {
    const std::byte* inputs[] = {x.data(), other.data()};
    std::byte* outputs[] = {out.data()};
    const Status status = executable.Invoke(inputs, outputs);
    ASSERT_TRUE(status) << status.error().text;
  };
  run(**without, int8, expected);
  run(**with, uint8, actual);
  EXPECT_EQ(actual, expected);
  run(**with, int8, actual);
  EXPECT_NE(actual, expected) << "the bytes do not matter";
  const auto report = nlohmann::json::parse(ReportJson(plan));
  EXPECT_NE(report["model"]["io_notes"].dump().find("given as UINT8"), std::string::npos) << report["model"]["io_notes"];
}

}  // namespace
}  // namespace npu::test
