// SPDX-License-Identifier: Apache-2.0
#include "partitioner/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "backends/ops/lce.h"

namespace npu {
namespace {

// Constants up to this size are axes, shapes and paddings rather than weights.
constexpr int64_t kLargestParameterTensor = 8;

// Custom operators that hold a graph compiled for somebody else's device, by the start of their name: what
// the vendors' own compilers and delegates register.
struct VendorOp {
  std::string_view name, device;
};
constexpr VendorOp kVendorOps[] = {
    {"edgetpu-custom-op", "a Coral Edge TPU"},
    {"ethos-u", "an Arm Ethos-U"},
    {"NeutronGraph", "an NXP eIQ Neutron NPU"},
    {"vsi-npu", "a VeriSilicon NPU"},
    {"MTKEXT_", "a MediaTek NPU"},
    {"DISPATCH_OP", "the NPU of a phone, by a LiteRT compiler plug-in"},
};

struct Census {
  // Operators by the type they compute in.
  int float_ops = 0, int8_ops = 0, uint8_ops = 0, int16_ops = 0;
  int other_ops = 0;       // anything else but QUANTIZE and DEQUANTIZE
  int conversion_ops = 0;  // QUANTIZE and DEQUANTIZE
  int dequantize_ops = 0;
  int binary_ops = 0;            // Larq
  int hybrid_ops = 0;            // float activations, 8-bit weights
  int uint8_weight_ops = 0;      // UINT8 weights
  std::string_view precompiled;  // name of the first such operator
  std::string_view device;       // that it was compiled for
  std::array<bool, kDataTypeCount> weight_types{};

  bool weights(DataType type) const { return weight_types[static_cast<size_t>(type)]; }
};

bool HasWeights(OpKind kind) {
  return kind == OpKind::kConv2D || kind == OpKind::kDepthwiseConv2D || kind == OpKind::kFullyConnected ||
         kind == OpKind::kTransposeConv || kind == OpKind::kConv3D;
}

void CountOp(const Graph& graph, const Op& op, Census& census) {
  if (op.kind == OpKind::kCustom && census.precompiled.empty()) {
    census.device = CompiledForDevice(OpName(op));
    if (!census.device.empty()) census.precompiled = OpName(op);
  }
  if (op.kind == OpKind::kQuantize || op.kind == OpKind::kDequantize) {
    ++census.conversion_ops;
    census.dequantize_ops += op.kind == OpKind::kDequantize;
    return;
  }
  census.binary_ops += IsBinary(op.kind);
  const auto type_of = [&](const std::vector<int>& tensors, size_t i) {
    return i < tensors.size() && tensors[i] != kNoTensor ? graph.tensors[tensors[i]].type : DataType::kString;
  };
  if (HasWeights(op.kind)) {
    const size_t activations = op.kind == OpKind::kTransposeConv ? 2 : 0;
    const DataType weights = type_of(op.inputs, 1);
    census.uint8_weight_ops += weights == DataType::kUInt8;
    census.hybrid_ops += type_of(op.inputs, activations) == DataType::kFloat32 &&
                         (Is8Bit(weights) || weights == DataType::kInt4 || weights == DataType::kInt2);
  }
  const auto writes = [&](DataType type) {
    return std::any_of(op.outputs.begin(), op.outputs.end(),
                       [&](int tensor) { return tensor != kNoTensor && graph.tensors[tensor].type == type; });
  };
  if (writes(DataType::kFloat32)) {
    ++census.float_ops;
  } else if (writes(DataType::kInt8)) {
    ++census.int8_ops;
  } else if (writes(DataType::kUInt8)) {
    ++census.uint8_ops;
  } else if (writes(DataType::kInt16)) {
    ++census.int16_ops;
  } else {
    ++census.other_ops;
  }
}

Census TakeCensus(const Graph& graph) {
  Census census;
  for (const Op& op : graph.ops) CountOp(graph, op, census);
  for (const Tensor& tensor : graph.tensors) {
    if (!tensor.is_constant() || tensor.element_count().value_or(0) <= kLargestParameterTensor) continue;
    const auto type = static_cast<size_t>(tensor.type);
    if (type < census.weight_types.size()) census.weight_types[type] = true;
  }
  return census;
}

bool AnyOfType(const Graph& graph, const std::vector<int>& tensors, DataType type) {
  return std::any_of(tensors.begin(), tensors.end(),
                     [&](int tensor) { return graph.tensors[tensor].type == type; });
}

// "int8", "int8 and float32": the types of the graph's inputs or outputs.
std::string TypeList(const Graph& graph, const std::vector<int>& tensors) {
  std::vector<std::string> names;
  for (int tensor : tensors) {
    std::string name(DataTypeName(graph.tensors[tensor].type));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  return names.empty() ? "no" : fmt::format("{}", fmt::join(names, " and "));
}

ModelKind KindOf(const Graph& graph, const Census& census) {
  const bool float_io = AnyOfType(graph, graph.inputs, DataType::kFloat32) ||
                        AnyOfType(graph, graph.outputs, DataType::kFloat32);
  const bool uint8_io =
      AnyOfType(graph, graph.inputs, DataType::kUInt8) || AnyOfType(graph, graph.outputs, DataType::kUInt8);
  if (graph.ops.empty()) return ModelKind::kEmpty;
  if (!census.precompiled.empty()) return ModelKind::kPrecompiled;
  if (census.binary_ops > 0) return ModelKind::kBinary;
  if (census.weights(DataType::kInt2)) return ModelKind::kInt2Weights;
  if (census.weights(DataType::kInt4) || census.weights(DataType::kUInt4)) return ModelKind::kInt4Weights;
  const int quantized_ops = census.int8_ops + census.uint8_ops + census.int16_ops;
  if (census.float_ops > 0) {
    if (quantized_ops > 0) return ModelKind::kMixed;
    if (census.hybrid_ops > 0) return ModelKind::kDynamicRange;
    if (census.weights(DataType::kFloat16)) return ModelKind::kFloat16Weights;
    if (census.weights(DataType::kInt8) && census.dequantize_ops > 0) return ModelKind::kWeightOnlyInt8;
    return ModelKind::kFloat32;
  }
  if (census.int16_ops > 0) return ModelKind::kInt16x8;
  if (census.int8_ops > 0 && census.uint8_ops > 0) return ModelKind::kMixed;
  if (census.uint8_ops > 0) return ModelKind::kUint8;
  if (census.int8_ops > 0) {
    if (float_io) return ModelKind::kInt8FloatIo;
    return uint8_io ? ModelKind::kInt8MixedIo : ModelKind::kInt8;
  }
  return census.other_ops == 0 ? ModelKind::kConversionOnly : ModelKind::kOther;
}

std::string SentenceOf(ModelKind kind, const Graph& graph, const Census& census) {
  const std::string io =
      fmt::format("{} input and {} output", TypeList(graph, graph.inputs), TypeList(graph, graph.outputs));
  switch (kind) {
    case ModelKind::kEmpty: return "no operators: nothing to run";
    case ModelKind::kFloat32:
      return "float32: an 8-bit NPU runs none of it; quantize it with a representative dataset";
    case ModelKind::kFloat16Weights:
      return "float32 with float16 weights: smaller, but still computed in float; quantize it with a "
             "representative dataset";
    case ModelKind::kDynamicRange:
      return "dynamic range: 8-bit weights with float activations, which an 8-bit NPU does not run; quantize "
             "it "
             "with a representative dataset";
    case ModelKind::kWeightOnlyInt8:
      return "float32 with int8 weights that are converted back before use: smaller, but still computed in "
             "float; quantize it with a representative dataset";
    case ModelKind::kInt8: return fmt::format("full int8, {}: fits an NPU as it is", io);
    case ModelKind::kInt8FloatIo:
      return fmt::format("full int8, {}: the inside fits an NPU, the float border is converted on the CPU",
                         io);
    case ModelKind::kInt8MixedIo:
      return fmt::format("full int8, {}: fits an NPU as it is, with the border converted on it", io);
    case ModelKind::kUint8:
      return fmt::format("full uint8{}, {}: fits an NPU as it is",
                         census.uint8_weight_ops > 0
                             ? " (as TF1's quantization-aware training gives it: weights "
                               "per tensor, with a zero point)"
                             : "",
                         io);
    case ModelKind::kInt16x8:
      return fmt::format(
          "16-bit activations, 8-bit weights (int16x8), {}: computed exactly; int8 activations are faster",
          io);
    case ModelKind::kInt4Weights:
    case ModelKind::kInt2Weights: {
      const int bits = kind == ModelKind::kInt4Weights ? 4 : 2;
      if (census.float_ops > 0 || census.int8_ops == 0) {
        return fmt::format(
            "{}-bit weights without int8 activations: an 8-bit NPU runs such weights, widened to 8 bits, "
            "where the "
            "activations are int8; quantize them, too, with a representative dataset",
            bits);
      }
      if (bits == 2) {
        return fmt::format(
            "full int8 with 2-bit weights, {}: FULLY_CONNECTED fits an NPU, other operators have no "
            "2-bit weights",
            io);
      }
      return fmt::format(
          "full int8 with 4-bit weights, {}: fits an NPU, which computes with the weights as int8", io);
    }
    case ModelKind::kMixed:
      return fmt::format(
          "mixed: {} operators compute in 8 or 16 bits and {} in float, so the network is cut where "
          "they meet",
          census.int8_ops + census.uint8_ops + census.int16_ops, census.float_ops);
    case ModelKind::kBinary:
      return fmt::format(
          "binary network (Larq): {} of {} operators compute with single bits, which an 8-bit NPU does not; "
          "they run on delegate-cpu",
          census.binary_ops, graph.ops.size());
    case ModelKind::kPrecompiled:
      return fmt::format(
          "compiled for {} already (operator {}): no other NPU runs that part; start from the model before "
          "that step",
          census.device, census.precompiled);
    case ModelKind::kConversionOnly:
      return fmt::format(
          "QUANTIZE and DEQUANTIZE only, {}: conversions without a network, nothing that an NPU is for", io);
    case ModelKind::kOther: break;
  }
  return fmt::format("neither float nor 8-bit operators, {}: nothing that an NPU is for", io);
}

}  // namespace

std::string_view ModelKindCode(ModelKind kind) {
  switch (kind) {
    case ModelKind::kEmpty: return "empty";
    case ModelKind::kFloat32: return "float32";
    case ModelKind::kFloat16Weights: return "float16";
    case ModelKind::kDynamicRange: return "dynamic-range";
    case ModelKind::kInt8: return "int8";
    case ModelKind::kUint8: return "uint8";
    case ModelKind::kInt8FloatIo: return "int8-float-io";
    case ModelKind::kInt8MixedIo: return "int8-mixed-io";
    case ModelKind::kInt16x8: return "int16x8";
    case ModelKind::kInt4Weights: return "int4-weights";
    case ModelKind::kMixed: return "mixed";
    case ModelKind::kBinary: return "binary";
    case ModelKind::kPrecompiled: return "precompiled";
    case ModelKind::kOther: return "other";
    case ModelKind::kInt2Weights: return "int2-weights";
    case ModelKind::kWeightOnlyInt8: return "weight-only-int8";
    case ModelKind::kConversionOnly: return "conversion-only";
  }
  return "other";
}

std::string_view CompiledForDevice(std::string_view custom_name) {
  for (const VendorOp& vendor : kVendorOps) {
    if (custom_name.starts_with(vendor.name)) return vendor.device;
  }
  return {};
}

Diagnosis Diagnose(const Graph& graph) {
  const Census census = TakeCensus(graph);
  const ModelKind kind = KindOf(graph, census);
  return {kind, ModelKindCode(kind), SentenceOf(kind, graph, census)};
}

}  // namespace npu
