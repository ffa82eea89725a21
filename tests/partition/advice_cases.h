// A small graph for every advice, which gets this advice: the cases of advice_test.cc.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <set>

#include "partitioner/advice.h"
#include "tests/partition/small_net.h"

namespace npu::test {

struct AdviceCase {
  AdviceId id;
  // Adds operators and returns the graph's output.
  std::function<int(struct Draft&)> draw;
  std::set<AdviceId> beside = {};  // others that such a graph gets, too
  PlanOptions options = {};
};

// Net with the pieces that these graphs are made of. Tensors are [1, 4, 4, 2] unless said otherwise.
struct Draft : Net {
  int Shaped(DataType type, std::vector<int32_t> shape) {
    return builder.Tensor(type, std::move(shape), type == DataType::kFloat32 ? 0.0f : 0.5f);
  }
  int Put(OpKind kind, std::vector<int> inputs, int output, OpParams params = {}, int version = 1) {
    builder.Op(kind, std::move(inputs), {output}, std::move(params), version);
    return output;
  }
  int Floats(OpKind kind, int input) { return Unary(kind, input, DataType::kFloat32); }
  int Custom(const std::string& name) {
    const int output = Unary(OpKind::kCustom, Input());
    custom_name = name;
    return output;
  }
  int Weights(DataType type, std::vector<int32_t> shape, Quantization quantization = PerTensor(0.5f, 0)) {
    int64_t count = 1;
    for (int32_t dim : shape) count *= dim;
    return builder.Constant<int8_t>(type, shape, std::vector<int8_t>(*ByteSize(type, count), 1), std::move(quantization));
  }
  int Bias(DataType type = DataType::kInt32, float scale = 0.25f) {
    return Weights(type, {2}, PerTensor(scale, 0));
  }
  // 1x1, 2 channels to 2.
  int ConvOf(int input, int weights, int bias, DataType type = DataType::kInt8, Conv2DParams params = {}) {
    return Put(OpKind::kConv2D, {input, weights, bias}, Quantized(type), params);
  }
  int DenseOf(int input, int weights, DataType type = DataType::kInt8) {
    return Put(OpKind::kFullyConnected, {input, weights}, Quantized(type), FullyConnectedParams{.keep_num_dims = true});
  }
  // The constant, made float by DEQUANTIZE.
  int Restored(int constant) {
    const int output = Shaped(DataType::kFloat32, builder.tensor(constant).shape);
    return Put(OpKind::kDequantize, {constant}, output);
  }
  int Packed(int input) {
    const int output = builder.Tensor(DataType::kInt32, {1, 4, 4, 1});
    return Put(OpKind::kLceQuantize, {input}, output);
  }

  std::string custom_name;  // of every custom operator of the graph
  std::string params_error;  // of every LceBconv2d
};

inline std::vector<AdviceCase> AdviceCasesOfQuantization() {
  using enum AdviceId;
  constexpr auto kF32 = DataType::kFloat32;
  constexpr auto kI8 = DataType::kInt8;
  constexpr auto kU8 = DataType::kUInt8;
  return {
      {kQuantizeFloat32, [](Draft& d) { return d.Floats(OpKind::kRelu, d.Input(kF32)); }},
      {kQuantizeFloat16,
       [](Draft& d) {
         const int weights = d.Restored(d.Weights(DataType::kFloat16, {2, 2, 2, 2}, {}));
         return d.Put(OpKind::kConv2D, {d.Input(kF32), weights, d.Restored(d.Weights(DataType::kFloat16, {2}, {}))},
                      d.Quantized(kF32), Conv2DParams{});
       }},
      {kDynamicRange,
       [](Draft& d) { return d.ConvOf(d.Input(kF32), d.Weights(kI8, {2, 3, 3, 2}), d.Weights(kF32, {2}, {}), kF32); }},
      {kWeightOnly,
       [](Draft& d) { return d.ConvOf(d.Input(kF32), d.Restored(d.Weights(kI8, {2, 3, 3, 2})), d.Weights(kF32, {2}, {}), kF32); }},
      {kNarrowWeights,
       [](Draft& d) { return d.ConvOf(d.Input(kF32), d.Weights(DataType::kInt4, {2, 3, 3, 2}), d.Weights(kF32, {2}, {}), kF32); }},
      {kBlockwiseWeights,
       [](Draft& d) {
         const int weights = d.Weights(kI8, {2, 2});
         d.builder.tensor(weights).has_unknown_quantization = true;
         return d.DenseOf(d.Input(), weights);
       }},
      {kRepresentativeDataset,
       [](Draft& d) { return d.Conv(d.Quantize(d.Floats(OpKind::kLogSoftmax, d.Dequantize(d.Conv(d.Input()))))); }},
      {kSharedConstant,
       [](Draft& d) {
         const int zeros = d.Weights(kF32, {2}, {});
         const auto island = [&](OpKind kind, int x) {
           return d.Quantize(d.Put(kind, {d.Dequantize(x), zeros}, d.Quantized(kF32), BinaryParams{}));
         };
         return d.Conv(island(OpKind::kMul, d.Conv(island(OpKind::kAdd, d.Conv(d.Input())))));
       }},
      {kInt8Bias, [](Draft& d) { return d.ConvOf(d.Input(), d.Weights(kI8, {2, 1, 1, 2}), d.Bias(kI8)); }},
      {kFloatIo, [](Draft& d) { return d.Relu(d.Conv(d.Quantize(d.Input(kF32)))); }},
      {kCameraInput,
       [](Draft& d) {
         const int camera = d.builder.Input(kF32, {1, 8, 8, 3}), bytes = d.Shaped(kI8, {1, 8, 8, 3});
         d.Put(OpKind::kQuantize, {camera}, bytes);
         const int relu = d.Shaped(kI8, {1, 8, 8, 3});
         return d.Put(OpKind::kMaxPool2D, {d.Put(OpKind::kRelu, {bytes}, relu)}, d.Shaped(kI8, {1, 8, 8, 3}), Pool2DParams{});
       }},
      {kFloatOutput, [](Draft& d) { return d.Floats(OpKind::kLogSoftmax, d.Dequantize(d.Relu(d.Conv(d.Input())))); }},
      {kFineOutput,
       [](Draft& d) {
         const int in = d.builder.Input(kI8, {1, 2}, 0.5f);
         return d.Put(OpKind::kFullyConnected, {in, d.Weights(kI8, {1, 2})}, d.Shaped(kI8, {1, 1}), FullyConnectedParams{});
       }},
      {kMixed8Bit, [](Draft& d) { return d.Add(d.Input(), d.Input(kU8)); }},
      {kUseInt8,
       [](Draft& d) { return d.ConvOf(d.Input(kU8), d.Weights(kU8, {2, 1, 1, 2}, PerChannel({0.5f, 0.25f}, 0)), d.Bias(), kU8); }},
      {kPerChannelDense, [](Draft& d) { return d.DenseOf(d.Input(), d.Weights(kI8, {2, 2}, PerChannel({0.5f, 0.25f}, 1))); }},
      {kMissingQuantization, [](Draft& d) { return d.Put(OpKind::kRelu, {d.Input()}, d.builder.Tensor(kI8, {1, 4, 4, 2})); }},
      {kPerChannelOperand,
       [](Draft& d) { return d.Put(OpKind::kRelu, {d.Input()}, d.builder.Tensor(kI8, {1, 4, 4, 2}, PerChannel({0.5f, 0.25f}, 3))); }},
      {kFixedScale, [](Draft& d) { return d.Unary(OpKind::kLogistic, d.Input()); }},
      {kSameScale,
       [](Draft& d) {
         return d.Put(OpKind::kMaxPool2D, {d.Input()}, d.builder.Tensor(kI8, {1, 4, 4, 2}, 0.25f), Pool2DParams{});
       }},
      {kExtremeScale, [](Draft& d) { return d.Put(OpKind::kRelu, {d.Input()}, d.builder.Tensor(kI8, {1, 4, 4, 2}, 1e-20f)); }},
      {kAsymmetric, [](Draft& d) { return d.ConvOf(d.Input(), d.Weights(kI8, {2, 1, 1, 2}, PerTensor(0.5f, 3)), d.Bias()); }},
      {kBiasScale,
       [](Draft& d) {
         return d.Put(OpKind::kFullyConnected, {d.Input(), d.Weights(kI8, {2, 2}), d.Bias(DataType::kInt32, 9)},
                      d.Quantized(kI8), FullyConnectedParams{.keep_num_dims = true});
       }},
      {kInt16Form,
       [](Draft& d) { return d.Unary(OpKind::kRsqrt, d.Input(DataType::kInt16), DataType::kInt16); }},
  };
}

}  // namespace npu::test
