// SPDX-License-Identifier: Apache-2.0
#include "tests/support/graph_builder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "backends/cpu/cpu_backend.h"
#include "backends/opencl/device.h"
#include "backends/opencl/executable.h"
#include "backends/opencl/opencl_backend.h"
#include "backends/ops/inference.h"
#include "backends/ops/room.h"
#include "partitioner/segments.h"

namespace npu::test {

int GraphBuilder::Tensor(DataType type, std::vector<int32_t> shape, Quantization quantization) {
  npu::Tensor tensor;
  tensor.name = fmt::format("t{}", graph_->tensors.size());
  tensor.type = type;
  tensor.shape = std::move(shape);
  tensor.quantization = std::move(quantization);
  graph_->tensors.push_back(std::move(tensor));
  return static_cast<int>(graph_->tensors.size()) - 1;
}

int GraphBuilder::Tensor(DataType type, std::vector<int32_t> shape, float scale, int64_t zero_point) {
  return Tensor(type, std::move(shape), scale > 0 ? PerTensor(scale, zero_point) : Quantization{});
}

int GraphBuilder::Input(DataType type, std::vector<int32_t> shape, float scale, int64_t zero_point) {
  const int index = Tensor(type, std::move(shape), scale, zero_point);
  graph_->inputs.push_back(index);
  return index;
}

int GraphBuilder::Ints(const std::vector<int32_t>& values) {
  return Constant(DataType::kInt32, {static_cast<int32_t>(values.size())}, values);
}

int GraphBuilder::Op(OpKind kind, std::vector<int> inputs, std::vector<int> outputs, OpParams params,
                     int version) {
  npu::Op op;
  op.kind = kind;
  op.version = version;
  op.inputs = std::move(inputs);
  op.outputs = std::move(outputs);
  op.params = std::move(params);
  graph_->ops.push_back(std::move(op));
  return static_cast<int>(graph_->ops.size()) - 1;
}

int GraphBuilder::State(DataType type, std::vector<int32_t> shape, float scale, int64_t zero_point) {
  const int index = Tensor(type, std::move(shape), scale, zero_point);
  graph_->tensors[index].is_variable = true;
  return index;
}

void GraphBuilder::SetData(int tensor, const void* data, size_t bytes) {
  // One byte more, so that an empty constant has an address, too.
  auto owner = std::make_shared<Bytes>(bytes + 1);
  if (bytes > 0) std::memcpy(owner->data(), data, bytes);
  graph_->tensors[tensor].data = {std::span<const std::byte>(owner->data(), bytes), owner};
}

std::shared_ptr<Graph> GraphBuilder::Build(std::vector<int> outputs) {
  graph_->outputs = std::move(outputs);
  return std::move(graph_);
}

Quantization PerTensor(float scale, int64_t zero_point) { return {{scale}, {zero_point}, 0}; }

Quantization PerChannel(std::vector<float> scales, int32_t dimension) {
  const size_t count = scales.size();
  return {std::move(scales), std::vector<int64_t>(count, 0), dimension};
}

Bytes RandomBytes(const npu::Tensor& tensor, uint32_t seed) {
  Bytes bytes(tensor.byte_size().value_or(0));
  std::mt19937 engine(seed);
  if (tensor.type == DataType::kFloat32) {
    std::uniform_real_distribution<float> distribution(-4.0f, 4.0f);
    for (size_t i = 0; i + sizeof(float) <= bytes.size(); i += sizeof(float)) {
      const float value = distribution(engine);
      std::memcpy(bytes.data() + i, &value, sizeof(value));
    }
    return bytes;
  }
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(engine() >> 24);
  return bytes;
}

namespace {

// Shapes inferred, every op that is not evaluated in one segment.
Result<SegmentOps> WholeGraph(Graph& graph) {
  const InferenceResult inference = InferShapes(graph);
  SegmentOps segment;
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    if (!inference.errors[i].empty()) {
      return Fail(ErrorCode::kInvalidModel, DescribeOp(graph, static_cast<int>(i)) + ": " + inference.errors[i]);
    }
    if (!inference.evaluated[i]) segment.ops.push_back(static_cast<int>(i));
  }
  segment.inputs = graph.inputs;
  segment.outputs = graph.outputs;
  segment.states = BoundaryOf(graph, segment.ops).states;
  return segment;
}

}  // namespace

Result<std::vector<Bytes>> RunGraph(Backend& backend, std::shared_ptr<Graph> graph,
                                    const std::vector<Bytes>& inputs, const ComputeOptions& options) {
  NPU_ASSIGN_OR_RETURN(const SegmentOps segment, WholeGraph(*graph));
  NPU_ASSIGN_OR_RETURN(const std::unique_ptr<Executable> executable, backend.Compile(graph, segment, options));
  std::vector<const std::byte*> in;
  for (const Bytes& bytes : inputs) in.push_back(bytes.data());
  std::vector<Bytes> results;
  for (int index : graph->outputs) results.emplace_back(graph->tensors[index].byte_size().value_or(0));
  std::vector<std::byte*> out;
  for (Bytes& bytes : results) out.push_back(bytes.data());
  NPU_RETURN_IF_ERROR(executable->Invoke(in, out));
  return results;
}

Result<StatefulRun> StatefulRun::Create(Backend& backend, std::shared_ptr<Graph> graph) {
  StatefulRun run;
  NPU_ASSIGN_OR_RETURN(const SegmentOps segment, WholeGraph(*graph));
  NPU_ASSIGN_OR_RETURN(run.executable_, backend.Compile(graph, segment, {}));
  run.graph_ = std::move(graph);
  run.state_tensors_ = segment.states;
  run.Reset();
  return run;
}

void StatefulRun::Reset() {
  states_.clear();
  for (int index : state_tensors_) {
    const npu::Tensor& tensor = graph_->tensors[index];
    const int value = tensor.type == DataType::kInt8 ? tensor.zero_point() : 0;
    states_.emplace_back(tensor.byte_size().value_or(0), static_cast<std::byte>(value));
  }
}

Result<std::vector<Bytes>> StatefulRun::Invoke(const std::vector<Bytes>& inputs) {
  std::vector<const std::byte*> in;
  std::vector<std::byte*> out;
  std::vector<Bytes> results, states = states_;
  for (const Bytes& bytes : inputs) in.push_back(bytes.data());
  for (const Bytes& bytes : states_) in.push_back(bytes.data());
  for (int index : graph_->outputs) results.emplace_back(graph_->tensors[index].byte_size().value_or(0));
  for (Bytes& bytes : results) out.push_back(bytes.data());
  for (Bytes& bytes : states) out.push_back(bytes.data());
  NPU_RETURN_IF_ERROR(executable_->Invoke(in, out));
  states_ = std::move(states);
  return results;
}

Backend* TestDevice() {
  static const Result<std::shared_ptr<Backend>> backend = OpenClBackend("auto");
  if (!backend) {
    std::printf("no OpenCL device: %s\n", backend.error().text.c_str());
    return nullptr;
  }
  return backend->get();
}

namespace {

// The device with settings that the backend does not choose for it.
class BackendWithSettings : public Backend {
 public:
  BackendWithSettings(std::shared_ptr<OpenClDevice> device, OpenClCompileSettings settings)
      : device_(std::move(device)), settings_(std::move(settings)) {}
  std::string_view name() const override { return "opencl"; }
  std::string device_name() const override { return device_->name(); }
  Result<std::unique_ptr<Executable>> Compile(std::shared_ptr<const Graph> graph, const SegmentOps& segment,
                                              const ComputeOptions& options) override {
    return CompileForOpenCl(device_, std::move(graph), segment, options, settings_);
  }

 private:
  std::shared_ptr<OpenClDevice> device_;
  const OpenClCompileSettings settings_;
};

// Every variant that the device of `chosen` runs, but the one that `chosen` uses; and, where threads of our own
// divide launches, every launch divided among three.
std::vector<std::unique_ptr<Backend>> OtherWays(Backend& chosen) {
  std::vector<std::unique_ptr<Backend>> others;
  const auto devices = FindDevices();
  if (!devices) return others;
  for (const FoundDevice& found : *devices) {
    if (found.name != chosen.device_name()) continue;
    const auto whole = OpenDevice(found);
    if (!whole) continue;
    const auto device = (*whole)->WithThreads(0);
    if (!device) continue;
    for (const KernelVariant* variant : VariantsFor((*device)->device())) {
      // The chosen one, or one that the driver refuses: it has fallen back to another then.
      if (variant == &(*device)->programs().variant() || !(*device)->programs().Program(variant)) continue;
      OpenClCompileSettings settings;
      settings.bind.variant = variant;
      others.push_back(std::make_unique<BackendWithSettings>(*device, settings));
    }
    if ((*device)->limits().runs_in_caller) {
      OpenClCompileSettings settings;
      settings.team = {.members = 3, .most_helpers = 2, .microseconds = 1000};
      others.push_back(std::make_unique<BackendWithSettings>(*device, settings));
    }
    break;
  }
  return others;
}

// tolerance: how far apart 8-bit numbers may be.
void Compare(Backend& device, Backend& cpu, const std::shared_ptr<Graph>& graph,
             const std::vector<Bytes>& inputs, const ComputeOptions& options, const char* what, int tolerance = 0) {
  const auto expected = RunGraph(cpu, graph, inputs, options);
  ASSERT_TRUE(expected) << what << ": reference: " << expected.error().text;
  const auto actual = RunGraph(device, graph, inputs, options);
  ASSERT_TRUE(actual) << what << ": device: " << actual.error().text;
  for (size_t i = 0; i < expected->size(); ++i) {
    const Bytes& e = (*expected)[i];
    const Bytes& a = (*actual)[i];
    ASSERT_EQ(e.size(), a.size());
    const DataType type = graph->tensors[graph->outputs[i]].type;
    size_t differing = 0, first = e.size();
    for (size_t k = 0; k < e.size(); ++k) {
      if (e[k] == a[k]) continue;
      const int flip = type == DataType::kInt8 ? 0x80 : 0;
      const int apart = (std::to_integer<int>(e[k]) ^ flip) - (std::to_integer<int>(a[k]) ^ flip);
      if (Is8Bit(type) && std::abs(apart) <= tolerance) continue;
      first = std::min(first, k);
      ++differing;
    }
    EXPECT_EQ(differing, 0u) << what << ": output " << i << " " << Describe(*graph, graph->outputs[i])
                             << ": first difference at byte " << first << ": expected "
                             << (first < e.size() ? std::to_integer<int>(e[first]) : 0) << ", got "
                             << (first < e.size() ? std::to_integer<int>(a[first]) : 0);
  }
}

}  // namespace

void ExpectOpenClMatchesReference(std::shared_ptr<Graph> graph, uint32_t seed,
                                  const ComputeOptions& options) {
  Backend* device = TestDevice();
  if (device == nullptr) GTEST_SKIP() << "no OpenCL device";
  const Status valid = Validate(*graph);
  ASSERT_TRUE(valid) << valid.error().text;
  const InferenceResult inference = InferShapes(*graph);
  for (size_t i = 0; i < graph->ops.size(); ++i) {
    ASSERT_EQ(inference.errors[i], "") << DescribeOp(*graph, static_cast<int>(i));
    if (inference.evaluated[i]) continue;
    const Verdict verdict = CheckNpu(*graph, graph->ops[i]);
    for (const Reason& reason : verdict.reasons()) {
      ADD_FAILURE() << DescribeOp(*graph, static_cast<int>(i)) << ": " << ReasonCodeName(reason.code) << " "
                    << reason.text << ": " << reason.actual << "; allowed: " << reason.allowed;
    }
  }
  if (testing::Test::HasFailure()) return;

  const std::shared_ptr<Backend> cpu = MakeCpuBackend();
  std::vector<Bytes> random, low, high;
  for (size_t i = 0; i < graph->inputs.size(); ++i) {
    const npu::Tensor& tensor = graph->tensors[graph->inputs[i]];
    random.push_back(RandomBytes(tensor, seed + static_cast<uint32_t>(i)));
    const bool is_signed = tensor.type == DataType::kInt8, wide = tensor.type == DataType::kInt16;
    low.emplace_back(random.back().size(), static_cast<std::byte>(is_signed ? 0x80 : 0x00));
    high.emplace_back(random.back().size(), static_cast<std::byte>(is_signed ? 0x7f : 0xff));
    for (size_t k = 1; wide && k < random.back().size(); k += 2) {  // the upper bytes of 0x8000 and 0x7fff
      low.back()[k] = std::byte{0x80};
      high.back()[k] = std::byte{0x7f};
    }
  }
  Compare(*device, *cpu, graph, random, options, "random input");
  if (testing::Test::HasFatalFailure()) return;
  Compare(*device, *cpu, graph, low, options, "lowest input");
  if (testing::Test::HasFatalFailure()) return;
  Compare(*device, *cpu, graph, high, options, "highest input");
  if (testing::Test::HasFatalFailure()) return;
  for (const std::unique_ptr<Backend>& other : OtherWays(*device)) {
    Compare(*other, *cpu, graph, random, options, "random input, other kernels or a team");
  }
  const auto computed = std::count(inference.evaluated.begin(), inference.evaluated.end(), false);
  if (computed != 1) return;  // differences of 1 grow on their way through several operators
  ComputeOptions in_float = options;
  in_float.requantize = Requantize::kFloat;
  for (const std::vector<Bytes>& inputs : {random, low, high}) {
    Compare(*device, *cpu, graph, inputs, in_float, "requantize=float", 1);
  }
}

}  // namespace npu::test
