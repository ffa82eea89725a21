// TFLite_Detection_PostProcess on delegate-cpu: LiteRT's answers (tests/data/make_detection_goldens.py), what happens
// to boxes that are inside out, placement after an NPU operator, rules.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/room.h"
#include "partitioner/plan.h"
#include "tests/support/graph_builder.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

using nlohmann::json;

DataType TypeOf(const json& name) { return name == "UINT8" ? DataType::kUInt8 : DataType::kFloat32; }

int Operand(GraphBuilder& b, DataType type, std::vector<int32_t> shape, const json& quantization) {
  const bool quantized = type == DataType::kUInt8;
  return b.Input(type, std::move(shape), quantized ? quantization[0].get<float>() : 0,
                 quantized ? quantization[1].get<int>() : 0);
}

std::shared_ptr<Graph> GraphOf(const json& c) {
  GraphBuilder b;
  const int32_t boxes = c["boxes"];
  const std::vector<int> inputs{
      Operand(b, TypeOf(c["box_type"]), {1, boxes, c["box_size"]}, c["box_quantization"]),
      Operand(b, TypeOf(c["score_type"]), {1, boxes, c["columns"]}, c["score_quantization"]),
      Operand(b, TypeOf(c["box_type"]), {boxes, 4}, c["anchor_quantization"])};
  std::vector<int> outputs;
  for (int i = 0; i < 4; ++i) outputs.push_back(b.Tensor(DataType::kFloat32, {}));
  b.Op(OpKind::kDetectionPostProcess, inputs, outputs,
       DetectionPostProcessParams{.max_detections = c["max_detections"],
                                  .max_classes_per_detection = c["max_classes_per_detection"],
                                  .detections_per_class = c.value("detections_per_class", 100),
                                  .use_regular_nms = c.value("use_regular_nms", false),
                                  .score_threshold = c["nms_score_threshold"],
                                  .iou_threshold = c["nms_iou_threshold"],
                                  .num_classes = c["num_classes"],
                                  .y_scale = c["y_scale"],
                                  .x_scale = c["x_scale"],
                                  .h_scale = c["h_scale"],
                                  .w_scale = c["w_scale"]});
  return b.Build(outputs);
}

Bytes AsBytes(const std::vector<float>& values) {
  Bytes bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::vector<float> AsFloats(const Bytes& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// Bytes as the script draws them, or the numbers that it makes of them.
class Source {
 public:
  explicit Source(uint32_t seed) : state_(seed) {}
  Bytes Draw(const npu::Tensor& tensor, uint32_t values, float zero, float divisor) {
    std::vector<float> floats;
    Bytes bytes(static_cast<size_t>(*tensor.element_count()));
    for (std::byte& byte : bytes) {
      state_ = state_ * 1664525u + 1013904223u;
      byte = static_cast<std::byte>((state_ >> 24) % values);
      floats.push_back((static_cast<float>(std::to_integer<int>(byte)) - zero) / divisor);
    }
    return tensor.type == DataType::kUInt8 ? bytes : AsBytes(floats);
  }

 private:
  uint32_t state_;
};

Bytes FromHex(const std::string& text) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

TEST(DetectionPostProcessTest, GivesLiteRtsBytes) {
  std::ifstream file(NPU_TEST_DATA_DIR "/detection_goldens.json");
  ASSERT_TRUE(file) << "missing test data";
  const json cases = json::parse(file);
  ASSERT_GT(cases.size(), 200u);
  for (const json& c : cases) {
    const std::shared_ptr<Graph> graph = GraphOf(c);
    Source source(c["seed"]);
    std::vector<Bytes> inputs;
    inputs.push_back(source.Draw(graph->tensors[0], 256, 128, 16));
    inputs.push_back(source.Draw(graph->tensors[1], c["values"], 0, 256));
    inputs.push_back(source.Draw(graph->tensors[2], 256, 0, 256));
    const auto outputs = RunGraph(*MakeCpuBackend(), graph, inputs);
    ASSERT_TRUE(outputs) << outputs.error().text << c;
    ASSERT_TRUE(CheckCpu(*graph, graph->ops[0]).eligible()) << c;
    for (int i = 0; i < 4; ++i) ASSERT_EQ(outputs->at(i), FromHex(c["y"][i])) << "output " << i << " of " << c;
  }
}

const json kSmall = json::parse(R"({"boxes": 2, "box_size": 4, "columns": 2, "num_classes": 1, "box_type": "FLOAT32",
  "score_type": "FLOAT32", "box_quantization": [], "score_quantization": [], "anchor_quantization": [],
  "max_detections": 2, "max_classes_per_detection": 1, "nms_score_threshold": 0.5, "nms_iou_threshold": 0.5,
  "y_scale": 1.0, "x_scale": 1.0, "h_scale": 1.0, "w_scale": 1.0})");

json With(const std::string& key, const json& value) {
  json c = kSmall;
  c[key] = value;
  return c;
}

TEST(DetectionPostProcessTest, DecodesByHand) {
  // The first box is its anchor; the second moves by half its anchor's size and does not overlap it.
  const std::vector<Bytes> inputs{AsBytes({0, 0, 0, 0, 0.5f, 0.5f, 0, 0}), AsBytes({0, 0.75f, 0, 0.875f}),
                                  AsBytes({0.5f, 0.5f, 0.5f, 0.5f, 2, 2, 1, 1})};
  const auto outputs = RunGraph(*MakeCpuBackend(), GraphOf(kSmall), inputs);
  ASSERT_TRUE(outputs) << outputs.error().text;
  EXPECT_EQ(AsFloats(outputs->at(0)), (std::vector<float>{2, 2, 3, 3, 0.25f, 0.25f, 0.75f, 0.75f}));
  EXPECT_EQ(AsFloats(outputs->at(1)), (std::vector<float>{0, 0}));
  EXPECT_EQ(AsFloats(outputs->at(2)), (std::vector<float>{0.875f, 0.75f}));
  EXPECT_EQ(AsFloats(outputs->at(3)), std::vector<float>{2});
}

TEST(DetectionPostProcessTest, BoxesInsideOutAreAnError) {
  const std::vector<Bytes> inputs{AsBytes(std::vector<float>(8)), AsBytes({0, 1, 0, 1}),
                                  AsBytes({0.5f, 0.5f, -0.5f, 0.5f, 2, 2, 1, 1})};
  const auto outputs = RunGraph(*MakeCpuBackend(), GraphOf(kSmall), inputs);
  ASSERT_FALSE(outputs);
  EXPECT_NE(outputs.error().text.find("box 0 is inside out"), std::string::npos) << outputs.error().text;
}

TEST(DetectionPostProcessTest, NotANumberIsNoDetection) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<Bytes> inputs{AsBytes(std::vector<float>(8, nan)), AsBytes({nan, nan, nan, nan}),
                                  AsBytes(std::vector<float>(8, nan))};
  for (bool regular : {false, true}) {
    const auto outputs = RunGraph(*MakeCpuBackend(), GraphOf(With("use_regular_nms", regular)), inputs);
    ASSERT_TRUE(outputs) << outputs.error().text;
    EXPECT_EQ(AsFloats(outputs->at(3)), std::vector<float>{0});
  }
}

TEST(DetectionPostProcessTest, TakenOnlyBesideTheNpu) {
  GraphBuilder b;
  const int boxes = b.Input(DataType::kUInt8, {1, 4, 4}, 0.05f, 128);
  const int raw = b.Input(DataType::kUInt8, {1, 4, 3}, 0.05f, 128);
  const int scores = b.Tensor(DataType::kUInt8, {1, 4, 3}, 1.0f / 256, 0);
  const int anchors =
      b.Constant(DataType::kUInt8, {4, 4}, std::vector<uint8_t>(16, 100), PerTensor(0.01f, 0));
  b.Op(OpKind::kLogistic, {raw}, {scores});
  std::vector<int> outputs;
  for (int i = 0; i < 4; ++i) outputs.push_back(b.Tensor(DataType::kFloat32, {}));
  b.Op(OpKind::kDetectionPostProcess, {boxes, scores, anchors}, outputs,
       DetectionPostProcessParams{.max_detections = 3,
                                  .max_classes_per_detection = 1,
                                  .score_threshold = 0.1f,
                                  .iou_threshold = 0.5f,
                                  .num_classes = 2,
                                  .y_scale = 10,
                                  .x_scale = 10,
                                  .h_scale = 5,
                                  .w_scale = 5});
  const auto graph = b.Build(outputs);
  const auto plan = MakePlan(graph, {});
  ASSERT_TRUE(plan) << plan.error().text;
  ASSERT_EQ(plan->partitions.size(), 1u);
  EXPECT_EQ(plan->ops[0].placement, Placement::kNpu);
  EXPECT_EQ(plan->ops[1].placement, Placement::kDelegateCpu);
  EXPECT_EQ(plan->partitions[0].outputs, outputs);
  const auto alone = MakePlan(GraphOf(kSmall), {});
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->ops[0].placement, Placement::kHost);
}

TEST(DetectionPostProcessTest, RulesNameWhatFails) {
  using enum ReasonCode;
  using List = std::vector<ReasonCode>;
  const auto codes = [](const json& c, auto change) {
    const auto graph = GraphOf(c);
    for (int i = 0; i < 4; ++i) graph->tensors[3 + i].shape = std::vector<std::vector<int32_t>>{{1, 2, 4}, {1, 2}, {1, 2}, {1}}[i];
    change(*graph);
    return Codes(CheckCpu(*graph, graph->ops[0]));
  };
  const auto nothing = [](Graph&) {};
  EXPECT_EQ(codes(kSmall, nothing), List{});
  EXPECT_EQ(codes(With("max_detections", 0), nothing), List{kInvalidArgument});
  EXPECT_EQ(codes(With("max_classes_per_detection", -1), nothing), List{kInvalidArgument});
  EXPECT_EQ(codes(With("num_classes", 0), nothing), List{kInvalidArgument});
  EXPECT_EQ(codes(With("num_classes", 3), nothing), List{kInvalidArgument});
  EXPECT_EQ(codes(With("detections_per_class", 0), nothing), List{});
  json regular = With("detections_per_class", 0);
  regular["use_regular_nms"] = true;
  EXPECT_EQ(codes(regular, nothing), List{kInvalidArgument});
  EXPECT_EQ(codes(With("nms_iou_threshold", 0.0), nothing), List{kInvalidArgument});
  EXPECT_EQ(codes(With("nms_iou_threshold", 1.5), nothing), List{kInvalidArgument});
  EXPECT_EQ(codes(With("h_scale", 0.0), nothing), List{kInvalidArgument});
  EXPECT_EQ(codes(With("box_size", 3), nothing), List{kInvalidArgument});
  json huge = With("max_detections", 1 << 30);
  huge["max_classes_per_detection"] = 1 << 30;
  EXPECT_EQ(codes(huge, nothing), List{kInvalidArgument});
  EXPECT_EQ(codes(kSmall, [](Graph& g) { g.tensors[0].type = DataType::kInt8; }),
            (List{kUnsupportedInputType, kUnsupportedInputType}));
  EXPECT_EQ(codes(kSmall, [](Graph& g) { g.tensors[1].type = DataType::kInt8; }), List{kUnsupportedInputType});
  EXPECT_EQ(codes(kSmall, [](Graph& g) { g.tensors[1].type = DataType::kUInt8; }),
            List{kUnsupportedQuantizationType});
  EXPECT_EQ(codes(kSmall, [](Graph& g) { g.tensors[2].type = DataType::kUInt8; }), List{kUnsupportedInputType});
  EXPECT_EQ(codes(kSmall, [](Graph& g) { g.tensors[2].shape = {3, 4}; }), List{kShapeMismatch});
  EXPECT_EQ(codes(kSmall, [](Graph& g) { g.tensors[1].shape = {2, 2}; }), List{kUnsupportedOperandRank});
  EXPECT_EQ(codes(kSmall, [](Graph& g) { g.tensors[5].type = DataType::kInt8; }), List{kUnsupportedOutputType});
  EXPECT_EQ(codes(kSmall, [](Graph& g) { g.tensors[6].shape = {}; }), List{kShapeMismatch});
  const auto graph = GraphOf(kSmall);
  EXPECT_FALSE(CheckNpu(*graph, graph->ops[0]).eligible());
}

}  // namespace
}  // namespace npu::test
