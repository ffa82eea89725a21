// SPDX-License-Identifier: Apache-2.0
#include "backends/partition_executable.h"

#include <gtest/gtest.h>

#include <array>

#include "backends/cpu/cpu_backend.h"
#include "tests/support/graph_builder.h"

namespace npu {
namespace {

using test::Bytes;
using test::GraphBuilder;

constexpr DataType kType = DataType::kInt8;

// Computes on the CPU until told to fail; spoils the outputs when it does, as a lost device may.
class FlakyBackend : public Backend {
 public:
  bool failing = false, refuses_to_compile = false;
  int invokes = 0, compiles = 0;

  std::string_view name() const override { return "opencl"; }
  std::string device_name() const override { return "flaky"; }
  Result<std::unique_ptr<Executable>> Compile(std::shared_ptr<const Graph> graph, const SegmentOps& segment,
                                              const ComputeOptions& options) override {
    ++compiles;
    if (refuses_to_compile) return Fail(ErrorCode::kDevice, "no memory left on flaky");
    NPU_ASSIGN_OR_RETURN(auto inner, MakeCpuBackend()->Compile(graph, segment, options));
    return std::make_unique<FlakyExecutable>(*this, std::move(inner));
  }

 private:
  class FlakyExecutable : public Executable {
   public:
    FlakyExecutable(FlakyBackend& backend, std::unique_ptr<Executable> inner)
        : backend_(backend), inner_(std::move(inner)) {}
    Status Invoke(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) override {
      ++backend_.invokes;
      if (!backend_.failing) return inner_->Invoke(inputs, outputs);
      for (std::byte* output : outputs) *output = std::byte{0xa5};
      return Fail(ErrorCode::kDevice, "clWaitForEvents: CL_OUT_OF_RESOURCES (-5) on flaky");
    }
    MemoryUse memory_use() const override { return {1000, 100}; }

   private:
    FlakyBackend& backend_;
    std::unique_ptr<Executable> inner_;
  };
};

// x → pool → a → transpose → b → pool → c; outputs a and c. Parts: {0}, {1}, {2}.
struct Chain {
  std::shared_ptr<Graph> graph;
  int x, a, b, c;
};

Chain MakeChain() {
  GraphBuilder builder;
  Chain chain;
  chain.x = builder.Input(kType, {1, 4, 4, 3}, 0.5f);
  chain.a = builder.Tensor(kType, {1, 4, 4, 3}, 0.5f);
  chain.b = builder.Tensor(kType, {1, 4, 3, 4}, 0.5f);
  chain.c = builder.Tensor(kType, {1, 2, 2, 4}, 0.5f);
  const Pool2DParams same = {.stride_h = 1, .stride_w = 1, .filter_h = 2, .filter_w = 2};
  const Pool2DParams half = {.stride_h = 2, .stride_w = 2, .filter_h = 2, .filter_w = 2};
  builder.Op(OpKind::kMaxPool2D, {chain.x}, {chain.a}, same);
  builder.Op(OpKind::kTranspose, {chain.a, builder.Ints({0, 1, 3, 2})}, {chain.b});
  builder.Op(OpKind::kAveragePool2D, {chain.b}, {chain.c}, half);
  chain.graph = builder.Build({chain.a, chain.c});
  return chain;
}

PartitionSpec ThreeParts(const Chain& chain, std::shared_ptr<Backend> npu, std::shared_ptr<Backend> cpu) {
  PartitionSpec spec;
  spec.parts = {{npu, {{0}, {chain.x}, {chain.a}}},
                {cpu, {{1}, {chain.a}, {chain.b}}},
                {npu, {{2}, {chain.b}, {chain.c}}}};
  spec.inputs = {chain.x};
  spec.outputs = {chain.a, chain.c};
  return spec;
}

Status RunOnce(Executable& executable, const Bytes& input, std::vector<Bytes>& outputs) {
  outputs = {Bytes(48), Bytes(16)};
  const std::array<const std::byte*, 1> in = {input.data()};
  const std::array<std::byte*, 2> out = {outputs[0].data(), outputs[1].data()};
  return executable.Invoke(in, out);
}

class PartitionExecutableTest : public testing::Test {
 protected:
  void SetUp() override {
    chain_ = MakeChain();
    for (uint32_t seed : {1, 2, 3}) {
      inputs_.push_back(test::RandomBytes(chain_.graph->tensors[chain_.x], seed));
      const auto expected = test::RunGraph(*MakeCpuBackend(), chain_.graph, {inputs_.back()});
      ASSERT_TRUE(expected) << expected.error().text;
      expected_.push_back(*expected);
    }
  }

  Chain chain_;
  std::vector<Bytes> inputs_;
  std::vector<std::vector<Bytes>> expected_;
  std::shared_ptr<FlakyBackend> flaky_ = std::make_shared<FlakyBackend>();
};

TEST_F(PartitionExecutableTest, PartsRunInOrderWithHostMemoryBetween) {
  const auto executable = CompilePartition(chain_.graph, ThreeParts(chain_, flaky_, MakeCpuBackend()), {});
  ASSERT_TRUE(executable) << executable.error().text;
  EXPECT_GE((*executable)->memory_use().arena_bytes, 2000 + 48);
  EXPECT_EQ((*executable)->memory_use().constant_bytes, 200);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    std::vector<Bytes> outputs;
    const Status status = RunOnce(**executable, inputs_[i], outputs);
    ASSERT_TRUE(status) << status.error().text;
    EXPECT_EQ(outputs, expected_[i]);
  }
  EXPECT_EQ(flaky_->invokes, 6);
}

TEST_F(PartitionExecutableTest, LostDeviceIsReplacedByTheCpuAndNotAskedAgain) {
  const auto executable = CompilePartition(chain_.graph, ThreeParts(chain_, flaky_, MakeCpuBackend()), {});
  ASSERT_TRUE(executable) << executable.error().text;
  std::vector<Bytes> outputs;
  ASSERT_TRUE(RunOnce(**executable, inputs_[0], outputs));
  EXPECT_EQ(outputs, expected_[0]);
  EXPECT_EQ(flaky_->invokes, 2);

  flaky_->failing = true;
  testing::internal::CaptureStderr();
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Status status = RunOnce(**executable, inputs_[i], outputs);
    ASSERT_TRUE(status) << status.error().text;
    EXPECT_EQ(outputs, expected_[i]);
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(flaky_->invokes, 3);
  const size_t first = log.find("CL_OUT_OF_RESOURCES");
  EXPECT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("CL_OUT_OF_RESOURCES", first + 1), std::string::npos) << log;

  flaky_->failing = false;  // a device that came back is not trusted
  ASSERT_TRUE(RunOnce(**executable, inputs_[1], outputs));
  EXPECT_EQ(flaky_->invokes, 3);
}

TEST_F(PartitionExecutableTest, FailureOfTheCpuIsTheCallersError) {
  class FailingCpu : public FlakyBackend {
   public:
    std::string_view name() const override { return "cpu"; }
  };
  const auto cpu = std::make_shared<FailingCpu>();
  cpu->failing = true;
  const auto executable = CompilePartition(chain_.graph, ThreeParts(chain_, flaky_, cpu), {});
  ASSERT_TRUE(executable) << executable.error().text;
  std::vector<Bytes> outputs;
  const Status status = RunOnce(**executable, inputs_[0], outputs);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kDevice);
}

TEST_F(PartitionExecutableTest, CompileErrorsComeThrough) {
  flaky_->refuses_to_compile = true;
  const auto executable = CompilePartition(chain_.graph, ThreeParts(chain_, flaky_, MakeCpuBackend()), {});
  ASSERT_FALSE(executable);
  EXPECT_EQ(executable.error().code, ErrorCode::kDevice);
  EXPECT_EQ(flaky_->compiles, 1);
}

TEST_F(PartitionExecutableTest, PartsThatReadTheFutureAreRefused) {
  PartitionSpec spec = ThreeParts(chain_, flaky_, MakeCpuBackend());
  std::swap(spec.parts[0], spec.parts[1]);
  auto executable = CompilePartition(chain_.graph, spec, {});
  ASSERT_FALSE(executable);
  EXPECT_EQ(executable.error().code, ErrorCode::kInternal);

  spec = ThreeParts(chain_, flaky_, MakeCpuBackend());
  spec.parts.pop_back();  // nobody makes output c
  executable = CompilePartition(chain_.graph, spec, {});
  ASSERT_FALSE(executable);
  EXPECT_EQ(executable.error().code, ErrorCode::kInternal);
}

TEST_F(PartitionExecutableTest, InvokeChecksItsCounts) {
  const auto executable = CompilePartition(chain_.graph, ThreeParts(chain_, flaky_, MakeCpuBackend()), {});
  ASSERT_TRUE(executable) << executable.error().text;
  const Status status = (*executable)->Invoke({}, {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(PartitionExecutableTest, DeviceAndCpuPartsGiveTheSameBytes) {
  if (test::TestDevice() == nullptr) GTEST_SKIP() << "no OpenCL device";
  const std::shared_ptr<Backend> device(std::shared_ptr<Backend>(), test::TestDevice());
  const auto executable = CompilePartition(chain_.graph, ThreeParts(chain_, device, MakeCpuBackend()), {});
  ASSERT_TRUE(executable) << executable.error().text;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    std::vector<Bytes> outputs;
    const Status status = RunOnce(**executable, inputs_[i], outputs);
    ASSERT_TRUE(status) << status.error().text;
    EXPECT_EQ(outputs, expected_[i]);
  }
}

}  // namespace
}  // namespace npu
