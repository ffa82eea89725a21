// activation: RELU, RELU6, RELU_N1_TO_1 or RELU_0_TO_1 behind an operator with a fused activation becomes that.
//
// Exact when the activation keeps scale and zero point. Then its ratio of scales is 1.0 in float, whose quantized
// multiplier is {2^30, shift 1}: x * 2 * 2^30, high half doubled and rounded, is round(2^31 * x / 2^31) = x, so the
// operator is nothing but a clamp to its quantized range (backends/ops/unary.cc). The operator before ends in a
// clamp to the quantized range of its fused activation, in the same scale and zero point. Two clamps are one:
//   clamp(clamp(y, a, b), c, d) = clamp(y, max(a, c), min(b, d))     when [a, b] and [c, d] meet,
// and they do: quantize(0) is in every range. Both ends of the common range are again those of an activation,
// since quantize is monotone and clips to the type alike: NONE, RELU, RELU6, RELU_N1_TO_1 and RELU_0_TO_1 are closed
// under intersection of [lowest, inf), [0, inf), [0, 6], [-1, 1] and [0, 1].
// With another scale or zero point behind, the activation rounds a second time: not exact, no fold.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "backends/ops/room.h"
#include "backends/ops/rules.h"
#include "partitioner/fold_rules.h"
#include "schema/quantization.h"

namespace npu {
namespace {

std::optional<Activation> ActivationOf(OpKind kind) {
  switch (kind) {
    case OpKind::kRelu: return Activation::kRelu;
    case OpKind::kRelu6: return Activation::kRelu6;
    case OpKind::kReluN1To1: return Activation::kReluN1To1;
    case OpKind::kRelu0To1: return Activation::kRelu0To1;
    default: return std::nullopt;
  }
}

// The one whose range is that of both. Neither is TANH or SIGN_BIT, which have none.
Activation Both(Activation a, Activation b) {
  if (a == b || b == Activation::kNone) return a;
  if (a == Activation::kNone) return b;
  const bool up_to_1 = a == Activation::kReluN1To1 || b == Activation::kReluN1To1 || a == Activation::kRelu0To1 ||
                       b == Activation::kRelu0To1;
  // Two different ones besides NONE: at least one of them starts at 0.
  return up_to_1 ? Activation::kRelu0To1 : Activation::kRelu6;
}

// The fused activation of an op that ends in a clamp to its range; null if the op has none.
Activation* FusedActivation(Op& op) {
  switch (op.kind) {
    case OpKind::kConv2D: return &std::get<Conv2DParams>(op.params).activation;
    case OpKind::kDepthwiseConv2D: return &std::get<DepthwiseConv2DParams>(op.params).activation;
    case OpKind::kTransposeConv: return &std::get<TransposeConvParams>(op.params).activation;
    case OpKind::kFullyConnected: return &std::get<FullyConnectedParams>(op.params).activation;
    case OpKind::kAdd:
    case OpKind::kSub:
    case OpKind::kMul:
    case OpKind::kDiv: return &std::get<BinaryParams>(op.params).activation;
    case OpKind::kAveragePool2D:
    case OpKind::kMaxPool2D: return &std::get<Pool2DParams>(op.params).activation;
    default: return nullptr;
  }
}

std::optional<FoldMatch> Match(const FoldSite& site, int into) {
  FoldMatch match{.op = site.op(into)};
  Activation* fused = FusedActivation(match.op);
  if (fused == nullptr || !match.op.params_error.empty() || match.op.outputs.size() != 1 ||
      !HasQuantizedRange(*fused)) {
    return std::nullopt;
  }
  const int reader = site.OnlyReaderOf(match.op.outputs[0]);
  if (reader < 0) return std::nullopt;
  const Op& clamp = site.op(reader);
  const auto activation = ActivationOf(clamp.kind);
  if (!activation || !CheckNpu(site.graph(), clamp).eligible()) return std::nullopt;
  const Tensor &before = site.tensor(clamp.inputs[0]), &behind = site.tensor(clamp.outputs[0]);
  if (!Is8Bit(before.type) || !QuantizedAlike(before, behind)) return std::nullopt;
  match.absorbed = {reader};
  match.op.outputs = clamp.outputs;
  *fused = Both(*fused, *activation);
  const ActivationRange range = QuantizedActivationRange(*fused, behind);
  match.why = fmt::format("{} keeps scale {} and zero point {}, so it only clamps, and two clamps are one: to {}, {} to {}.",
                          OpName(clamp), behind.scale(), behind.zero_point(), ActivationName(*fused), range.min,
                          range.max);
  return match;
}

}  // namespace

extern const FoldRule kActivationFold;
const FoldRule kActivationFold = {
    .name = "activation",
    .summary = "RELU, RELU6, RELU_N1_TO_1 or RELU_0_TO_1 that keeps scale and zero point becomes the fused activation of "
               "the CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV, FULLY_CONNECTED, ADD, SUB, MUL, DIV, AVERAGE_POOL_2D or "
               "MAX_POOL_2D before it",
    .match = Match,
};

}  // namespace npu
