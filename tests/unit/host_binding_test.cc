// Inputs and outputs where the caller has them: the same bytes as with copies, nothing copied where that is possible, and
// nothing read that may not be.
// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/host_binding.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>

#include "backends/cpu/cpu_backend.h"
#include "backends/invoke_trace.h"
#include "backends/opencl/executable.h"
#include "backends/ops/inference.h"
#include "backends/partition_executable.h"
#include "tests/support/graph_builder.h"
#include "tests/support/opencl_device.h"

namespace npu {
namespace {

using test::Bytes;
using test::GraphBuilder;

constexpr size_t kPage = 4096, kPages = 64;

// Pages with one behind them that nobody may touch.
class Pages {
 public:
  Pages() {
    memory_ = static_cast<std::byte*>(
        mmap(nullptr, (kPages + 1) * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_NE(memory_, MAP_FAILED);
    EXPECT_EQ(mprotect(memory_ + kPages * kPage, kPage, PROT_NONE), 0);
  }
  ~Pages() { munmap(memory_, (kPages + 1) * kPage); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  std::byte* begin() const { return memory_; }
  // Memory of `bytes` bytes that ends `room` bytes before what nobody may touch.
  std::byte* Before(size_t bytes, size_t room) const { return memory_ + kPages * kPage - bytes - room; }

 private:
  std::byte* memory_ = nullptr;
};

// Null where there is no device that runs commands in the calling thread.
std::shared_ptr<OpenClDevice> CallersDevice() {
  const std::shared_ptr<OpenClDevice> whole = test::FirstOpenClDevice();
  if (whole == nullptr) return nullptr;
  const auto device = whole->WithThreads(1);
  return device && (*device)->limits().runs_in_caller && (*device)->limits().shared_memory ? *device : nullptr;
}

int Pool(GraphBuilder& b, int x, DataType type, const std::vector<int32_t>& shape) {
  const int y = b.Tensor(type, shape, 0.5f, 3);
  b.Op(OpKind::kMaxPool2D, {x}, {y},
       Pool2DParams{.padding = Padding::kSame, .stride_h = 1, .stride_w = 1, .filter_h = 3, .filter_w = 3});
  return y;
}

std::shared_ptr<Graph> TwoPools(DataType type) {
  GraphBuilder b;
  const std::vector<int32_t> shape = {1, 24, 20, 5};
  const int x = b.Input(type, shape, 0.5f, 3);
  return b.Build({Pool(b, Pool(b, x, type, shape), type, shape)});
}

// A whole graph as one segment of the device, and what the reference makes of the same.
class HostBinding : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    device_ = CallersDevice();
    if (device_ == nullptr) GTEST_SKIP() << "no device that runs commands in the calling thread";
  }

  void Compile(std::shared_ptr<Graph> graph) {
    graph_ = std::move(graph);
    InferShapes(*graph_);
    SegmentOps segment{.ops = {}, .inputs = graph_->inputs, .outputs = graph_->outputs};
    for (size_t i = 0; i < graph_->ops.size(); ++i) segment.ops.push_back(static_cast<int>(i));
    OpenClCompileSettings settings;
    settings.team = {.members = GetParam(), .most_helpers = 3, .microseconds = 50};
    auto compiled = CompileForOpenCl(device_, graph_, segment, {}, settings);
    ASSERT_TRUE(compiled) << compiled.error().text;
    executable_ = std::move(*compiled);
    auto reference = MakeCpuBackend()->Compile(graph_, segment, {});
    ASSERT_TRUE(reference) << reference.error().text;
    reference_ = std::move(*reference);
  }

  size_t Size(int tensor) const { return static_cast<size_t>(*graph_->tensors[tensor].byte_size()); }

  // Invokes twice, with random inputs of that seed and of the next, and compares. Returns the bytes that were copied or
  // converted.
  SegmentTrace Expect(const std::vector<std::byte*>& in, const std::vector<std::byte*>& out, uint32_t seed = 1) {
    InvokeTrace trace;
    for (const bool traced : {false, true}) {
      std::vector<Bytes> inputs, outputs;
      std::vector<const std::byte*> from, reference_in;
      std::vector<std::byte*> reference_out;
      for (size_t i = 0; i < in.size(); ++i) {
        inputs.push_back(test::RandomBytes(graph_->tensors[graph_->inputs[i]], seed + traced + 10 * static_cast<uint32_t>(i)));
        std::memcpy(in[i], inputs[i].data(), inputs[i].size());
        from.push_back(in[i]);
      }
      for (const Bytes& bytes : inputs) reference_in.push_back(bytes.data());
      for (const int tensor : graph_->outputs) outputs.emplace_back(Size(tensor));
      for (Bytes& bytes : outputs) reference_out.push_back(bytes.data());
      const Status wanted = reference_->Invoke(reference_in, reference_out);
      EXPECT_TRUE(wanted) << wanted.error().text;
      const Status status = traced ? executable_->InvokeTraced(from, out, trace) : executable_->Invoke(from, out);
      EXPECT_TRUE(status) << status.error().text;
      for (size_t i = 0; i < out.size(); ++i) {
        EXPECT_EQ(std::memcmp(out[i], outputs[i].data(), outputs[i].size()), 0) << "output " << i;
      }
    }
    return trace.segments.empty() ? SegmentTrace{} : trace.segments[0];
  }

  std::shared_ptr<OpenClDevice> device_;
  std::shared_ptr<Graph> graph_;
  std::unique_ptr<Executable> executable_, reference_;
  Pages in_, out_;
};

TEST_P(HostBinding, NothingIsCopiedWhereverTheCallersMemoryIs) {
  Compile(TwoPools(DataType::kUInt8));
  uint32_t seed = 1;
  // The same again, others, odd addresses, and the first again.
  for (const size_t offset : {0, 0, 64, 4096, 1, 77, 0}) {
    const SegmentTrace trace = Expect({in_.begin() + offset}, {out_.begin() + 3 * offset}, seed++);
    EXPECT_EQ(trace.upload_bytes, 0) << offset;
    EXPECT_EQ(trace.download_bytes, 0) << offset;
  }
}

TEST_P(HostBinding, NothingIsReadBehindTheLastPage) {
  Compile(TwoPools(DataType::kUInt8));
  const size_t bytes = Size(graph_->inputs[0]);
  for (const size_t room : {0, 1, 63}) {
    const SegmentTrace trace = Expect({in_.Before(bytes, room)}, {out_.Before(bytes, room)});
    EXPECT_EQ(trace.upload_bytes, static_cast<int64_t>(bytes)) << room;
    EXPECT_EQ(trace.download_bytes, static_cast<int64_t>(bytes)) << room;
  }
  const SegmentTrace trace = Expect({in_.Before(bytes, kBlockSlack)}, {out_.Before(bytes, kBlockSlack)});
  EXPECT_EQ(trace.upload_bytes + trace.download_bytes, 0);
}

TEST_P(HostBinding, MemoryThatOverlapsIsCopied) {
  Compile(TwoPools(DataType::kUInt8));
  const auto bytes = static_cast<int64_t>(Size(graph_->inputs[0]));
  std::byte* memory = in_.begin();
  for (const int64_t distance : {int64_t{0}, int64_t{40}, bytes - 1}) {
    EXPECT_EQ(Expect({memory}, {memory + distance}).download_bytes, bytes) << distance;
    EXPECT_EQ(Expect({memory + distance}, {memory}).download_bytes, bytes) << distance;
  }
  EXPECT_EQ(Expect({memory}, {memory + bytes}).download_bytes, 0);
}

TEST_P(HostBinding, Int8IsConvertedOnce) {
  Compile(TwoPools(DataType::kInt8));
  const SegmentTrace trace = Expect({in_.begin()}, {out_.begin()});
  EXPECT_EQ(trace.upload_bytes, static_cast<int64_t>(Size(graph_->inputs[0])));
  EXPECT_EQ(trace.download_bytes, static_cast<int64_t>(Size(graph_->outputs[0])));
}

TEST_P(HostBinding, NumbersOfSeveralBytesMustBeAligned) {
  GraphBuilder b;
  const int x = b.Input(DataType::kUInt8, {6, 50}, 0.5f, 3);
  const int axis = b.Ints({1}), y = b.Tensor(DataType::kInt64, {6});
  b.Op(OpKind::kArgMax, {x, axis}, {y}, ArgMinMaxParams{.int64_output = true});
  Compile(b.Build({y}));
  EXPECT_EQ(Expect({in_.begin()}, {out_.begin() + 8}).download_bytes, 0);
  EXPECT_EQ(Expect({in_.begin()}, {out_.begin() + 4}).download_bytes, 6 * 8);
  EXPECT_EQ(Expect({in_.begin() + 3}, {out_.begin()}).upload_bytes, 0);
}

// What is a part of something else, or something else a part of it.
TEST_P(HostBinding, ViewsOfInputsAndOutputs) {
  const std::vector<int32_t> shape = {1, 12, 10, 4};
  GraphBuilder b;
  const int x = b.Input(DataType::kUInt8, shape, 0.5f, 3), z = b.Input(DataType::kUInt8, shape, 0.5f, 3);
  const int flat = b.Tensor(DataType::kUInt8, {120, 4}, 0.5f, 3);  // a view of an input, and an output
  b.Op(OpKind::kReshape, {x, b.Ints({120, 4})}, {flat}, ReshapeParams{});
  const int pooled = Pool(b, x, DataType::kUInt8, shape);  // an output that is read, too, and lies in another one
  const int both = b.Tensor(DataType::kUInt8, {2, 12, 10, 4}, 0.5f, 3);
  b.Op(OpKind::kConcatenation, {pooled, z}, {both}, ConcatenationParams{.axis = 0});
  const int first = b.Tensor(DataType::kUInt8, {1, 480}, 0.5f, 3);
  b.Op(OpKind::kReshape, {pooled, b.Ints({1, 480})}, {first}, ReshapeParams{});
  const int last = Pool(b, z, DataType::kUInt8, shape);
  Compile(b.Build({flat, pooled, both, last}));
  std::byte *in = in_.begin(), *out = out_.begin();
  const SegmentTrace trace =
      Expect({in, in + kPage}, {out, out + kPage, out + 2 * kPage, out + 3 * kPage});
  EXPECT_LT(trace.download_bytes, 480 * 5);
  Expect({in + 1, in + kPage + 5}, {out + 3 * kPage, out + 7, out + kPage, out + 2 * kPage});
}

INSTANTIATE_TEST_SUITE_P(Members, HostBinding, testing::Values(1, 2));

// Writes to its outputs before it fails, as a device may.
class FailsLate : public Backend {
 public:
  explicit FailsLate(size_t bytes) : bytes_(bytes) {}
  std::string_view name() const override { return "opencl"; }
  std::string device_name() const override { return "late"; }
  Result<std::unique_ptr<Executable>> Compile(std::shared_ptr<const Graph>, const SegmentOps&,
                                              const ComputeOptions&) override {
    class Late : public Executable {
     public:
      explicit Late(size_t bytes) : bytes_(bytes) {}
      Status Invoke(std::span<const std::byte* const>, std::span<std::byte* const> outputs) override {
        std::memset(outputs[0], 0x5a, bytes_);
        return Fail(ErrorCode::kDevice, "late");
      }
      MemoryUse memory_use() const override { return {}; }

     private:
      size_t bytes_;
    };
    return std::make_unique<Late>(bytes_);
  }

 private:
  size_t bytes_;
};

TEST(HostBindingFailure, WhatADeviceLeftInOutputsIsComputedAgain) {
  const std::shared_ptr<Graph> graph = TwoPools(DataType::kUInt8);
  const Bytes input = test::RandomBytes(graph->tensors[graph->inputs[0]], 1);
  const auto expected = test::RunGraph(*MakeCpuBackend(), graph, {input});
  ASSERT_TRUE(expected);
  Bytes output((*expected)[0].size());
  const SegmentOps segment{.ops = {0, 1}, .inputs = graph->inputs, .outputs = graph->outputs};
  const PartitionSpec spec{{{std::make_shared<FailsLate>(output.size()), segment}}, graph->inputs, graph->outputs, {}};
  const auto executable = CompilePartition(graph, spec, {});
  ASSERT_TRUE(executable);
  const std::byte* in[] = {input.data()};
  std::byte* out[] = {output.data()};
  testing::internal::CaptureStderr();
  EXPECT_TRUE((*executable)->Invoke(in, out));
  EXPECT_NE(testing::internal::GetCapturedStderr().find("continuing on the CPU"), std::string::npos);
  EXPECT_EQ(output, (*expected)[0]);
}

}  // namespace
}  // namespace npu
