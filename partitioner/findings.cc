// SPDX-License-Identifier: Apache-2.0
#include "partitioner/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "backends/ops/lce.h"
#include "backends/ops/room.h"

namespace npu {
namespace {

constexpr size_t kMostNamed = 4;  // consumers told one by one

struct Uses {
  explicit Uses(const Graph& graph) : maker(graph.tensors.size(), -1), readers(graph.tensors.size()) {
    for (size_t i = 0; i < graph.ops.size(); ++i) {
      const Op& op = graph.ops[i];
      for (int tensor : op.outputs) {
        if (tensor != kNoTensor) maker[tensor] = static_cast<int>(i);
      }
      for (size_t slot = 0; slot < op.inputs.size(); ++slot) {
        const int tensor = op.inputs[slot];
        if (tensor == kNoTensor) continue;
        if (readers[tensor].empty() || readers[tensor].back() != static_cast<int>(i)) {
          readers[tensor].push_back(static_cast<int>(i));
        }
      }
    }
  }
  std::vector<int> maker;                 // op, or -1
  std::vector<std::vector<int>> readers;  // ops, each once
};

bool AllZero(const Tensor& constant) {
  return std::all_of(constant.data.bytes.begin(), constant.data.bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// "CONV_2D (Op#1), 23 x LceBconv2d (Op#14, Op#18, Op#22 ...)"
std::string Consumers(const Graph& graph, const std::vector<int>& ops) {
  std::map<std::string, std::vector<int>> by_name;
  for (int op : ops) by_name[std::string(OpName(graph.ops[op]))].push_back(op);
  std::vector<std::string> parts;
  for (const auto& [name, of_name] : by_name) {
    std::string list;
    for (size_t i = 0; i < std::min(of_name.size(), kMostNamed); ++i) {
      list += fmt::format("{}Op#{}", i == 0 ? "" : ", ", of_name[i]);
    }
    parts.push_back(fmt::format("{}{} ({}{})", of_name.size() > 1 ? fmt::format("{} x ", of_name.size()) : "", name, list,
                                of_name.size() > kMostNamed ? " ..." : ""));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

bool MadeBy(const Graph& graph, const Uses& uses, int tensor, OpKind kind) {
  return tensor != kNoTensor && uses.maker[tensor] >= 0 && graph.ops[uses.maker[tensor]].kind == kind;
}

// A float operator that only conversions connect with the rest.
bool IsFloatIsland(const Graph& graph, const Uses& uses, const Op& op) {
  if (op.inputs.empty() || op.outputs.size() != 1 || op.outputs[0] == kNoTensor ||
      graph.tensors[op.outputs[0]].type != DataType::kFloat32) {
    return false;
  }
  const std::vector<int>& readers = uses.readers[op.outputs[0]];
  return MadeBy(graph, uses, op.inputs[0], OpKind::kDequantize) && !readers.empty() &&
         std::all_of(readers.begin(), readers.end(),
                     [&](int reader) { return graph.ops[reader].kind == OpKind::kQuantize; });
}

void FindSharedConstants(const Graph& graph, const Uses& uses, std::vector<Finding>& findings) {
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    if (!IsFloatIsland(graph, uses, op)) continue;
    for (int index : op.inputs) {
      if (index == kNoTensor || !graph.tensors[index].is_constant()) continue;
      const Tensor& constant = graph.tensors[index];
      if (constant.type != DataType::kFloat32 || uses.readers[index].size() < 2) continue;
      findings.push_back(
          {"SHARED_CONSTANT", static_cast<int>(i),
           fmt::format("{} computes in float between DEQUANTIZE and QUANTIZE: its constant T#{} \"{}\" FLOAT32{}{} is shared "
                       "by {}, which need it quantized differently, so that the converter quantized it for none "
                       "(tensorflow#40055). Ways out: convert with trained weights (one training step is enough to tell "
                       "the constants apart), initialise this one with something else than the others, or give each "
                       "consumer a copy of its own in the float file (`model-edit unshare-constants`) and quantize that",
                       OpName(op), index, constant.name, ShapeString(constant), AllZero(constant) ? ", all zero," : "",
                       Consumers(graph, uses.readers[index]))});
    }
  }
}

// Float operators between DEQUANTIZE and QUANTIZE, one finding for all of a kind. `explained`: those that have theirs.
// Around binary operators floats are what Larq's converter makes.
void FindFloatIslands(const Graph& graph, const Uses& uses, const std::vector<Finding>& explained,
                      std::vector<Finding>& findings) {
  const std::vector<bool> wanted = FloatsOnTheWayToQuantize(graph);
  std::vector<bool> from_bytes(graph.tensors.size(), false);
  std::map<OpKind, std::vector<int>> islands;
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    const bool reads = std::any_of(op.inputs.begin(), op.inputs.end(),
                                   [&](int tensor) { return tensor != kNoTensor && from_bytes[tensor]; });
    if (IsBinary(op.kind) || (op.kind != OpKind::kDequantize && !reads)) continue;
    bool island = false;
    for (int tensor : op.outputs) {
      if (tensor == kNoTensor || graph.tensors[tensor].type != DataType::kFloat32) continue;
      from_bytes[tensor] = true;
      island = island || (wanted[tensor] && op.kind != OpKind::kDequantize);
    }
    const auto is_binary = [&](int other) { return other >= 0 && IsBinary(graph.ops[other].kind); };
    for (int tensor : op.inputs) island = island && !(tensor != kNoTensor && is_binary(uses.maker[tensor]));
    const auto is_this = [&](const Finding& finding) { return finding.op == static_cast<int>(i); };
    if (island && std::none_of(explained.begin(), explained.end(), is_this)) islands[op.kind].push_back(static_cast<int>(i));
  }
  for (const auto& [kind, ops] : islands) {
    const OpRoom* room = FindRoom(kind);
    const bool has_8bit_form = room != nullptr && room->lower != nullptr;
    findings.push_back(
        {"FLOAT_ISLAND", ops[0],
         fmt::format("{} in float between DEQUANTIZE and QUANTIZE, in a quantized network. {}", Consumers(graph, ops),
                     has_8bit_form
                         ? "There is an 8-bit form, which the converter did not use: it had no statistics for a tensor of it "
                           "(does the representative dataset reach it?), or its quantizer leaves this operator alone. Convert "
                           "again with a newer converter or with ai-edge-quantizer"
                         : "TFLite has no 8-bit form of it that an NPU runs: express it by operators that have one "
                           "(docs/operators.md), or move it to the network's end")});
  }
}

void FindOutputs(const Graph& graph, const Uses& uses, std::vector<Finding>& findings) {
  const bool quantized_inputs =
      !graph.inputs.empty() && std::all_of(graph.inputs.begin(), graph.inputs.end(), [&](int tensor) {
        return tensor != kNoTensor && Is8Bit(graph.tensors[tensor].type);
      });
  for (int index : graph.outputs) {
    const int maker = index == kNoTensor ? -1 : uses.maker[index];
    if (maker < 0) continue;
    const Tensor& output = graph.tensors[index];
    const OpKind kind = graph.ops[maker].kind;
    const OpView view{graph, graph.ops[maker]};
    if (kind == OpKind::kLceDequantize && view.input(0) != nullptr) {
      findings.push_back({"PACKED_OUTPUT_UNPACKED", maker,
                          fmt::format("LceDequantize only unpacks the output \"{}\": without it the output would be the "
                                      "packed signs T#{} {}, INT32 with channel c in bit c % 32 of word c / 32, 0 for +1 and "
                                      "1 for -1 (npu_unpack_signs unpacks them). `model-edit strip-lce-dequantize` takes it away",
                                      output.name, view.op.inputs[0], ShapeString(*view.input(0)))});
    } else if (quantized_inputs && output.type == DataType::kFloat32 && kind != OpKind::kDequantize) {
      findings.push_back({"FLOAT_OUTPUT", maker,
                          fmt::format("the output \"{}\" is FLOAT32 although the inputs are 8-bit: {} computes it in float, and "
                                      "the converter put no QUANTIZE behind it (it ignores inference_output_type where "
                                      "the last operator gives floats). End the network with an operator that is quantized",
                                      output.name, OpName(graph.ops[maker]))});
    }
  }
}

}  // namespace

std::vector<bool> FloatsOnTheWayToQuantize(const Graph& graph) {
  std::vector<bool> wanted(graph.tensors.size(), false);
  for (size_t i = graph.ops.size(); i-- > 0;) {
    const Op& op = graph.ops[i];
    const bool passes = op.kind == OpKind::kQuantize ||
                        std::any_of(op.outputs.begin(), op.outputs.end(),
                                    [&](int tensor) { return tensor != kNoTensor && wanted[tensor]; });
    if (!passes) continue;
    for (int tensor : op.inputs) {
      if (tensor != kNoTensor && graph.tensors[tensor].type == DataType::kFloat32) wanted[tensor] = true;
    }
  }
  return wanted;
}

std::vector<Finding> FindProblems(const Graph& graph) {
  const Uses uses(graph);
  std::vector<Finding> findings;
  FindSharedConstants(graph, uses, findings);
  FindFloatIslands(graph, uses, std::vector<Finding>(findings), findings);
  FindOutputs(graph, uses, findings);
  return findings;
}

}  // namespace npu
