// The plug-in's door, driven by a host in miniature: create, apply, allocate, invoke, resize, free, in the
// orders that real hosts use, and with the contexts that they should never give.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "backends/cpu/cpu_backend.h"
#include "backends/frames/buffer_registry.h"
#include "delegate/kernel.h"
#include "partitioner/report.h"
#include "tests/abi/plugin_delegate.h"
#include "tests/support/fake_host.h"
#include "tests/support/graph_builder.h"

namespace npu::test {
namespace {

// MAX_POOL_2D -> ADD(constant, RELU) -> AVERAGE_POOL_2D, for any batch, height and width.
// Tensors: 0 input, 1 constant, 2 pooled, 3 sum, 4 output.
std::shared_ptr<Graph> PoolNet(int batch = 1, int height = 8, int width = 6) {
  GraphBuilder b;
  const int input = b.Input(DataType::kInt8, {batch, height, width, 3}, 0.5f, 3);
  const int offset = b.Constant<int8_t>(DataType::kInt8, {1, 1, 1, 3}, {-20, 0, 30}, PerTensor(0.25f, 1));
  const int pooled = b.Tensor(DataType::kInt8, {batch, height / 2, width / 2, 3}, 0.5f, 3);
  const int sum = b.Tensor(DataType::kInt8, {batch, height / 2, width / 2, 3}, 0.6f, -10);
  const int output = b.Tensor(DataType::kInt8, {batch, height / 2 - 1, width / 2 - 1, 3}, 0.6f, -10);
  b.Op(OpKind::kMaxPool2D, {input}, {pooled}, Pool2DParams{Padding::kValid, 2, 2, 2, 2, Activation::kNone},
       2);
  b.Op(OpKind::kAdd, {pooled, offset}, {sum}, BinaryParams{Activation::kRelu, false}, 2);
  b.Op(OpKind::kAveragePool2D, {sum}, {output}, Pool2DParams{Padding::kValid, 1, 1, 2, 2, Activation::kNone},
       2);
  return b.Build({output});
}

// Keras' flatten for a dynamic batch: SHAPE -> STRIDED_SLICE -> PACK(batch, 12) -> RESHAPE, then RELU.
// Tensors: 0 input, 1..3 slice constants, 4 shape, 5 batch, 6 constant 12, 7 new shape, 8 flat, 9 output.
std::shared_ptr<Graph> FlattenNet(int batch = 1) {
  GraphBuilder b;
  const int input = b.Input(DataType::kInt8, {batch, 2, 2, 3}, 0.5f, 3);
  const int begin = b.Ints({0}), end = b.Ints({1}), stride = b.Ints({1});
  const int shape = b.Tensor(DataType::kInt32, {4});
  const int batch_size = b.Tensor(DataType::kInt32, {});
  const int features = b.Constant<int32_t>(DataType::kInt32, {}, {12});
  const int new_shape = b.Tensor(DataType::kInt32, {2});
  const int flat = b.Tensor(DataType::kInt8, {batch, 12}, 0.5f, 3);
  const int output = b.Tensor(DataType::kInt8, {batch, 12}, 0.5f, 3);
  b.Op(OpKind::kShape, {input}, {shape}, ShapeParams{});
  b.Op(OpKind::kStridedSlice, {shape, begin, end, stride}, {batch_size},
       StridedSliceParams{0, 0, 0, 0, 1, false});
  b.Op(OpKind::kPack, {batch_size, features}, {new_shape}, PackParams{2, 0});
  b.Op(OpKind::kReshape, {input, new_shape}, {flat}, ReshapeParams{});
  b.Op(OpKind::kRelu, {flat}, {output}, NoParams{}, 2);
  return b.Build({output});
}

// PAD -> CONV_2D, which becomes one operator; for any height. Tensors: 0 input, 1 paddings, 2 padded, 3 weights,
// 4 output.
std::shared_ptr<Graph> PadNet(int height = 5) {
  GraphBuilder b;
  const int input = b.Input(DataType::kInt8, {1, height, 4, 2}, 0.5f, 3);
  const int paddings = b.Constant<int32_t>(DataType::kInt32, {4, 2}, {0, 0, 1, 2, 1, 1, 0, 0});
  const int padded = b.Tensor(DataType::kInt8, {1, height + 3, 6, 2}, 0.5f, 3);
  const int weights = b.Constant<int8_t>(DataType::kInt8, {3, 3, 3, 2}, RandomValues<int8_t>(54, 5, -127, 127),
                                         PerTensor(0.01f, 0));
  const int output = b.Tensor(DataType::kInt8, {1, height + 1, 4, 3}, 2.0f, -7);
  b.Op(OpKind::kPad, {input, paddings}, {padded});
  b.Op(OpKind::kConv2D, {padded, weights}, {output}, Conv2DParams{.padding = Padding::kValid}, 3);
  return b.Build({output});
}

Bytes Expected(const std::shared_ptr<Graph>& graph, const Bytes& input) {
  const auto result = RunGraph(*MakeCpuBackend(), graph, {input});
  EXPECT_TRUE(result) << result.error().text;
  return result ? result->front() : Bytes{};
}

// Runs the host on seeded input and compares with `graph`, the same net built for the host's shapes.
void ExpectRuns(FakeHost& host, const std::shared_ptr<Graph>& graph, uint32_t seed = 7) {
  const int input = graph->inputs.front(), output = graph->outputs.front();
  const Bytes bytes = RandomBytes(graph->tensors[input], seed);
  host.SetInput(input, bytes);
  ASSERT_EQ(host.Invoke(), host::kOk);
  EXPECT_EQ(host.Dims(output), graph->tensors[output].shape);
  EXPECT_EQ(host.Read(output), Expected(graph, bytes));
}

TEST(Delegate, ClaimsAndRunsAWholeGraph) {
  const auto graph = PoolNet();
  PluginDelegate delegate;
  FakeHost host(graph);
  ASSERT_EQ(host.Apply(delegate.get()), host::kOk);
  EXPECT_EQ(host.kernel_count(), 1);
  EXPECT_EQ(host.host_node_count(), 0);
  ASSERT_EQ(host.Allocate(), host::kOk);
  ExpectRuns(host, graph);
  EXPECT_TRUE(host.errors.empty());
}

TEST(Delegate, RunsOnTheDevice) {
  if (TestDevice() == nullptr) GTEST_SKIP() << "no OpenCL device";
  const auto graph = PoolNet();
  PluginDelegate delegate{{"device", "auto"}};
  FakeHost host(graph);
  ASSERT_EQ(host.Apply(delegate.get()), host::kOk);
  EXPECT_EQ(host.host_node_count(), 0);
  ASSERT_EQ(host.Allocate(), host::kOk);
  ExpectRuns(host, graph);
}

// An input that the application has put into a mapping of its own (SetCustomAllocationForTensor).
class MappedInput {
 public:
  explicit MappedInput(size_t bytes) : bytes_(bytes) {
    fd = memfd_create("input", MFD_CLOEXEC);
    EXPECT_EQ(ftruncate(fd, static_cast<off_t>(bytes)), 0);
    data = static_cast<std::byte*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    EXPECT_NE(data, MAP_FAILED);
  }
  ~MappedInput() {
    munmap(data, bytes_);
    close(fd);
  }
  int fd = -1;
  std::byte* data = nullptr;

 private:
  size_t bytes_;
};

TEST(Delegate, ReadsRegisteredMemoryInItsBrackets) {
  const auto graph = PoolNet();
  PluginDelegate delegate;
  FakeHost host(graph);
  ASSERT_EQ(host.Apply(delegate.get()), host::kOk);
  ASSERT_EQ(host.Allocate(), host::kOk);
  const Bytes bytes = RandomBytes(graph->tensors[0], 7);
  MappedInput input(bytes.size() + 64);
  host.tensors[0].data = input.data + 64;
  std::ranges::copy(bytes, input.data + 64);
  const auto registry = BufferRegistry::OfProcess();
  ASSERT_TRUE(registry->Add({input.data, bytes.size() + 64}, input.fd));
  for (int i = 0; i < 3; ++i) ASSERT_EQ(host.Invoke(), host::kOk);
  EXPECT_EQ(host.Read(graph->outputs[0]), Expected(graph, bytes));
  EXPECT_EQ(registry->CountsOf(input.data)->reads, 3u);

  // Half of it gone: said, not a signal.
  ASSERT_EQ(ftruncate(input.fd, 16), 0);
  EXPECT_EQ(host.Invoke(), host::kError);
  ASSERT_FALSE(host.errors.empty());
  EXPECT_NE(host.errors.back().find("has become shorter"), std::string::npos) << host.errors.back();
  ASSERT_TRUE(registry->Remove(input.data));
}

TEST(Delegate, LeavesDeniedOperatorsToTheHost) {
  const auto graph = PoolNet();
  PluginDelegate delegate{{"deny", "ADD"}, {"min_segment_ops", "1"}};
  FakeHost host(graph);
  ASSERT_EQ(host.Apply(delegate.get()), host::kOk);
  EXPECT_EQ(host.kernel_count(), 2);
  EXPECT_EQ(host.host_node_count(), 1);
  ASSERT_EQ(host.Allocate(), host::kOk);
  ExpectRuns(host, graph);
}

TEST(Delegate, ClaimsNothingWhenAnOptionNamesNothing) {
  PluginDelegate delegate{{"deny", "#99"}};
  FakeHost host(PoolNet());
  EXPECT_EQ(host.Apply(delegate.get()), host::kOk);
  EXPECT_EQ(host.kernel_count(), 0);
  EXPECT_EQ(host.errors.size(), 1u);
}

TEST(Delegate, WithoutADeviceTheHostKeepsEverything) {
  PluginDelegate delegate{{"device", "no such device anywhere"}};
  ASSERT_NE(delegate.get(), nullptr);
  FakeHost host(PoolNet());
  EXPECT_EQ(host.Apply(delegate.get()), host::kOk);
  EXPECT_EQ(host.kernel_count(), 0);
  EXPECT_EQ(host.host_node_count(), 3);
  EXPECT_EQ(host.errors.size(), 1u);
}

TEST(Delegate, FollowsResizedInputs) {
  PluginDelegate delegate;
  FakeHost host(PoolNet());
  ASSERT_EQ(host.Apply(delegate.get()), host::kOk);
  for (const auto& [batch, height, width] :
       std::vector<std::array<int, 3>>{{1, 8, 6}, {4, 8, 6}, {4, 8, 6}, {2, 16, 10}, {1, 8, 6}}) {
    host.Resize(0, {batch, height, width, 3});
    ASSERT_EQ(host.Allocate(), host::kOk);
    // Hosts prepare up to three times.
    ASSERT_EQ(host.Allocate(), host::kOk);
    ASSERT_EQ(host.Allocate(), host::kOk);
    ExpectRuns(host, PoolNet(batch, height, width));
  }
}

TEST(Delegate, EvaluatesShapeArithmeticAgainAfterAResize) {
  PluginDelegate delegate;
  FakeHost host(FlattenNet());
  ASSERT_EQ(host.Apply(delegate.get()), host::kOk);
  EXPECT_EQ(host.kernel_count(), 1);
  EXPECT_EQ(host.host_node_count(), 0);
  for (const int batch : {1, 5, 2}) {
    host.Resize(0, {batch, 2, 2, 3});
    ASSERT_EQ(host.Allocate(), host::kOk);
    ExpectRuns(host, FlattenNet(batch));
  }
}

TEST(Delegate, RunsEveryNodeAloneWhenTheHostKeepsAllTensors) {
  for (const auto& graph : {PoolNet(), FlattenNet()}) {
    PluginDelegate delegate;
    FakeHost host(graph);
    host.keep_all_tensors = true;
    ASSERT_EQ(host.Apply(delegate.get()), host::kOk);
    EXPECT_EQ(host.kernel_count() + host.host_node_count(), static_cast<int>(graph->ops.size()));
    EXPECT_GT(host.kernel_count(), 0);
    ASSERT_EQ(host.Allocate(), host::kOk);
    ExpectRuns(host, graph);
  }
}

TEST(Delegate, RunsAFoldedNetForEveryShape) {
  for (const bool keep_all : {false, true}) {
    PluginDelegate delegate;
    FakeHost host(PadNet());
    host.keep_all_tensors = keep_all;
    ASSERT_EQ(host.Apply(delegate.get()), host::kOk);
    // Nothing is folded away that the host wants to see.
    EXPECT_EQ(host.kernel_count(), keep_all ? 2 : 1);
    EXPECT_EQ(host.host_node_count(), 0);
    for (const int height : {5, 9, 1}) {
      host.Resize(0, {1, height, 4, 2});
      ASSERT_EQ(host.Allocate(), host::kOk);
      ExpectRuns(host, PadNet(height));
    }
  }
}

// DEQUANTIZE -> QUANTIZE back, and the float is an output, too: QUANTIZE reads past it when both are in one kernel.
TEST(Delegate, RunsAnOperatorThatAFoldPassesBy) {
  GraphBuilder b;
  const int input = b.Input(DataType::kInt8, {3, 70}, 0.5f, 3), real = b.Tensor(DataType::kFloat32, {3, 70});
  const int back = b.Tensor(DataType::kInt8, {3, 70}, 0.5f, 3), output = b.Tensor(DataType::kInt8, {3, 70}, 0.5f, 3);
  b.Op(OpKind::kDequantize, {input}, {real});
  b.Op(OpKind::kQuantize, {real}, {back});
  b.Op(OpKind::kAbs, {back}, {output});
  const auto graph = b.Build({output, real});
  const auto plan = MakePlan(std::make_shared<Graph>(*graph), {});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->folds.size(), 1u);
  EXPECT_EQ(plan->folds[0].bypassed, std::vector<int>{0});
  const auto expected = RunGraph(*MakeCpuBackend(), std::make_shared<Graph>(*graph), {RandomBytes(graph->tensors[0], 7)});
  ASSERT_TRUE(expected);
  for (const bool keep_all : {false, true}) {
    PluginDelegate delegate;
    FakeHost host(graph);
    host.keep_all_tensors = keep_all;
    ASSERT_EQ(host.Apply(delegate.get()), host::kOk);
    EXPECT_EQ(host.kernel_count(), keep_all ? 3 : 1);
    ASSERT_EQ(host.Allocate(), host::kOk);
    host.SetInput(input, RandomBytes(graph->tensors[0], 7));
    ASSERT_EQ(host.Invoke(), host::kOk);
    EXPECT_EQ(host.Read(output), (*expected)[0]);
    EXPECT_EQ(host.Read(real), (*expected)[1]);
  }
}

TEST(Delegate, AKernelFoldsWhatThePlanFoldsAndItHasWhole) {
  const auto graph = PadNet();
  const auto plan = MakePlan(std::make_shared<Graph>(*graph), {});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->folds.size(), 1u);
  const auto compiler = PartitionCompiler::Create(std::make_shared<const Plan>(*plan), {0, 1}, {4});
  ASSERT_TRUE(compiler);
  const auto compiled = compiler->Compile(compiler->planned_shapes(), {MakeCpuBackend(), MakeCpuBackend()}, {});
  ASSERT_TRUE(compiled);
  EXPECT_TRUE(compiled->graph->ops[0].inputs.empty());
  EXPECT_EQ(compiled->graph->ops[1].as<Conv2DParams>().padding, Padding::kExplicit);
  // One of the two alone is what the model says.
  for (const auto& [op, output] : {std::pair(0, 2), std::pair(1, 4)}) {
    const auto alone = PartitionCompiler::Create(std::make_shared<const Plan>(*plan), {op}, {output});
    ASSERT_TRUE(alone);
    const auto unfolded = alone->Compile(alone->planned_shapes(), {MakeCpuBackend(), MakeCpuBackend()}, {});
    ASSERT_TRUE(unfolded) << unfolded.error().text;
    EXPECT_EQ(unfolded->graph->ops[0].inputs, graph->ops[op].inputs);
  }
}

TEST(Delegate, NamesTheOperatorThatAResizeBreaks) {
  PluginDelegate delegate;
  FakeHost host(PoolNet());
  ASSERT_EQ(host.Apply(delegate.get()), host::kOk);
  host.Resize(0, {1, 2, 2, 3});  // leaves 1x1 for the 2x2 average pool
  EXPECT_EQ(host.Allocate(), host::kError);
  ASSERT_FALSE(host.errors.empty());
  EXPECT_NE(host.errors.back().find("AVERAGE_POOL_2D"), std::string::npos) << host.errors.back();
  EXPECT_EQ(host.Invoke(), host::kError);
  host.Resize(0, {1, 8, 6, 3});
  ASSERT_EQ(host.Allocate(), host::kOk);
  ExpectRuns(host, PoolNet());
}

TEST(Delegate, RefusesToRunOnTensorsThatItWasNotPreparedFor) {
  const auto graph = PoolNet();
  PluginDelegate delegate;
  FakeHost host(graph);
  ASSERT_EQ(host.Apply(delegate.get()), host::kOk);
  EXPECT_EQ(host.Invoke(), host::kError) << "invoke before prepare";
  ASSERT_EQ(host.Allocate(), host::kOk);
  host.Resize(0, {2, 8, 6, 3});
  EXPECT_EQ(host.Invoke(), host::kError) << "resized, not allocated";
  ASSERT_EQ(host.Allocate(), host::kOk);
  void* const data = std::exchange(host.tensors[0].data, nullptr);
  EXPECT_EQ(host.Invoke(), host::kError) << "no memory";
  host.tensors[0].data = data;
  host.tensors[4].bytes -= 1;
  EXPECT_EQ(host.Invoke(), host::kError) << "output too small";
  host.tensors[4].bytes += 1;
  host::IntArray* const dims = std::exchange(host.tensors[0].dims, nullptr);
  EXPECT_EQ(host.Invoke(), host::kError) << "no dimensions";
  EXPECT_EQ(host.Allocate(), host::kError) << "no dimensions";
  host.tensors[0].dims = dims;
  host.context.tensors_size = 0;
  EXPECT_EQ(host.Invoke(), host::kError) << "no tensors";
  host.context.tensors_size = host.tensors.size();
  ASSERT_EQ(host.Allocate(), host::kOk);
  EXPECT_EQ(host.Invoke(), host::kOk);
}

TEST(Delegate, ServesTwoInterpretersAndMayDieFirst) {
  const auto graph = PoolNet();
  const auto other = FlattenNet(3);
  PluginDelegate delegate;
  FakeHost first(graph), second(other);
  ASSERT_EQ(first.Apply(delegate.get()), host::kOk);
  ASSERT_EQ(second.Apply(delegate.get()), host::kOk);
  ASSERT_EQ(first.Allocate(), host::kOk);
  delegate.Destroy();
  ASSERT_EQ(second.Allocate(), host::kOk);
  ExpectRuns(first, graph);
  ExpectRuns(second, other);
  first.Resize(0, {2, 8, 6, 3});
  ASSERT_EQ(first.Allocate(), host::kOk);
  ExpectRuns(first, PoolNet(2));
}

TEST(Delegate, ServesThreads) {
  PluginDelegate delegate;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&delegate, i] {
      for (int round = 0; round < 10; ++round) {
        FakeHost host(PoolNet());
        ASSERT_EQ(host.Apply(delegate.get()), host::kOk);
        host.Resize(0, {1 + i, 8, 6, 3});
        ASSERT_EQ(host.Allocate(), host::kOk);
        ExpectRuns(host, PoolNet(1 + i), static_cast<uint32_t>(i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Delegate, LeavesOtherDelegatesNodesAlone) {
  PluginDelegate delegate{{"min_segment_ops", "1"}};
  FakeHost host(PoolNet());
  host.registrations[1].builtin_code = host::kBuiltinDelegate;
  ASSERT_EQ(host.Apply(delegate.get()), host::kOk);
  EXPECT_EQ(host.host_node_count(), 1);
  EXPECT_EQ(host.plan[1], 1);
}

TEST(Delegate, ErrorOfTheHostsReplaceIsPassedOn) {
  PluginDelegate delegate;
  FakeHost host(PoolNet());
  host.context.replace_node_subsets_with_delegate_kernels =
      [](host::Context*, host::Registration, const host::IntArray*, host::Delegate*) { return host::kError; };
  EXPECT_EQ(host.Apply(delegate.get()), host::kError);
}

TEST(Delegate, KernelsMadeBehindItsBackFailInPrepare) {
  PluginDelegate delegate;
  FakeHost host(PoolNet());
  const host::Registration registration = KernelRegistration();
  host::DelegateParams params{delegate.get(), nullptr, nullptr, nullptr};
  for (const host::DelegateParams* buffer : {&params, static_cast<host::DelegateParams*>(nullptr)}) {
    host::Node node{};
    node.user_data = registration.init(&host.context, reinterpret_cast<const char*>(buffer), sizeof(params));
    ASSERT_NE(node.user_data, nullptr);
    EXPECT_EQ(registration.prepare(&host.context, &node), host::kError);
    EXPECT_EQ(registration.invoke(&host.context, &node), host::kError);
    EXPECT_NE(registration.profiling_string(&host.context, &node), nullptr);
    registration.free(&host.context, node.user_data);
  }
  registration.free(&host.context, nullptr);
}

TEST(Delegate, WritesThePlanThatItExecutes) {
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / ("npu_report_" + std::to_string(getpid()));
  std::filesystem::create_directory(directory);
  const std::string path = directory / "plan.json";
  PluginDelegate delegate{{"report", path.c_str()}, {"deny", "ADD"}};
  FakeHost host(PoolNet()), second(FlattenNet());
  ASSERT_EQ(host.Apply(delegate.get()), host::kOk);
  ASSERT_EQ(second.Apply(delegate.get()), host::kOk);
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  const auto plan = MakePlan(PoolNet(), PlanOptions{{"ADD"}, {}, 0});
  ASSERT_TRUE(plan);
  EXPECT_EQ(nlohmann::json::parse(text.str()), nlohmann::json::parse(ReportJson(*plan)));
  EXPECT_TRUE(std::filesystem::exists(path + ".1"));
  // No temporary file is left.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory), {}), 2);
  std::filesystem::remove_all(directory);
}

TEST(Delegate, AnUnwritableReportIsOnlyAWarning) {
  PluginDelegate delegate{{"report", "/no/such/directory/plan.json"}};
  FakeHost host(PoolNet());
  ASSERT_EQ(host.Apply(delegate.get()), host::kOk);
  EXPECT_EQ(host.kernel_count(), 1);
  ASSERT_EQ(host.errors.size(), 1u);
  EXPECT_NE(host.errors[0].find("/no/such/directory/plan.json"), std::string::npos);
}

// Whatever a host shows, the delegate's prepare succeeds and the process lives.
TEST(Delegate, SurvivesHostileContexts) {
  static struct {
    int32_t size;
    int32_t data[3];
  } far{3, {99, -7, 1 << 30}}, negative{-5, {0, 0, 0}};
  const auto far_list = reinterpret_cast<host::IntArray*>(&far);
  const auto negative_list = reinterpret_cast<host::IntArray*>(&negative);
  std::vector<std::function<void(FakeHost&)>> spoilers = {
      [](FakeHost& h) { h.context.get_execution_plan = nullptr; },
      [](FakeHost& h) { h.context.get_node_and_registration = nullptr; },
      [](FakeHost& h) { h.context.replace_node_subsets_with_delegate_kernels = nullptr; },
      [](FakeHost& h) { h.context.preview_delegate_partitioning = nullptr; },
      [](FakeHost& h) {
        h.context.report_error = nullptr;
        h.context.get_execution_plan = nullptr;
      },
      [](FakeHost& h) { h.context.tensors_size = 0; },
      [](FakeHost& h) { h.context.tensors = nullptr; },
      [](FakeHost& h) { h.plan = {}; },
      [](FakeHost& h) {
        h.plan = {0, 0, 0};
      },
      [](FakeHost& h) {
        h.plan = {-1, 7, 1 << 30};
      },
      [](FakeHost& h) {
        for (auto& t : h.tensors) t.type = 12345;
      },
      [](FakeHost& h) {
        for (auto& t : h.tensors) t.allocation_type = host::kAllocationDynamic;
      },
      [](FakeHost& h) {
        for (auto& t : h.tensors) t.is_variable = 255;
      },
      [](FakeHost& h) {
        for (auto& t : h.tensors) t.quantization = nullptr;
      },
      [](FakeHost& h) {
        for (auto& t : h.tensors) t.quantization_kind = 9;
      },
      [](FakeHost& h) {
        for (auto& n : h.nodes) n.builtin_data = nullptr;
      },
      [](FakeHost& h) {
        for (auto& r : h.registrations) r.builtin_code = 100000;
      },
      [](FakeHost& h) {
        for (auto& r : h.registrations) r.builtin_code = -1;
      },
      [](FakeHost& h) {
        for (auto& r : h.registrations) {
          r.builtin_code = host::kBuiltinCustom;
          r.custom_name = nullptr;
        }
      },
      [](FakeHost& h) {
        for (auto& r : h.registrations) r.version = -3;
      },
      [](FakeHost& h) {
        for (auto& t : h.tensors) {
          std::free(t.dims);
          t.dims = nullptr;
        }
      },
  };
  for (int list = 0; list < 3; ++list) {
    for (int node = 0; node < 3; ++node) {
      host::IntArray* const array = list == 0 ? nullptr : list == 1 ? far_list : negative_list;
      spoilers.push_back([=](FakeHost& h) { h.nodes[node].inputs = array; });
      spoilers.push_back([=](FakeHost& h) { h.nodes[node].outputs = array; });
    }
  }
  for (size_t i = 0; i < spoilers.size(); ++i) {
    SCOPED_TRACE(i);
    PluginDelegate delegate;
    FakeHost host(PoolNet());
    spoilers[i](host);
    EXPECT_EQ(host.Apply(delegate.get()), host::kOk);
    // What it did claim must prepare or say why not; running it is checked above.
    if (host.kernel_count() > 0 && host.context.tensors != nullptr) host.Allocate();
  }
}

}  // namespace
}  // namespace npu::test
