// SPDX-License-Identifier: Apache-2.0
#include "partitioner/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "backends/ops/room.h"
#include "partitioner/diagnosis.h"
#include "tests/support/graph_builder.h"

namespace npu {
namespace {

using nlohmann::json;
using test::GraphBuilder;

// float input -> QUANTIZE -> RELU -> ABS (host) -> output
Plan SmallPlan() {
  GraphBuilder builder;
  const int in = builder.Input(DataType::kFloat32, {1, 4});
  const int q = builder.Tensor(DataType::kInt8, {1, 4}, 0.5f, 3);
  const int relu = builder.Tensor(DataType::kInt8, {1, 4}, 0.5f, 3);
  const int out = builder.Tensor(DataType::kInt8, {1, 4}, 0.5f, 3);
  builder.Op(OpKind::kQuantize, {in}, {q});
  builder.Op(OpKind::kRelu, {q}, {relu});
  builder.Op(OpKind::kFloor, {relu}, {out}, {}, 2);
  builder.tensor(out).name = "bad \xff name \"quoted\"\n";
  auto plan = MakePlan(builder.Build({out}), {});
  EXPECT_TRUE(plan);
  return std::move(*plan);
}

std::set<std::string> Keys(const json& object) {
  std::set<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  return keys;
}

using KeySet = std::set<std::string>;

TEST(ReportJson, HasExactlyTheDocumentedKeys) {
  const json report = json::parse(ReportJson(SmallPlan()));
  EXPECT_EQ(Keys(report), (KeySet{"schema_version", "model", "summary", "partitions", "segments", "ops"}));
  EXPECT_EQ(report["schema_version"], 1);
  EXPECT_EQ(Keys(report["model"]),
            (KeySet{"kind", "kind_sentence", "description", "inputs", "outputs", "ops", "size_bytes"}));
  EXPECT_EQ(Keys(report["summary"]), (KeySet{"ops", "npu", "delegate_cpu", "host", "macs", "npu_macs",
                                             "npu_mac_share", "partitions", "segments"}));
  EXPECT_EQ(Keys(report["partitions"][0]), (KeySet{"index", "ops", "inputs", "outputs", "macs"}));
  EXPECT_EQ(Keys(report["segments"][0]),
            (KeySet{"index", "partition", "placement", "ops", "inputs", "outputs", "macs"}));
  EXPECT_EQ(Keys(report["ops"][0]), (KeySet{"index", "op", "version", "name", "inputs", "outputs", "macs",
                                            "placement", "segment", "partition", "evaluated", "reasons"}));
  EXPECT_EQ(Keys(report["ops"][2]["reasons"][0]), (KeySet{"code", "text", "actual", "allowed"}));
  EXPECT_EQ(Keys(report["model"]["inputs"][0]), (KeySet{"index", "name", "type", "shape"}));
  EXPECT_EQ(Keys(report["model"]["outputs"][0]),
            (KeySet{"index", "name", "type", "shape", "scale", "zero_point"}));
}

TEST(ReportJson, SaysWhatThePlanSays) {
  const json report = json::parse(ReportJson(SmallPlan(), {1234, "made by hand"}));
  EXPECT_EQ(report["model"]["size_bytes"], 1234);
  EXPECT_EQ(report["model"]["description"], "made by hand");
  EXPECT_EQ(report["model"]["kind"], "int8-float-io");
  EXPECT_EQ(report["model"]["outputs"][0]["scale"], 0.5);
  EXPECT_EQ(report["model"]["outputs"][0]["zero_point"], 3);
  EXPECT_EQ(report["model"]["outputs"][0]["type"], "INT8");
  EXPECT_EQ(report["model"]["outputs"][0]["shape"], json({1, 4}));
  EXPECT_EQ(report["summary"]["npu"], 1);
  EXPECT_EQ(report["summary"]["delegate_cpu"], 1);
  EXPECT_EQ(report["summary"]["host"], 1);
  EXPECT_EQ(report["summary"]["npu_mac_share"], 0.0);
  EXPECT_EQ(report["segments"][0]["placement"], "delegate-cpu");
  EXPECT_EQ(report["segments"][1]["placement"], "npu");
  EXPECT_EQ(report["ops"][1]["reasons"], json::array());
  EXPECT_EQ(report["ops"][2]["op"], "FLOOR");
  EXPECT_EQ(report["ops"][2]["version"], 2);
  EXPECT_EQ(report["ops"][2]["placement"], "host");
  EXPECT_EQ(report["ops"][2]["segment"], -1);
  EXPECT_EQ(report["ops"][2]["inputs"], json({2}));
  EXPECT_EQ(report["ops"][2]["reasons"][0]["code"], "UNSUPPORTED_OPERATOR");
  EXPECT_EQ(report["ops"][2]["name"], "bad \xef\xbf\xbd name \"quoted\"\n");
}

TEST(ReportJson, IsTheSameEveryTimeAndEndsWithANewline) {
  const std::string text = ReportJson(SmallPlan());
  EXPECT_EQ(text, ReportJson(SmallPlan()));
  EXPECT_TRUE(text.ends_with("}\n"));
  EXPECT_TRUE(text.starts_with("{\n  \"model\": {\n"));
}

TEST(ReportJson, AnEmptyModelIsAReportToo) {
  auto plan = MakePlan(GraphBuilder().Build({}), {});
  ASSERT_TRUE(plan);
  const json report = json::parse(ReportJson(*plan));
  EXPECT_EQ(report["model"]["kind"], "empty");
  EXPECT_EQ(report["summary"]["npu_mac_share"], 1.0);
  EXPECT_EQ(report["ops"], json::array());
}

TEST(ReportJson, UnknownShapesAreNull) {
  GraphBuilder builder;
  const int in = builder.Input(DataType::kInt8, {}, 0.5f);
  builder.tensor(in).shape_known = false;
  auto plan = MakePlan(builder.Build({in}), {});
  ASSERT_TRUE(plan);
  EXPECT_TRUE(json::parse(ReportJson(*plan))["model"]["inputs"][0]["shape"].is_null());
}

TEST(OperatorsMarkdown, ListsEveryOperatorWithARoomAndEveryReason) {
  const std::string text = OperatorsMarkdown();
  int listed = 0;
#define NPU_OP(kind, code, name, version, params, room)                                      \
  {                                                                                          \
    const bool has_row = text.find(std::string("\n| ") + name + " | ") != std::string::npos; \
    EXPECT_EQ(has_row, FindRoom(OpKind::kind) != nullptr) << name;                           \
    listed += has_row;                                                                       \
  }
#include "schema/ops.def"
  EXPECT_GE(listed, 30);
#define NPU_REASON(enumerator, code, sentence) EXPECT_NE(text.find("| " code " |"), std::string::npos);
#include "backends/reasons.def"
}

TEST(OperatorsMarkdown, PrintsEveryRule) {
  const std::string text = OperatorsMarkdown();
  for (OpKind kind : {OpKind::kConv2D, OpKind::kQuantize, OpKind::kReshape}) {
    ASSERT_NE(FindRoom(kind), nullptr);
    EXPECT_FALSE(FindRoom(kind)->rules.empty());
    for (std::string_view rule : FindRoom(kind)->rules) EXPECT_NE(text.find(rule), std::string::npos) << rule;
  }
}

// One operator of each kind of model.
std::string_view KindOfOneOp(OpKind kind, DataType in, DataType out, DataType weights = DataType::kString,
                             std::string custom_name = "") {
  GraphBuilder builder;
  std::vector<int> inputs = {builder.Input(in, {1, 16})};
  if (weights != DataType::kString) {
    inputs.push_back(builder.Constant<int32_t>(weights, {16, 16}, std::vector<int32_t>(256)));
  }
  const int output = builder.Tensor(out, {1, 16});
  builder.Op(kind, inputs, {output});
  const auto graph = builder.Build({output});
  graph->ops[0].custom_name = std::move(custom_name);
  return Diagnose(*graph).code;
}

TEST(Diagnose, NamesTheKindOfModel) {
  constexpr auto kF32 = DataType::kFloat32;
  constexpr auto kI8 = DataType::kInt8;
  constexpr auto kU8 = DataType::kUInt8;
  constexpr auto kI16 = DataType::kInt16;
  constexpr auto kFc = OpKind::kFullyConnected;
  EXPECT_EQ(KindOfOneOp(kFc, kI8, kI8, kI8), "int8");
  EXPECT_EQ(KindOfOneOp(kFc, kU8, kU8, kU8), "uint8");
  EXPECT_EQ(KindOfOneOp(kFc, kF32, kF32, kF32), "float32");
  EXPECT_EQ(KindOfOneOp(kFc, kF32, kF32, kI8), "dynamic-range");
  EXPECT_EQ(KindOfOneOp(kFc, kF32, kF32, DataType::kFloat16), "float16");
  EXPECT_EQ(KindOfOneOp(kFc, kF32, kF32, DataType::kInt4), "int4-weights");
  EXPECT_EQ(KindOfOneOp(kFc, kF32, kF32, DataType::kInt2), "int2-weights");
  EXPECT_EQ(KindOfOneOp(kFc, kI16, kI16, kI8), "int16x8");
  EXPECT_EQ(KindOfOneOp(OpKind::kQuantize, kF32, kI8), "conversion-only");
  EXPECT_EQ(KindOfOneOp(OpKind::kArgMax, kI8, DataType::kInt32), "other");
  EXPECT_EQ(KindOfOneOp(OpKind::kLceQuantize, kF32, DataType::kInt32), "binary");
  EXPECT_EQ(KindOfOneOp(OpKind::kCustom, kU8, kU8, DataType::kString, "edgetpu-custom-op"), "precompiled");
  EXPECT_EQ(Diagnose(*GraphBuilder().Build({})).code, "empty");
}

TEST(Diagnose, TellsTheBordersOfInt8Models) {
  const auto code = [](DataType in, DataType out) {
    GraphBuilder builder;
    const int input = builder.Input(in, {1, 4});
    const int a = builder.Tensor(DataType::kInt8, {1, 4});
    const int b = builder.Tensor(DataType::kInt8, {1, 4});
    const int output = builder.Tensor(out, {1, 4});
    builder.Op(OpKind::kQuantize, {input}, {a});
    builder.Op(OpKind::kRelu, {a}, {b});
    builder.Op(OpKind::kDequantize, {b}, {output});
    return std::string(Diagnose(*builder.Build({output})).code);
  };
  EXPECT_EQ(code(DataType::kFloat32, DataType::kFloat32), "int8-float-io");
  EXPECT_EQ(code(DataType::kInt8, DataType::kFloat32), "int8-float-io");
  EXPECT_EQ(code(DataType::kUInt8, DataType::kInt8), "int8-mixed-io");
  EXPECT_EQ(code(DataType::kInt8, DataType::kInt8), "int8");
}

}  // namespace
}  // namespace npu
