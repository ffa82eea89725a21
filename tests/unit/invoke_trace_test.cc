// InvokeTraced: the same bytes as Invoke, and an account that adds up.
// SPDX-License-Identifier: Apache-2.0
#include "backends/invoke_trace.h"

#include <gtest/gtest.h>

#include "backends/cpu/cpu_backend.h"
#include "backends/opencl/device.h"
#include "backends/opencl/executable.h"
#include "backends/ops/inference.h"
#include "backends/partition_executable.h"
#include "tests/support/graph_builder.h"

namespace npu {
namespace {

using test::Bytes;
using test::GraphBuilder;

constexpr DataType kType = DataType::kInt8;

// x → pool (output a) → reshape → transpose (output b). Op 1 is a view: nothing is launched for it.
struct Small {
  std::shared_ptr<Graph> graph;
  SegmentOps segment;
};

Small MakeSmall() {
  GraphBuilder builder;
  const int x = builder.Input(kType, {1, 16, 16, 8}, 0.5f, 3);
  const int a = builder.Tensor(kType, {1, 16, 16, 8}, 0.5f, 3);
  const int view = builder.Tensor(kType, {256, 8}, 0.5f, 3);
  const int b = builder.Tensor(kType, {8, 256}, 0.5f, 3);
  builder.Op(OpKind::kMaxPool2D, {x}, {a}, Pool2DParams{.padding = Padding::kSame,
                                                        .stride_h = 1,
                                                        .stride_w = 1,
                                                        .filter_h = 3,
                                                        .filter_w = 3});
  builder.Op(OpKind::kReshape, {a, builder.Ints({256, 8})}, {view}, ReshapeParams{});
  builder.Op(OpKind::kTranspose, {view, builder.Ints({1, 0})}, {b});
  Small small{builder.Build({a, b}), {.ops = {0, 1, 2}, .inputs = {x}, .outputs = {a, b}}};
  InferShapes(*small.graph);
  return small;
}

struct Call {
  std::vector<Bytes> outputs;
  InvokeTrace trace;
};

// One invocation on random inputs of that seed.
Call RunOnce(Executable& executable, const Small& small, uint32_t seed, bool traced) {
  Call call;
  const Bytes input = test::RandomBytes(small.graph->tensors[small.segment.inputs[0]], seed);
  std::vector<std::byte*> out;
  for (int t : small.segment.outputs) call.outputs.emplace_back(small.graph->tensors[t].byte_size().value());
  for (Bytes& bytes : call.outputs) out.push_back(bytes.data());
  const std::byte* in[] = {input.data()};
  const Status status = traced ? executable.InvokeTraced(in, out, call.trace) : executable.Invoke(in, out);
  EXPECT_TRUE(status) << status.error().text;
  return call;
}

// Each phase begins where the one before ends; steps come one after the other, within the segment.
void ExpectInOrder(const SegmentTrace& segment) {
  EXPECT_LE(segment.begin_ns, segment.uploaded_ns);
  EXPECT_LE(segment.uploaded_ns, segment.queued_ns);
  EXPECT_LE(segment.queued_ns, segment.ran_ns);
  EXPECT_LE(segment.ran_ns, segment.end_ns);
  int64_t before = segment.uploaded_ns;
  for (const TraceStep& step : segment.steps) {
    EXPECT_LE(before, step.begin_ns) << step.kernel;
    EXPECT_LE(step.begin_ns, step.end_ns) << step.kernel;
    before = step.end_ns;
  }
}

std::vector<int> Ops(const SegmentTrace& segment) {
  std::vector<int> ops;
  for (const TraceStep& step : segment.steps) ops.push_back(step.op);
  return ops;
}

TEST(InvokeTrace, CpuBackendTimesEveryOperator) {
  const Small small = MakeSmall();
  const auto executable = MakeCpuBackend()->Compile(small.graph, small.segment, {});
  ASSERT_TRUE(executable);
  const Call plain = RunOnce(**executable, small, 1, false), traced = RunOnce(**executable, small, 1, true);
  EXPECT_EQ(traced.outputs, plain.outputs);
  ASSERT_EQ(traced.trace.segments.size(), 1u);
  const SegmentTrace& segment = traced.trace.segments[0];
  EXPECT_EQ(segment.clock, TraceClock::kHost);
  EXPECT_EQ(Ops(segment), (std::vector<int>{0, 1, 2}));
  ExpectInOrder(segment);
  EXPECT_GT(segment.steps[0].end_ns, segment.steps[0].begin_ns);
  EXPECT_TRUE(segment.steps[0].kernel.empty());
}

class OpenClTrace : public testing::TestWithParam<OpenClCompileSettings> {};

TEST_P(OpenClTrace, LaunchesAreTimedAndBytesStayTheSame) {
  if (test::TestDevice() == nullptr) GTEST_SKIP() << "no OpenCL device";
  const Small small = MakeSmall();
  auto device = OpenDevice(FindDevices()->front());
  ASSERT_TRUE(device);
  const auto executable = CompileForOpenCl(*device, small.graph, small.segment, {}, GetParam());
  ASSERT_TRUE(executable) << executable.error().text;
  for (uint32_t seed : {1, 2, 3}) {
    const Call plain = RunOnce(**executable, small, seed, false), traced = RunOnce(**executable, small, seed, true);
    EXPECT_EQ(traced.outputs, plain.outputs);
    ASSERT_EQ(traced.trace.segments.size(), 1u);
    const SegmentTrace& segment = traced.trace.segments[0];
    if (!GetParam().event_times) {
      EXPECT_EQ(segment.clock, TraceClock::kLaunch);
    } else {
      EXPECT_NE(segment.clock, TraceClock::kHost);
    }
    // One launch or more for the pool and the transpose, none for the view between them.
    std::vector<int> ops = Ops(segment);
    ops.erase(std::unique(ops.begin(), ops.end()), ops.end());
    EXPECT_EQ(ops, (std::vector<int>{0, 2}));
    ExpectInOrder(segment);
    EXPECT_LE(segment.steps.back().end_ns, segment.end_ns);
    for (const TraceStep& step : segment.steps) EXPECT_FALSE(step.kernel.empty());
  }
  const bool staged = !GetParam().bind.use_shared_memory || !(*device)->limits().shared_memory;
  EXPECT_EQ((*executable)->memory_use().staging_bytes, staged ? 3 * 2048 : 0);
}

INSTANTIATE_TEST_SUITE_P(Ways, OpenClTrace,
                         testing::Values(OpenClCompileSettings{}, OpenClCompileSettings{.event_times = false},
                                         OpenClCompileSettings{.bind = {.use_shared_memory = false}}));

TEST(InvokeTrace, PartsOfAPartitionAreNumbered) {
  const Small small = MakeSmall();
  const int x = small.segment.inputs[0], a = small.segment.outputs[0], b = small.segment.outputs[1];
  const std::shared_ptr<Backend> cpu = MakeCpuBackend();
  PartitionSpec spec;
  spec.parts = {{cpu, {{0}, {x}, {a}}}, {cpu, {{1, 2}, {a}, {b}}}};
  spec.inputs = {x};
  spec.outputs = {a, b};
  const auto executable = CompilePartition(small.graph, spec, {});
  ASSERT_TRUE(executable) << executable.error().text;
  Call call = RunOnce(**executable, small, 1, true);
  EXPECT_EQ(call.outputs, RunOnce(**executable, small, 1, false).outputs);
  ASSERT_EQ(call.trace.segments.size(), 2u);
  EXPECT_EQ(call.trace.segments[0].part, 0);
  EXPECT_EQ(call.trace.segments[1].part, 1);
  EXPECT_EQ(Ops(call.trace.segments[1]), (std::vector<int>{1, 2}));
  EXPECT_LE(call.trace.segments[0].end_ns, call.trace.segments[1].begin_ns);
}

// Fails on the device, in every form of Invoke.
class LostBackend : public Backend {
 public:
  std::string_view name() const override { return "opencl"; }
  std::string device_name() const override { return "lost"; }
  Result<std::unique_ptr<Executable>> Compile(std::shared_ptr<const Graph>, const SegmentOps&,
                                              const ComputeOptions&) override {
    class Lost : public Executable {
      Status Invoke(std::span<const std::byte* const>, std::span<std::byte* const>) override {
        return Fail(ErrorCode::kDevice, "lost");
      }
      MemoryUse memory_use() const override { return {}; }
    };
    return std::make_unique<Lost>();
  }
};

TEST(InvokeTrace, ALostDeviceIsReplacedAndTheTraceSaysSo) {
  const Small small = MakeSmall();
  PartitionSpec spec{{{std::make_shared<LostBackend>(), small.segment}}, small.segment.inputs, small.segment.outputs, {}};
  const auto executable = CompilePartition(small.graph, spec, {});
  ASSERT_TRUE(executable);
  testing::internal::CaptureStderr();
  const Call call = RunOnce(**executable, small, 1, true);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("continuing on the CPU"), std::string::npos);
  ASSERT_EQ(call.trace.segments.size(), 1u);
  EXPECT_TRUE(call.trace.segments[0].replaced);
  EXPECT_EQ(Ops(call.trace.segments[0]), (std::vector<int>{0, 1, 2}));
}

}  // namespace
}  // namespace npu
