// Shared by the tests of CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED: graphs of one operator with random
// weights and bias, and runs with chosen values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <ostream>
#include <vector>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/inference.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"
#include "tests/support/reasons.h"

namespace npu::test {

enum class Weights { kPerChannel, kPerTensor };

// What the three operators have in common. Scales are such that random inputs fill the output's range.
struct LayerQuantization {
  DataType type = DataType::kInt8;
  Weights weights = Weights::kPerChannel;
  int64_t weights_zero_point = 0;
  int64_t input_zero_point = 0, output_zero_point = 0;
  bool bias = true;
  float gain = 1.0f;  // above 1: outputs saturate
  // UINT8, zero point below 128: so many weights are 255, the others at most 127 from the zero point. -1: as they come.
  int outliers = -1;
  // Per channel: the scales of every third channel are 2^11 to 2^21 times as small, its bias is as much larger.
  bool tiny = false;
};

inline std::ostream& operator<<(std::ostream& out, const LayerQuantization& q) {
  return out << DataTypeName(q.type) << (q.weights == Weights::kPerChannel ? " per channel" : " per tensor")
             << " zero points " << q.input_zero_point << " " << q.weights_zero_point << " "
             << q.output_zero_point << (q.bias ? "" : " no bias") << " gain " << q.gain << " outliers " << q.outliers
             << (q.tiny ? " tiny scales" : "");
}

inline constexpr float kInputScale = 0.02f, kWeightScale = 0.003f;

// Adds weights and bias behind `input` (operands) and the output. channels: of the output, on `channel_dimension` of
// the weights; depth: products per output.
struct Layer {
  std::vector<int> operands;
  int output = 0;
};
inline Layer AddLayerBehind(GraphBuilder& b, const LayerQuantization& q, int input,
                            std::vector<int32_t> weights_shape, int channel_dimension, int64_t depth,
                            uint32_t seed) {
  const int32_t channels = weights_shape[channel_dimension];
  size_t count = 1;
  for (int32_t dim : weights_shape) count *= dim;
  Layer layer;
  layer.operands.push_back(input);
  std::vector<float> scales(channels);
  for (int32_t c = 0; c < channels; ++c) scales[c] = kWeightScale * (0.5f + static_cast<float>(c % 7) / 7.0f);
  for (int32_t c = 0; q.tiny && c < channels; c += 3) scales[c] *= std::ldexp(1.0f, -11 - c % 11);
  const Quantization quantization = q.weights == Weights::kPerChannel
                                        ? PerChannel(scales, channel_dimension)
                                        : PerTensor(kWeightScale, q.weights_zero_point);
  // INT8 includes -128, which converters do not write but foreign models may hold.
  if (q.type == DataType::kInt8) {
    layer.operands.push_back(
        b.Constant(q.type, weights_shape, RandomValues<int8_t>(count, seed, -128, 127), quantization));
  } else {
    const int most = q.outliers < 0 ? 255 : static_cast<int>(q.weights_zero_point) + 127;
    std::vector<uint8_t> values = RandomValues<uint8_t>(count, seed, 0, most);
    for (int i = 0; i < q.outliers; ++i) values[(seed + i * 7919) % count] = 255;
    layer.operands.push_back(b.Constant(q.type, weights_shape, values, quantization));
  }
  if (q.bias) {
    std::vector<int32_t> values = RandomValues<int32_t>(channels, seed + 1, -20000, 20000);
    for (int32_t c = 0; q.tiny && c < channels; c += 3) values[c] *= 1 << 15;
    layer.operands.push_back(
        b.Constant(DataType::kInt32, {channels}, values, PerTensor(kInputScale * kWeightScale, 0)));
  }
  // Products of two uniform bytes have a standard deviation of 74 * 74; 40 output steps for one of the sum.
  const float output_scale =
      kInputScale * kWeightScale * 74.0f * 74.0f * std::sqrt(static_cast<float>(depth)) / 40.0f / q.gain;
  layer.output = b.Tensor(q.type, {}, output_scale, q.output_zero_point);
  return layer;
}

// The same behind a graph input of its own.
inline Layer AddLayer(GraphBuilder& b, const LayerQuantization& q, std::vector<int32_t> input_shape,
                      std::vector<int32_t> weights_shape, int channel_dimension, int64_t depth,
                      uint32_t seed) {
  const int input = b.Input(q.type, std::move(input_shape), kInputScale, q.input_zero_point);
  return AddLayerBehind(b, q, input, std::move(weights_shape), channel_dimension, depth, seed);
}

// Output 0 of the graph on the CPU reference; T is the element type of inputs and outputs.
template <typename T>
std::vector<int> RunReference(const std::shared_ptr<Graph>& graph, const std::vector<T>& values,
                              const ComputeOptions& options = {}) {
  Bytes input(values.size());
  for (size_t i = 0; i < values.size(); ++i) input[i] = static_cast<std::byte>(values[i]);
  const auto result = RunGraph(*MakeCpuBackend(), graph, {input}, options);
  if (!result) {
    ADD_FAILURE() << result.error().text;
    return {};
  }
  std::vector<int> output;
  for (const std::byte byte : (*result)[0]) output.push_back(static_cast<T>(byte));
  return output;
}

}  // namespace npu::test
