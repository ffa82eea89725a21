// The reference and the OpenCL kernels against what LiteRT's BUILTIN_REF answered for operators that reduce
// or rank (tests/data/make_reduction_goldens.py).
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/room.h"
#include "tests/ops/goldens.h"
#include "tests/support/graph_builder.h"

namespace npu::test {
namespace {

using nlohmann::json;

// `values` different bytes from the type's smallest plus `low` on, as the script draws them.
Bytes InputOf(const json& c, size_t count) {
  const int first = (TypeNamed(c["type"]) == DataType::kInt8 ? -128 : 0) + c["low"].get<int>();
  auto state = c["seed"].get<uint32_t>();
  Bytes bytes(count);
  for (std::byte& byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<std::byte>(first + static_cast<int>((state >> 24) % c["values"].get<uint32_t>()));
  }
  return bytes;
}

std::shared_ptr<Graph> GraphOf(const json& c) {
  GraphBuilder b;
  const OpKind kind = *FindOpByName(c["op"].get<std::string>());
  const DataType type = TypeNamed(c["type"]);
  std::vector<int> inputs{b.Input(type, c["shape"], c["in"][0], c["in"][1])};
  if (c.contains("operand")) inputs.push_back(b.Ints(c["operand"]));
  if (c.contains("index_type")) {
    const DataType index_type = TypeNamed(c["index_type"]);
    const int indices = b.Tensor(index_type, {});
    b.Op(kind, inputs, {indices}, ArgMinMaxParams{index_type == DataType::kInt64});
    return b.Build({indices});
  }
  std::vector<int> outputs{b.Tensor(type, {}, c["out"][0].get<float>(), c["out"][1].get<int>())};
  OpParams params = NoParams{};
  if (c.contains("keep_dims")) params = ReducerParams{c["keep_dims"]};
  if (kind == OpKind::kL2Normalization) params = L2NormParams{};
  if (kind == OpKind::kTopkV2) outputs.push_back(b.Tensor(DataType::kInt32, {}));
  b.Op(kind, inputs, outputs, params);
  return b.Build(outputs);
}

void ExpectGolden(Backend& backend, const json& c, const std::shared_ptr<Graph>& graph, const Bytes& input) {
  const auto outputs = RunGraph(backend, graph, {input});
  ASSERT_TRUE(outputs) << outputs.error().text;
  ASSERT_EQ(outputs->size(), c["y"].size());
  for (size_t i = 0; i < outputs->size(); ++i) {
    ASSERT_EQ(outputs->at(i), FromHex(c["y"][i])) << backend.name() << ", output " << i << " of " << c;
  }
}

TEST(ReductionGoldens, ReferenceAndDeviceGiveLiteRtsBytes) {
  const json cases = ReadGoldens("reduction_goldens.json", 900);
  const std::shared_ptr<Backend> cpu = MakeCpuBackend();
  Backend* device = TestDevice();
  for (const json& c : cases) {
    const std::shared_ptr<Graph> graph = GraphOf(c);
    size_t count = 1;
    for (const size_t dim : c["shape"]) count *= dim;
    const Bytes input = InputOf(c, count);
    ExpectGolden(*cpu, c, graph, input);
    if (HasFatalFailure()) return;
    ASSERT_TRUE(CheckNpu(*graph, graph->ops[0]).eligible()) << c;
    if (device != nullptr) ExpectGolden(*device, c, graph, input);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace npu::test
