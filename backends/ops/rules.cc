// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/rules.h"

#include <fmt/format.h>

#include <cstring>
#include <limits>

#include "base/checked.h"
#include "schema/quantization.h"

namespace npu {
namespace {

std::string TypeList(std::initializer_list<DataType> allowed) {
  std::vector<std::string_view> names;
  for (DataType type : allowed) names.push_back(DataTypeName(type));
  return fmt::format("{}", fmt::join(names, " or "));
}

bool Contains(std::initializer_list<DataType> allowed, DataType type) {
  for (DataType a : allowed) {
    if (a == type) return true;
  }
  return false;
}

std::string QuantizationText(const Quantization& q) {
  if (q.empty()) return "not quantized";
  if (q.per_tensor()) return fmt::format("scale {} zero_point {}", q.scale[0], q.zero_point[0]);
  return fmt::format("{} scales along dimension {}", q.scale.size(), q.quantized_dimension);
}

// Input 0 and output 0 have one type, which is allowed, and each is quantized per tensor.
bool RequireSameTypeOf(const OpView& op, std::initializer_list<DataType> allowed, Verdict& verdict) {
  const Tensor* input = op.input(0);
  const Tensor* weights = op.input(1);
  if (input != nullptr && input->type == DataType::kFloat32 && weights != nullptr && weights->is_constant() &&
      (Is8Bit(weights->type) || weights->type == DataType::kInt4 || weights->type == DataType::kInt2)) {
    verdict.Add(
        ReasonCode::kHybridOperator, "input 0 element type",
        fmt::format("FLOAT32 with {} weights", DataTypeName(weights->type)),
        fmt::format("{} (quantize the activations, too: full integer quantization)", TypeList(allowed)));
    return false;
  }
  bool ok = RequireInputType(op, 0, "input", allowed, verdict);
  ok = RequireOutputType(op, 0, allowed, verdict) && ok;
  if (!ok) return false;
  if (input->type != op.output(0)->type) {
    verdict.Add(ReasonCode::kUnsupportedOutputType, "output 0 element type",
                std::string(DataTypeName(op.output(0)->type)),
                fmt::format("{}, as input 0", DataTypeName(input->type)));
    ok = false;
  }
  ok = RequirePerTensor(*input, "input 0", verdict) && ok;
  return RequirePerTensor(*op.output(0), "output 0", verdict) && ok;
}

}  // namespace

bool RequireInput(const OpView& op, int i, std::string_view role, Verdict& verdict) {
  if (op.input(i) != nullptr) return true;
  verdict.Add(ReasonCode::kMissingRequiredOperand, fmt::format("input {} ({})", i, role), "absent",
              "present");
  return false;
}

bool RequireInputType(const OpView& op, int i, std::string_view role, std::initializer_list<DataType> allowed,
                      Verdict& verdict) {
  if (!RequireInput(op, i, role, verdict)) return false;
  const DataType type = op.input(i)->type;
  if (Contains(allowed, type)) return true;
  verdict.Add(ReasonCode::kUnsupportedInputType, fmt::format("input {} ({}) element type", i, role),
              std::string(DataTypeName(type)), TypeList(allowed));
  return false;
}

bool RequireOutputType(const OpView& op, int i, std::initializer_list<DataType> allowed, Verdict& verdict) {
  if (op.output(i) == nullptr) {
    verdict.Add(ReasonCode::kMissingRequiredOperand, fmt::format("output {}", i), "absent", "present");
    return false;
  }
  const DataType type = op.output(i)->type;
  if (Contains(allowed, type)) return true;
  verdict.Add(ReasonCode::kUnsupportedOutputType, fmt::format("output {} element type", i),
              std::string(DataTypeName(type)), TypeList(allowed));
  return false;
}

bool RequireSame8BitType(const OpView& op, Verdict& verdict) {
  if (IsInt16(op)) {
    verdict.Add(ReasonCode::kUnsupportedInputType, "input 0 (input) element type", "INT16",
                "INT8 or UINT8 (this operator has no 16-bit form)");
    RequireOutputType(op, 0, {DataType::kInt8, DataType::kUInt8}, verdict);
    return false;
  }
  return RequireSameTypeOf(op, {DataType::kInt8, DataType::kUInt8}, verdict);
}

bool RequireSameQuantizedType(const OpView& op, Verdict& verdict) {
  if (!RequireSameTypeOf(op, {DataType::kInt8, DataType::kUInt8, DataType::kInt16}, verdict)) return false;
  const bool symmetric = RequireSymmetricInt16(*op.input(0), "input 0", verdict);
  return RequireSymmetricInt16(*op.output(0), "output 0", verdict) && symmetric;
}

bool IsInt16(const OpView& op) { return op.input(0) != nullptr && op.input(0)->type == DataType::kInt16; }

bool RequireSymmetricInt16(const Tensor& tensor, std::string_view role, Verdict& verdict) {
  if (tensor.type != DataType::kInt16 || tensor.zero_point() == 0) return true;
  verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, fmt::format("{} zero point", role),
              std::to_string(tensor.zero_point()), "0 (INT16 is quantized symmetrically)");
  return false;
}

bool RequirePerTensor(const Tensor& tensor, std::string_view role, Verdict& verdict) {
  if (tensor.quantization.per_tensor()) return true;
  verdict.Add(ReasonCode::kUnsupportedQuantizationType, fmt::format("{} quantization", role),
              QuantizationText(tensor.quantization), "one scale and zero point");
  return false;
}

bool RequireSameQuantization(const Tensor& a, std::string_view role_a, const Tensor& b,
                             std::string_view role_b, Verdict& verdict) {
  if (a.scale() == b.scale() && a.zero_point() == b.zero_point()) return true;
  verdict.Add(ReasonCode::kNotRestrictedScaleCompliant, fmt::format("{} quantization", role_b),
              QuantizationText(b.quantization),
              fmt::format("{}, as {}", QuantizationText(a.quantization), role_a));
  return false;
}

bool RequireRank(const Tensor& tensor, std::string_view role, int min, int max, Verdict& verdict) {
  const int rank = static_cast<int>(tensor.shape.size());
  if (rank >= min && rank <= max) return true;
  verdict.Add(ReasonCode::kUnsupportedOperandRank, fmt::format("{} rank", role),
              fmt::format("{} {}", rank, ShapeString(tensor)),
              min == max ? std::to_string(min) : fmt::format("{} to {}", min, max));
  return false;
}

bool RequireNonEmpty(const Tensor& tensor, std::string_view role, Verdict& verdict) {
  const auto count = tensor.element_count();
  if (count && *count > 0) return true;
  verdict.Add(ReasonCode::kUnsupportedOperandSize, fmt::format("{} shape", role), ShapeString(tensor),
              fmt::format("every dimension at least 1, at most {} elements", kMaxTensorElements));
  return false;
}

bool RequireConstant(const OpView& op, int i, std::string_view role, Verdict& verdict) {
  if (!RequireInput(op, i, role, verdict)) return false;
  const Tensor& tensor = *op.input(i);
  if (!tensor.is_constant()) {
    verdict.Add(ReasonCode::kOperandNotConstant, fmt::format("input {} ({})", i, role),
                "computed at run time", "a constant of the model");
    return false;
  }
  const auto bytes = tensor.byte_size();
  if (bytes && *bytes == static_cast<int64_t>(tensor.data.bytes.size())) return true;
  verdict.Add(ReasonCode::kUnsupportedOperandSize, fmt::format("input {} ({}) data", i, role),
              fmt::format("{} bytes", tensor.data.bytes.size()),
              bytes ? fmt::format("{} bytes", *bytes) : "as many bytes as the shape asks for");
  return false;
}

bool RequireRange(std::string_view parameter, int64_t value, int64_t min, int64_t max, Verdict& verdict) {
  if (value >= min && value <= max) return true;
  verdict.Add(ReasonCode::kInvalidArgument, std::string(parameter), std::to_string(value),
              max == std::numeric_limits<int32_t>::max() || max == std::numeric_limits<int64_t>::max()
                  ? fmt::format("at least {}", min)
                  : fmt::format("{} to {}", min, max));
  return false;
}

std::string_view ActivationName(Activation activation) {
  switch (activation) {
    case Activation::kNone: return "NONE";
    case Activation::kRelu: return "RELU";
    case Activation::kReluN1To1: return "RELU_N1_TO_1";
    case Activation::kRelu6: return "RELU6";
    case Activation::kTanh: return "TANH";
    case Activation::kSignBit: return "SIGN_BIT";
    case Activation::kRelu0To1: return "RELU_0_TO_1";
  }
  return "UNKNOWN";
}

bool RequireQuantizedActivation(Activation activation, Verdict& verdict) {
  if (HasQuantizedRange(activation)) return true;
  verdict.Add(ReasonCode::kUnsupportedActivation, "fused activation", std::string(ActivationName(activation)),
              "NONE, RELU, RELU_N1_TO_1 or RELU6");
  return false;
}

bool RequireNoActivation(Activation activation, Verdict& verdict) {
  if (activation == Activation::kNone) return true;
  verdict.Add(ReasonCode::kUnsupportedActivation, "fused activation", std::string(ActivationName(activation)),
              "NONE");
  return false;
}

std::optional<std::vector<int32_t>> ConstantInts(const Tensor& tensor) {
  const auto count = tensor.element_count();
  const auto bytes = tensor.byte_size();
  if (!tensor.is_constant() || !count || !bytes || *bytes != static_cast<int64_t>(tensor.data.bytes.size())) {
    return std::nullopt;
  }
  std::vector<int32_t> values(*count);
  if (tensor.type == DataType::kInt32) {
    if (!values.empty()) std::memcpy(values.data(), tensor.data.bytes.data(), *bytes);
    return values;
  }
  if (tensor.type != DataType::kInt64) return std::nullopt;
  for (int64_t i = 0; i < *count; ++i) {
    int64_t value;
    std::memcpy(&value, tensor.data.bytes.data() + i * sizeof(value), sizeof(value));
    if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) {
      return std::nullopt;
    }
    values[i] = static_cast<int32_t>(value);
  }
  return values;
}

}  // namespace npu
