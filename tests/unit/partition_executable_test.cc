// SPDX-License-Identifier: Apache-2.0
#include "backends/partition_executable.h"

#include <gtest/gtest.h>

#include <algorithm>
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
  int fails_at = -1;  // the number of the invocation, counted from 1

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
      backend_.failing = backend_.failing || backend_.invokes == backend_.fails_at;
      std::vector<const std::byte*> read(inputs.begin(), inputs.end());
      Bytes own(place_.size());
      std::ranges::transform(place_, own.begin(), [](std::byte byte) { return byte ^ kFlip; });
      if (!place_.empty() && read[0] == place_.data()) read[0] = own.data();
      if (!backend_.failing) return inner_->Invoke(read, outputs);
      for (std::byte* output : outputs) *output = std::byte{0xa5};
      return Fail(ErrorCode::kDevice, "clWaitForEvents: CL_OUT_OF_RESOURCES (-5) on flaky");
    }
    MemoryUse memory_use() const override { return {1000, 100}; }
    // For the chain's input, flipped as no real device has it.
    Result<InputPlace> PlaceOf(size_t) override {
      place_.resize(48);
      return InputPlace{place_.data(), kFlip};
    }

   private:
    static constexpr std::byte kFlip{0x3c};
    Bytes place_;
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

// The input is made in the device's memory, in its form; nobody else has it when the device fails.
TEST_F(PartitionExecutableTest, InputInALostDevicesPlaceIsTakenBack) {
  const auto executable = CompilePartition(chain_.graph, ThreeParts(chain_, flaky_, MakeCpuBackend()), {});
  ASSERT_TRUE(executable) << executable.error().text;
  const auto place = (*executable)->PlaceOf(0);
  ASSERT_TRUE(place) << place.error().text;
  ASSERT_NE(place->memory, nullptr);
  std::vector<Bytes> outputs = {Bytes(48), Bytes(16)};
  const std::array<const std::byte*, 1> in = {place->memory};
  const std::array<std::byte*, 2> out = {outputs[0].data(), outputs[1].data()};
  // It works, fails, and is not asked again; then the caller gives an input of its own.
  flaky_->fails_at = 3;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    std::ranges::transform(inputs_[i], place->memory, [&](std::byte byte) { return byte ^ place->flip; });
    const Status status = (*executable)->Invoke(in, out);
    ASSERT_TRUE(status) << status.error().text;
    EXPECT_EQ(outputs, expected_[i]) << i;
  }
  EXPECT_EQ(flaky_->invokes, 3);
  EXPECT_EQ((*executable)->PlaceOf(0)->memory, nullptr);
  ASSERT_TRUE(RunOnce(**executable, inputs_[1], outputs));
  EXPECT_EQ(outputs, expected_[1]);
}

// What two parts read has no place.
TEST_F(PartitionExecutableTest, InputOfTwoPartsHasNoPlace) {
  PartitionSpec spec;
  spec.parts = {{flaky_, {{0}, {chain_.x}, {chain_.a}}}, {flaky_, {{0}, {chain_.x}, {chain_.a}}}};
  spec.inputs = {chain_.x};
  spec.outputs = {chain_.a};
  const auto executable = CompilePartition(chain_.graph, spec, {});
  ASSERT_TRUE(executable) << executable.error().text;
  const auto place = (*executable)->PlaceOf(0);
  ASSERT_TRUE(place) << place.error().text;
  EXPECT_EQ(place->memory, nullptr);
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

// x -> SVDF -> a -> pool -> b -> SVDF -> y, with a state in the first and in the last part.
struct StatefulChain {
  std::shared_ptr<Graph> graph;
  int x, y;
  std::vector<int> states;
  PartitionSpec spec;
};

StatefulChain MakeStatefulChain(std::shared_ptr<Backend> npu, std::shared_ptr<Backend> cpu) {
  GraphBuilder builder;
  StatefulChain chain;
  const auto svdf = [&](int x) {
    const int y = builder.Tensor(kType, {1, 4}, 0.05f, -128);
    const int feature = builder.Constant(kType, {4, 4}, test::RandomValues<int8_t>(16, 3, -128, 127), test::PerTensor(0.1f, 0));
    const int time = builder.Constant(DataType::kInt16, {4, 3}, test::RandomValues<int16_t>(12, 4, -20000, 20000),
                                      test::PerTensor(0.0001f, 0));
    chain.states.push_back(builder.State(DataType::kInt16, {1, 12}, 0.001f));
    builder.Op(OpKind::kSvdf, {x, feature, time, kNoTensor, chain.states.back()}, {y}, SvdfParams{1, Activation::kRelu});
    return y;
  };
  chain.x = builder.Input(kType, {1, 4}, 0.05f, 3);
  const int a = svdf(chain.x);
  const int b = builder.Tensor(kType, {1, 4}, 0.05f, -128);
  builder.Op(OpKind::kRelu, {a}, {b});
  chain.y = svdf(b);
  chain.graph = builder.Build({chain.y});
  chain.spec.parts = {{npu, {{0}, {chain.x}, {a}, {chain.states[0]}}},
                      {cpu, {{1}, {a}, {b}}},
                      {npu, {{2}, {b}, {chain.y}, {chain.states[1]}}}};
  chain.spec.inputs = {chain.x};
  chain.spec.outputs = {chain.y};
  chain.spec.states = chain.states;
  return chain;
}

// One invocation on states that are read and written in one place, as a host's are.
Result<Bytes> RunInPlace(Executable& executable, const Bytes& input, std::vector<Bytes>& states) {
  Bytes output(4);
  const std::array<const std::byte*, 3> in = {input.data(), states[0].data(), states[1].data()};
  const std::array<std::byte*, 3> out = {output.data(), states[0].data(), states[1].data()};
  NPU_RETURN_IF_ERROR(executable.Invoke(in, out));
  return output;
}

TEST_F(PartitionExecutableTest, FailoverInTheMiddleAppliesAStateOnce) {
  const StatefulChain chain = MakeStatefulChain(flaky_, MakeCpuBackend());
  auto expected = test::StatefulRun::Create(*MakeCpuBackend(), chain.graph);
  ASSERT_TRUE(expected) << expected.error().text;
  const auto executable = CompilePartition(chain.graph, chain.spec, {});
  ASSERT_TRUE(executable) << executable.error().text;
  std::vector<Bytes> states(2, Bytes(24));
  for (uint32_t i = 0; i < 12; ++i) {
    // The device works, then fails for good in the first or in the last part.
    if (i == 4) flaky_->fails_at = flaky_->invokes + 2;
    const Bytes input = test::RandomBytes(chain.graph->tensors[chain.x], i);
    const auto output = RunInPlace(**executable, input, states);
    ASSERT_TRUE(output) << output.error().text;
    EXPECT_EQ(*output, expected->Invoke({input})->at(0)) << "invocation " << i;
    EXPECT_EQ(states, expected->states()) << "invocation " << i;
  }
  EXPECT_EQ(flaky_->invokes, 10);
}

TEST_F(PartitionExecutableTest, FailedInvocationLeavesStatesAsTheyWere) {
  class FailingCpu : public FlakyBackend {
   public:
    std::string_view name() const override { return "cpu"; }
  };
  const auto cpu = std::make_shared<FailingCpu>();
  const StatefulChain chain = MakeStatefulChain(flaky_, cpu);
  const auto executable = CompilePartition(chain.graph, chain.spec, {});
  ASSERT_TRUE(executable) << executable.error().text;
  std::vector<Bytes> states(2, Bytes(24));
  const Bytes input = test::RandomBytes(chain.graph->tensors[chain.x], 7);
  ASSERT_TRUE(RunInPlace(**executable, input, states));
  const std::vector<Bytes> before = states;
  EXPECT_NE(before[0], Bytes(24));
  cpu->failing = true;
  EXPECT_FALSE(RunInPlace(**executable, input, states));
  EXPECT_EQ(states, before);
}

TEST_F(PartitionExecutableTest, StatesOfNoPartOrOfTwoAreRefused) {
  StatefulChain chain = MakeStatefulChain(flaky_, MakeCpuBackend());
  chain.spec.parts[2].ops.states = chain.spec.parts[0].ops.states;
  EXPECT_FALSE(CompilePartition(chain.graph, chain.spec, {}));
  chain = MakeStatefulChain(flaky_, MakeCpuBackend());
  chain.spec.states.pop_back();
  EXPECT_FALSE(CompilePartition(chain.graph, chain.spec, {}));
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
