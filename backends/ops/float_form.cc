// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/float_form.h"

#include <limits>

#include "backends/ops/broadcast.h"
#include "backends/ops/float_convolution.h"
#include "backends/ops/rules.h"
#include "backends/threads/thread_pool.h"

namespace npu {
namespace {

bool IsPool(OpKind kind) { return kind == OpKind::kAveragePool2D || kind == OpKind::kMaxPool2D; }
bool IsPad(OpKind kind) { return kind == OpKind::kPad || kind == OpKind::kPadv2; }
bool IsConvolution(OpKind kind) { return kind == OpKind::kConv2D || kind == OpKind::kDepthwiseConv2D; }
bool HasTwoOperands(OpKind kind) {
  return kind == OpKind::kAdd || kind == OpKind::kSub || kind == OpKind::kMul || kind == OpKind::kPrelu;
}

// Whether input i holds numbers (others: axes, paddings, shapes).
bool IsData(OpKind kind, int i) {
  return i == 0 || kind == OpKind::kConcatenation || IsConvolution(kind) || (HasTwoOperands(kind) && i == 1) ||
         (IsPad(kind) && i == 2);
}

Activation ActivationOf(const Op& op) {
  if (const auto* binary = std::get_if<BinaryParams>(&op.params)) return binary->activation;
  if (const auto* conv = std::get_if<Conv2DParams>(&op.params)) return conv->activation;
  if (const auto* conv = std::get_if<DepthwiseConv2DParams>(&op.params)) return conv->activation;
  if (const auto* pool = std::get_if<Pool2DParams>(&op.params)) return pool->activation;
  if (const auto* concatenation = std::get_if<ConcatenationParams>(&op.params)) return concatenation->activation;
  return Activation::kNone;
}

// What the room infers is what its kernels write.
void RequireInferredShape(const OpView& op, Verdict& verdict) {
  Graph alone;
  Op copy = op.op;
  for (std::vector<int>* operands : {&copy.inputs, &copy.outputs}) {
    for (int& tensor : *operands) {
      if (tensor == kNoTensor) continue;
      alone.tensors.push_back(op.graph.tensors[tensor]);
      tensor = static_cast<int>(alone.tensors.size()) - 1;
    }
  }
  const Tensor& output = *op.output(0);
  if (const Status status = FindRoom(copy.kind)->infer(alone, copy); !status) {
    verdict.Add(ReasonCode::kShapeMismatch, "shapes of the operands", status.error().text, "shapes that fit together");
  } else if (const Tensor& inferred = alone.tensors[copy.outputs[0]]; inferred.shape != output.shape) {
    verdict.Add(ReasonCode::kShapeMismatch, "output 0 shape", ShapeString(output), ShapeString(inferred));
  }
}

}  // namespace

bool HasFloatForm(OpKind kind) {
  switch (kind) {
    case OpKind::kRelu:
    case OpKind::kReluN1To1:
    case OpKind::kRelu6:
    case OpKind::kRelu0To1:
    case OpKind::kConcatenation:
    case OpKind::kReshape:
    case OpKind::kMean: return true;
    default: return HasTwoOperands(kind) || IsConvolution(kind) || IsPool(kind) || IsPad(kind);
  }
}

bool IsFloatForm(const OpView& op) {
  return HasFloatForm(op.op.kind) && op.input(0) != nullptr && op.input(0)->type == DataType::kFloat32 &&
         op.output(0) != nullptr && op.output(0)->type == DataType::kFloat32;
}

void CheckFloatForm(const OpView& op, Verdict& verdict) {
  if (!HasFloatForm(op.op.kind)) {
    verdict.Add(ReasonCode::kUnsupportedOperator, "operator on delegate-cpu", std::string(OpName(op.op)),
                "an operator with a FLOAT32 form");
    return;
  }
  bool ok = RequireOutputType(op, 0, {DataType::kFloat32}, verdict);
  for (int i = 0; i < op.input_count(); ++i) {
    if (!IsData(op.op.kind, i)) continue;
    if (op.input(i) == nullptr && i == 2) continue;  // PADV2's value, a bias
    const bool typed = RequireInputType(op, i, "data", {DataType::kFloat32}, verdict);
    ok = typed && RequireNonEmpty(*op.input(i), "input", verdict) && ok;
  }
  if (IsPad(op.op.kind) && op.input(2) != nullptr && op.input(2)->element_count() != 1) {
    verdict.Add(ReasonCode::kUnsupportedOperandSize, "input 2 (value) shape", ShapeString(*op.input(2)), "one value");
    ok = false;
  }
  const Activation activation = ActivationOf(op.op);
  if (op.op.kind == OpKind::kConcatenation) {
    RequireNoActivation(activation, verdict);
  } else {
    RequireQuantizedActivation(activation, verdict);
  }
  if (ok && IsConvolution(op.op.kind)) CheckFloatConvolution(op, verdict);
  if (ok) RequireInferredShape(op, verdict);
}

FloatRange FloatActivationRange(Activation activation) {
  constexpr float kMost = std::numeric_limits<float>::max();
  switch (activation) {
    case Activation::kRelu: return {0, kMost};
    case Activation::kReluN1To1: return {-1, 1};
    case Activation::kRelu6: return {0, 6};
    case Activation::kRelu0To1: return {0, 1};
    default: return {-kMost, kMost};
  }
}

namespace {

// out[i] = function(a[i * a_stride], b[i * b_stride]); each stride is 0 or 1.
template <typename Function>
void ComputeRow(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int64_t count, float* out,
                Function function) {
  if (a_stride == 1 && b_stride == 1) {
    for (int64_t i = 0; i < count; ++i) out[i] = function(a[i], b[i]);
  } else if (a_stride == 1) {
    for (int64_t i = 0; i < count; ++i) out[i] = function(a[i], *b);
  } else if (b_stride == 1) {
    for (int64_t i = 0; i < count; ++i) out[i] = function(*a, b[i]);
  } else {
    for (int64_t i = 0; i < count; ++i) out[i] = function(*a, *b);
  }
}

template <typename Function>
void ComputeLoops(const ReferenceArgs& args, Function function) {
  std::vector<BroadcastLoop> loops = BroadcastLoops(args.view.input(0)->shape, args.view.input(1)->shape);
  const float *a = args.in<float>(0), *b = args.in<float>(1);
  float* out = args.out<float>(0);
  if (loops.size() == 1) {
    const BroadcastLoop& loop = loops[0];
    ParallelRanges(args.pool, loop.size, 1, [&](int64_t begin, int64_t end) {
      ComputeRow(a + begin * loop.a_stride, loop.a_stride, b + begin * loop.b_stride, loop.b_stride, end - begin,
                 out + begin, function);
    });
    return;
  }
  int64_t rows = 1;
  for (size_t i = 1; i < loops.size(); ++i) rows *= loops[i].size;
  ParallelRanges(args.pool, rows, loops[0].size, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      int64_t rest = row, a_begin = 0, b_begin = 0;
      for (size_t i = 1; i < loops.size(); ++i) {
        a_begin += rest % loops[i].size * loops[i].a_stride;
        b_begin += rest % loops[i].size * loops[i].b_stride;
        rest /= loops[i].size;
      }
      ComputeRow(a + a_begin, loops[0].a_stride, b + b_begin, loops[0].b_stride, loops[0].size,
                 out + row * loops[0].size, function);
    }
  });
}

}  // namespace

void ComputeFloatBinary(const ReferenceArgs& args) {
  const FloatRange range = FloatActivationRange(ActivationOf(args.view.op));
  switch (args.view.op.kind) {
    case OpKind::kAdd: return ComputeLoops(args, [=](float a, float b) { return range(a + b); });
    case OpKind::kSub: return ComputeLoops(args, [=](float a, float b) { return range(a - b); });
    case OpKind::kMul: return ComputeLoops(args, [=](float a, float b) { return range(a * b); });
    default: return ComputeLoops(args, [](float a, float b) { return a >= 0.0f ? a : a * b; });
  }
}

void ComputeFloatUnary(const ReferenceArgs& args) {
  const OpKind kind = args.view.op.kind;
  FloatRange range = FloatActivationRange(kind == OpKind::kReluN1To1  ? Activation::kReluN1To1
                                          : kind == OpKind::kRelu6    ? Activation::kRelu6
                                          : kind == OpKind::kRelu0To1 ? Activation::kRelu0To1
                                                                      : Activation::kRelu);
  // RELU has no upper end.
  if (kind == OpKind::kRelu) range.max = std::numeric_limits<float>::infinity();
  const float* in = args.in<float>(0);
  float* out = args.out<float>(0);
  ParallelRanges(args.pool, args.view.input(0)->element_count().value_or(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = range(in[i]);
  });
}

}  // namespace npu
