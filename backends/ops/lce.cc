// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/lce.h"

#include <algorithm>

namespace npu {
namespace {

int32_t LastDimension(const Graph& graph, int tensor) {
  return tensor == kNoTensor || graph.tensors[tensor].shape.empty() ? 0 : graph.tensors[tensor].shape.back();
}

bool Has(const std::vector<int>& tensors, int tensor) {
  return std::find(tensors.begin(), tensors.end(), tensor) != tensors.end();
}

// What the op that makes `tensor` says, looking through pools; 0 if it says nothing.
int32_t ChannelsByMaker(const Graph& graph, int tensor) {
  for (size_t i = graph.ops.size(); i-- > 0;) {  // operators are in order: makers come before
    const Op& op = graph.ops[i];
    if (!Has(op.outputs, tensor) || op.inputs.empty() || op.inputs[0] == kNoTensor) continue;
    if (op.kind == OpKind::kLceQuantize) return LastDimension(graph, op.inputs[0]);
    if (op.kind == OpKind::kLceBconv2d && op.inputs.size() > 1 && op.inputs[1] != kNoTensor) {
      const std::vector<int32_t>& filter = graph.tensors[op.inputs[1]].shape;
      return filter.empty() ? 0 : filter[0];
    }
    if (op.kind != OpKind::kLceBMaxPool2d) return 0;
    tensor = op.inputs[0];
  }
  return 0;
}

// What the first op that reads it says, likewise.
int32_t ChannelsByReader(const Graph& graph, int tensor) {
  for (const Op& op : graph.ops) {
    if (op.inputs.empty() || op.inputs[0] != tensor || op.outputs.empty()) continue;
    if (const auto* params = std::get_if<LceBconv2dParams>(&op.params)) return params->channels_in;
    if (op.kind == OpKind::kLceDequantize) return LastDimension(graph, op.outputs[0]);
    if (op.kind == OpKind::kLceBMaxPool2d) tensor = op.outputs[0];
  }
  return 0;
}

}  // namespace

int32_t PackedChannels(const Graph& graph, int tensor) {
  if (graph.tensors[tensor].type != DataType::kInt32) return 0;
  int32_t channels = ChannelsByMaker(graph, tensor);
  if (channels == 0) channels = ChannelsByReader(graph, tensor);
  return channels > 0 && PackedWords(channels) == LastDimension(graph, tensor) ? channels : 0;
}

}  // namespace npu
