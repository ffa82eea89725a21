// SPDX-License-Identifier: Apache-2.0
#include "delegate/host_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "base/checked.h"
#include "delegate/host_params.h"

namespace npu {
namespace {

// A tensor that cannot be trusted is told apart by a text, which every op that uses it gets.
struct TensorProblems {
  std::vector<std::string> texts;  // per tensor; empty: fine

  void Add(size_t tensor, std::string text) {
    if (texts[tensor].empty()) texts[tensor] = fmt::format("T#{}: {}", tensor, text);
  }
};

std::optional<std::vector<int32_t>> ReadDims(const host::IntArray* dims) {
  if (dims == nullptr || dims->size < 0) return std::nullopt;
  return std::vector<int32_t>(dims->data, dims->data + dims->size);
}

struct ZeroPointRange {
  int64_t min, max;
};

ZeroPointRange RangeOf(DataType type) {
  switch (type) {
    case DataType::kInt2: return {-2, 1};
    case DataType::kInt4: return {-8, 7};
    case DataType::kUInt4: return {0, 15};
    case DataType::kInt8: return {-128, 127};
    case DataType::kUInt8: return {0, 255};
    case DataType::kInt16: return {-32768, 32767};
    case DataType::kUInt16: return {0, 65535};
    default: return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
  }
}

// The same promises as the file reader's (schema/graph.h, Quantization); the text says which one breaks.
std::string ReadQuantization(const host::Tensor& source, Tensor& tensor) {
  if (source.quantization_kind == host::kQuantizationNone) return {};
  if (source.quantization_kind != host::kQuantizationAffine) {
    tensor.has_unknown_quantization = true;
    return {};
  }
  const auto* affine = static_cast<const host::AffineQuantization*>(source.quantization);
  if (affine == nullptr || affine->scale == nullptr || affine->scale->size == 0) return {};
  if (affine->scale->size < 0) return fmt::format("{} scales", affine->scale->size);
  const std::span<const float> scale(affine->scale->data, static_cast<size_t>(affine->scale->size));
  const std::span<const int32_t> given = View(affine->zero_point);
  std::vector<int64_t> zero_point(given.begin(), given.end());
  if (zero_point.empty()) zero_point.resize(scale.size(), 0);
  if (zero_point.size() != scale.size()) {
    return fmt::format("{} zero points for {} scales; expected as many", zero_point.size(), scale.size());
  }
  const ZeroPointRange range = RangeOf(tensor.type);
  for (size_t i = 0; i < scale.size(); ++i) {
    // The smallest normal number: 1 / scale of anything below is not finite.
    if (!std::isfinite(scale[i]) || scale[i] < std::numeric_limits<float>::min()) {
      return fmt::format("scale[{}] is {}; expected a finite value > 0", i, scale[i]);
    }
    if (zero_point[i] < range.min || zero_point[i] > range.max) {
      return fmt::format("zero_point[{}] is {}; expected {} to {} for {}", i, zero_point[i], range.min,
                         range.max, DataTypeName(tensor.type));
    }
  }
  const int32_t axis = affine->quantized_dimension;
  const auto rank = static_cast<int64_t>(tensor.shape.size());
  if (axis < 0 || (axis >= rank && (rank > 0 || scale.size() > 1))) {
    return fmt::format("quantized_dimension is {}; expected 0 to {} for shape {}", axis, rank - 1,
                       ShapeString(tensor));
  }
  if (scale.size() > 1 && static_cast<size_t>(tensor.shape[axis]) != scale.size()) {
    return fmt::format("{} scales along dimension {} of shape {}; expected 1 or {}", scale.size(), axis,
                       ShapeString(tensor), tensor.shape[axis]);
  }
  tensor.quantization = {{scale.begin(), scale.end()}, std::move(zero_point), axis};
  return {};
}

// A constant is what the model file holds; everything else is filled while the model runs.
std::string ReadConstant(const host::Tensor& source, Tensor& tensor) {
  if (source.allocation_type != host::kAllocationMmapRo || source.data == nullptr || source.bytes == 0)
    return {};
  const auto expected = tensor.is_sparse ? std::nullopt : tensor.byte_size();
  const std::span<const std::byte> bytes(static_cast<const std::byte*>(source.data), source.bytes);
  tensor.data.bytes = bytes;
  if (expected && *expected != static_cast<int64_t>(bytes.size())) {
    return fmt::format("{} bytes of constant data; expected {} for {}{}", bytes.size(), *expected,
                       DataTypeName(tensor.type), ShapeString(tensor));
  }
  // Hosts map files whose numbers need not be aligned.
  const size_t alignment = std::clamp(DataTypeBits(tensor.type) / 8, 1, 8);
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignment != 0) {
    auto copy = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
    tensor.data = {*copy, copy};
  }
  return {};
}

Tensor ReadTensor(const host::Tensor& source, size_t index, TensorProblems& problems) {
  Tensor tensor;
  if (source.name != nullptr) tensor.name = source.name;
  const auto type = DataTypeFromHost(source.type);
  // A type without a fixed size stands in: nothing computes with it.
  tensor.type = type.value_or(DataType::kVariant);
  if (!type) problems.Add(index, fmt::format("unknown element type {} of the host", source.type));
  const auto dims = ReadDims(source.dims);
  tensor.shape_known = dims && CheckedElementCount(*dims);
  if (tensor.shape_known) tensor.shape = *dims;
  if (auto signature = ReadDims(source.dims_signature)) tensor.shape_signature = std::move(*signature);
  tensor.is_variable = source.is_variable != 0;
  tensor.is_sparse = source.sparsity != nullptr;
  if (auto text = ReadQuantization(source, tensor); !text.empty()) problems.Add(index, std::move(text));
  if (auto text = ReadConstant(source, tensor); !text.empty()) problems.Add(index, std::move(text));
  return tensor;
}

// The operator itself, without operands. Unknown builtin codes are operators that nothing here computes.
Op ReadKind(const host::Node& node, const host::Registration& registration) {
  Op op;
  op.version = registration.version;
  if (registration.builtin_code == host::kBuiltinCustom) {
    if (registration.custom_name != nullptr) op.custom_name = registration.custom_name;
    op.kind = FindCustomOp(op.custom_name).value_or(OpKind::kCustom);
  } else {
    op.kind = FindBuiltinOp(registration.builtin_code).value_or(OpKind::kPlaceholderForGreaterOpCodes);
  }
  ReadHostParams(node, op);
  return op;
}

Status ReadOperands(const host::IntArray* array, size_t tensor_count, bool optional, const std::string& where,
                    std::vector<int>& operands) {
  if (array == nullptr || array->size < 0)
    return Fail(ErrorCode::kInvalidModel, where + ": the host gave no list");
  for (int32_t index : View(array)) {
    const bool absent = optional && index == kNoTensor;
    if (!absent && (index < 0 || static_cast<size_t>(index) >= tensor_count)) {
      return Fail(ErrorCode::kInvalidModel,
                  fmt::format("{}: tensor index {}; the host has {} tensors", where, index, tensor_count));
    }
    operands.push_back(index);
  }
  return {};
}

// A node that hosts' own graph algorithms would trip over is an Error: they are not to be run on it.
Result<Op> ReadOp(host::Context* context, int32_t node_index, const TensorProblems& problems) {
  host::Node* node = nullptr;
  host::Registration* registration = nullptr;
  if (context->get_node_and_registration(context, node_index, &node, &registration) != host::kOk ||
      node == nullptr || registration == nullptr) {
    return Fail(ErrorCode::kInvalidModel, fmt::format("the host refused to show node {}", node_index));
  }
  Op op = ReadKind(*node, *registration);
  const size_t tensor_count = problems.texts.size();
  NPU_RETURN_IF_ERROR(ReadOperands(node->inputs, tensor_count, true,
                                   fmt::format("inputs of node {}", node_index), op.inputs));
  NPU_RETURN_IF_ERROR(ReadOperands(node->outputs, tensor_count, false,
                                   fmt::format("outputs of node {}", node_index), op.outputs));
  // Hosts older than the first such operator leave the list out.
  if (node->intermediates != nullptr) {
    NPU_RETURN_IF_ERROR(ReadOperands(node->intermediates, tensor_count, true,
                                     fmt::format("intermediates of node {}", node_index), op.intermediates));
  }
  for (const std::vector<int>* operands : {&op.inputs, &op.outputs, &op.intermediates}) {
    for (int index : *operands) {
      if (op.params_error.empty() && index != kNoTensor) op.params_error = problems.texts[index];
    }
  }
  return op;
}

struct Uses {
  std::vector<bool> read, written;  // per tensor
};

Uses FindUses(const Graph& graph) {
  Uses uses{std::vector<bool>(graph.tensors.size()), std::vector<bool>(graph.tensors.size())};
  for (const Op& op : graph.ops) {
    for (int tensor : op.inputs) {
      if (tensor != kNoTensor) uses.read[tensor] = true;
    }
    for (int tensor : op.outputs) uses.written[tensor] = true;
  }
  return uses;
}

// Asks the host how it would hand over all nodes: what leaves that partition are the graph's outputs.
std::optional<std::vector<bool>> AskForOutputs(host::Context* context, const host::IntArray* plan,
                                               const Uses& uses) {
  if (context->preview_delegate_partitioning == nullptr) return std::nullopt;
  host::DelegateParams* partitions = nullptr;
  int32_t count = 0;
  if (context->preview_delegate_partitioning(context, plan, &partitions, &count) != host::kOk ||
      partitions == nullptr || count <= 0) {
    return std::nullopt;
  }
  std::vector<bool> outputs(uses.written.size());
  for (int32_t i = 0; i < count; ++i) {
    for (int32_t tensor : View(partitions[i].output_tensors)) {
      if (tensor < 0 || static_cast<size_t>(tensor) >= outputs.size() || !uses.written[tensor]) {
        return std::nullopt;
      }
      outputs[tensor] = true;
    }
  }
  return outputs;
}

// A result without dimensions is a scalar or, more often, a tensor whose shape the file leaves out.
void ForgetMissingShapes(const Uses& uses, Graph& graph) {
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    Tensor& tensor = graph.tensors[i];
    if (uses.written[i] && tensor.shape.empty() && !tensor.is_constant()) tensor.shape_known = false;
  }
}

void FindInputsAndOutputs(host::Context* context, const host::IntArray* plan, const Uses& uses,
                          Graph& graph) {
  const auto named = AskForOutputs(context, plan, uses);
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    const Tensor& tensor = graph.tensors[i];
    if (uses.read[i] && !uses.written[i] && !tensor.is_constant() && !tensor.is_variable) {
      graph.inputs.push_back(static_cast<int>(i));
    }
    if (named ? (*named)[i] : uses.written[i] && !uses.read[i]) graph.outputs.push_back(static_cast<int>(i));
  }
}

}  // namespace

std::optional<DataType> DataTypeFromHost(int32_t host_type) {
  // Indexed by the host's number; 0 means "no type". Types after UINT4 follow in the same order in both.
  constexpr DataType kTypes[] = {
      DataType::kVariant,    DataType::kFloat32, DataType::kInt32,        DataType::kUInt8,
      DataType::kInt64,      DataType::kString,  DataType::kBool,         DataType::kInt16,
      DataType::kComplex64,  DataType::kInt8,    DataType::kFloat16,      DataType::kFloat64,
      DataType::kComplex128, DataType::kUInt64,  DataType::kResource,     DataType::kVariant,
      DataType::kUInt32,     DataType::kUInt16,  DataType::kInt4,         DataType::kBFloat16,
      DataType::kInt2,       DataType::kUInt4,   DataType::kFloat8E4M3Fn, DataType::kFloat8E5M2,
  };
  if (host_type <= 0 || static_cast<size_t>(host_type) >= std::size(kTypes)) return std::nullopt;
  return kTypes[host_type];
}

std::span<const int32_t> View(const host::IntArray* array) {
  if (array == nullptr || array->size <= 0) return {};
  return {array->data, static_cast<size_t>(array->size)};
}

host::IntArray* MakeIntArray(std::span<const int32_t> values) {
  // The host frees it with free().
  auto* array = static_cast<host::IntArray*>(std::malloc(sizeof(host::IntArray) + values.size_bytes()));
  if (array == nullptr) return nullptr;
  array->size = static_cast<int32_t>(values.size());
  if (!values.empty()) std::memcpy(array->data, values.data(), values.size_bytes());
  return array;
}

Result<HostGraph> ReadHostGraph(host::Context* context) {
  if (context->get_execution_plan == nullptr || context->get_node_and_registration == nullptr) {
    return Fail(ErrorCode::kUnsupported, "the host's context lacks functions that every known host has");
  }
  host::IntArray* plan = nullptr;
  if (context->get_execution_plan(context, &plan) != host::kOk || plan == nullptr || plan->size < 0) {
    return Fail(ErrorCode::kUnsupported, "the host gave no execution plan");
  }
  const size_t tensor_count = context->tensors_size;
  if (tensor_count > static_cast<size_t>(std::numeric_limits<int32_t>::max()) ||
      (tensor_count > 0 && context->tensors == nullptr)) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("the host gave no usable list of {} tensors", tensor_count));
  }
  HostGraph result{std::make_shared<Graph>(), {}};
  Graph& graph = *result.graph;
  TensorProblems problems{std::vector<std::string>(tensor_count)};
  graph.tensors.reserve(tensor_count);
  for (size_t i = 0; i < tensor_count; ++i) {
    graph.tensors.push_back(ReadTensor(context->tensors[i], i, problems));
  }
  // The host may reuse the plan's memory for the partitions that we ask for below.
  const std::unique_ptr<host::IntArray, decltype(&std::free)> nodes(MakeIntArray(View(plan)), &std::free);
  if (nodes == nullptr) return Fail(ErrorCode::kResourceExhausted, "no memory for the execution plan");
  for (int32_t node : View(nodes.get())) {
    NPU_ASSIGN_OR_RETURN(Op op, ReadOp(context, node, problems));
    graph.ops.push_back(std::move(op));
    result.node_of_op.push_back(node);
  }
  // Before the host is asked for partitions: its algorithm crashes on graphs with cycles.
  NPU_RETURN_IF_ERROR(Validate(graph));
  const Uses uses = FindUses(graph);
  ForgetMissingShapes(uses, graph);
  FindInputsAndOutputs(context, nodes.get(), uses, graph);
  return result;
}

}  // namespace npu
