// kernels [--benchmark_...]: time of single operators on the OpenCL device with one thread and two, and what one core can
// do at most. Each benchmark runs kCopies operators of one kind and shape in one invocation, all
// reading the segment's input, so that the cost of starting a device and of the boundary is spread. GMAC/s
// beside `peak` says how much of the core a kernel uses. Times are the process' CPU time too: it is what
// counts on a shared machine.
// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include "backends/cpu_features.h"
#include "backends/opencl/device.h"
#include "backends/opencl/opencl_backend.h"
#include "backends/ops/inference.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"

namespace npu {
namespace {

using test::Bytes;
using test::GraphBuilder;

constexpr int kCopies = 8;

// Exits: a benchmark without a device measures nothing.
std::shared_ptr<OpenClDevice> Device(int threads) {
  const auto found = FindDevices();
  if (!found || found->empty()) {
    std::fprintf(stderr, "kernels: no OpenCL device\n");
    std::exit(1);
  }
  auto device = OpenDevice(found->front());
  auto part = (*device)->WithThreads(threads);
  return *part;
}

// Adds one operator that reads tensor `x` and returns its output.
using AddOp = std::function<int(GraphBuilder&, int x)>;

struct Case {
  const char* name;
  std::vector<int32_t> input;
  AddOp add;
};

void RunCase(benchmark::State& state, const Case& c) {
  GraphBuilder b;
  const int x = b.Input(DataType::kInt8, c.input, 0.02f, -3);
  int last = 0;
  for (int i = 0; i < kCopies; ++i) last = c.add(b, x);
  const std::shared_ptr<Graph> graph = b.Build({last});
  for (const std::string& error : InferShapes(*graph).errors) {
    if (error.empty()) continue;
    state.SkipWithError(error.c_str());
    return;
  }
  SegmentOps segment{.ops = {}, .inputs = {x}, .outputs = {last}};
  int64_t macs = 0;
  for (int i = 0; i < static_cast<int>(graph->ops.size()); ++i) {
    segment.ops.push_back(i);
    const OpRoom* room = FindRoom(graph->ops[i].kind);
    if (room->macs != nullptr) macs += room->macs({*graph, graph->ops[i]});
  }
  const auto backend = OpenClBackend("auto");
  if (!backend) {
    state.SkipWithError(backend.error().text.c_str());
    return;
  }
  const auto executable = (*backend)->Compile(graph, segment, {.threads = static_cast<int>(state.range(0))});
  if (!executable) {
    state.SkipWithError(executable.error().text.c_str());
    return;
  }
  const Bytes input = test::RandomBytes(graph->tensors[x], 1);
  Bytes output(static_cast<size_t>(graph->tensors[last].byte_size().value_or(0)));
  const std::byte* in[] = {input.data()};
  std::byte* out[] = {output.data()};
  for (auto _ : state) {
    if (const Status status = (*executable)->Invoke(in, out); !status) {
      state.SkipWithError(status.error().text.c_str());
      return;
    }
  }
  state.counters["us/op"] = benchmark::Counter(
      1e-6 * kCopies, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  if (macs > 0) {
    state.counters["GMAC/s"] =
        benchmark::Counter(1e-9 * static_cast<double>(macs), benchmark::Counter::kIsIterationInvariantRate);
  }
}

float OutputScale(int64_t depth) {  // as tests/ops: outputs fill their range
  return 0.02f * 0.003f * 74.0f * 74.0f * std::sqrt(static_cast<float>(depth)) / 40.0f;
}

std::vector<int> Weights(GraphBuilder& b, int x, std::vector<int32_t> shape, int channel_dimension) {
  const int32_t channels = shape[channel_dimension];
  size_t count = 1;
  for (int32_t dim : shape) count *= dim;
  const int weights =
      b.Constant(DataType::kInt8, std::move(shape), test::RandomValues<int8_t>(count, 1, -127, 127),
                 test::PerChannel(std::vector<float>(channels, 0.003f), channel_dimension));
  const int bias =
      b.Constant(DataType::kInt32, {channels}, test::RandomValues<int32_t>(channels, 2, -20000, 20000),
                 test::PerTensor(0.02f * 0.003f, 0));
  return {x, weights, bias};
}

AddOp Conv(int32_t channels, int32_t filter, int32_t stride, Activation activation = Activation::kRelu6,
           int32_t dilation = 1) {
  return [=](GraphBuilder& b, int x) {
    const int32_t depth = b.tensor(x).shape[3];
    const int y = b.Tensor(DataType::kInt8, {}, OutputScale(int64_t{filter} * filter * depth), -128);
    b.Op(OpKind::kConv2D, Weights(b, x, {channels, filter, filter, depth}, 0), {y},
         Conv2DParams{.padding = Padding::kSame,
                      .stride_h = stride,
                      .stride_w = stride,
                      .dilation_h = dilation,
                      .dilation_w = dilation,
                      .activation = activation});
    return y;
  };
}

AddOp Depthwise(int32_t filter, int32_t stride, Activation activation = Activation::kRelu6) {
  return [=](GraphBuilder& b, int x) {
    const int32_t channels = b.tensor(x).shape[3];
    const int y = b.Tensor(DataType::kInt8, {}, OutputScale(int64_t{filter} * filter), -128);
    b.Op(OpKind::kDepthwiseConv2D, Weights(b, x, {1, filter, filter, channels}, 3), {y},
         DepthwiseConv2DParams{.padding = Padding::kSame,
                               .stride_h = stride,
                               .stride_w = stride,
                               .depth_multiplier = 1,
                               .activation = activation});
    return y;
  };
}

int AddFullyConnected(GraphBuilder& b, int x) {
  const int32_t depth = b.tensor(x).shape[1];
  const int y = b.Tensor(DataType::kInt8, {}, OutputScale(depth), 5);
  b.Op(OpKind::kFullyConnected, Weights(b, x, {1000, depth}, 0), {y}, FullyConnectedParams{});
  return y;
}

int AddSum(GraphBuilder& b, int x) {
  const int y = b.Tensor(DataType::kInt8, {}, 0.05f, 5);
  b.Op(OpKind::kAdd, {x, x}, {y}, BinaryParams{});
  return y;
}

AddOp Pool(OpKind kind, int32_t filter, int32_t stride) {
  return [=](GraphBuilder& b, int x) {
    const int y = b.Tensor(DataType::kInt8, {}, 0.02f, -3);
    b.Op(kind, {x}, {y},
         Pool2DParams{.padding = Padding::kSame,
                      .stride_h = stride,
                      .stride_w = stride,
                      .filter_h = filter,
                      .filter_w = filter});
    return y;
  };
}

int AddMean(GraphBuilder& b, int x) {
  const int y = b.Tensor(DataType::kInt8, {}, 0.01f, -3);
  b.Op(OpKind::kMean, {x, b.Ints({1, 2})}, {y}, ReducerParams{.keep_dims = true});
  return y;
}

const Case kCases[] = {
    // 1x1, of MobileNetV2: {H, C} -> N.
    {"conv1x1/112x16x96", {1, 112, 112, 16}, Conv(96, 1, 1)},
    {"conv1x1/112x32x16_linear", {1, 112, 112, 32}, Conv(16, 1, 1, Activation::kNone)},
    {"conv1x1/56x24x144", {1, 56, 56, 24}, Conv(144, 1, 1)},
    {"conv1x1/56x64x64", {1, 56, 56, 64}, Conv(64, 1, 1)},
    {"conv1x1/28x192x32_linear", {1, 28, 28, 192}, Conv(32, 1, 1, Activation::kNone)},
    {"conv1x1/14x96x576", {1, 14, 14, 96}, Conv(576, 1, 1)},
    {"conv1x1/14x576x96_linear", {1, 14, 14, 576}, Conv(96, 1, 1, Activation::kNone)},
    {"conv1x1/7x320x1280", {1, 7, 7, 320}, Conv(1280, 1, 1)},
    {"conv1x1/56x576x512", {1, 56, 56, 576}, Conv(512, 1, 1)},
    // Windows.
    {"conv3x3/stem_224x3x32_s2", {1, 224, 224, 3}, Conv(32, 3, 2)},
    {"conv3x3/56x64x64", {1, 56, 56, 64}, Conv(64, 3, 1, Activation::kRelu)},
    {"conv3x3/14x256x256", {1, 14, 14, 256}, Conv(256, 3, 1, Activation::kRelu)},
    {"conv3x3/28x128x128_s2", {1, 28, 28, 128}, Conv(128, 3, 2, Activation::kRelu)},
    {"conv3x3/28x64x64_d2", {1, 28, 28, 64}, Conv(64, 3, 1, Activation::kRelu, 2)},
    {"depthwise3x3/112x32", {1, 112, 112, 32}, Depthwise(3, 1)},
    {"depthwise3x3/112x96_s2", {1, 112, 112, 96}, Depthwise(3, 2)},
    {"depthwise3x3/56x144", {1, 56, 56, 144}, Depthwise(3, 1)},
    {"depthwise3x3/28x192", {1, 28, 28, 192}, Depthwise(3, 1)},
    {"depthwise3x3/14x576", {1, 14, 14, 576}, Depthwise(3, 1)},
    {"depthwise3x3/14x576_s2", {1, 14, 14, 576}, Depthwise(3, 2)},
    {"depthwise3x3/7x960", {1, 7, 7, 960}, Depthwise(3, 1)},
    {"depthwise5x5/28x240", {1, 28, 28, 240}, Depthwise(5, 1)},
    {"fully_connected/1280x1000", {1, 1280}, AddFullyConnected},
    {"add/56x24", {1, 56, 56, 24}, AddSum},
    {"add/14x96", {1, 14, 14, 96}, AddSum},
    {"max_pool2x2/56x64", {1, 56, 56, 64}, Pool(OpKind::kMaxPool2D, 2, 2)},
    {"max_pool3x3/56x64_s2", {1, 56, 56, 64}, Pool(OpKind::kMaxPool2D, 3, 2)},
    {"average_pool3x3/56x64_s1", {1, 56, 56, 64}, Pool(OpKind::kAveragePool2D, 3, 1)},
    {"mean/7x1280", {1, 7, 7, 1280}, AddMean},
};

// 24 accumulators times `rounds` products of 64 bytes in OpenCL C, in the form that kernels use.
constexpr char kPeakSource[] = R"(
#define EACH(M) M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12) M(13) M(14) M(15)
#define DEFINE(i) int16 a##i = (int16)(i);
#define ADD(i) r += a##i;
#ifdef VNNI
#define DOT(i) __asm__ volatile("vpdpbusd %2,%1,%0" : "+v"(a##i) : "v"(x), "v"(w));
#else
#define DOT(i) a##i += ((w << 24) >> 24) * (x & 255) + ((w << 16) >> 24) * ((x >> 8) & 255) + \
                       ((w << 8) >> 24) * ((x >> 16) & 255) + (w >> 24) * ((x >> 24) & 255); x += 1;
#endif
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void peak(__global int16* out, int rounds) {
  int16 x = out[0], w = out[1];
  EACH(DEFINE)
  for (int k = 0; k < rounds; ++k) { EACH(DOT) }
  int16 r = (int16)(0);
  EACH(ADD)
  out[2] = r;
}
)";

void Peak(benchmark::State& state, const char* options) {
  const std::shared_ptr<OpenClDevice> device = Device(1);
  constexpr int kRounds = 100000, kAccumulators = 16, kProducts = 64;
  cl::Program program(device->context(), kPeakSource, false);
  const cl_device_id id = device->device()();
  if (clBuildProgram(program(), 1, &id, options, nullptr, nullptr) != CL_SUCCESS) {
    state.SkipWithError("does not build on this device");
    return;
  }
  cl::Kernel kernel(program, "peak");
  const cl::Buffer buffer(device->context(), CL_MEM_READ_WRITE, 256);
  const cl::CommandQueue queue(device->context(), device->device());
  kernel.setArg(0, buffer);
  kernel.setArg(1, sizeof(kRounds), &kRounds);
  for (auto _ : state) {
    queue.enqueueNDRangeKernel(kernel, cl::NullRange, cl::NDRange(1), cl::NDRange(1));
    queue.finish();
  }
  state.counters["GMAC/s"] = benchmark::Counter(1e-9 * kRounds * kAccumulators * kProducts,
                                                benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace
}  // namespace npu

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (npu::CpuHasVnni()) {
    benchmark::RegisterBenchmark("peak/vpdpbusd", npu::Peak, "-cl-std=CL1.2 -DVNNI")->UseRealTime();
  }
  benchmark::RegisterBenchmark("peak/plain_c", npu::Peak, "-cl-std=CL1.2")->UseRealTime();
  for (const npu::Case& c : npu::kCases) {
    benchmark::RegisterBenchmark(c.name, npu::RunCase, c)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
