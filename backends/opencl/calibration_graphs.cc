// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/calibration_graphs.h"

#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

#include "backends/ops/room.h"

namespace npu {
namespace {

constexpr int kCopies = 4;
constexpr float kInputScale = 0.02f, kWeightScale = 0.003f, kOutputScale = 0.05f;

class Builder {
 public:
  explicit Builder(std::vector<int32_t> input) : input_(Tensor(std::move(input), kInputScale, -3)) {
    graph_->inputs = {input_};
  }

  int input() const { return input_; }
  const npu::Tensor& tensor(int i) const { return graph_->tensors[i]; }

  int Tensor(std::vector<int32_t> shape, float scale, int64_t zero_point) {
    npu::Tensor tensor;
    tensor.type = DataType::kInt8;
    tensor.shape = std::move(shape);
    tensor.quantization = {{scale}, {zero_point}, 0};
    graph_->tensors.push_back(std::move(tensor));
    return static_cast<int>(graph_->tensors.size()) - 1;
  }

  // One scale per channel of `dimension`.
  int Weights(std::vector<int32_t> shape, int dimension) {
    const auto channels = static_cast<size_t>(shape[dimension]);
    const int index = Tensor(std::move(shape), kWeightScale, 0);
    npu::Tensor& weights = graph_->tensors[index];
    weights.quantization = {std::vector<float>(channels, kWeightScale), std::vector<int64_t>(channels, 0), dimension};
    std::vector<std::byte> bytes(static_cast<size_t>(weights.byte_size().value_or(0)));
    uint32_t state = 1;
    for (std::byte& byte : bytes) {
      state = state * 1664525u + 1013904223u;
      byte = static_cast<std::byte>((state >> 24) == 0x80 ? 0 : state >> 24);  // weights are -127 to 127
    }
    SetData(weights, std::move(bytes));
    return index;
  }

  int Bias(int32_t channels) {
    const int index = Tensor({channels}, kInputScale * kWeightScale, 0);
    npu::Tensor& bias = graph_->tensors[index];
    bias.type = DataType::kInt32;
    SetData(bias, std::vector<std::byte>(static_cast<size_t>(channels) * 4));
    return index;
  }

  int Ints(const std::vector<int32_t>& values) {
    const int index = Tensor({static_cast<int32_t>(values.size())}, 1, 0);
    npu::Tensor& ints = graph_->tensors[index];
    ints.type = DataType::kInt32;
    ints.quantization = {};
    std::vector<std::byte> bytes(values.size() * sizeof(int32_t));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    SetData(ints, std::move(bytes));
    return index;
  }

  int Op(OpKind kind, std::vector<int> inputs, int output, OpParams params) {
    npu::Op op;
    op.kind = kind;
    op.inputs = std::move(inputs);
    op.outputs = {output};
    op.params = std::move(params);
    graph_->ops.push_back(std::move(op));
    return output;
  }

  CalibrationGraph Build(int output) {
    graph_->outputs = {output};
    CalibrationGraph result{graph_, {.ops = {}, .inputs = {input_}, .outputs = {output}}};
    for (size_t i = 0; i < graph_->ops.size(); ++i) {
      const npu::Op& op = graph_->ops[i];
      result.segment.ops.push_back(static_cast<int>(i));
      result.macs += static_cast<double>(Macs(*graph_, op));
      for (int t : op.outputs) result.outputs += static_cast<double>(graph_->tensors[t].element_count().value_or(0));
      for (const std::vector<int>* list : {&op.inputs, &op.outputs}) {
        for (int t : *list) result.bytes += static_cast<double>(graph_->tensors[t].byte_size().value_or(0));
      }
    }
    return result;
  }

 private:
  static void SetData(npu::Tensor& tensor, std::vector<std::byte> bytes) {
    auto owner = std::make_shared<std::vector<std::byte>>(std::move(bytes));
    tensor.data = {*owner, owner};
  }

  std::shared_ptr<Graph> graph_ = std::make_shared<Graph>();
  int input_;
};

CalibrationGraph Pointwise(int32_t size, int32_t depth, int32_t channels) {
  Builder b({1, size, size, depth});
  int y = 0;
  for (int i = 0; i < kCopies; ++i) {
    const int weights = b.Weights({channels, 1, 1, depth}, 0), bias = b.Bias(channels);
    y = b.Op(OpKind::kConv2D, {b.input(), weights, bias}, b.Tensor({1, size, size, channels}, kOutputScale, -128),
             Conv2DParams{.padding = Padding::kSame, .stride_h = 1, .stride_w = 1, .activation = Activation::kRelu});
  }
  return b.Build(y);
}

}  // namespace

CalibrationGraph DeepConvolution() { return Pointwise(14, 576, 128); }
CalibrationGraph ShallowConvolution() { return Pointwise(56, 16, 64); }

CalibrationGraph DepthwiseConvolution() {
  constexpr int32_t kSize = 28, kChannels = 192;
  Builder b({1, kSize, kSize, kChannels});
  int y = 0;
  for (int i = 0; i < kCopies; ++i) {
    const int weights = b.Weights({1, 3, 3, kChannels}, 3), bias = b.Bias(kChannels);
    y = b.Op(OpKind::kDepthwiseConv2D, {b.input(), weights, bias},
             b.Tensor({1, kSize, kSize, kChannels}, kOutputScale, -128),
             DepthwiseConv2DParams{.padding = Padding::kSame,
                                   .stride_h = 1,
                                   .stride_w = 1,
                                   .depth_multiplier = 1,
                                   .activation = Activation::kRelu});
  }
  return b.Build(y);
}

CalibrationGraph FullyConnected() {
  constexpr int32_t kDepth = 1024, kUnits = 1000;
  Builder b({1, kDepth});
  int y = 0;
  for (int i = 0; i < kCopies; ++i) {
    const int weights = b.Weights({kUnits, kDepth}, 0), bias = b.Bias(kUnits);
    y = b.Op(OpKind::kFullyConnected, {b.input(), weights, bias}, b.Tensor({1, kUnits}, kOutputScale, 5),
             FullyConnectedParams{});
  }
  return b.Build(y);
}

CalibrationGraph Sum() {
  Builder b({1, 56, 56, 24});
  int y = 0;
  for (int i = 0; i < kCopies; ++i) {
    y = b.Op(OpKind::kAdd, {b.input(), b.input()}, b.Tensor({1, 56, 56, 24}, kOutputScale, 5), BinaryParams{});
  }
  return b.Build(y);
}

CalibrationGraph TinyOperators(int count) {
  Builder b({1, 16});
  int y = b.input();
  for (int i = 0; i < count; ++i) {
    y = b.Op(OpKind::kAdd, {y, y}, b.Tensor({1, 16}, kOutputScale, 5), BinaryParams{});
  }
  return b.Build(y);
}

CalibrationGraph OnlyCopies() {
  Builder b({1, 1 << 20});
  const int y = b.Tensor({1 << 20}, kInputScale, -3);
  return b.Build(b.Op(OpKind::kReshape, {b.input(), b.Ints({1 << 20})}, y, ReshapeParams{}));
}

}  // namespace npu
