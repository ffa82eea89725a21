// Sessions with state: recurrent operators, resource variables, what a reset and a failure do to them.
// SPDX-License-Identifier: Apache-2.0
#include "capi/session.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "backends/cpu/cpu_backend.h"
#include "tests/support/graph_builder.h"

namespace npu::test {
namespace {

constexpr DataType kType = DataType::kInt8;

// min_segment_ops 1: every operator that can be is in a partition.
Result<std::unique_ptr<Session>> MakeSession(const std::shared_ptr<Graph>& graph, const Subgraphs& others = {},
                                             const char* min_segment_ops = "1") {
  NPU_ASSIGN_OR_RETURN(const Options options,
                       ParseOptions({{"device", "reference"}, {"min_segment_ops", min_segment_ops}}));
  NPU_RETURN_IF_ERROR(Validate(*graph));
  NPU_ASSIGN_OR_RETURN(Plan plan, MakePlan(std::make_shared<Graph>(*graph), options.plan));
  Subgraphs subgraphs{graph};
  subgraphs.insert(subgraphs.end(), others.begin(), others.end());
  return Session::Create(std::make_shared<const Plan>(std::move(plan)), options, subgraphs);
}

// The one output of one invocation, of one byte.
Result<int> Invoke(Session& session, int x) {
  session.input(0)[0] = static_cast<std::byte>(x);
  NPU_RETURN_IF_ERROR(session.Invoke());
  return static_cast<int8_t>(session.output(0)[0]);
}

// --- Recurrent operators ---

std::shared_ptr<Graph> SvdfGraph() {
  GraphBuilder b;
  const int x = b.Input(kType, {1, 4}, 0.05f, 3);
  const int y = b.Tensor(kType, {1, 2}, 0.05f, -128);
  const int feature = b.Constant(kType, {2, 4}, RandomValues<int8_t>(8, 3, -128, 127), PerTensor(0.1f, 0));
  const int time =
      b.Constant(DataType::kInt16, {2, 3}, RandomValues<int16_t>(6, 4, -20000, 20000), PerTensor(0.0001f, 0));
  const int state = b.State(DataType::kInt16, {1, 6}, 0.001f);
  b.Op(OpKind::kSvdf, {x, feature, time, kNoTensor, state}, {y}, SvdfParams{1, Activation::kRelu});
  return b.Build({y});
}

Bytes RunSession(Session& session, const Bytes& x) {
  std::copy(x.begin(), x.end(), session.input(0).begin());
  const Status status = session.Invoke();
  EXPECT_TRUE(status) << status.error().text;
  return {session.output(0).begin(), session.output(0).end()};
}

TEST(SessionUint8Test, TheInputIsShownAndReadAsUint8) {
  GraphBuilder b;
  const int x = b.Input(kType, {1, 4}, 0.05f, -128), y = b.Tensor(kType, {1, 4}, 0.05f, -128);
  b.Op(OpKind::kRelu6, {x}, {y});
  const auto graph = b.Build({y});
  const auto options = ParseOptions({{"device", "reference"}, {"input_uint8", "#0"}});
  ASSERT_TRUE(options);
  auto plan = MakePlan(graph, options->plan);
  ASSERT_TRUE(plan) << plan.error().text;
  const auto session = Session::Create(std::make_shared<const Plan>(std::move(*plan)), *options);
  ASSERT_TRUE(session) << session.error().text;
  const Tensor& shown = (*session)->graph().tensors[x];
  EXPECT_EQ(shown.type, DataType::kUInt8);
  EXPECT_EQ(shown.zero_point(), 0);
  // 6 / 0.05 is 120.
  EXPECT_EQ(RunSession(**session, {std::byte{0}, std::byte{1}, std::byte{100}, std::byte{255}}),
            (Bytes{std::byte{0x80}, std::byte{0x81}, std::byte{0x80 ^ 100}, std::byte{0x80 ^ 120}}));
}

TEST(SessionStateTest, GoesOnUntilResetAndIsNotShared) {
  const auto graph = SvdfGraph();
  const auto first = MakeSession(graph), second = MakeSession(graph);
  ASSERT_TRUE(first) << first.error().text;
  auto expected = StatefulRun::Create(*MakeCpuBackend(), graph);
  ASSERT_TRUE(expected) << expected.error().text;
  std::vector<Bytes> inputs, outputs;
  for (uint32_t i = 0; i < 6; ++i) {
    inputs.push_back(RandomBytes(graph->tensors[0], i));
    outputs.push_back(expected->Invoke({inputs[i]})->at(0));
  }
  ASSERT_NE(outputs[0], outputs[1]);
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < inputs.size(); ++i) EXPECT_EQ(RunSession(**first, inputs[i]), outputs[i]) << i;
    (*first)->Reset();
  }
  EXPECT_EQ(RunSession(**second, inputs[0]), outputs[0]);
}

TEST(SessionStateTest, Int8StatesStartAtTheirZeroPoint) {
  // One cell whose gates see nothing but the output state: it stays at real 0 for ever.
  GraphBuilder b;
  std::vector<int> operands(24, kNoTensor);
  operands[0] = b.Input(kType, {1, 1, 1}, 0.05f, 0);
  for (int g = 0; g < 4; ++g) {
    operands[1 + g] = b.Constant(kType, {1, 1}, std::vector<int8_t>{0}, PerTensor(0.01f, 0));
    operands[5 + g] = b.Constant(kType, {1, 1}, std::vector<int8_t>{100}, PerTensor(0.01f, 0));
    operands[12 + g] = b.Constant(DataType::kInt32, {1}, std::vector<int32_t>{0}, PerTensor(1, 0));
  }
  operands[18] = b.State(kType, {1, 1}, 1.0f / 128, 40);
  operands[19] = b.State(DataType::kInt16, {1, 1}, 1.0f / 2048, 0);
  const int y = b.Tensor(kType, {1, 1, 1}, 1.0f / 128, 40);
  std::vector<int> intermediates;
  for (int i = 0; i < 4; ++i) intermediates.push_back(b.Tensor(DataType::kInt16, {1}, 1.0f / 4096, 0));
  intermediates.push_back(b.Tensor(kType, {1}, 1.0f / 128, 40));
  b.Op(OpKind::kUnidirectionalSequenceLstm, operands, {y}, SequenceLstmParams{Activation::kTanh});
  const auto graph = b.Build({y});
  graph->ops[0].intermediates = intermediates;
  const auto session = MakeSession(graph);
  ASSERT_TRUE(session) << session.error().text;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Invoke(**session, 17).value_or(0), 40);
}

// --- Resource variables ---

int Handle(GraphBuilder& b, const std::string& name) {
  const int handle = b.Tensor(DataType::kResource, {});
  b.Op(OpKind::kVarHandle, {}, {handle}, VarHandleParams{"", name});
  return handle;
}

int Read(GraphBuilder& b, int handle) {
  const int value = b.Tensor(kType, {1}, 1.0f, 0);
  b.Op(OpKind::kReadVariable, {handle}, {value});
  return value;
}

int Add(GraphBuilder& b, int x, int y) {
  const int sum = b.Tensor(kType, {1}, 1.0f, 0);
  b.Op(OpKind::kAdd, {x, y}, {sum}, BinaryParams{});
  return sum;
}

// "v" = 5
std::shared_ptr<Graph> InitGraph() {
  GraphBuilder b;
  const int five = b.Constant(kType, {1}, std::vector<int8_t>{5}, PerTensor(1, 0));
  b.Op(OpKind::kAssignVariable, {Handle(b, "v"), five}, {});
  return b.Build({});
}

// y = v + x; v = y
std::shared_ptr<Graph> Accumulator(int init_subgraph = 1) {
  GraphBuilder b;
  const int x = b.Input(kType, {1}, 1.0f, 0);
  b.Op(OpKind::kCallOnce, {}, {}, CallOnceParams{init_subgraph});
  const int handle = Handle(b, "v");
  const int y = Add(b, Read(b, handle), x);
  b.Op(OpKind::kAssignVariable, {handle, y}, {});
  return b.Build({y});
}

TEST(SessionVariablesTest, KeptFromInvocationToInvocation) {
  const auto first = MakeSession(Accumulator(), {InitGraph()}), second = MakeSession(Accumulator(), {InitGraph()});
  ASSERT_TRUE(first) << first.error().text;
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Invoke(**first, 1).value_or(0), 6);
    EXPECT_EQ(Invoke(**first, 10).value_or(0), 16);
    EXPECT_EQ(Invoke(**first, -20).value_or(0), -4);
    (*first)->Reset();
  }
  EXPECT_EQ(Invoke(**second, 2).value_or(0), 7);
}

TEST(SessionVariablesTest, AReadBeforeAnAssignmentSeesTheOldValue) {
  GraphBuilder b;
  const int x = b.Input(kType, {1}, 1.0f, 0);
  b.Op(OpKind::kCallOnce, {}, {}, CallOnceParams{1});
  const int old_value = Read(b, Handle(b, "v"));
  b.Op(OpKind::kAssignVariable, {Handle(b, "v"), x}, {});
  const int new_value = Read(b, Handle(b, "v"));
  const int y = Add(b, old_value, new_value);
  const auto session = MakeSession(b.Build({y}), {InitGraph()});
  ASSERT_TRUE(session) << session.error().text;
  EXPECT_EQ(Invoke(**session, 1).value_or(0), 5 + 1);
  EXPECT_EQ(Invoke(**session, 30).value_or(0), 1 + 30);
  EXPECT_EQ(Invoke(**session, 2).value_or(0), 30 + 2);
}

TEST(SessionVariablesTest, AFailedInvocationLeavesThemAsTheyWere) {
  GraphBuilder b;
  const int x = b.Input(kType, {1}, 1.0f, 0);
  const int old_value = Read(b, Handle(b, "v"));
  b.Op(OpKind::kAssignVariable, {Handle(b, "v"), x}, {});
  const int other = Read(b, Handle(b, "w"));
  const auto session = MakeSession(b.Build({Add(b, old_value, other)}));
  ASSERT_TRUE(session) << session.error().text;
  for (int i = 0; i < 2; ++i) {
    const auto y = Invoke(**session, 1);
    ASSERT_FALSE(y);
    EXPECT_NE(y.error().text.find("\"v\" is read before anything was assigned"), std::string::npos) << y.error().text;
  }

  // The same with a value in "v" from the start: now "w" is missing, and "v" stays 5.
  GraphBuilder c;
  const int in = c.Input(kType, {1}, 1.0f, 0);
  c.Op(OpKind::kCallOnce, {}, {}, CallOnceParams{1});
  const int v = Read(c, Handle(c, "v"));
  c.Op(OpKind::kAssignVariable, {Handle(c, "v"), in}, {});
  const int sum = Add(c, v, Read(c, Handle(c, "w")));
  const auto failing = MakeSession(c.Build({sum, v}), {InitGraph()});
  ASSERT_TRUE(failing) << failing.error().text;
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(Invoke(**failing, 77));
    EXPECT_EQ(static_cast<int8_t>((*failing)->output(1)[0]), 5);
  }
}

TEST(SessionVariablesTest, WhatCannotBeIsRefusedWhenTheSessionIsMade) {
  const auto error = [](const std::shared_ptr<Graph>& graph, const Subgraphs& others) {
    const auto session = MakeSession(graph, others);
    return session ? std::string("made") : session.error().text;
  };
  EXPECT_NE(error(Accumulator(0), {InitGraph()}).find("init_subgraph is 0"), std::string::npos);
  EXPECT_NE(error(Accumulator(2), {InitGraph()}).find("init_subgraph is 2"), std::string::npos);
  EXPECT_NE(error(Accumulator(1), {Accumulator(1)}).find("has inputs or outputs"), std::string::npos);
  GraphBuilder nested;
  nested.Op(OpKind::kCallOnce, {}, {}, CallOnceParams{1});
  EXPECT_NE(error(Accumulator(1), {nested.Build({})}).find("calls another"), std::string::npos);

  GraphBuilder wide;
  const int two = wide.Constant(kType, {2}, std::vector<int8_t>{5, 6}, PerTensor(1, 0));
  wide.Op(OpKind::kAssignVariable, {Handle(wide, "v"), two}, {});
  EXPECT_NE(error(Accumulator(1), {wide.Build({})}).find("values of 2 and of 1 bytes"), std::string::npos);

  GraphBuilder foreign;
  const int handle = foreign.Input(DataType::kResource, {});
  const int x = foreign.Input(kType, {1}, 1.0f, 0);
  EXPECT_NE(error(foreign.Build({Add(foreign, Read(foreign, handle), x)}), {}).find("not made by a VAR_HANDLE"),
            std::string::npos);
}

TEST(SessionVariablesTest, WhatIsTooShortForAHostIsComputedToo) {
  const auto session = MakeSession(Accumulator(), {InitGraph()}, "2");
  ASSERT_TRUE(session) << session.error().text;
  EXPECT_EQ(Invoke(**session, 1).value_or(0), 6);
  EXPECT_EQ(Invoke(**session, 10).value_or(0), 16);
}

TEST(SessionVariablesTest, HostsKeepTheOperators) {
  PlanOptions options;
  options.min_segment_ops = 1;
  const auto plan = MakePlan(Accumulator(), options);
  ASSERT_TRUE(plan) << plan.error().text;
  for (const int op : {0, 1, 2, 4}) {
    EXPECT_EQ(plan->ops[op].placement, Placement::kHost);
    ASSERT_EQ(plan->ops[op].reasons.size(), 1u) << DescribeOp(*plan->graph, op);
    EXPECT_EQ(plan->ops[op].reasons[0].code, ReasonCode::kUnsupportedVariable);
  }
  EXPECT_EQ(plan->ops[3].placement, Placement::kNpu);
}

// --- Measuring ---

TEST(SessionProfileTest, MeasuredInvocationsGiveTheSameAndAreCounted) {
  const auto session = MakeSession(SvdfGraph()), other = MakeSession(SvdfGraph());
  ASSERT_TRUE(session && other);
  EXPECT_EQ((*session)->profile(), nullptr);
  (*session)->StartProfile();
  for (uint32_t seed : {1, 2, 3}) {
    const Bytes x = RandomBytes((*session)->graph().tensors[(*session)->graph().inputs[0]], seed);
    EXPECT_EQ(RunSession(**session, x), RunSession(**other, x));
  }
  EXPECT_EQ((*session)->profile()->recorded(), 3);
  (*session)->StartProfile();
  EXPECT_EQ((*session)->profile()->recorded(), 0);
}

// What the session computes in a host's place is measured, too, and stays apart from what runs on the NPU.
TEST(SessionProfileTest, OperatorsThatAHostWouldKeepAreThere) {
  const auto session = MakeSession(Accumulator(), {InitGraph()}, "2");
  ASSERT_TRUE(session) << session.error().text;
  (*session)->StartProfile();
  ASSERT_TRUE(Invoke(**session, 1));
  const auto document = nlohmann::json::parse((*session)->profile()->Json());
  EXPECT_EQ(document["profile"]["ops"][3]["state"], "cpu");
  EXPECT_EQ(document["profile"]["ops"][4]["state"], "host");
}

TEST(SessionProfileTest, TheOptionWritesAFileAtTheEnd) {
  const std::string path = testing::TempDir() + "/session_profile.json";
  std::remove(path.c_str());
  Options options;
  options.device = "reference";
  options.profile_path = path;
  auto plan = MakePlan(SvdfGraph(), options.plan);
  ASSERT_TRUE(plan);
  const auto shared = std::make_shared<const Plan>(std::move(*plan));
  {
    const auto session = Session::Create(shared, options);
    ASSERT_TRUE(session) << session.error().text;
    ASSERT_TRUE((*session)->Invoke());
    EXPECT_FALSE(std::ifstream(path).good());
  }
  const auto document = nlohmann::json::parse(std::ifstream(path));
  EXPECT_EQ(document["profile"]["invocations"], 1);
  std::remove(path.c_str());

  options.profile_path = testing::TempDir();  // a folder
  testing::internal::CaptureStderr();
  {
    const auto session = Session::Create(shared, options);
    ASSERT_TRUE(session) << session.error().text;
    EXPECT_TRUE((*session)->Invoke());
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("cannot be written: Is a directory"), std::string::npos) << text;
  EXPECT_NE(text.find("is not written: "), std::string::npos) << text;
}

}  // namespace
}  // namespace npu::test
