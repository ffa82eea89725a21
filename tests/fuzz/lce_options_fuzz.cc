// Fuzzes the flexbuffer options of Larq's operators, on to shapes, rules and, where those let it pass, the computation
// itself on small tensors. The first bytes choose operator and shapes, the rest are the options. A finding is a crash, a
// sanitizer report, an error without a text, or rules that let through what the kernels do not survive.
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/inference.h"
#include "backends/ops/room.h"
#include "schema/custom_options.h"

namespace {

using namespace npu;

// Larger outputs prove nothing more and take long.
constexpr int64_t kMostBytes = 1 << 16;
constexpr int64_t kMostMacs = 1 << 22;

struct Choices {
  const uint8_t* data;
  size_t size;
  int Next(int below) {
    if (size == 0) return 0;
    --size;
    return *data++ % below;
  }
};

int AddTensor(Graph& graph, DataType type, std::vector<int32_t> shape, const std::vector<std::byte>* data = nullptr) {
  Tensor tensor;
  tensor.type = type;
  tensor.shape = std::move(shape);
  if (type == DataType::kInt8) tensor.quantization = {.scale = {0.5f}, .zero_point = {3}};
  if (data != nullptr) tensor.data.bytes = std::span(*data).first(static_cast<size_t>(tensor.byte_size().value_or(0)));
  graph.tensors.push_back(std::move(tensor));
  return static_cast<int>(graph.tensors.size()) - 1;
}

void Run(std::shared_ptr<Graph> graph) {
  const auto inferred = InferShapes(*graph);
  const Op& op = graph->ops[0];
  const Verdict verdict = CheckCpu(*graph, op);
  for (const Reason& reason : verdict.reasons()) {
    if (reason.text.empty()) std::abort();
  }
  if (!inferred.errors[0].empty() || !verdict.eligible() || Macs(*graph, op) > kMostMacs) return;
  const int64_t in_bytes = *graph->tensors[op.inputs[0]].byte_size(), out_bytes = *graph->tensors[op.outputs[0]].byte_size();
  if (in_bytes > kMostBytes || out_bytes > kMostBytes) return;
  std::vector<std::byte> input(in_bytes, std::byte{0x5a}), first(out_bytes), second(out_bytes);
  const std::byte* const inputs[] = {input.data()};
  for (const auto& [backend, out] : {std::pair{MakeCpuBackend(), &first}, std::pair{MakeFastCpuBackend(), &second}}) {
    const auto executable = backend->Compile(graph, {{0}, {op.inputs[0]}, {op.outputs[0]}}, {.threads = 1});
    if (!executable) std::abort();
    std::byte* const outputs[] = {out->data()};
    if (!(*executable)->Invoke(inputs, outputs)) std::abort();
  }
  if (first != second) {
    std::fputs("the fast kernel differs from the reference\n", stderr);
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<std::byte> zeros(1 << 16, std::byte{0x11});
  Choices choices{data, size};
  auto graph = std::make_shared<Graph>();
  Op op;
  op.kind = choices.Next(2) ? OpKind::kLceBconv2d : OpKind::kLceBMaxPool2d;
  const int32_t words = 1 + choices.Next(4), outputs = 1 + choices.Next(40);
  op.inputs = {AddTensor(*graph, DataType::kInt32, {1, 1 + choices.Next(9), 1 + choices.Next(9), words})};
  DataType type = DataType::kInt32;
  op.params = LceBMaxPool2dParams{};
  if (op.kind == OpKind::kLceBconv2d) {
    op.params = LceBconv2dParams{};
    constexpr DataType kTypes[] = {DataType::kInt32, DataType::kFloat32, DataType::kInt8};
    type = kTypes[choices.Next(3)];
    const std::vector<int32_t> filter = {outputs, 1 + choices.Next(3), 1 + choices.Next(3), 1 + choices.Next(words)};
    op.inputs.push_back(AddTensor(*graph, DataType::kInt32, filter, &zeros));
    const DataType per_channel = type == DataType::kInt32 ? DataType::kInt32 : DataType::kFloat32;
    op.inputs.push_back(AddTensor(*graph, per_channel, {outputs}, &zeros));
    if (type != DataType::kInt32) op.inputs.push_back(AddTensor(*graph, per_channel, {outputs}, &zeros));
  }
  op.outputs = {AddTensor(*graph, type, {})};
  graph->inputs = {op.inputs[0]};
  graph->outputs = op.outputs;
  reader::ReadCustomParams(std::as_bytes(std::span(choices.data, choices.size)), &op);
  graph->ops.push_back(std::move(op));
  Run(graph);
  return 0;
}
