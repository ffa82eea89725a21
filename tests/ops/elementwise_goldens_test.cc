// The reference and the OpenCL kernels against what LiteRT's BUILTIN_REF answered for the corners of each
// elementwise operator (tests/data/make_elementwise_goldens.py).
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/room.h"
#include "tests/ops/goldens.h"
#include "tests/support/graph_builder.h"

namespace npu::test {
namespace {

using nlohmann::json;

OpParams ParamsOf(const std::string& op, const json& args) {
  if (op == "LEAKY_RELU") return LeakyReluParams{args["alpha"].get<float>()};
  if (op == "SOFTMAX") return SoftmaxParams{args["beta"].get<float>()};
  if (op == "GELU") return GeluParams{args["approximate"].get<bool>()};
  if (op != "ADD" && op != "SUB" && op != "MUL" && op != "DIV") return NoParams{};
  const std::map<std::string, Activation> activations = {{"NONE", Activation::kNone},
                                                         {"RELU", Activation::kRelu},
                                                         {"RELU_N1_TO_1", Activation::kReluN1To1},
                                                         {"RELU6", Activation::kRelu6}};
  return BinaryParams{activations.at(args["activation"].get<std::string>())};
}

// The input arrays: given, or every byte, or every pair of `values`.
std::vector<Bytes> InputsOf(const json& c) {
  if (c.contains("x")) return {FromHex(c["x"])};
  std::vector<Bytes> inputs(c.contains("values") ? 2 : 1);
  if (c.contains("values")) {
    for (int a : c["values"]) {
      for (int b : c["values"]) {
        inputs[0].push_back(static_cast<std::byte>(a));
        inputs[1].push_back(static_cast<std::byte>(b));
      }
    }
    return inputs;
  }
  const int low = c["types"][0] == "INT8" ? -128 : 0;
  for (int v = low; v < low + 256; ++v) inputs[0].push_back(static_cast<std::byte>(v));
  return inputs;
}

std::shared_ptr<Graph> GraphOf(const json& c, const std::vector<Bytes>& inputs) {
  GraphBuilder builder;
  const OpKind kind = *FindOpByName(c["op"].get<std::string>());
  const auto type = [&](size_t i) { return TypeNamed(c["types"][i]); };
  const auto count = static_cast<int32_t>(inputs[0].size() / (type(0) == DataType::kFloat32 ? 4 : 1));
  std::vector<int32_t> shape = {count};
  if (c.contains("depth")) shape = {count / c["depth"].get<int>(), c["depth"].get<int>()};
  std::vector<int> operands;
  for (size_t i = 0; i < inputs.size(); ++i) {
    operands.push_back(builder.Input(type(i), shape, c["scales"][i], c["zero_points"][i]));
  }
  const size_t last = inputs.size();
  const int output =
      builder.Tensor(type(last), shape, c["scales"][last].get<float>(), c["zero_points"][last]);
  builder.Op(kind, operands, {output}, ParamsOf(c["op"], c["args"]));
  return builder.Build({output});
}

void ExpectGolden(Backend& backend, const json& c, const std::shared_ptr<Graph>& graph,
                  const std::vector<Bytes>& inputs) {
  const auto outputs = RunGraph(backend, graph, inputs);
  ASSERT_TRUE(outputs) << outputs.error().text;
  const Bytes expected = FromHex(c["y"]);
  ASSERT_EQ(outputs->at(0).size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(std::to_integer<int>(outputs->at(0)[i]), std::to_integer<int>(expected[i]))
        << backend.name() << ", byte " << i << " of " << json(c["op"]) << " " << c["types"] << " scales "
        << c["scales"] << " zero points " << c["zero_points"] << " " << c["args"];
  }
}

TEST(ElementwiseGoldens, ReferenceAndDeviceGiveLiteRtsBytes) {
  const json cases = ReadGoldens("elementwise_goldens.json", 1000);
  const std::shared_ptr<Backend> cpu = MakeCpuBackend();
  Backend* device = TestDevice();
  for (const json& c : cases) {
    const std::vector<Bytes> inputs = InputsOf(c);
    const std::shared_ptr<Graph> graph = GraphOf(c, inputs);
    ExpectGolden(*cpu, c, graph, inputs);
    const bool on_npu = CheckNpu(*graph, graph->ops[0]).eligible();
    const bool has_float =
        TypeNamed(c["types"][0]) == DataType::kFloat32 || TypeNamed(c["types"][1]) == DataType::kFloat32;
    EXPECT_EQ(on_npu, !has_float) << c["op"] << c["scales"];
    if (on_npu && device != nullptr) ExpectGolden(*device, c, graph, inputs);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace npu::test
