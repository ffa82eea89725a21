// Kernels of which only the parts are compiled that a launch asks for give the reference's bytes: each case on a
// device that has compiled nothing before. In other tests a kernel that is compiled again soon has all its parts.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "backends/opencl/executable.h"
#include "tests/ops/convolution_testing.h"

namespace npu::test {
namespace {

struct Case {
  OpKind kind;
  std::vector<int32_t> input;            // NHWC
  int32_t channels, filter, stride = 1;  // output channels
  Activation activation = Activation::kNone;
  LayerQuantization quantization{};
};

constexpr LayerQuantization kUInt8{.type = DataType::kUInt8,
                                   .weights = Weights::kPerTensor,
                                   .weights_zero_point = 77,
                                   .input_zero_point = 131,
                                   .output_zero_point = 19};
constexpr LayerQuantization kOutliers{.type = DataType::kUInt8,
                                      .weights = Weights::kPerTensor,
                                      .weights_zero_point = 77,
                                      .input_zero_point = 131,
                                      .output_zero_point = 19,
                                      .outliers = 3};
constexpr LayerQuantization kAsymmetric{.input_zero_point = -3, .output_zero_point = -128};
constexpr OpKind kConv = OpKind::kConv2D, kDepthwise = OpKind::kDepthwiseConv2D;

const Case kCases[] = {
    {kConv, {1, 5, 9, 64}, 64, 1},                                           // tiles; four blocks
    {kConv, {1, 5, 9, 64}, 36, 3},                                           // at edges; three blocks
    {kConv, {1, 5, 9, 64}, 24, 1, 2, Activation::kRelu, kAsymmetric},        // strides; two blocks; clamped
    {kConv, {1, 1, 1, 200}, 80, 1, 1, Activation::kNone, kUInt8},            // one pixel; weights' zero point
    {kConv, {1, 7, 7, 8}, 16, 1, 1, Activation::kNone, {.gain = 60000.0f}},  // strips of one block; any multiplier
    {kConv, {1, 7, 7, 3}, 24, 2, 2, Activation::kNone, kOutliers},
    {kConv, {1, 7, 9, 48}, 40, 3, 2, Activation::kRelu, kOutliers},
    {kConv, {1, 7, 9, 48}, 20, 1, 1, Activation::kNone, {.output_zero_point = 5, .gain = 0.001f}},
    {kDepthwise, {1, 7, 7, 64}, 64, 3},
    {kDepthwise, {1, 7, 7, 33}, 33, 3, 2, Activation::kRelu, kAsymmetric},
    {kDepthwise, {1, 7, 7, 80}, 80, 3},  // 64 channels and 16
    {kDepthwise, {1, 9, 9, 16}, 16, 5, 1, Activation::kNone, kUInt8},
    {kDepthwise, {1, 9, 9, 100}, 100, 5, 2, Activation::kNone, {.gain = 60000.0f}},
    {kDepthwise, {1, 9, 9, 24}, 24, 3, 1, Activation::kNone, {.gain = 0.001f}},
};

std::shared_ptr<Graph> MakeGraph(const Case& c) {
  GraphBuilder b;
  if (c.kind == kConv) {
    const Layer layer = AddLayer(b, c.quantization, c.input, {c.channels, c.filter, c.filter, c.input[3]}, 0,
                                 int64_t{c.filter} * c.filter * c.input[3], 1);
    b.Op(c.kind, layer.operands, {layer.output},
         Conv2DParams{.padding = Padding::kSame, .stride_h = c.stride, .stride_w = c.stride, .activation = c.activation});
    return b.Build({layer.output});
  }
  const Layer layer =
      AddLayer(b, c.quantization, c.input, {1, c.filter, c.filter, c.channels}, 3, int64_t{c.filter} * c.filter, 1);
  b.Op(c.kind, layer.operands, {layer.output},
       DepthwiseConv2DParams{
           .padding = Padding::kSame, .stride_h = c.stride, .stride_w = c.stride, .activation = c.activation});
  return b.Build({layer.output});
}

TEST(KernelParts, AreEnoughForTheirLaunches) {
  const auto devices = FindDevices();
  if (!devices || devices->empty()) GTEST_SKIP() << "no OpenCL device";
  const FoundDevice& found = devices->front();
  for (const Case& c : kCases) {
    const std::shared_ptr<Graph> graph = MakeGraph(c);
    for (const std::string& error : InferShapes(*graph).errors) ASSERT_EQ(error, "");
    const Bytes input = RandomBytes(graph->tensors[graph->inputs[0]], 7);
    const auto expected = RunGraph(*MakeCpuBackend(), graph, {input});
    ASSERT_TRUE(expected);
    const SegmentOps segment{{0}, graph->inputs, graph->outputs};
    const auto layout = LayOutSegment(*graph, segment, {});
    ASSERT_TRUE(layout);
    for (const KernelNeed& need : KernelNeeds(*layout)) {
      if (need.kernel == "conv2d" || need.kernel == "depthwise_conv2d") {
        EXPECT_NE(need.parts, kAllParts);
      }
    }
    // The best variant, and vectors alone where that has tiles.
    const KernelVariant* vectors = FindVariant("x86_vnni");
    const auto variants = VariantsFor(found.device);
    bool vectors_fail = false;  // the driver's compiler does not take them, as Intel's
    for (const KernelVariant* variant : {static_cast<const KernelVariant*>(nullptr), vectors}) {
      if (variant != nullptr && std::find(variants.begin(), variants.end(), variant) == variants.end()) continue;
      if (variant != nullptr && vectors_fail) continue;
      const auto device = OpenClDevice::Open(found.in_caller.value_or(found.device), found.name);
      ASSERT_TRUE(device) << device.error().text;
      OpenClCompileSettings settings;
      settings.bind.variant = variant;
      const auto executable = CompileForOpenCl(*device, graph, segment, {}, settings);
      ASSERT_TRUE(executable) << executable.error().text;
      for (const ProgramCache::Trial& trial : (*device)->programs().trials()) {
        vectors_fail = vectors_fail || (trial.variant == vectors && !trial.problem.empty());
      }
      Bytes output((*expected)[0].size());
      const std::byte* in[] = {input.data()};
      std::byte* out[] = {output.data()};
      ASSERT_TRUE((*executable)->Invoke(in, out));
      EXPECT_EQ(output, (*expected)[0]) << OpName(graph->ops[0]) << " of " << ShapeString(c.input) << " by "
                                        << c.channels << " channels, filter " << c.filter << ", stride " << c.stride
                                        << ", " << c.quantization << (variant != nullptr ? ", vectors" : "");
    }
  }
}

}  // namespace
}  // namespace npu::test
