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
  PlanOptions options;
  options.min_segment_ops = 1;
  auto plan = MakePlan(builder.Build({out}), options);
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
  EXPECT_EQ(Keys(report),
            (KeySet{"schema_version", "model", "summary", "partitions", "segments", "memory", "boundaries", "blockers", "advice", "ops",
                    "tensors", "folds",
                                   "declined_folds", "findings", "subgraphs"}));
  EXPECT_EQ(report["schema_version"], 1);
  EXPECT_EQ(Keys(report["model"]),
            (KeySet{"kind", "kind_sentence", "description", "io_notes", "inputs", "outputs", "ops", "size_bytes", "subgraph_name"}));
  EXPECT_EQ(Keys(report["summary"]), (KeySet{"ops", "npu", "delegate_cpu", "host", "macs", "npu_macs",
                                             "npu_mac_share", "partitions", "segments"}));
  EXPECT_EQ(Keys(report["partitions"][0]), (KeySet{"index", "ops", "inputs", "outputs", "macs"}));
  EXPECT_EQ(Keys(report["segments"][0]),
            (KeySet{"index", "partition", "placement", "ops", "inputs", "outputs", "macs"}));
  EXPECT_EQ(Keys(report["memory"]), (KeySet{"arena_bytes", "constant_bytes", "uncopied_bytes", "partitions", "segments"}));
  for (const char* list : {"partitions", "segments"}) {
    ASSERT_EQ(report["memory"][list].size(), report[list].size());
    EXPECT_EQ(Keys(report["memory"][list][0]), (KeySet{"index", "arena_bytes", "constant_bytes", "uncopied_bytes"}));
  }
  EXPECT_EQ(Keys(report["boundaries"][0]),
            (KeySet{"index", "from", "to", "tensors", "bytes", "causes", "host_ops", "host_macs"}));
  EXPECT_EQ(Keys(report["ops"][0]), (KeySet{"index", "op", "version", "name", "inputs", "outputs", "macs",
                                            "placement", "segment", "partition", "evaluated", "folded_into", "notes",
                                            "reasons"}));
  EXPECT_EQ(Keys(report["ops"][2]["reasons"][0]), (KeySet{"code", "kind", "text", "actual", "allowed", "advice"}));
  EXPECT_EQ(Keys(report["blockers"][0]), (KeySet{"op", "ops", "placement", "reasons", "advice", "macs", "victims", "victim_macs",
                                                 "bytes", "boundaries", "extra_partitions"}));
  EXPECT_EQ(Keys(report["advice"][0]), (KeySet{"id", "title", "text", "ops", "macs", "url"}));
  EXPECT_EQ(report["blockers"][0]["reasons"], report["ops"][report["blockers"][0]["ops"][0].get<size_t>()]["reasons"]);
  EXPECT_EQ(Keys(report["tensors"][0]), (KeySet{"index", "name", "type", "shape", "bytes", "constant", "variable"}));
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
  EXPECT_EQ(report["boundaries"],
            json::parse(R"([{"index": 0, "from": 0, "to": -1, "tensors": [2], "bytes": 4, "causes": [2],
                             "host_ops": 1, "host_macs": 0}])"));
  EXPECT_EQ(report["ops"][1]["reasons"], json::array());
  EXPECT_EQ(report["ops"][2]["op"], "FLOOR");
  EXPECT_EQ(report["ops"][2]["version"], 2);
  EXPECT_EQ(report["ops"][2]["placement"], "host");
  EXPECT_EQ(report["ops"][2]["segment"], -1);
  EXPECT_EQ(report["ops"][2]["inputs"], json({2}));
  EXPECT_EQ(report["ops"][2]["reasons"][0]["code"], "UNSUPPORTED_OPERATOR");
  EXPECT_EQ(report["ops"][2]["reasons"][0]["kind"], "own");
  ASSERT_EQ(report["tensors"].size(), 4u);
  EXPECT_EQ(report["tensors"][1]["bytes"], 4);
  EXPECT_EQ(report["tensors"][1]["scale"], 0.5);
  EXPECT_EQ(report["tensors"][1]["constant"], false);
  EXPECT_EQ(report["ops"][2]["name"], "bad \xef\xbf\xbd name \"quoted\"\n");
}

TEST(ReportJson, IsTheSameEveryTimeAndEndsWithANewline) {
  const std::string text = ReportJson(SmallPlan());
  EXPECT_EQ(text, ReportJson(SmallPlan()));
  EXPECT_TRUE(text.ends_with("}\n"));
  EXPECT_TRUE(text.starts_with("{\n  \"advice\": [\n"));
}

TEST(ReportJson, TellsOfTheOtherSubgraphs) {
  ReportContext context;
  context.subgraphs.push_back({"body", SmallPlan()});
  context.subgraphs.push_back({"cond", Fail(ErrorCode::kInvalidOption, "deny names nothing")});
  const json report = json::parse(ReportJson(SmallPlan(), context));
  EXPECT_EQ(Keys(report["subgraphs"][0]), (KeySet{"index", "name", "summary"}));
  EXPECT_EQ(report["subgraphs"][0]["index"], 1);
  EXPECT_EQ(report["subgraphs"][0]["name"], "body");
  EXPECT_EQ(report["subgraphs"][0]["summary"], report["summary"]);
  EXPECT_EQ(report["subgraphs"][1]["error"], "deny names nothing");
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
  const std::string text = OperatorsMarkdown("");
  int listed = 0;
#define NPU_OP(kind, code, name, version, params, room)                                      \
  {                                                                                          \
    const bool has_row = text.find(std::string("\n| ") + name + " | ") != std::string::npos; \
    EXPECT_EQ(has_row, FindRoom(OpKind::kind) != nullptr) << name;                           \
    listed += has_row;                                                                       \
  }
#include "schema/ops.def"
  EXPECT_GE(listed, 30);
#define NPU_REASON(enumerator, code, kind, sentence) EXPECT_NE(text.find("| " code " |"), std::string::npos);
#include "backends/reasons.def"
}

TEST(OperatorsMarkdown, PrintsEveryRule) {
  const std::string text = OperatorsMarkdown("");
  for (OpKind kind : {OpKind::kConv2D, OpKind::kQuantize, OpKind::kReshape}) {
    ASSERT_NE(FindRoom(kind), nullptr);
    EXPECT_FALSE(FindRoom(kind)->rules.empty());
    for (std::string_view rule : FindRoom(kind)->rules) EXPECT_NE(text.find(rule), std::string::npos) << rule;
  }
}

TEST(OperatorsMarkdown, ListsWhatDoesNotConform) {
  const std::string text = OperatorsMarkdown(
      "# comment\n\nTILE\t*\tunsupported\t*\ta | b\n*\topencl\texpected-failure\tgen/*_x\tlater\n");
  EXPECT_NE(text.find("| TILE | any | unsupported | all | a \\| b |\n"), std::string::npos);
  EXPECT_NE(text.find("| any | opencl | expected-failure | `gen/*_x` | later |\n"), std::string::npos);
  EXPECT_EQ(text.find("comment"), std::string::npos);
  EXPECT_TRUE(ReadConformance("too\tfew\n")[0].status.empty());
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

TEST(Diagnose, NamesTheDeviceThatAModelWasCompiledFor) {
  const auto sentence = [](std::string custom_name) {
    GraphBuilder builder;
    const int output = builder.Tensor(DataType::kUInt8, {1, 16});
    builder.Op(OpKind::kCustom, {builder.Input(DataType::kUInt8, {1, 16})}, {output});
    const auto graph = builder.Build({output});
    graph->ops[0].custom_name = std::move(custom_name);
    return Diagnose(*graph).sentence;
  };
  EXPECT_NE(sentence("edgetpu-custom-op").find("Edge TPU"), std::string::npos);
  EXPECT_NE(sentence("ethos-u").find("Ethos-U"), std::string::npos);
  EXPECT_NE(sentence("NeutronGraph").find("Neutron"), std::string::npos);
  EXPECT_NE(sentence("vsi-npu").find("VeriSilicon"), std::string::npos);
  EXPECT_NE(sentence("MTKEXT_CONV_2D").find("MTKEXT_CONV_2D"), std::string::npos);
  EXPECT_NE(sentence("DISPATCH_OP").find("LiteRT"), std::string::npos);
  EXPECT_EQ(sentence("AcmeMagic").find("compiled for"), std::string::npos);
}

TEST(Diagnose, SaysWhatUint8WeightsAre) {
  const auto sentence = [](OpKind kind, bool weights) {
    GraphBuilder builder;
    std::vector<int> inputs = {builder.Input(DataType::kUInt8, {1, 16}, 0.5f, 128)};
    if (weights) {
      inputs.push_back(builder.Constant<uint8_t>(DataType::kUInt8, {16, 16}, std::vector<uint8_t>(256),
                                                 test::PerTensor(0.5f, 100)));
    }
    const int output = builder.Tensor(DataType::kUInt8, {1, 16}, 0.5f, 128);
    builder.Op(kind, inputs, {output});
    return Diagnose(*builder.Build({output})).sentence;
  };
  EXPECT_NE(sentence(OpKind::kFullyConnected, true).find("TF1"), std::string::npos);
  EXPECT_EQ(sentence(OpKind::kRelu, false).find("TF1"), std::string::npos);
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
