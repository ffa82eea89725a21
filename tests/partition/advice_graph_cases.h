// The cases of advice_test.cc about graphs, operators, Larq and decisions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "tests/partition/advice_cases.h"

namespace npu::test {

inline std::vector<AdviceCase> AdviceCasesOfGraphs() {
  using enum AdviceId;
  constexpr auto kI8 = DataType::kInt8;
  constexpr auto kI32 = DataType::kInt32;
  const auto one_op = [](OpKind kind) { return [kind](Draft& d) { return d.Unary(kind, d.Input()); }; };
  const auto custom = [](const char* name) { return [name](Draft& d) { return d.Custom(name); }; };
  PlanOptions deny, large, measured;
  deny.deny = {"CONV_2D"};
  large.min_segment_macs = 1000;
  measured.placement = PlacementRule::kAuto;
  return {
      {kDynamicShape,
       [](Draft& d) {
         const int in = d.Input();
         d.builder.tensor(in).shape_known = false;
         const int out = d.Relu(in);
         d.builder.tensor(out).shape_known = false;
         return out;
       }},
      {kRuntimeParameter,
       [](Draft& d) {
         const int shape = d.builder.Input(kI32, {4});
         return d.Put(OpKind::kReshape, {d.Input(), shape}, d.Quantized(kI8), ReshapeParams{});
       }},
      {kRuntimeWeights,
       [](Draft& d) { return d.ConvOf(d.Input(), d.builder.Input(kI8, {2, 1, 1, 2}, 0.5f), d.builder.Input(kI32, {2}, 0.25f)); }},
      {kIntegerArithmetic,
       [](Draft& d) {
         return d.Put(OpKind::kAdd, {d.builder.Input(kI32, {4}), d.builder.Input(kI32, {4})}, d.builder.Tensor(kI32, {4}), BinaryParams{});
       }},
      {kShapeOutput,
       [](Draft& d) { return d.Put(OpKind::kShape, {d.Relu(d.Conv(d.Input()))}, d.builder.Tensor(kI32, {4}), ShapeParams{}); }},
      {kUnfusedBatchNorm,
       [](Draft& d) {
         const auto scaled = [&](OpKind kind, int x) {
           return d.Put(kind, {x, d.Weights(kI8, {2})}, d.Quantized(kI8), BinaryParams{});
         };
         return scaled(OpKind::kAdd, scaled(OpKind::kMul, d.Conv(d.Input())));
       }},
      {kStandaloneActivation,
       [](Draft& d) { return d.Put(OpKind::kRelu6, {d.Conv(d.Input())}, d.builder.Tensor(kI8, {1, 4, 4, 2}, 0.03f)); }},
      {kSubOfItself,
       [](Draft& d) {
         const int in = d.Input();
         return d.Put(OpKind::kSub, {in, in}, d.Quantized(kI8), BinaryParams{});
       }},
      {kReplaceOperator, one_op(OpKind::kCos)},
      {kDataDependent, one_op(OpKind::kWhere)},
      {kEmbeddingLookup, one_op(OpKind::kOneHot)},
      {kRecurrent, one_op(OpKind::kRnn)},
      {kControlFlow, one_op(OpKind::kWhile)},
      {kDetection, one_op(OpKind::kNonMaxSuppressionV4)},
      {kResourceVariable,
       [](Draft& d) {
         const int handle = d.builder.Tensor(DataType::kResource, {1});
         d.builder.Op(OpKind::kVarHandle, {}, {handle}, VarHandleParams{"", "state"});
         return d.Put(OpKind::kReadVariable, {handle}, d.Quantized(kI8));
       }},
      {kVariableTensor, [](Draft& d) { return d.Relu(d.builder.State(kI8, {1, 4, 4, 2}, 0.5f)); }},
      {kFusedActivation,
       [](Draft& d) { return d.ConvOf(d.Input(), d.Weights(kI8, {2, 1, 1, 2}), d.Bias(), kI8, {.activation = Activation::kTanh}); }},
      {kSparse,
       [](Draft& d) {
         const int weights = d.Weights(kI8, {2, 1, 1, 2});
         d.builder.tensor(weights).is_sparse = true;
         return d.ConvOf(d.Input(), weights, d.Bias());
       }},
      {kOperatorVersion, [](Draft& d) { return d.Put(OpKind::kRelu, {d.Input()}, d.Quantized(kI8), {}, 99); }},
      {kOtherTypes,
       [](Draft& d) {
         return d.Put(OpKind::kRelu, {d.builder.Input(DataType::kFloat64, {4})}, d.builder.Tensor(DataType::kFloat64, {4}));
       }},
      {kTooLarge, [](Draft& d) { return d.Put(OpKind::kRelu, {d.builder.Input(kI8, {1, 0, 4, 2}, 0.5f)}, d.Shaped(kI8, {1, 0, 4, 2})); }},
      {kParameterLimit,
       [](Draft& d) {
         return d.Put(OpKind::kSoftmax, {d.Input()}, d.builder.Tensor(kI8, {1, 4, 4, 2}, 1 / 256.0f, -128), SoftmaxParams{-1.0f});
       }},
      {kMalformed,
       [](Draft& d) {
         return d.Put(OpKind::kAdd, {d.Input(), d.builder.Input(kI8, {1, 4, 4, 3}, 0.5f)}, d.Quantized(kI8), BinaryParams{});
       }},
      {kOtherNpu, custom("edgetpu-custom-op")},
      {kFlex, custom("FlexErf")},
      {kCustom, custom("Mystery")},
      {kText, one_op(OpKind::kHashtableLookup)},
      {kSignal, one_op(OpKind::kRfft2d)},
      {kRandom, one_op(OpKind::kRandomUniform)},
      {kStablehlo, one_op(OpKind::kStablehloAdd)},
      {kConv3D, one_op(OpKind::kConv3D)},
      {kFakeQuant, one_op(OpKind::kFakeQuant)},

      {kBinaryOnCpu, [](Draft& d) { return d.Packed(d.Input()); }},
      {kBinaryFloat, [](Draft& d) { return d.Packed(d.Floats(OpKind::kRelu, d.Input(DataType::kFloat32))); }, {kBinaryOnCpu}},
      {kBinaryZeroPadding,
       [](Draft& d) {
         const int ones = d.Weights(DataType::kFloat32, {1}, {});
         const int filter = d.Weights(kI32, {1, 1, 1, 1}, {});
         const LceBconv2dParams params{.channels_in = 3};
         return d.Put(OpKind::kLceBconv2d, {d.Packed(d.builder.Input(kI8, {1, 4, 4, 3}, 0.5f)), filter, ones, ones, kNoTensor},
                      d.Shaped(kI8, {1, 4, 4, 1}), params);
       },
       {kBinaryOnCpu}},
      {kBinaryConverter,
       [](Draft& d) {
         d.params_error = "custom options: 3 bytes";
         return d.Put(OpKind::kLceBconv2d, {d.Packed(d.Input()), d.Weights(kI32, {1, 1, 1, 1}, {}), kNoTensor, kNoTensor, kNoTensor},
                      d.Shaped(kI8, {1, 4, 4, 1}), LceBconv2dParams{});
       },
       {kBinaryOnCpu}},
      {kPackedOutput,
       [](Draft& d) { return d.Put(OpKind::kLceDequantize, {d.Packed(d.Input())}, d.Quantized(DataType::kFloat32)); },
       {kBinaryOnCpu}},

      {kDenied, [](Draft& d) { return d.Conv(d.Input()); }, {}, deny},
      {kMinSegmentMacs, [](Draft& d) { return d.Conv(d.Input()); }, {}, large},
      {kMinSegmentOps,
       [](Draft& d) { return d.Conv(d.Unary(OpKind::kCos, d.Relu(d.Unary(OpKind::kCos, d.Conv(d.Input()))))); },
       {kReplaceOperator}},
      {kPlacementAuto, [](Draft& d) { return d.Conv(d.Input()); }, {}, measured},
      {kOtherDelegate, one_op(OpKind::kDelegate)},
      {kConversionOnly, [](Draft& d) { return d.Dequantize(d.Input()); }},
  };
}

}  // namespace npu::test
