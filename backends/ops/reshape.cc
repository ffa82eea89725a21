// RESHAPE, SQUEEZE, EXPAND_DIMS: the same bytes under another shape.
//   RESHAPE      the new shape comes from input 1 (a constant INT32 vector), else from the parameters; one
//                entry may be -1 and takes what is left. Parameters [0] mean a scalar (old converters).
//   SQUEEZE      drops the dimensions of size 1, all or the listed ones.
//   EXPAND_DIMS  puts a dimension of size 1 before dimension `axis` (input 1).
// On the NPU nothing runs: the output is an alias of the input.
// Source: LiteRT 2.3 kernels reshape, squeeze, expand_dims: RESHAPE and SQUEEZE copy bytes whatever the
// scales are; EXPAND_DIMS refuses different ones.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "backends/ops/data_movement.h"
#include "backends/ops/float_form.h"
#include "backends/ops/rules.h"
#include "backends/ops/strided_copy.h"
#include "base/checked.h"

namespace npu {
namespace {

using Shape = std::vector<int32_t>;

// The requested shape with its -1 still in place.
std::optional<Shape> RequestedShape(const OpView& op, Verdict& verdict) {
  const Tensor* operand = op.input(1);
  if (operand != nullptr && operand->type == DataType::kInt32 && operand->shape.size() == 1) {
    return RequireInts(op, 1, "shape", verdict);
  }
  Shape shape = op.op.as<ReshapeParams>().new_shape;
  if (shape.size() == 1 && shape[0] == 0) shape.clear();
  return shape;
}

std::optional<Shape> PlanReshape(const OpView& op, const Tensor& input, Verdict& verdict) {
  auto shape = RequestedShape(op, verdict);
  if (!shape) return std::nullopt;
  const auto stretch = std::find(shape->begin(), shape->end(), -1);
  const auto bad = std::find_if(shape->begin(), shape->end(), [](int32_t dim) { return dim < -1; });
  if (bad != shape->end() ||
      (stretch != shape->end() && std::find(stretch + 1, shape->end(), -1) != shape->end())) {
    verdict.Add(ReasonCode::kUnsupportedOperandValue, "new shape", ShapeString(*shape),
                "dimensions >= 0, at most one of them -1");
    return std::nullopt;
  }
  if (stretch != shape->end()) {
    // As TFLite: zeros on both sides cancel out, so that [0,4] may become [0,-1] with -1 standing for 4.
    int64_t input_product = 1, output_product = 1;
    bool input_empty = false, output_empty = false;
    const auto multiply = [](int64_t& product, bool& empty, int32_t dim) {
      if (dim == 0) empty = true;
      const auto next = dim == 0 ? product : CheckedMul(product, dim);
      product = next.value_or(0);
      return next.has_value();
    };
    bool fits = true;
    for (const int32_t dim : input.shape) fits = fits && multiply(input_product, input_empty, dim);
    for (const int32_t dim : *shape) {
      if (dim != -1) fits = fits && multiply(output_product, output_empty, dim);
    }
    const int64_t rest = !fits ? -1 : input_empty && !output_empty ? 0 : input_product / output_product;
    if (rest < 0 || rest > kMaxTensorElements) {
      verdict.Add(ReasonCode::kUnsupportedOperandSize, "new shape", ShapeString(*shape),
                  fmt::format("at most {} elements", kMaxTensorElements));
      return std::nullopt;
    }
    *stretch = static_cast<int32_t>(rest);
  }
  const auto count = CheckedElementCount(*shape);
  if (!count || count != input.element_count()) {
    verdict.Add(ReasonCode::kShapeMismatch, "new shape", ShapeString(*shape),
                fmt::format("as many elements as the input {}", ShapeString(input)));
    return std::nullopt;
  }
  return shape;
}

std::optional<Shape> PlanSqueeze(const OpView& op, const Tensor& input, Verdict& verdict) {
  const int rank = static_cast<int>(input.shape.size());
  if (!RequireRank(input, "input", 0, kMaxCopyRank, verdict)) return std::nullopt;
  const auto& listed = op.op.as<SqueezeParams>().squeeze_dims;
  std::array<bool, kMaxCopyRank> drop{};
  bool ok = true;
  for (const int32_t dim : listed) {
    const auto axis = RequireAxis(dim, rank, verdict);
    ok = ok && axis.has_value();
    if (!axis) continue;
    ok = RequireRange(fmt::format("size of squeezed dimension {}", dim), input.shape[*axis], 1, 1, verdict) &&
         ok;
    drop[*axis] = true;
  }
  if (!ok) return std::nullopt;
  Shape shape;
  for (int i = 0; i < rank; ++i) {
    if (!(drop[i] || (listed.empty() && input.shape[i] == 1))) shape.push_back(input.shape[i]);
  }
  return shape;
}

std::optional<Shape> PlanExpandDims(const OpView& op, const Tensor& input, Verdict& verdict) {
  const auto value = RequireInt(op, 1, "axis", verdict);
  if (!value) return std::nullopt;
  const auto axis = RequireAxis(*value, static_cast<int>(input.shape.size()) + 1, verdict);
  if (!axis) return std::nullopt;
  Shape shape = input.shape;
  shape.insert(shape.begin() + *axis, 1);
  return shape;
}

std::optional<Shape> PlanShape(const OpView& op, Verdict& verdict) {
  const bool counts = RequireInputCount(op, op.op.kind == OpKind::kExpandDims ? 2 : 1,
                                        op.op.kind == OpKind::kSqueeze ? 1 : 2, verdict) &&
                      RequireOutputCount(op, 1, verdict);
  if (!counts || !RequireInput(op, 0, "input", verdict)) return std::nullopt;
  const Tensor& input = *op.input(0);
  switch (op.op.kind) {
    case OpKind::kSqueeze: return PlanSqueeze(op, input, verdict);
    case OpKind::kExpandDims: return PlanExpandDims(op, input, verdict);
    default: return PlanReshape(op, input, verdict);
  }
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  auto shape = PlanShape({graph, op}, verdict);
  if (!shape) return FirstReason(verdict);
  SetOutputShape(graph, op, 0, std::move(*shape));
  return {};
}

void Check(const OpView& op, Verdict& verdict) {
  const auto shape = PlanShape(op, verdict);
  if (op.input(0) == nullptr || op.output(0) == nullptr) return;
  RequireSameQuantizedType(op, verdict);
  RequireNonEmpty(*op.input(0), "input", verdict);
  if (shape) RequireShape(*op.output(0), "output", *shape, verdict);
  if (op.op.kind == OpKind::kExpandDims) {
    RequireSameQuantization(*op.input(0), "input", *op.output(0), "output", verdict);
  }
}

Status Reference(const ReferenceArgs& args) {
  const Tensor& input = *args.view.input(0);
  const Tensor& output = *args.view.output(0);
  const auto bytes = input.byte_size();
  if (!bytes || input.type != output.type || bytes != output.byte_size()) {
    return Fail(ErrorCode::kInvalidModel, "input and output do not have the same bytes");
  }
  if (*bytes > 0) std::memcpy(args.outputs[0], args.inputs[0], static_cast<size_t>(*bytes));
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  lowering.Alias(op.op.outputs[0], op.op.inputs[0]);
  return {};
}

constexpr std::string_view kRules[] = {
    "RESHAPE takes the new shape from a constant INT32 vector (input 1) or from its parameters",
    "the new shape has at most one -1 and as many elements as the input",
    "SQUEEZE: rank up to 8; listed dimensions are in range and of size 1",
    "EXPAND_DIMS: the axis is a constant INT32 or INT64 in [-rank-1, rank]",
    "input and output are INT8, UINT8 or INT16 (zero point 0), the same type, quantized per tensor",
    "no dimension is 0",
    "delegate-cpu, between binary operators: RESHAPE of FLOAT32",
    "EXPAND_DIMS: input and output have the same scale and zero point; RESHAPE and SQUEEZE keep the bytes",
};

}  // namespace

extern const OpRoom kReshapeRoom;
const OpRoom kReshapeRoom = {
    .name = "reshape",
    .infer = Infer,
    .check = Check,
    .check_cpu = CheckFloatForm,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 1,
    .max_inputs = 2,
    .rules = kRules,
};

}  // namespace npu
