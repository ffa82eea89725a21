// SPDX-License-Identifier: Apache-2.0
#include "partitioner/float_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backends/ops/elementwise.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

constexpr size_t kBytes = 256;
// Operators between DEQUANTIZE and QUANTIZE that are followed; real models have one to five. One that is read
// twice counts twice: a hostile model doubles them at every step.
constexpr int kMaxOps = 48;

std::optional<float> ScalarConstant(const Tensor& tensor) {
  if (tensor.type != DataType::kFloat32 || tensor.data.bytes.size() != sizeof(float) ||
      tensor.element_count() != 1) {
    return std::nullopt;
  }
  float value;
  std::memcpy(&value, tensor.data.bytes.data(), sizeof(value));
  return value;
}

bool IsBinary(OpKind kind) {
  return kind == OpKind::kAdd || kind == OpKind::kSub || kind == OpKind::kMul || kind == OpKind::kDiv ||
         kind == OpKind::kMaximum || kind == OpKind::kMinimum;
}

float Binary(OpKind kind, float a, float b) {
  switch (kind) {
    case OpKind::kAdd: return a + b;
    case OpKind::kSub: return a - b;
    case OpKind::kMul: return a * b;
    case OpKind::kDiv: return a / b;
    case OpKind::kMaximum: return a > b ? a : b;
    default: return a < b ? a : b;  // MINIMUM
  }
}

float Activated(Activation activation, float x) {
  switch (activation) {
    case Activation::kRelu: return std::max(x, 0.0f);
    case Activation::kReluN1To1: return std::min(std::max(x, -1.0f), 1.0f);
    case Activation::kRelu6: return std::min(std::max(x, 0.0f), 6.0f);
    default: return x;
  }
}

// Nothing for activations that no reference kernel of a float binary operator has.
std::optional<Activation> FusedActivation(const Op& op) {
  const auto* params = std::get_if<BinaryParams>(&op.params);
  const Activation activation = params == nullptr ? Activation::kNone : params->activation;
  if (activation == Activation::kTanh || activation == Activation::kSignBit) return std::nullopt;
  return activation;
}

using Unary = float (*)(float);

// IEEE arithmetic alone: the same bits everywhere. (Square roots are rounded correctly.)
Unary ExactUnary(OpKind kind) {
  switch (kind) {
    case OpKind::kRelu: return [](float x) { return Activated(Activation::kRelu, x); };
    case OpKind::kRelu6: return [](float x) { return Activated(Activation::kRelu6, x); };
    case OpKind::kReluN1To1: return [](float x) { return Activated(Activation::kReluN1To1, x); };
    case OpKind::kRelu0To1: return [](float x) { return std::min(std::max(x, 0.0f), 1.0f); };
    case OpKind::kAbs: return [](float x) { return std::abs(x); };
    case OpKind::kNeg: return [](float x) { return -x; };
    case OpKind::kSquare: return [](float x) { return x * x; };
    case OpKind::kSqrt: return [](float x) { return std::sqrt(x); };
    case OpKind::kRsqrt: return [](float x) { return 1.0f / std::sqrt(x); };
    case OpKind::kFloor: return [](float x) { return std::floor(x); };
    case OpKind::kCeil: return [](float x) { return std::ceil(x); };
    case OpKind::kHardSwish:
      return [](float x) { return x * std::min(6.0f, std::max(0.0f, x + 3.0f)) / 6.0f; };
    default: return nullptr;
  }
}

Unary MathUnary(OpKind kind) {
  switch (kind) {
    case OpKind::kLogistic: return [](float x) { return 1.0f / (1.0f + std::exp(-x)); };
    case OpKind::kTanh: return [](float x) { return std::tanh(x); };
    case OpKind::kExp: return [](float x) { return std::exp(x); };
    case OpKind::kLog: return [](float x) { return std::log(x); };
    case OpKind::kSin: return [](float x) { return std::sin(x); };
    case OpKind::kCos: return [](float x) { return std::cos(x); };
    case OpKind::kElu: return [](float x) { return x < 0.0f ? std::expm1(x) : x; };
    default: return nullptr;
  }
}

template <typename Function>
void Map(FloatTrace& trace, Function function) {
  for (float& value : trace.values) value = function(value);
}

void AddOps(FloatTrace& trace, const std::vector<int>& ops) {
  trace.ops.insert(trace.ops.end(), ops.begin(), ops.end());
  std::sort(trace.ops.begin(), trace.ops.end());
  trace.ops.erase(std::unique(trace.ops.begin(), trace.ops.end()), trace.ops.end());
}

void AddMath(FloatTrace& trace, std::string_view names) {
  if (names.empty() || trace.math.find(names) != std::string::npos) return;
  trace.math += (trace.math.empty() ? "" : ", ") + std::string(names);
}

}  // namespace

bool KeepsElements(OpKind kind) {
  return kind == OpKind::kReshape || kind == OpKind::kSqueeze || kind == OpKind::kExpandDims;
}

bool IsDequantizeOf8Bit(const FoldSite& site, int op) {
  const OpView view{site.graph(), site.op(op)};
  return view.op.kind == OpKind::kDequantize && view.input(0) != nullptr && view.output(0) != nullptr &&
         Is8Bit(view.input(0)->type) && CheckCpu(site.graph(), view.op).eligible() &&
         !view.input(0)->is_constant();
}

bool ComesFromBytes(const FoldSite& site, int tensor) {
  std::vector<int> front = {tensor};
  for (int left = kMaxOps; left > 0 && !front.empty();) {
    std::vector<int> next;
    for (int t : front) {
      --left;
      const int maker = site.MakerOf(t);
      if (maker < 0 || site.tensor(t).type != DataType::kFloat32) continue;
      if (IsDequantizeOf8Bit(site, maker)) return true;
      const std::vector<int>& inputs = site.op(maker).inputs;
      next.insert(next.end(), inputs.begin(), inputs.end());
    }
    std::sort(next.begin(), next.end());
    next.erase(std::unique(next.begin(), next.end()), next.end());
    front = std::move(next);
  }
  return false;
}

std::optional<FloatTrace> FloatTracer::Refuse(std::string why) {
  if (refusal_.empty()) refusal_ = std::move(why);
  return std::nullopt;
}

std::optional<FloatTrace> FloatTracer::Trace(int tensor) {
  ops_left_ = kMaxOps;
  return TraceTensor(tensor);
}

std::optional<FloatTrace> FloatTracer::TraceTensor(int tensor) {
  const int maker = site_.MakerOf(tensor);
  if (maker < 0 || site_.tensor(tensor).type != DataType::kFloat32) {
    return Refuse(fmt::format("T#{} is not computed from 8-bit tensors alone", tensor));
  }
  if (ops_left_-- <= 0) return Refuse(fmt::format("there are more than {} operators between", kMaxOps));
  auto trace = TraceOp(maker);
  if (!trace || !Finish(maker, *trace)) return std::nullopt;
  return trace;
}

bool FloatTracer::Finish(int index, FloatTrace& trace) {
  AddOps(trace, {index});
  if (std::all_of(trace.values.begin(), trace.values.end(), [](float x) { return std::isfinite(x); })) return true;
  Refuse(fmt::format("{} makes floats that are not finite, which QUANTIZE does not define",
                     DescribeOp(site_.graph(), index)));
  return false;
}

std::optional<FloatTrace> FloatTracer::TraceOp(int index) {
  const Op& op = site_.op(index);
  const OpView view{site_.graph(), op};
  if (op.kind == OpKind::kDequantize) {
    if (!IsDequantizeOf8Bit(site_, index)) {
      return Refuse(fmt::format("{} reads no 8-bit tensor with one scale", DescribeOp(site_.graph(), index)));
    }
    const Tensor& source = *view.input(0);
    FloatTrace trace{{op.inputs[0]}, {}, {}, false, {}};
    for (int byte = 0; byte < static_cast<int>(kBytes); ++byte) {
      trace.values.push_back(DequantizedValue(source, byte - StorageOffset(source.type)));
    }
    return trace;
  }
  if (view.input(0) == nullptr || view.output(0) == nullptr || !op.params_error.empty()) {
    return Refuse(fmt::format("{} lacks operands", DescribeOp(site_.graph(), index)));
  }
  if (op.kind == OpKind::kConcatenation) {
    if (index == settings_.concatenation) {
      if (op.as<ConcatenationParams>().activation != Activation::kNone) {
        return Refuse("CONCATENATION has a fused activation, which LiteRT refuses");
      }
      return TraceTensor(op.inputs[settings_.part]);
    }
    concatenation_ = index;
    return Refuse(fmt::format("{} joins several tensors", DescribeOp(site_.graph(), index)));
  }
  if (IsBinary(op.kind) && view.input(1) != nullptr && !ScalarConstant(*view.input(0)) &&
      !ScalarConstant(*view.input(1))) {
    return TraceBinary(index);
  }
  const bool constant_first = IsBinary(op.kind) && ScalarConstant(*view.input(0));
  if (constant_first && view.input(1) == nullptr) {
    return Refuse(fmt::format("{} lacks operands", DescribeOp(site_.graph(), index)));
  }
  // What is no function of one element is refused before its inputs are looked at.
  FloatTrace probe;
  if (!ApplyOne(op, probe)) return std::nullopt;
  auto trace = TraceTensor(op.inputs[constant_first ? 1 : 0]);
  if (!trace || !ApplyOne(op, *trace)) return std::nullopt;
  return trace;
}

bool FloatTracer::ApplyOne(const Op& op, FloatTrace& trace) {
  const OpView view{site_.graph(), op};
  const bool was_reshaped = trace.reshaped;
  if (view.input(0) != nullptr && view.output(0) != nullptr && view.input(0)->shape != view.output(0)->shape) {
    trace.reshaped = true;
  }
  if (IsBinary(op.kind) && view.input(0) != nullptr && view.input(1) != nullptr) {
    const auto activation = FusedActivation(op);
    const auto first = ScalarConstant(*view.input(0)), second = ScalarConstant(*view.input(1));
    if (activation && (first || second)) {
      Map(trace, [&](float x) {
        return Activated(*activation, Binary(op.kind, first ? *first : x, first ? x : *second));
      });
      // A constant of higher rank puts dimensions of 1 before the others.
      trace.reshaped = was_reshaped || view.input(first ? 1 : 0)->shape != view.output(0)->shape;
      return true;
    }
  }
  if (KeepsElements(op.kind)) return true;
  if (op.kind == OpKind::kLeakyRelu) {
    const float alpha = op.as<LeakyReluParams>().alpha;
    Map(trace, [&](float x) { return x > 0 ? x : x * alpha; });
    return true;
  }
  if (const Unary exact = ExactUnary(op.kind)) {
    Map(trace, exact);
    return true;
  }
  if (const Unary math = MathUnary(op.kind)) {
    AddMath(trace, OpName(op));
    Map(trace, [&](float x) { return math(x) * (1.0f + settings_.math_error); });
    return true;
  }
  met_other_operator_ = true;
  Refuse(fmt::format("{} computes each float from many others, or is not known to be exact, so its rounding has no "
                     "8-bit equivalent",
                     OpName(op)));
  return false;
}

std::optional<FloatTrace> FloatTracer::TraceBinary(int index) {
  const Op& op = site_.op(index);
  const auto activation = FusedActivation(op);
  if (!activation) return Refuse(fmt::format("{} has a fused activation of its own", OpName(op)));
  auto a = TraceTensor(op.inputs[0]);
  if (!a) return std::nullopt;
  auto b = TraceTensor(op.inputs[1]);
  if (!b) return std::nullopt;
  const auto combine = [&](float x, float y) { return Activated(*activation, Binary(op.kind, x, y)); };
  const bool same_shape = site_.tensor(op.inputs[0]).shape == site_.tensor(op.inputs[1]).shape;
  FloatTrace trace{a->sources, {}, a->ops, a->reshaped, a->math};
  AddOps(trace, b->ops);
  AddMath(trace, b->math);
  if (a->sources == b->sources && same_shape) {
    trace.reshaped = a->reshaped || b->reshaped;
    for (size_t i = 0; i < a->values.size(); ++i) trace.values.push_back(combine(a->values[i], b->values[i]));
    return trace;
  }
  if (a->sources.size() != 1 || b->sources.size() != 1) {
    return Refuse(fmt::format("{} depends on more than two 8-bit tensors", DescribeOp(site_.graph(), index)));
  }
  if (a->reshaped || b->reshaped) {
    return Refuse(fmt::format("an operand of {} has another shape than the 8-bit tensor it comes from", OpName(op)));
  }
  trace.sources.push_back(b->sources[0]);
  trace.values.reserve(kBytes * kBytes);
  for (const float x : a->values) {
    for (const float y : b->values) trace.values.push_back(combine(x, y));
  }
  return trace;
}

}  // namespace npu
