// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/opencl_backend.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "backends/cpu/cpu_backend.h"
#include "backends/opencl/executable.h"
#include "backends/ops/inference.h"
#include "tests/support/graph_builder.h"
#include "tests/support/opencl_device.h"

namespace npu {
namespace {

using test::Bytes;
using test::GraphBuilder;

constexpr DataType kType = DataType::kInt8;

// What a host has installed before OpenCL is first touched, by this program's first test.
class Dispositions : public testing::Environment {
 public:
  static std::array<struct sigaction, 32>& saved() {
    static std::array<struct sigaction, 32> actions{};
    return actions;
  }
  void SetUp() override {
    for (int s = 1; s < 32; ++s) sigaction(s, nullptr, &saved()[s]);
  }
};
const testing::Environment* const kDispositions = testing::AddGlobalTestEnvironment(new Dispositions);

Pool2DParams Pool(int filter, int stride) {
  return {.padding = Padding::kSame,
          .stride_h = stride,
          .stride_w = stride,
          .filter_h = filter,
          .filter_w = filter};
}

// A diamond with views on both sides and outputs that are also read inside:
//   x → pool → a (output) → reshape → b (output) → transpose → c (output)
//   x → reshape → v (output, a view of the input);  a, x → concatenation → d (output)
std::shared_ptr<Graph> DiamondGraph(DataType type = kType) {
  GraphBuilder b;
  const int x = b.Input(type, {1, 6, 6, 5}, 0.5f, 3);
  const int a = b.Tensor(type, {1, 6, 6, 5}, 0.5f, 3);
  const int v = b.Tensor(type, {180}, 0.5f, 3);
  const int view = b.Tensor(type, {1, 36, 5}, 0.5f, 3);
  const int back = b.Tensor(type, {36, 5}, 0.5f, 3);
  const int c = b.Tensor(type, {5, 36}, 0.5f, 3);
  const int d = b.Tensor(type, {1, 6, 6, 10}, 0.5f, 3);
  b.Op(OpKind::kMaxPool2D, {x}, {a}, Pool(3, 1));
  b.Op(OpKind::kReshape, {x, b.Ints({180})}, {v}, ReshapeParams{});
  b.Op(OpKind::kReshape, {a, b.Ints({1, 36, 5})}, {view}, ReshapeParams{});
  b.Op(OpKind::kReshape, {view, b.Ints({36, 5})}, {back}, ReshapeParams{});
  b.Op(OpKind::kTranspose, {back, b.Ints({1, 0})}, {c});
  b.Op(OpKind::kConcatenation, {a, x}, {d}, ConcatenationParams{.axis = 3});
  return b.Build({a, v, view, c, d});
}

SegmentOps WholeGraph(const Graph& graph) {
  SegmentOps segment;
  for (size_t i = 0; i < graph.ops.size(); ++i) segment.ops.push_back(static_cast<int>(i));
  segment.inputs = graph.inputs;
  segment.outputs = graph.outputs;
  return segment;
}

Status RunOnce(Executable& executable, const Graph& graph, const std::vector<Bytes>& inputs,
               std::vector<Bytes>& outputs) {
  std::vector<const std::byte*> in;
  for (const Bytes& bytes : inputs) in.push_back(bytes.data());
  outputs.clear();
  for (int t : graph.outputs) outputs.emplace_back(graph.tensors[t].byte_size().value_or(0));
  std::vector<std::byte*> out;
  for (Bytes& bytes : outputs) out.push_back(bytes.data());
  return executable.Invoke(in, out);
}

#define NEED_DEVICE() \
  if (test::TestDevice() == nullptr) GTEST_SKIP() << "no OpenCL device"

TEST(OpenClBackend, DevicesAreFoundByAutoIndexAndName) {
  NEED_DEVICE();
  const auto devices = ListOpenClDevices();
  ASSERT_TRUE(devices && !devices->empty());
  const std::string name = (*devices)[0].name;
  std::string upper = name.substr(0, 4);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const auto by_index = OpenClBackend("0"), by_name = OpenClBackend(name), by_part = OpenClBackend(upper);
  ASSERT_TRUE(by_index && by_name && by_part);
  EXPECT_EQ(by_index->get(), by_name->get());
  EXPECT_EQ(by_index->get(), by_part->get());
  EXPECT_EQ((*by_index)->name(), "opencl");
  EXPECT_EQ((*by_index)->device_name(), name);
}

TEST(OpenClBackend, UnknownDevicesAreErrorsThatListTheKnownOnes) {
  NEED_DEVICE();
  const std::string known = (*ListOpenClDevices())[0].name;
  for (const char* wanted : {"no such device", "99", "99999999999999999999999", ""}) {
    const auto backend = OpenClBackend(wanted);
    ASSERT_FALSE(backend) << wanted;
    EXPECT_EQ(backend.error().code, ErrorCode::kDevice);
    EXPECT_NE(backend.error().text.find(known), std::string::npos) << backend.error().text;
    EXPECT_NE(backend.error().text.find('"' + std::string(wanted) + '"'), std::string::npos);
  }
}

TEST(OpenClBackend, ViewsDiamondsAndInnerOutputs) {
  test::ExpectOpenClMatchesReference(DiamondGraph(DataType::kInt8), 11);
  test::ExpectOpenClMatchesReference(DiamondGraph(DataType::kUInt8), 12);
}

TEST(OpenClBackend, SegmentOfViewsOnly) {
  GraphBuilder b;
  const int x = b.Input(kType, {2, 6}, 1.0f), y = b.Tensor(kType, {3, 4}, 1.0f),
            z = b.Tensor(kType, {12}, 1.0f);
  b.Op(OpKind::kReshape, {x, b.Ints({3, 4})}, {y}, ReshapeParams{});
  b.Op(OpKind::kReshape, {y, b.Ints({12})}, {z}, ReshapeParams{});
  test::ExpectOpenClMatchesReference(b.Build({y, z}));
}

TEST(OpenClBackend, ConstantTensorsAreOperands) {
  GraphBuilder b;
  const int x = b.Input(kType, {2, 3}, 1.0f), y = b.Tensor(kType, {2, 5}, 1.0f);
  const int c = b.Constant<int8_t>(kType, {2, 2}, {-128, 127, 0, -1}, test::PerTensor(1.0f, 0));
  b.Op(OpKind::kConcatenation, {x, c}, {y}, ConcatenationParams{.axis = 1});
  test::ExpectOpenClMatchesReference(b.Build({y}));
}

TEST(OpenClBackend, BothMemoryPathsAndManyInvokesGiveTheSameBytes) {
  NEED_DEVICE();
  const auto graph = DiamondGraph();
  const std::vector<Bytes> inputs = {test::RandomBytes(graph->tensors[graph->inputs[0]], 5)};
  const auto expected = test::RunGraph(*MakeCpuBackend(), graph, inputs);
  ASSERT_TRUE(expected) << expected.error().text;
  for (bool shared : {false, true}) {
    OpenClCompileSettings settings;
    settings.bind.use_shared_memory = shared;
    const auto executable = CompileForOpenCl(test::FirstOpenClDevice(), graph, WholeGraph(*graph), {}, settings);
    ASSERT_TRUE(executable) << executable.error().text;
    EXPECT_GT((*executable)->memory_use().arena_bytes, 180);
    for (int i = 0; i < 200; ++i) {
      std::vector<Bytes> outputs;
      const Status status = RunOnce(**executable, *graph, inputs, outputs);
      ASSERT_TRUE(status) << status.error().text;
      ASSERT_EQ(outputs, *expected) << "invoke " << i << (shared ? " shared" : " copied");
    }
  }
}

// device_threads: as ComputeOptions::threads; 1 computes in the calling threads themselves on some devices.
void RunOnTwoThreads(int device_threads) {
  const auto graph = DiamondGraph();
  std::array<std::vector<Bytes>, 2> inputs, expected;
  std::array<std::string, 2> failures;
  for (int id : {0, 1}) {
    inputs[id] = {test::RandomBytes(graph->tensors[graph->inputs[0]], 100 + id)};
    const auto result = test::RunGraph(*MakeCpuBackend(), graph, inputs[id]);
    ASSERT_TRUE(result) << result.error().text;
    expected[id] = *result;
  }
  const auto work = [&](int id) {
    const auto executable = test::TestDevice()->Compile(graph, WholeGraph(*graph), {.threads = device_threads});
    if (!executable) {
      failures[id] = executable.error().text;
      return;
    }
    std::vector<Bytes> outputs;
    for (int i = 0; i < 300 && failures[id].empty(); ++i) {
      if (const Status status = RunOnce(**executable, *graph, inputs[id], outputs); !status) {
        failures[id] = status.error().text;
      } else if (outputs != expected[id]) {
        failures[id] = "wrong bytes";
      }
    }
  };
  std::thread first(work, 0), second(work, 1);
  first.join();
  second.join();
  EXPECT_EQ(failures[0], "");
  EXPECT_EQ(failures[1], "");
}

TEST(OpenClBackend, ExecutablesOnTwoThreadsDoNotDisturbEachOther) {
  NEED_DEVICE();
  for (int device_threads : {0, 1}) RunOnTwoThreads(device_threads);
}

TEST(OpenClBackend, FewerThreadsGiveTheSameBytes) {
  NEED_DEVICE();
  ComputeOptions options;
  for (int threads : {1, 1, 2, 1000}) {
    options.threads = threads;
    test::ExpectOpenClMatchesReference(DiamondGraph(), 21, options);
  }
}

TEST(OpenClBackend, WrongLoweringsAreErrorsThatNameTheKernel) {
  NEED_DEVICE();
  GraphBuilder b;
  const int x = b.Input(kType, {4}, 1.0f), y = b.Tensor(kType, {4}, 1.0f);
  b.Op(OpKind::kRelu, {x}, {y});
  const auto graph = b.Build({y});
  const auto expect_error = [&](const char* kernel, std::vector<KernelArg> args) {
    OpenClCompileSettings settings;
    settings.lower = [&](const OpView&, const ComputeOptions&, Lowering& lowering) -> Status {
      lowering.Launch(kernel, {4, 1, 1}, args);
      return {};
    };
    const auto executable = CompileForOpenCl(test::FirstOpenClDevice(), graph, WholeGraph(*graph), {}, settings);
    ASSERT_FALSE(executable);
    EXPECT_NE(executable.error().text.find(kernel), std::string::npos) << executable.error().text;
    EXPECT_NE(executable.error().text.find("RELU"), std::string::npos) << executable.error().text;
  };
  expect_error("no_such_kernel", {});
  expect_error("npu_lut", {TensorArg{y}});                                            // too few
  expect_error("npu_lut", {TensorArg{x}, TensorArg{y}, TensorArg{x}, TensorArg{x}});  // a buffer for a number
}

TEST(OpenClBackend, InvokeChecksItsCounts) {
  NEED_DEVICE();
  const auto graph = DiamondGraph();
  InferShapes(*graph);
  const auto executable = test::TestDevice()->Compile(graph, WholeGraph(*graph), {});
  ASSERT_TRUE(executable) << executable.error().text;
  const Status status = (*executable)->Invoke({}, {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
}

TEST(OpenClBackend, HostSignalHandlersStay) {
  NEED_DEVICE();
  const auto result = test::RunGraph(*test::TestDevice(), DiamondGraph(), {Bytes(180)});
  ASSERT_TRUE(result) << result.error().text;
  for (int s = 1; s < 32; ++s) {
    struct sigaction now {};
    if (sigaction(s, nullptr, &now) != 0) continue;
    EXPECT_EQ(now.sa_handler, Dispositions::saved()[s].sa_handler) << "signal " << s;
    // SA_RESTORER is the C library's own: set once a disposition has been written at all.
    constexpr int kRestorer = 0x04000000;
    EXPECT_EQ(now.sa_flags & ~kRestorer, Dispositions::saved()[s].sa_flags & ~kRestorer) << "signal " << s;
  }
}

TEST(OpenClBackend, ForkedProcessesGetErrorsInsteadOfHanging) {
  NEED_DEVICE();
  const auto graph = DiamondGraph();
  InferShapes(*graph);
  auto executable = test::TestDevice()->Compile(graph, WholeGraph(*graph), {});
  ASSERT_TRUE(executable) << executable.error().text;
  const std::vector<Bytes> inputs = {Bytes(180)};
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(20);
    std::vector<Bytes> outputs;
    const auto is_device_error = [](const auto& result) {
      return !result && result.error().code == ErrorCode::kDevice;
    };
    const bool right = is_device_error(OpenClBackend("auto")) && is_device_error(ListOpenClDevices()) &&
                       is_device_error(RunOnce(**executable, *graph, inputs, outputs)) &&
                       is_device_error(test::TestDevice()->Compile(graph, WholeGraph(*graph), {}));
    executable->reset();
    _exit(right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
  std::vector<Bytes> outputs;
  EXPECT_TRUE(RunOnce(**executable, *graph, inputs, outputs));
}

}  // namespace
}  // namespace npu
