// SPDX-License-Identifier: Apache-2.0
#include "schema/graph.h"

#include <fmt/format.h>

#include "base/checked.h"

namespace npu {
namespace {

struct TypeInfo {
  std::string_view name;
  int bits;
};

constexpr TypeInfo kTypes[kDataTypeCount] = {
    {"FLOAT32", 32}, {"FLOAT16", 16},   {"INT32", 32},      {"UINT8", 8},    {"INT64", 64},
    {"STRING", 0},   {"BOOL", 8},       {"INT16", 16},      {"COMPLEX64", 64}, {"INT8", 8},
    {"FLOAT64", 64}, {"COMPLEX128", 128}, {"UINT64", 64},   {"RESOURCE", 0}, {"VARIANT", 0},
    {"UINT32", 32},  {"UINT16", 16},    {"INT4", 4},        {"BFLOAT16", 16}, {"INT2", 2},
    {"UINT4", 4},    {"FLOAT8_E4M3FN", 8}, {"FLOAT8_E5M2", 8},
};

constexpr OpInfo kOps[] = {
#define NPU_OP(kind, code, name, version, params, room) {OpKind::kind, code, name, version},
#define NPU_CUSTOM_OP(kind, name, params, room) {OpKind::kind, 32, name, 0},
#define NPU_FOLDED_OP(kind, name, params, room) {OpKind::kind, kFoldedCode, name, 0},
#include "schema/ops.def"
};

// Which alternative of OpParams a kind's operators hold.
size_t ParamsIndex(OpKind kind) {
  switch (kind) {
#define NPU_OP(kind, code, name, version, params, room) \
  case OpKind::kind: return OpParams(params{}).index();
#define NPU_CUSTOM_OP(kind, name, params, room) \
  case OpKind::kind: return OpParams(params{}).index();
#define NPU_FOLDED_OP(kind, name, params, room) \
  case OpKind::kind: return OpParams(params{}).index();
#include "schema/ops.def"
  }
  return 0;
}

}  // namespace

std::string_view DataTypeName(DataType type) {
  const auto index = static_cast<size_t>(type);
  return index < kDataTypeCount ? kTypes[index].name : "UNKNOWN";
}

int DataTypeBits(DataType type) {
  const auto index = static_cast<size_t>(type);
  return index < kDataTypeCount ? kTypes[index].bits : 0;
}

std::optional<int64_t> ByteSize(DataType type, int64_t count) {
  const int bits = DataTypeBits(type);
  if (bits == 0 || count < 0) return std::nullopt;
  const auto total_bits = CheckedMul(count, bits);
  if (!total_bits || *total_bits > INT64_MAX - 7) return std::nullopt;
  return (*total_bits + 7) / 8;
}

const OpInfo& GetOpInfo(OpKind kind) {
  // Builtins stand at their own code; custom operators follow in the order of their enumerators.
  const auto index = static_cast<size_t>(kind);
  if (index < std::size(kOps) && kOps[index].kind == kind) return kOps[index];
  for (const OpInfo& info : kOps) {
    if (info.kind == kind) return info;
  }
  return kOps[static_cast<size_t>(OpKind::kCustom)];
}

std::optional<OpKind> FindBuiltinOp(int builtin_code) {
  for (const OpInfo& info : kOps) {
    if (static_cast<int>(info.kind) == builtin_code && info.builtin_code == builtin_code) return info.kind;
  }
  return std::nullopt;
}

std::optional<OpKind> FindCustomOp(std::string_view name) {
  for (const OpInfo& info : kOps) {
    if (info.builtin_code == static_cast<int>(OpKind::kCustom) && info.kind != OpKind::kCustom &&
        info.name == name) {
      return info.kind;
    }
  }
  return std::nullopt;
}

std::optional<OpKind> FindOpByName(std::string_view name) {
  for (const OpInfo& info : kOps) {
    if (info.builtin_code != kFoldedCode && info.name == name) return info.kind;
  }
  return std::nullopt;
}

std::optional<int64_t> Tensor::element_count() const {
  if (!shape_known) return std::nullopt;
  return CheckedElementCount(shape);
}

std::optional<int64_t> Tensor::byte_size() const {
  const auto count = element_count();
  if (!count) return std::nullopt;
  return ByteSize(type, *count);
}

namespace {

// "Op#3 ADD", or "graph" for -1.
std::string Place(const Graph& graph, int op_index) {
  return op_index < 0 ? "graph" : fmt::format("Op#{} {}", op_index, OpName(graph.ops[op_index]));
}

// Entry `position` of a list of tensors ("input", "output", "intermediate") of an operator, or of the graph for -1.
Status CheckIndex(const Graph& graph, int op_index, std::string_view list, size_t position, int index, bool optional) {
  const int count = static_cast<int>(graph.tensors.size());
  if ((optional && index == kNoTensor) || (index >= 0 && index < count)) return {};
  return Fail(ErrorCode::kInvalidModel,
              fmt::format("{} {} {}: tensor index {} is out of range; expected {}0 to {}", Place(graph, op_index), list,
                          position, index, optional ? "-1 (absent) or " : "", count - 1));
}

}  // namespace

Status Validate(const Graph& graph) {
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    NPU_RETURN_IF_ERROR(CheckIndex(graph, -1, "input", i, graph.inputs[i], false));
  }
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    NPU_RETURN_IF_ERROR(CheckIndex(graph, -1, "output", i, graph.outputs[i], false));
  }
  // First find every writer, then see that no op reads what a later op writes.
  std::vector<int> writer(graph.tensors.size(), -1);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    const int place = static_cast<int>(i);
    for (size_t k = 0; k < op.inputs.size(); ++k) {
      NPU_RETURN_IF_ERROR(CheckIndex(graph, place, "input", k, op.inputs[k], true));
    }
    for (size_t k = 0; k < op.outputs.size(); ++k) {
      const int index = op.outputs[k];
      NPU_RETURN_IF_ERROR(CheckIndex(graph, place, "output", k, index, false));
      if (writer[index] >= 0) {
        return Fail(ErrorCode::kInvalidModel,
                    fmt::format("{} output {}: T#{} \"{}\" is already written by Op#{}; expected one writer",
                                Place(graph, place), k, index, graph.tensors[index].name, writer[index]));
      }
      if (graph.tensors[index].is_constant()) {
        return Fail(ErrorCode::kInvalidModel,
                    fmt::format("{} output {}: T#{} \"{}\" is a constant; expected a tensor without data",
                                Place(graph, place), k, index, graph.tensors[index].name));
      }
      writer[index] = static_cast<int>(i);
    }
    for (size_t k = 0; k < op.intermediates.size(); ++k) {
      NPU_RETURN_IF_ERROR(CheckIndex(graph, place, "intermediate", k, op.intermediates[k], true));
    }
    if (op.params.index() != ParamsIndex(op.kind)) {
      return Fail(ErrorCode::kInternal, Place(graph, place) + ": parameters are of another operator");
    }
  }
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    const int index = graph.inputs[i];
    if (writer[index] >= 0) {
      return Fail(ErrorCode::kInvalidModel,
                  fmt::format("graph input {}: T#{} \"{}\" is written by Op#{}; expected a tensor that "
                              "no operator writes",
                              i, index, graph.tensors[index].name, writer[index]));
    }
  }
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    for (size_t k = 0; k < op.inputs.size(); ++k) {
      const int index = op.inputs[k];
      if (index != kNoTensor && writer[index] >= static_cast<int>(i)) {
        return Fail(ErrorCode::kInvalidModel,
                    fmt::format("Op#{} {} input {}: T#{} \"{}\" is written later, by Op#{}; expected "
                                "operators in execution order",
                                i, OpName(op), k, index, graph.tensors[index].name, writer[index]));
      }
    }
  }
  return {};
}

std::string ShapeString(std::span<const int32_t> shape) { return fmt::format("[{}]", fmt::join(shape, ",")); }

std::string ShapeString(const Tensor& tensor) {
  return tensor.shape_known ? ShapeString(std::span<const int32_t>(tensor.shape)) : "[?]";
}

std::string Describe(const Graph& graph, int tensor_index) {
  if (tensor_index < 0 || tensor_index >= static_cast<int>(graph.tensors.size())) return "-";
  const Tensor& tensor = graph.tensors[tensor_index];
  std::string text = fmt::format("{}{}", DataTypeName(tensor.type), ShapeString(tensor));
  const Quantization& q = tensor.quantization;
  if (q.per_tensor()) {
    text += fmt::format(" scale {} zero_point {}", q.scale[0], tensor.zero_point());
  } else if (!q.empty()) {
    text += fmt::format(" {} scales along dimension {}", q.scale.size(), q.quantized_dimension);
  }
  if (tensor.is_constant()) text += " constant";
  return text + fmt::format(" \"{}\"", tensor.name);
}

std::string_view OpName(const Op& op) {
  return op.kind == OpKind::kCustom && !op.custom_name.empty() ? std::string_view(op.custom_name)
                                                               : GetOpInfo(op.kind).name;
}

std::string DescribeOp(const Graph& graph, int op_index) {
  if (op_index < 0 || op_index >= static_cast<int>(graph.ops.size())) return "-";
  const Op& op = graph.ops[op_index];
  std::vector<std::string> inputs, outputs;
  for (int i : op.inputs) inputs.push_back(i == kNoTensor ? "-" : fmt::format("T#{}", i));
  for (int i : op.outputs) outputs.push_back(fmt::format("T#{}", i));
  return fmt::format("Op#{} {}({}) -> [{}]", op_index, OpName(op), fmt::join(inputs, ", "),
                     fmt::join(outputs, ", "));
}

}  // namespace npu
