// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/data_movement.h"

#include <fmt/format.h>

#include "backends/ops/rules.h"
#include "base/checked.h"

namespace npu {
namespace {

// `fits`: whether the type of `from` is one of `allowed`.
bool RequireOneType(const Tensor& from, std::string_view role_from, const Tensor& to,
                    std::string_view role_to, bool fits, std::string_view allowed, Verdict& verdict) {
  bool ok = fits;
  if (!fits) {
    verdict.Add(ReasonCode::kUnsupportedInputType, fmt::format("{} element type", role_from),
                std::string(DataTypeName(from.type)), std::string(allowed));
  }
  if (to.type != from.type) {
    verdict.Add(ReasonCode::kUnsupportedOutputType, fmt::format("{} element type", role_to),
                std::string(DataTypeName(to.type)),
                fmt::format("{}, as {}", DataTypeName(from.type), role_from));
    ok = false;
  }
  if (!ok) return false;
  ok = RequirePerTensor(from, role_from, verdict);
  return RequirePerTensor(to, role_to, verdict) && ok;
}

}  // namespace

int ElementSize(DataType type) {
  const int bits = DataTypeBits(type);
  return bits == 8 || bits == 16 || bits == 32 || bits == 64 ? bits / 8 : 0;
}

bool RequireInputCount(const OpView& op, int min, int max, Verdict& verdict) {
  return RequireRange("number of inputs", op.input_count(), min, max, verdict);
}

bool RequireOutputCount(const OpView& op, int count, Verdict& verdict) {
  return RequireRange("number of outputs", op.output_count(), count, count, verdict);
}

bool RequireMovedType(const Tensor& from, std::string_view role_from, const Tensor& to,
                      std::string_view role_to, Verdict& verdict) {
  const bool wide = from.type == DataType::kInt16;
  if (!RequireOneType(from, role_from, to, role_to, wide || Is8Bit(from.type), "INT8, UINT8 or INT16",
                      verdict)) {
    return false;
  }
  const bool symmetric = RequireSymmetricInt16(from, role_from, verdict);
  return RequireSymmetricInt16(to, role_to, verdict) && symmetric;
}

bool RequireMoved8Bit(const Tensor& from, std::string_view role_from, const Tensor& to,
                      std::string_view role_to, Verdict& verdict) {
  return RequireOneType(from, role_from, to, role_to, Is8Bit(from.type), "INT8 or UINT8", verdict);
}

bool RequireShape(const Tensor& tensor, std::string_view role, std::span<const int32_t> shape,
                  Verdict& verdict) {
  if (tensor.shape_known &&
      std::equal(shape.begin(), shape.end(), tensor.shape.begin(), tensor.shape.end())) {
    return true;
  }
  verdict.Add(ReasonCode::kShapeMismatch, fmt::format("{} shape", role), ShapeString(tensor),
              ShapeString(shape));
  return false;
}

std::optional<std::vector<int32_t>> RequireInts(const OpView& op, int i, std::string_view role,
                                                Verdict& verdict) {
  if (!RequireInput(op, i, role, verdict)) return std::nullopt;
  const Tensor& tensor = *op.input(i);
  if (tensor.type != DataType::kInt32 && tensor.type != DataType::kInt64) {
    verdict.Add(ReasonCode::kUnsupportedInputType, fmt::format("input {} ({}) element type", i, role),
                std::string(DataTypeName(tensor.type)), "INT32 or INT64");
    return std::nullopt;
  }
  if (!RequireConstant(op, i, role, verdict)) return std::nullopt;
  auto values = ConstantInts(tensor);
  if (!values) {
    verdict.Add(ReasonCode::kUnsupportedOperandValue, fmt::format("input {} ({}) values", i, role),
                "a value outside 32 bits", "-2147483648 to 2147483647");
  }
  return values;
}

std::optional<int32_t> RequireInt(const OpView& op, int i, std::string_view role, Verdict& verdict) {
  const auto values = RequireInts(op, i, role, verdict);
  if (!values) return std::nullopt;
  if (values->size() != 1) {
    verdict.Add(ReasonCode::kUnsupportedOperandSize, fmt::format("input {} ({}) elements", i, role),
                fmt::format("{}", values->size()), "1");
    return std::nullopt;
  }
  return values->front();
}

std::optional<int> RequireAxis(int32_t axis, int rank, Verdict& verdict) {
  if (!RequireRange("axis", axis, -int64_t{rank}, int64_t{rank} - 1, verdict)) return std::nullopt;
  return axis < 0 ? axis + rank : axis;
}

bool RequireShapeFits(std::span<const int32_t> shape, Verdict& verdict) {
  if (CheckedElementCount(shape)) return true;
  verdict.Add(ReasonCode::kUnsupportedOperandSize, "output elements", ShapeString(shape),
              fmt::format("dimensions >= 0, at most {} elements", kMaxTensorElements));
  return false;
}

tl::unexpected<Error> FirstReason(const Verdict& verdict) {
  const Reason& reason = verdict.reasons().front();
  return Fail(ErrorCode::kUnsupported,
              fmt::format("{}: {}; allowed: {}", reason.text, reason.actual, reason.allowed));
}

void SetOutputShape(Graph& graph, const Op& op, int i, std::vector<int32_t> shape) {
  Tensor& tensor = graph.tensors[op.outputs[i]];
  tensor.shape = std::move(shape);
  tensor.shape_known = true;
}

}  // namespace npu
