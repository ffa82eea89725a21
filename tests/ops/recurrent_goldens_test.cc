// SVDF, LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM: what LiteRT answered over several invocations and a reset
// (tests/data/make_recurrent_goldens.py), from the CPU reference and from the device.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/inference.h"
#include "backends/ops/room.h"
#include "tests/ops/goldens.h"
#include "tests/support/graph_builder.h"

namespace npu::test {
namespace {

using nlohmann::json;

// Numbers as the script draws them.
class Numbers {
 public:
  explicit Numbers(uint32_t seed) : state_(seed) {}
  template <typename T>
  std::vector<T> Draw(int64_t count, uint32_t limit) {
    std::vector<T> values;
    for (int64_t i = 0; i < count; ++i) {
      state_ = state_ * 1664525u + 1013904223u;
      values.push_back(static_cast<T>(static_cast<int64_t>((state_ >> 8) % (2 * limit)) - limit));
    }
    return values;
  }
  int Weights8(GraphBuilder& b, std::vector<int32_t> shape, float scale) {
    return Constant<int8_t>(b, DataType::kInt8, std::move(shape), 128, PerTensor(scale, 0));
  }
  template <typename T>
  int Constant(GraphBuilder& b, DataType type, std::vector<int32_t> shape, uint32_t limit, Quantization q) {
    int64_t count = 1;
    for (int32_t dim : shape) count *= dim;
    return b.Constant(type, std::move(shape), Draw<T>(count, limit), std::move(q));
  }
  int Bias(GraphBuilder& b, int32_t count, uint32_t limit) {
    return Constant<int32_t>(b, DataType::kInt32, {count}, limit, PerTensor(1, 0));
  }

 private:
  uint32_t state_;
};

std::shared_ptr<Graph> SvdfGraph(const json& c, Numbers& numbers) {
  GraphBuilder b;
  const int32_t batch = c["batch"], inputs = c["inputs"], filters = c["filters"], memory = c["memory"];
  const int32_t units = filters / c["rank"].get<int32_t>();
  const int x = b.Input(DataType::kInt8, {batch, inputs}, c["in"][0], c["in"][1]);
  const int feature = numbers.Weights8(b, {filters, inputs}, c["feature_scale"]);
  const int time = numbers.Constant<int16_t>(b, DataType::kInt16, {filters, memory}, c["time_limit"],
                                             PerTensor(c["time_scale"], 0));
  const int bias = c["bias"] ? numbers.Bias(b, units, 5000) : kNoTensor;
  const int state = b.State(DataType::kInt16, {batch, filters * memory}, c["state_scale"], 0);
  const int y = b.Tensor(DataType::kInt8, {}, c["out"][0].get<float>(), c["out"][1].get<int>());
  b.Op(OpKind::kSvdf, {x, feature, time, bias, state}, {y}, SvdfParams{c["rank"], Activation::kRelu});
  return b.Build({y});
}

std::shared_ptr<Graph> LstmGraph(const json& c, Numbers& numbers) {
  GraphBuilder b;
  const int32_t batch = c["batch"], time = c["time"], inputs = c["inputs"], cells = c["cells"], outputs = c["outputs"];
  const bool step = c["op"] == "LSTM", time_major = c["time_major"];
  const int first = c["cifg"] ? 1 : 0;
  std::vector<int32_t> shape{batch, time, inputs};
  if (time_major) shape = {time, batch, inputs};
  if (step) shape = {batch, inputs};
  std::vector<int> operands(24, kNoTensor);
  operands[0] = b.Input(DataType::kInt8, shape, c["in"][0], c["in"][1]);
  for (int g = first; g < 4; ++g) operands[1 + g] = numbers.Weights8(b, {cells, inputs}, c["weight_scales"][g]);
  for (int g = first; g < 4; ++g) operands[5 + g] = numbers.Weights8(b, {cells, outputs}, c["recurrent_scales"][g]);
  if (c["peephole"]) {
    for (int k = first; k < 3; ++k) {
      operands[9 + k] = numbers.Constant<int16_t>(b, DataType::kInt16, {cells}, 32768, PerTensor(c["peephole_scale"], 0));
    }
  }
  for (int g = first; g < 4; ++g) operands[12 + g] = numbers.Bias(b, cells, 3000);
  if (c["projection"]) {
    operands[16] = numbers.Weights8(b, {outputs, cells}, c["projection_scale"]);
    operands[17] = numbers.Bias(b, outputs, 3000);
  }
  operands[18] = b.State(DataType::kInt8, {batch, outputs}, c["state"][0], c["state"][1]);
  operands[19] = b.State(DataType::kInt16, {batch, cells}, std::ldexp(1.0f, c["cell_log2"]), 0);
  const int y = b.Tensor(DataType::kInt8, {}, c["state"][0].get<float>(), c["state"][1].get<int>());
  std::vector<int> intermediates;
  for (int i = 0; i < 4; ++i) intermediates.push_back(b.Tensor(DataType::kInt16, {1}, std::ldexp(1.0f, -12), 0));
  intermediates.push_back(b.Tensor(DataType::kInt8, {1}, c["hidden"][0].get<float>(), c["hidden"][1].get<int>()));
  const int op = b.Op(step ? OpKind::kLstm : OpKind::kUnidirectionalSequenceLstm, operands, {y},
                      SequenceLstmParams{Activation::kTanh, c["cell_clip"], c["proj_clip"], !step && time_major});
  const auto graph = b.Build({y});
  graph->ops[op].intermediates = intermediates;
  return graph;
}

void ExpectGolden(Backend& backend, const json& c) {
  Numbers numbers(c["seed"]);
  const auto graph = c["op"] == "SVDF" ? SvdfGraph(c, numbers) : LstmGraph(c, numbers);
  auto run = StatefulRun::Create(backend, graph);
  ASSERT_TRUE(run) << run.error().text << c;
  for (int number = 0; number < c["invocations"].get<int>(); ++number) {
    if (number == c["reset_before"]) run->Reset();
    const std::vector<int8_t> x = numbers.Draw<int8_t>(*graph->tensors[graph->inputs[0]].element_count(), 128);
    const auto bytes = std::as_bytes(std::span(x));
    const auto outputs = run->Invoke({Bytes(bytes.begin(), bytes.end())});
    ASSERT_TRUE(outputs) << outputs.error().text << c;
    ASSERT_EQ(outputs->at(0), FromHex(c["y"][number])) << backend.name() << ", invocation " << number << " of " << c;
  }
}

json Cases() { return ReadGoldens("recurrent_goldens.json", 400); }

TEST(RecurrentGoldens, ReferenceGivesLiteRtsBytes) {
  for (const json& c : Cases()) {
    ExpectGolden(*MakeCpuBackend(), c);
    if (HasFatalFailure()) return;
  }
}

TEST(RecurrentGoldens, DeviceGivesLiteRtsBytes) {
  Backend* device = TestDevice();
  if (device == nullptr) GTEST_SKIP() << "no OpenCL device";
  int projections = 0;
  for (const json& c : Cases()) {
    Numbers numbers(c["seed"]);
    const auto graph = c["op"] == "SVDF" ? SvdfGraph(c, numbers) : LstmGraph(c, numbers);
    InferShapes(*graph);
    const bool projection = c.value("projection", false);
    projections += projection;
    ASSERT_EQ(CheckNpu(*graph, graph->ops[0]).eligible(), !projection) << c;
    ASSERT_TRUE(CheckCpu(*graph, graph->ops[0]).eligible()) << c;
    if (!projection) ExpectGolden(*device, c);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(projections, 20);
}

}  // namespace
}  // namespace npu::test
