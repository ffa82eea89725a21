// Runs the NPU segments of the shared models with guard bytes behind every tensor, scratch and constant:
// a kernel that writes past the end of its output changes one. Sanitizers and simulators do not see this
// (kernels are not instrumented, and blocks lie inside one allocation).
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "backends/opencl/bound_segment.h"
#include "partitioner/plan.h"
#include "schema/reader.h"
#include "tests/support/graph_builder.h"
#include "tests/support/opencl_device.h"

namespace npu {
namespace {

constexpr int64_t kGuardBytes = 4096;
constexpr std::byte kPaint{0xa5};
// Larger segments use the same kernels for longer.
constexpr int64_t kMaxMacs = 30'000'000;

using test::Bytes;

class GuardedSegment {
 public:
  GuardedSegment(const Graph& graph, const SegmentOps& ops, LowerFunction lower = LowerByRoom)
      : graph_(graph), ops_(ops), lower_(std::move(lower)) {}

  // Empty, or what is wrong.
  std::string Run() {
    auto layout = LayOutSegment(graph_, ops_, {}, {.lower = lower_});
    if (!layout) return layout.error().text;
    layout_ = std::move(*layout);
    BindSettings settings;
    settings.use_shared_memory = false;
    settings.guard_bytes = kGuardBytes;
    auto bound = BindSegment(test::FirstOpenClDevice(), graph_, ops_, layout_, settings);
    if (!bound) return bound.error().text;
    bound_ = std::move(*bound);
    if (const std::string problem = Launch(); !problem.empty()) return problem;
    return CheckArena() + CheckConstants();
  }

 private:
  std::string Launch() {
    const cl::CommandQueue& queue = bound_->queue;
    for (size_t i = 0; i < layout_.arena.size(); ++i) {
      const size_t bytes = static_cast<size_t>(layout_.arena[i].bytes + kBlockSlack + kGuardBytes);
      const Bytes paint(bytes, kPaint);
      if (queue.enqueueWriteBuffer(bound_->arena.block(static_cast<int>(i)), CL_TRUE, 0, bytes,
                                   paint.data()) != CL_SUCCESS)
        return "write";
    }
    std::vector<int> tensors = ops_.inputs;
    tensors.insert(tensors.end(), ops_.states.begin(), ops_.states.end());
    for (size_t i = 0; i < bound_->inputs.size(); ++i) {
      const Bytes input = test::RandomBytes(graph_.tensors[tensors[i]], static_cast<uint32_t>(i));
      if (input.empty()) continue;
      if (queue.enqueueWriteBuffer(bound_->inputs[i].buffer, CL_TRUE, 0, input.size(), input.data()) !=
          CL_SUCCESS)
        return "write";
    }
    for (const BoundLaunch& launch : bound_->launches) {
      const cl_int code =
          clEnqueueNDRangeKernel(queue(), launch.kernel(), 3, nullptr, launch.shape.global.data(),
                                 launch.shape.local.data(), 0, nullptr, nullptr);
      if (code != CL_SUCCESS) return std::string(launch.name) + " " + std::to_string(code);
    }
    return queue.finish() == CL_SUCCESS ? "" : "finish";
  }

  Bytes ReadBlock(const DeviceMemory& memory, size_t block, size_t bytes) {
    Bytes result(bytes);
    const cl_int code = bound_->queue.enqueueReadBuffer(memory.block(static_cast<int>(block)), CL_TRUE, 0,
                                                        bytes, result.data());
    return code == CL_SUCCESS ? result : Bytes();
  }

  std::string CheckArena() {
    for (size_t i = 0; i < layout_.arena.size(); ++i) {
      const size_t bytes = static_cast<size_t>(layout_.arena[i].bytes);
      const Bytes block = ReadBlock(bound_->arena, i, bytes + kBlockSlack + kGuardBytes);
      for (size_t k = bytes; k < block.size(); ++k) {
        if (block[k] == kPaint) continue;
        return "arena block " + std::to_string(i) + " of " + std::to_string(bytes) +
               " bytes is written at byte " + std::to_string(k) + " (written in step " +
               std::to_string(layout_.arena[i].first) + ")";
      }
    }
    return "";
  }

  std::string CheckConstants() {
    for (size_t i = 0; i < layout_.constants.size(); ++i) {
      const auto [bytes, flip] = layout_.constants[i];
      Bytes expected(bytes.begin(), bytes.end());
      if (flip) FlipSignBits(expected.data(), expected.data(), expected.size());
      if (!expected.empty() && ReadBlock(*bound_->constants, i, expected.size()) != expected) {
        return "constant " + std::to_string(i) + " was written";
      }
    }
    return "";
  }

  const Graph& graph_;
  const SegmentOps& ops_;
  LowerFunction lower_;
  SegmentLayout layout_;
  std::unique_ptr<BoundSegment> bound_;
};

TEST(KernelGuards, OneByteTooManyIsSeen) {
  if (test::TestDevice() == nullptr) GTEST_SKIP() << "no OpenCL device";
  test::GraphBuilder b;
  const int x = b.Input(DataType::kUInt8, {10}, 1.0f), y = b.Tensor(DataType::kUInt8, {10}, 1.0f);
  b.Op(OpKind::kRelu, {x}, {y});
  const auto graph = b.Build({y});
  for (const int count : {10, 11}) {
    const auto lower = [&](const OpView&, const ComputeOptions&, Lowering& lowering) -> Status {
      const ConstantArg table = lowering.AddConstant(std::vector<uint8_t>(256, 7));
      lowering.Launch("npu_lut", {1, 1, 1}, {TensorArg{x}, TensorArg{y}, table, count});
      return {};
    };
    const std::string problem = GuardedSegment(*graph, {{0}, {x}, {y}}, lower).Run();
    EXPECT_EQ(problem.empty(), count == 10) << problem;
  }
}

TEST(KernelGuards, NoKernelWritesPastItsOutput) {
  const std::filesystem::path folder = std::filesystem::path(NPU_SHARED_DIR) / "models";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no shared models in " << folder;
  if (test::TestDevice() == nullptr) GTEST_SKIP() << "no OpenCL device";
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".tflite") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  int segments = 0;
  for (const std::filesystem::path& path : paths) {
    const auto model = ReadModelFile(path.string());
    if (!model || model->subgraphs.empty()) continue;
    const auto plan = MakePlan(model->subgraphs[0], {});
    if (!plan) continue;
    for (const Segment& segment : plan->segments) {
      if (segment.placement != Placement::kNpu || segment.macs > kMaxMacs) continue;
      ++segments;
      EXPECT_EQ(GuardedSegment(*plan->compute_graph, segment.ops).Run(), "") << path;
    }
  }
  std::printf("%d segments of %zu models\n", segments, paths.size());
  EXPECT_GT(segments, 0);
}

}  // namespace
}  // namespace npu
