// The operators of most networks over random shapes, parameters and quantizations, at least 200 cases a family: OpenCL
// (every kernel variant that the device runs) gives the reference's bytes. A failure names its seed.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <random>

#include "tests/ops/convolution_testing.h"

namespace npu::test {
namespace {

constexpr uint32_t kCases = 200;

class Dice {
 public:
  explicit Dice(uint32_t seed) : engine_(seed) {}
  int32_t Between(int32_t min, int32_t max) {
    return std::uniform_int_distribution<int32_t>(min, max)(engine_);
  }
  float Between(float min, float max) { return std::uniform_real_distribution<float>(min, max)(engine_); }
  bool Coin() { return Between(0, 1) == 1; }
  template <typename T>
  T OneOf(std::initializer_list<T> values) {
    return *(values.begin() + Between(0, static_cast<int32_t>(values.size()) - 1));
  }
  DataType Type() { return Coin() ? DataType::kInt8 : DataType::kUInt8; }
  int64_t ZeroPoint(DataType type) { return Between(0, 255) - (type == DataType::kInt8 ? 128 : 0); }
  float Scale() { return Between(0.01f, 0.1f); }
  Activation FusedActivation() {
    return OneOf({Activation::kNone, Activation::kRelu, Activation::kReluN1To1, Activation::kRelu6});
  }
  Padding SameOrValid() { return Coin() ? Padding::kSame : Padding::kValid; }
  std::vector<int32_t> Shape(int rank, int32_t most) {
    std::vector<int32_t> shape(rank);
    for (int32_t& dim : shape) dim = Between(1, most);
    return shape;
  }
  LayerQuantization Layer() {
    const DataType type = Type();
    const bool per_channel = type == DataType::kInt8 && Coin();
    return {.type = type,
            .weights = per_channel ? Weights::kPerChannel : Weights::kPerTensor,
            .weights_zero_point = type == DataType::kUInt8 ? Between(0, 255) : 0,
            .input_zero_point = ZeroPoint(type),
            .output_zero_point = ZeroPoint(type),
            .bias = Coin(),
            .gain = Between(0.5f, 2.0f)};
  }

 private:
  std::mt19937 engine_;
};

void Sweep(const std::function<std::shared_ptr<Graph>(Dice&, uint32_t seed)>& make) {
  std::printf("seeds 1 to %u\n", kCases);
  for (uint32_t seed = 1; seed <= kCases && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed);
    ExpectOpenClMatchesReference(make(dice, seed), seed);
    if (testing::Test::IsSkipped()) return;
  }
}

// One operator behind one input of a random type; the output has that type, and the input's quantization where
// `same`.
std::shared_ptr<Graph> Single(Dice& dice, OpKind kind, const std::vector<int32_t>& shape, bool same, OpParams params,
                              const std::function<void(GraphBuilder&, std::vector<int>&)>& more = {}) {
  GraphBuilder b;
  const DataType type = dice.Type();
  const float scale = dice.Scale();
  const int64_t zero_point = dice.ZeroPoint(type);
  std::vector<int> operands = {b.Input(type, shape, scale, zero_point)};
  if (more) more(b, operands);
  const int y = b.Tensor(type, {}, same ? scale : dice.Scale(), same ? zero_point : dice.ZeroPoint(type));
  b.Op(kind, operands, {y}, std::move(params));
  return b.Build({y});
}

TEST(RandomSweep, Conv2D) {
  Sweep([](Dice& dice, uint32_t seed) {
    GraphBuilder b;
    const int32_t groups = dice.OneOf({1, 1, 1, 2, 3}), depth = dice.Between(1, 24);
    const int32_t h = dice.Between(5, 14), w = dice.Between(5, 14);
    const int32_t filter_h = dice.Between(1, 3), filter_w = dice.Between(1, 3);
    const int32_t dilation = filter_h < 3 || h > 8 ? dice.Between(1, 2) : 1;
    const Layer layer = AddLayer(b, dice.Layer(), {dice.Between(1, 2), h, w, depth * groups},
                                 {dice.Between(1, 20) * groups, filter_h, filter_w, depth}, 0,
                                 int64_t{filter_h} * filter_w * depth, seed);
    b.Op(OpKind::kConv2D, layer.operands, {layer.output},
         Conv2DParams{.padding = dice.SameOrValid(),
                      .stride_h = dice.Between(1, 3),
                      .stride_w = dice.Between(1, 3),
                      .dilation_h = dilation,
                      .dilation_w = dilation,
                      .activation = dice.FusedActivation()});
    return b.Build({layer.output});
  });
}

TEST(RandomSweep, DepthwiseConv2D) {
  Sweep([](Dice& dice, uint32_t seed) {
    GraphBuilder b;
    const int32_t channels = dice.Between(1, 70), multiplier = dice.OneOf({1, 1, 1, 2, 3});
    const int32_t filter_h = dice.Between(1, 5), filter_w = dice.Between(1, 5);
    const Layer layer = AddLayer(b, dice.Layer(), {dice.Between(1, 2), dice.Between(5, 14), dice.Between(5, 14), channels},
                                 {1, filter_h, filter_w, channels * multiplier}, 3, int64_t{filter_h} * filter_w, seed);
    b.Op(OpKind::kDepthwiseConv2D, layer.operands, {layer.output},
         DepthwiseConv2DParams{.padding = dice.SameOrValid(),
                               .stride_h = dice.Between(1, 3),
                               .stride_w = dice.Between(1, 3),
                               .depth_multiplier = multiplier,
                               .activation = dice.FusedActivation()});
    return b.Build({layer.output});
  });
}

TEST(RandomSweep, FullyConnected) {
  Sweep([](Dice& dice, uint32_t seed) {
    GraphBuilder b;
    const int32_t depth = dice.Between(1, 150);
    const Layer layer = AddLayer(b, dice.Layer(), {dice.Between(1, 9), depth}, {dice.Between(1, 80), depth}, 0, depth, seed);
    b.Op(OpKind::kFullyConnected, layer.operands, {layer.output},
         FullyConnectedParams{.activation = dice.FusedActivation()});
    return b.Build({layer.output});
  });
}

TEST(RandomSweep, Pool) {
  Sweep([](Dice& dice, uint32_t) {
    const Pool2DParams params{.padding = dice.SameOrValid(),
                              .stride_h = dice.Between(1, 3),
                              .stride_w = dice.Between(1, 3),
                              .filter_h = dice.Between(1, 5),
                              .filter_w = dice.Between(1, 5),
                              .activation = dice.FusedActivation()};
    return Single(dice, dice.Coin() ? OpKind::kMaxPool2D : OpKind::kAveragePool2D,
                  {dice.Between(1, 2), dice.Between(5, 12), dice.Between(5, 12), dice.Between(1, 40)}, true, params);
  });
}

TEST(RandomSweep, AddSubMul) {
  Sweep([](Dice& dice, uint32_t) {
    GraphBuilder b;
    const DataType type = dice.Type();
    const std::vector<int32_t> shape = dice.Shape(dice.Between(1, 4), 9);
    std::vector<int32_t> other = shape;
    for (int32_t& dim : other) dim = dice.Between(0, 3) == 0 ? 1 : dim;
    const int x = b.Input(type, shape, dice.Scale(), dice.ZeroPoint(type));
    const int z = b.Input(type, other, dice.Scale(), dice.ZeroPoint(type));
    const int y = b.Tensor(type, {}, dice.Scale(), dice.ZeroPoint(type));
    const bool swapped = dice.Coin();
    b.Op(dice.OneOf({OpKind::kAdd, OpKind::kSub, OpKind::kMul}), swapped ? std::vector{z, x} : std::vector{x, z}, {y},
         BinaryParams{dice.FusedActivation(), false});
    return b.Build({y});
  });
}

TEST(RandomSweep, Unary) {
  Sweep([](Dice& dice, uint32_t) {
    const OpKind kind = dice.OneOf({OpKind::kRelu, OpKind::kRelu6, OpKind::kReluN1To1, OpKind::kHardSwish,
                                    OpKind::kLeakyRelu});
    const OpParams params = kind == OpKind::kLeakyRelu ? OpParams(LeakyReluParams{dice.Between(0.0f, 0.9f)}) : OpParams();
    return Single(dice, kind, dice.Shape(dice.Between(1, 5), 7), false, params);
  });
}

TEST(RandomSweep, Mean) {
  Sweep([](Dice& dice, uint32_t) {
    const std::vector<int32_t> shape = dice.Shape(4, 9);
    std::vector<int32_t> axes;
    for (int32_t axis = 0; axis < 4; ++axis) {
      if (dice.Coin()) axes.push_back(dice.Coin() ? axis : axis - 4);
    }
    if (axes.empty()) axes.push_back(1);
    return Single(dice, OpKind::kMean, shape, false, ReducerParams{dice.Coin()},
                  [&](GraphBuilder& b, std::vector<int>& operands) { operands.push_back(b.Ints(axes)); });
  });
}

TEST(RandomSweep, Softmax) {
  Sweep([](Dice& dice, uint32_t) {
    GraphBuilder b;
    const DataType type = dice.Type();
    const int x = b.Input(type, dice.Shape(dice.Between(1, 4), 12), dice.Scale(), dice.ZeroPoint(type));
    const int y = b.Tensor(type, {}, 1.0f / 256, type == DataType::kInt8 ? -128 : 0);
    b.Op(OpKind::kSoftmax, {x}, {y}, SoftmaxParams{dice.Between(0.5f, 2.0f)});
    return b.Build({y});
  });
}

TEST(RandomSweep, Resize) {
  Sweep([](Dice& dice, uint32_t) {
    // Nearest takes any size; bilinear whole factors, where the host's index stays inside the picture.
    const bool nearest = dice.Coin();
    const std::vector<int32_t> shape = {dice.Between(1, 2), dice.Between(2, 6), dice.Between(2, 6), dice.Between(1, 20)};
    const int32_t factor = dice.Between(2, 3);
    const std::vector<int32_t> size = nearest ? std::vector{dice.Between(1, 15), dice.Between(1, 15)}
                                              : std::vector{shape[1] * factor, shape[2] * factor};
    const bool half_pixels = nearest && dice.Coin();
    return Single(dice, nearest ? OpKind::kResizeNearestNeighbor : OpKind::kResizeBilinear, shape, true,
                  ResizeParams{false, half_pixels},
                  [&](GraphBuilder& b, std::vector<int>& operands) { operands.push_back(b.Ints(size)); });
  });
}

TEST(RandomSweep, Pad) {
  Sweep([](Dice& dice, uint32_t) {
    const std::vector<int32_t> shape = dice.Shape(dice.Between(1, 4), 7);
    std::vector<int32_t> edges(2 * shape.size());
    for (int32_t& edge : edges) edge = dice.Between(0, 3);
    return Single(dice, OpKind::kPad, shape, true, {}, [&](GraphBuilder& b, std::vector<int>& operands) {
      operands.push_back(b.Constant(DataType::kInt32, {static_cast<int32_t>(shape.size()), 2}, edges));
    });
  });
}

TEST(RandomSweep, Transpose) {
  Sweep([](Dice& dice, uint32_t seed) {
    const std::vector<int32_t> shape = dice.Shape(dice.Between(2, 5), 7);
    std::vector<int32_t> order(shape.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int32_t>(i);
    std::shuffle(order.begin(), order.end(), std::mt19937(seed));
    return Single(dice, OpKind::kTranspose, shape, true, {}, [&](GraphBuilder& b, std::vector<int>& operands) {
      operands.push_back(b.Ints(order));
    });
  });
}

TEST(RandomSweep, Concatenation) {
  Sweep([](Dice& dice, uint32_t) {
    GraphBuilder b;
    const DataType type = dice.Type();
    const float scale = dice.Scale();
    const int64_t zero_point = dice.ZeroPoint(type);
    std::vector<int32_t> shape = dice.Shape(dice.Between(1, 4), 7);
    const int32_t rank = static_cast<int32_t>(shape.size()), axis = dice.Between(0, rank - 1);
    std::vector<int> parts;
    for (int i = dice.Between(2, 5); i > 0; --i) {
      shape[axis] = dice.Between(1, 9);
      parts.push_back(b.Input(type, shape, scale, zero_point));
    }
    const int y = b.Tensor(type, {}, scale, zero_point);
    b.Op(OpKind::kConcatenation, parts, {y}, ConcatenationParams{dice.Coin() ? axis : axis - rank, Activation::kNone});
    return b.Build({y});
  });
}

TEST(RandomSweep, Quantize) {
  Sweep([](Dice& dice, uint32_t) {
    GraphBuilder b;
    const DataType from = dice.Type(), to = dice.Type();
    const int x = b.Input(from, dice.Shape(dice.Between(1, 5), 7), dice.Scale(), dice.ZeroPoint(from));
    const int y = b.Tensor(to, {}, dice.Scale(), dice.ZeroPoint(to));
    b.Op(OpKind::kQuantize, {x}, {y});
    return b.Build({y});
  });
}

TEST(RandomSweep, StridedSlice) {
  Sweep([](Dice& dice, uint32_t) {
    const std::vector<int32_t> shape = dice.Shape(dice.Between(1, 5), 8);
    std::vector<int32_t> begin, end, strides;
    for (const int32_t dim : shape) {
      const int32_t first = dice.Between(0, dim - 1), last = dice.Between(first, dim - 1);
      const bool back = dice.Coin();
      begin.push_back(back ? last : first);
      end.push_back(back ? first - 1 - dim : last + 1);  // negative: counted from the end
      strides.push_back(dice.Between(1, 3) * (back ? -1 : 1));
      if (back && first == 0) end.back() = -dim - 1;
    }
    return Single(dice, OpKind::kStridedSlice, shape, true, StridedSliceParams{},
                  [&](GraphBuilder& b, std::vector<int>& operands) {
                    for (const auto& values : {begin, end, strides}) operands.push_back(b.Ints(values));
                  });
  });
}

}  // namespace
}  // namespace npu::test
