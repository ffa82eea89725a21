// Converters keep one copy of equal constants. A quantizer that meets one with several readers cannot give each its own
// scale, and leaves it in float (tensorflow#40055): so each reader gets a tensor and a buffer of its own.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "tools/model-edit/edits.h"
#include "tools/model-edit/graph_edit.h"

namespace model_edit {
namespace {

using npu::ErrorCode;
using npu::Fail;

std::unique_ptr<fbs::TensorT> CopyOf(fbs::ModelT& model, const fbs::SubGraphT& graph, const fbs::TensorT& tensor) {
  auto copy = std::make_unique<fbs::TensorT>(tensor);
  copy->name = UnusedName(graph, tensor.name + "_copy");
  copy->buffer = static_cast<uint32_t>(model.buffers.size());
  model.buffers.push_back(std::make_unique<fbs::BufferT>(*model.buffers[tensor.buffer]));
  return copy;
}

// What was done; "" where the constant has one reader.
std::string Unshare(fbs::ModelT& model, fbs::SubGraphT& graph, int constant) {
  const std::vector<int> readers = ReadersOf(graph, constant);
  std::string copies;
  // The first reader keeps the original; so do outputs and signatures.
  for (size_t i = 1; i < readers.size(); ++i) {
    const int copy = static_cast<int>(graph.tensors.size());
    graph.tensors.push_back(CopyOf(model, graph, *graph.tensors[constant]));
    for (int32_t& input : graph.operators[readers[i]]->inputs) {
      if (input == constant) input = copy;
    }
    copies += fmt::format("{}T#{} for {}", copies.empty() ? "" : ", ", copy, OpText(model, graph, readers[i]));
  }
  if (copies.empty()) return copies;
  return fmt::format("{} stays with {}; copies: {}", TensorText(graph, constant), OpText(model, graph, readers[0]), copies);
}

}  // namespace

Done UnshareConstants(fbs::ModelT& model, std::optional<int> only) {
  fbs::SubGraphT& graph = *model.subgraphs[0];
  const int count = static_cast<int>(graph.tensors.size());
  if (only) {
    if (*only < 0 || *only >= count)
      return Fail(ErrorCode::kInvalidArgument, fmt::format("--tensor {}: the model has T#0 to T#{}", *only, count - 1));
    if (!IsConstant(model, *graph.tensors[*only])) {
      return Fail(ErrorCode::kUnsupported, TensorText(graph, *only) + " is no constant");
    }
  }
  std::vector<std::string> done;
  for (int i = 0; i < count; ++i) {
    const bool wanted =
        only ? i == *only : graph.tensors[i]->type == fbs::TensorType::FLOAT32 && IsConstant(model, *graph.tensors[i]);
    if (!wanted) continue;
    std::string line = Unshare(model, graph, i);
    if (!line.empty()) done.push_back(std::move(line));
  }
  if (done.empty()) {
    return Fail(ErrorCode::kUnsupported,
                only ? fmt::format("nothing to do: fewer than two operators read {}", TensorText(graph, *only))
                     : "nothing to do: no FLOAT32 constant has several readers");
  }
  return done;
}

}  // namespace model_edit
