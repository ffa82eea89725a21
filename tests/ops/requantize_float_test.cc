// requantize=float: at most 1 from the reference in every form of the kernels, and not the same as exact.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>

#include "backends/cpu/cpu_backend.h"
#include "backends/opencl/executable.h"
#include "backends/ops/inference.h"
#include "tests/support/graph_builder.h"
#include "tests/support/opencl_device.h"

namespace npu {
namespace {

using test::Bytes;
using test::GraphBuilder;

SegmentOps WholeGraph(const Graph& graph) { return {{0}, graph.inputs, graph.outputs}; }

struct Difference {
  int64_t differing = 0;
  int max = 0;
};

Difference Compare(DataType type, const Bytes& a, const Bytes& b) {
  Difference difference;
  const int flip = type == DataType::kInt8 ? 0x80 : 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const int apart = std::abs((std::to_integer<int>(a[i]) ^ flip) - (std::to_integer<int>(b[i]) ^ flip));
    difference.differing += apart != 0;
    difference.max = std::max(difference.max, apart);
  }
  return difference;
}

// Outputs cover the whole range, so that all roundings occur; multipliers are different in every channel.
std::shared_ptr<Graph> Convolution(OpKind kind, DataType type, int32_t channels, Activation activation) {
  GraphBuilder b;
  const bool depthwise = kind == OpKind::kDepthwiseConv2D;
  const int x = b.Input(type, {1, 13, 19, channels}, 0.02f, type == DataType::kInt8 ? 3 : 120);
  const std::vector<int32_t> shape =
      depthwise ? std::vector<int32_t>{1, 3, 3, channels} : std::vector<int32_t>{channels, 3, 3, channels};
  const int64_t count = depthwise ? 9 * channels : 9 * channels * channels;
  const int taps = depthwise ? 9 : 9 * channels;
  std::vector<float> scales;
  for (int c = 0; c < channels; ++c) scales.push_back((0.01f + 0.0003f * static_cast<float>(c)) / static_cast<float>(taps));
  int weights;
  if (type == DataType::kInt8) {
    weights = b.Constant<int8_t>(type, shape, test::RandomValues<int8_t>(count, 5, -127, 127),
                                 test::PerChannel(scales, depthwise ? 3 : 0));
  } else {
    weights = b.Constant<uint8_t>(type, shape, test::RandomValues<uint8_t>(count, 5, 0, 255), test::PerTensor(scales[0], 131));
  }
  const int y = b.Tensor(type, {1, 13, 19, channels}, 0.007f, type == DataType::kInt8 ? -9 : 101);
  if (depthwise) {
    b.Op(kind, {x, weights}, {y}, DepthwiseConv2DParams{.padding = Padding::kSame, .activation = activation});
  } else {
    b.Op(kind, {x, weights}, {y}, Conv2DParams{.padding = Padding::kSame, .activation = activation});
  }
  return b.Build({y});
}

// Half of the sums are ties, which the two forms round to different sides. Few enough elements that the linear form of
// large sums (backends/ops/binary.cc), which is exact, is not looked for.
std::shared_ptr<Graph> Addition() {
  GraphBuilder b;
  const int x = b.Input(DataType::kInt8, {1, 8, 8, 24}, 0.05f, 3), y = b.Input(DataType::kInt8, {1, 8, 8, 24}, 0.05f, -7);
  const int z = b.Tensor(DataType::kInt8, {1, 8, 8, 24}, 0.1f, 11);
  b.Op(OpKind::kAdd, {x, y}, {z}, BinaryParams{});
  return b.Build({z});
}

class RequantizeFloat : public testing::TestWithParam<const char*> {};

TEST_P(RequantizeFloat, IsAtMostOneFromTheReferenceInEveryVariant) {
  const std::string name = GetParam();
  std::shared_ptr<Graph> graph;
  if (name == "conv2d") graph = Convolution(OpKind::kConv2D, DataType::kInt8, 48, Activation::kNone);
  if (name == "conv2d_clamped") graph = Convolution(OpKind::kConv2D, DataType::kInt8, 20, Activation::kRelu);
  if (name == "conv2d_uint8") graph = Convolution(OpKind::kConv2D, DataType::kUInt8, 32, Activation::kRelu6);
  if (name == "depthwise") graph = Convolution(OpKind::kDepthwiseConv2D, DataType::kInt8, 80, Activation::kNone);
  if (name == "depthwise_uint8") graph = Convolution(OpKind::kDepthwiseConv2D, DataType::kUInt8, 24, Activation::kRelu);
  if (name == "add") graph = Addition();
  ASSERT_TRUE(Validate(*graph));
  for (const std::string& error : InferShapes(*graph).errors) ASSERT_EQ(error, "");
  auto device = test::FirstOpenClDevice();
  if (device == nullptr) GTEST_SKIP() << "no OpenCL device";
  const auto caller = device->WithThreads(1);
  ASSERT_TRUE(caller);

  std::vector<Bytes> inputs;
  for (int index : graph->inputs) inputs.push_back(test::RandomBytes(graph->tensors[index], 17 + index));
  const auto expected = test::RunGraph(*MakeCpuBackend(), graph, inputs);
  ASSERT_TRUE(expected);
  std::vector<const std::byte*> in;
  for (const Bytes& bytes : inputs) in.push_back(bytes.data());
  for (const KernelVariant* variant : VariantsFor((*caller)->device())) {
    if (!(*caller)->programs().Program(variant)) continue;  // the driver does not take it
    OpenClCompileSettings settings;
    settings.bind.variant = variant;
    const ComputeOptions options{.requantize = Requantize::kFloat};
    const auto executable = CompileForOpenCl(*caller, graph, WholeGraph(*graph), options, settings);
    ASSERT_TRUE(executable) << variant->name << ": " << executable.error().text;
    Bytes output((*expected)[0].size());
    std::byte* out[] = {output.data()};
    ASSERT_TRUE((*executable)->Invoke(in, out));
    const Difference difference = Compare(graph->tensors[graph->outputs[0]].type, (*expected)[0], output);
    EXPECT_EQ(difference.max, 1) << variant->name;
    EXPECT_GT(difference.differing, 0) << variant->name << ": computes the exact form";
    std::printf("%s, %s: %lld of %zu results differ\n", name.c_str(), variant->name,
                static_cast<long long>(difference.differing), output.size());
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, RequantizeFloat,
                         testing::Values("conv2d", "conv2d_clamped", "conv2d_uint8", "depthwise", "depthwise_uint8", "add"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace npu
