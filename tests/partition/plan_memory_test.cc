// What a plan says it will take is what its executables take.
// SPDX-License-Identifier: Apache-2.0
#include "partitioner/plan_memory.h"

#include <gtest/gtest.h>

#include "backends/opencl/segment_layout.h"
#include "partitioner/compile.h"
#include "schema/reader.h"
#include "tests/partition/small_net.h"
#include "tests/support/opencl_device.h"

namespace npu {
namespace {

using test::Net;

// Compiles everything; every segment alone, too.
void ExpectWhatExecutablesTake(const Plan& plan) {
  const auto device = test::FirstOpenClDevice();
  if (device == nullptr) GTEST_SKIP() << "no OpenCL device";
  if (!device->limits().shared_memory || device->limits().alignment_bytes != kLeastAlignment) {
    GTEST_SKIP() << device->name() << " shares no memory with the host, or aligns it in its own way";
  }
  const auto backends = OpenBackends({});
  ASSERT_TRUE(backends) << backends.error().text;
  const auto planned = MemoryOfPlan(plan);
  ASSERT_TRUE(planned) << planned.error().text;
  ASSERT_EQ(planned->partitions.size(), plan.partitions.size());
  ASSERT_EQ(planned->segments.size(), plan.segments.size());
  const auto expect_same = [](const MemoryUse& said, const MemoryUse& taken) {
    EXPECT_EQ(said.arena_bytes, taken.arena_bytes);
    EXPECT_EQ(said.constant_bytes, taken.constant_bytes);
    EXPECT_EQ(said.uncopied_bytes, taken.uncopied_bytes);
    EXPECT_EQ(taken.staging_bytes, 0);
  };
  int64_t arena = 0, constants = 0;
  for (size_t i = 0; i < plan.partitions.size(); ++i) {
    const auto executable = CompilePlanPartition(plan, static_cast<int>(i), *backends, {});
    ASSERT_TRUE(executable) << executable.error().text;
    expect_same(planned->partitions[i], (*executable)->memory_use());
    arena += planned->partitions[i].arena_bytes;
    constants += planned->partitions[i].constant_bytes;
  }
  EXPECT_EQ(planned->total.arena_bytes, arena);
  EXPECT_EQ(planned->total.constant_bytes, constants);
  for (size_t i = 0; i < plan.segments.size(); ++i) {
    Backend& backend = plan.segments[i].placement == Placement::kNpu ? *backends->npu : *backends->cpu;
    const auto executable = backend.Compile(plan.compute_graph, plan.segments[i].ops, {});
    ASSERT_TRUE(executable) << executable.error().text;
    expect_same(planned->segments[i], (*executable)->memory_use());
  }
}

TEST(PlanMemory, OfTwoPartitionsWithAFoldAndAView) {
  Net net;
  const int x = net.Input(), first = net.Relu(net.Conv(x));
  const int host = net.Host(net.Add(first, x));
  const int flat = net.builder.Tensor(DataType::kInt8, {1, 32}, 0.5f);
  net.builder.Op(OpKind::kReshape, {net.Add(net.Conv(host), host), net.builder.Ints({1, 32})}, {flat},
                 ReshapeParams{});
  const Plan plan = test::MakeHoldingPlan(net.builder.Build({flat, first}));
  ASSERT_GE(plan.partitions.size(), 1u);
  ASSERT_FALSE(plan.folds.empty());
  ExpectWhatExecutablesTake(plan);
}

// delegate-cpu on both sides, with tensors between the segments.
TEST(PlanMemory, OfANetworkWithFloatsAtItsBorders) {
  const auto model = ReadModelFile(NPU_SOURCE_DIR "/examples/digits/digits_float_io.tflite");
  ASSERT_TRUE(model) << model.error().text;
  const Plan plan = test::MakeHoldingPlan(model->subgraphs[0]);
  ASSERT_GE(plan.segments.size(), 3u);
  ASSERT_EQ(plan.partitions.size(), 1u);
  ExpectWhatExecutablesTake(plan);
  const auto planned = MemoryOfPlan(plan);
  ASSERT_TRUE(planned);
  int64_t of_segments = 0;
  for (const MemoryUse& use : planned->segments) of_segments += use.arena_bytes;
  EXPECT_GT(planned->partitions[0].arena_bytes, of_segments);
}

// Weights that the model computes are packed when it runs, into scratch.
TEST(PlanMemory, OfComputedWeights) {
  Net net;
  const int x = net.Input();
  const int weights = net.builder.Input(DataType::kInt8, {3, 1, 1, 2}, 0.5f);
  const int output = net.builder.Tensor(DataType::kInt8, {1, 4, 4, 3}, 0.5f);
  net.builder.Op(OpKind::kConv2D, {x, weights}, {output}, Conv2DParams{});
  const Plan plan = test::MakeHoldingPlan(net.builder.Build({output}));
  ASSERT_EQ(plan.ops[0].placement, Placement::kNpu);
  ExpectWhatExecutablesTake(plan);
}

// A few bytes of a file may claim dimensions whose tables nobody wants to make for a report.
TEST(PlanMemory, AbsurdDimensionsAreAnErrorAndCostNothing) {
  Net net;
  constexpr int32_t kChannels = 1 << 26;
  const int x = net.builder.Input(DataType::kInt8, {1, 1, 1, 1}, 0.5f);
  const int weights = net.builder.Input(DataType::kInt8, {kChannels, 1, 1, 1}, 0.5f);
  const int output = net.builder.Tensor(DataType::kInt8, {1, 1, 1, kChannels}, 0.5f);
  net.builder.Op(OpKind::kConv2D, {x, weights}, {output}, Conv2DParams{});
  const auto memory = MemoryOfPlan(test::MakeHoldingPlan(net.builder.Build({output})));
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().code, ErrorCode::kResourceExhausted);
  EXPECT_NE(memory.error().text.find("CONV_2D"), std::string::npos) << memory.error().text;
}

}  // namespace
}  // namespace npu
