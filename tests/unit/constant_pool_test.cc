// Executables with the same constants share one copy of them; others do not, and it goes with the last.
// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/constant_pool.h"

#include <gtest/gtest.h>

#include "backends/opencl/bound_segment.h"
#include "tests/support/graph_builder.h"
#include "tests/support/opencl_device.h"

namespace npu {
namespace {

using test::GraphBuilder;

// FULLY_CONNECTED whose weights are 3, but the first.
std::shared_ptr<Graph> Network(int8_t first_weight) {
  GraphBuilder b;
  std::vector<int8_t> weights(16 * 8, 3);
  weights[0] = first_weight;
  const int x = b.Input(DataType::kInt8, {1, 8}, 0.1f), y = b.Tensor(DataType::kInt8, {1, 16}, 0.5f);
  const int w = b.Constant(DataType::kInt8, {16, 8}, weights, test::PerTensor(0.1f, 0));
  const int bias = b.Constant(DataType::kInt32, {16}, std::vector<int32_t>(16, 5), test::PerTensor(0.01f, 0));
  b.Op(OpKind::kFullyConnected, {x, w, bias}, {y}, FullyConnectedParams{});
  return b.Build({y});
}

class ConstantPoolTest : public testing::Test {
 protected:
  void SetUp() override {
    device_ = test::FirstOpenClDevice();
    if (device_ == nullptr) GTEST_SKIP() << "no OpenCL device";
    if (!device_->limits().shared_memory) GTEST_SKIP() << "the device shares no memory with the host";
  }

  std::unique_ptr<BoundSegment> Bind(const Graph& graph, bool shared = true) {
    const SegmentOps segment = {{0}, graph.inputs, graph.outputs};
    const auto layout = LayOutSegment(graph, segment, {}, {LowerByRoom, 1});
    EXPECT_TRUE(layout) << layout.error().text;
    BindSettings settings;
    settings.use_shared_memory = shared;
    auto bound = BindSegment(device_, graph, segment, *layout, settings);
    EXPECT_TRUE(bound) << bound.error().text;
    return bound ? std::move(*bound) : nullptr;
  }

  std::shared_ptr<OpenClDevice> device_;
};

TEST_F(ConstantPoolTest, TheSameConstantsAreHeldOnce) {
  const auto a = Bind(*Network(1)), b = Bind(*Network(1)), other = Bind(*Network(2));
  ASSERT_TRUE(a && b && other);
  EXPECT_EQ(a->constants, b->constants);
  EXPECT_NE(a->constants, other->constants);
  EXPECT_GT(b->memory.constant_bytes, 16 * 8);
  EXPECT_EQ(a->memory.constant_bytes, b->memory.constant_bytes);
}

TEST_F(ConstantPoolTest, TheyGoWithTheLastThatUsesThem) {
  auto a = Bind(*Network(7)), b = Bind(*Network(7));
  const std::weak_ptr<DeviceMemory> held = a->constants;
  a.reset();
  EXPECT_FALSE(held.expired());
  b.reset();
  EXPECT_TRUE(held.expired());
  // What is made anew is not what has gone.
  EXPECT_NE(Bind(*Network(7))->constants, nullptr);
}

TEST_F(ConstantPoolTest, MemoryThatTheHostDoesNotSeeIsNotCompared) {
  const auto a = Bind(*Network(9), false), b = Bind(*Network(9), false);
  ASSERT_TRUE(a && b);
  EXPECT_NE(a->constants, b->constants);
}

}  // namespace
}  // namespace npu
