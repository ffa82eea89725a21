// Networks on teams of threads: several sessions at once, more members than cores, and sessions that are
// compiled while others run.
// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/launch_team.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <thread>

#include "backends/cpu/cpu_backend.h"
#include "backends/invoke_trace.h"
#include "backends/opencl/executable.h"
#include "backends/ops/inference.h"
#include "tests/ops/convolution_testing.h"
#include "tests/support/opencl_device.h"

namespace npu {
namespace {

using test::Bytes;
using test::GraphBuilder;

// Convolutions, depthwise ones, additions and pools behind each other, with a short cut now and then.
std::shared_ptr<Graph> RandomNetwork(uint32_t seed) {
  std::mt19937 engine(seed);
  const auto dice = [&](int min, int max) { return std::uniform_int_distribution<int>(min, max)(engine); };
  GraphBuilder b;
  constexpr float kScale = test::kInputScale;
  int size = dice(6, 20), channels = dice(1, 40);
  int x = b.Input(DataType::kInt8, {1, size, size, channels}, kScale, 0);
  for (int layer = 0; layer < 8; ++layer) {
    const int what = dice(0, 3);
    if (what == 0) {
      const int out = dice(1, 70), filter = dice(0, 1) * 2 + 1;
      const test::Layer conv = test::AddLayerBehind(b, {}, x, {out, filter, filter, channels}, 0,
                                                    int64_t{filter} * filter * channels, seed + layer);
      b.Op(OpKind::kConv2D, conv.operands, {conv.output}, Conv2DParams{.padding = Padding::kSame});
      x = conv.output;
      channels = out;
    } else if (what == 1) {
      const test::Layer conv = test::AddLayerBehind(b, {}, x, {1, 3, 3, channels}, 3, 9, seed + layer);
      b.Op(OpKind::kDepthwiseConv2D, conv.operands, {conv.output},
           DepthwiseConv2DParams{.padding = Padding::kSame});
      x = conv.output;
    } else if (what == 2) {
      const int y = b.Tensor(DataType::kInt8, {1, size, size, channels}, kScale, 3);
      b.Op(OpKind::kAdd, {x, x}, {y}, BinaryParams{});
      x = y;
    } else {
      const Quantization q = b.tensor(x).quantization;
      const int y = b.Tensor(DataType::kInt8, {1, size, size, channels}, q);
      b.Op(OpKind::kMaxPool2D, {x}, {y},
           Pool2DParams{
               .padding = Padding::kSame, .stride_h = 1, .stride_w = 1, .filter_h = 3, .filter_w = 3});
      x = y;
    }
  }
  return b.Build({x});
}

class TeamBackend : public Backend {
 public:
  TeamBackend(std::shared_ptr<OpenClDevice> device, TeamSettings team)
      : device_(std::move(device)), team_(team) {}
  std::string_view name() const override { return "opencl"; }
  std::string device_name() const override { return device_->name(); }
  Result<std::unique_ptr<Executable>> Compile(std::shared_ptr<const Graph> graph, const SegmentOps& segment,
                                              const ComputeOptions& options) override {
    OpenClCompileSettings settings;
    settings.team = team_;
    return CompileForOpenCl(device_, std::move(graph), segment, options, settings);
  }

 private:
  std::shared_ptr<OpenClDevice> device_;
  TeamSettings team_;
};

// Null where there is no device on which teams work.
std::shared_ptr<OpenClDevice> TeamDevice() {
  const std::shared_ptr<OpenClDevice> whole = test::FirstOpenClDevice();
  if (whole == nullptr) return nullptr;
  const auto device = whole->WithThreads(1);
  return device && (*device)->limits().runs_in_caller ? *device : nullptr;
}

#define NEED_TEAM_DEVICE(name)                             \
  const std::shared_ptr<OpenClDevice> name = TeamDevice(); \
  if (name == nullptr) GTEST_SKIP() << "no device for teams"

struct Case {
  std::shared_ptr<Graph> graph;
  std::vector<Bytes> inputs, expected;
};

Case MakeCase(uint32_t seed) {
  Case result;
  result.graph = RandomNetwork(seed);
  result.inputs = {test::RandomBytes(result.graph->tensors[result.graph->inputs[0]], seed)};
  const auto expected = test::RunGraph(*MakeCpuBackend(), result.graph, result.inputs);
  EXPECT_TRUE(expected) << expected.error().text;
  if (expected) result.expected = *expected;
  return result;
}

TEST(LaunchTeam, AnyNumberOfMembersGivesTheReferencesBytes) {
  NEED_TEAM_DEVICE(device);
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    const Case c = MakeCase(seed);
    for (int members : {1, 2, 3, 4, 9}) {
      TeamBackend backend(device,
                          {.members = members, .most_helpers = 3, .microseconds = members == 4 ? 0.0 : 50.0});
      const auto actual = test::RunGraph(backend, c.graph, c.inputs);
      ASSERT_TRUE(actual) << actual.error().text;
      ASSERT_EQ(*actual, c.expected) << "seed " << seed << ", " << members << " members";
    }
  }
}

// Inputs made in the segment's own memory, by turns with inputs that are copied, with and without a team and shared memory.
TEST(LaunchTeam, InputsInTheirPlaceGiveTheReferencesBytes) {
  NEED_TEAM_DEVICE(device);
  int placed = 0;
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    const Case c = MakeCase(seed);
    const Case other = {c.graph, {test::RandomBytes(c.graph->tensors[c.graph->inputs[0]], seed + 100)}, {}};
    const auto expected = test::RunGraph(*MakeCpuBackend(), c.graph, other.inputs);
    ASSERT_TRUE(expected);
    for (int members : {1, 3}) {
      OpenClCompileSettings settings;
      settings.team = {.members = members, .most_helpers = 2, .microseconds = 50.0};
      settings.bind.use_shared_memory = seed % 4 != 0;
      std::vector<int> ops(c.graph->ops.size());
      std::iota(ops.begin(), ops.end(), 0);
      const SegmentOps segment = {ops, c.graph->inputs, c.graph->outputs};
      const auto executable = CompileForOpenCl(device, c.graph, segment, {}, settings);
      ASSERT_TRUE(executable) << executable.error().text;
      const auto place = (*executable)->PlaceOf(0);
      ASSERT_TRUE(place) << place.error().text;
      if (place->memory == nullptr) continue;
      ++placed;
      std::ranges::transform(c.inputs[0], place->memory, [&](std::byte byte) { return byte ^ place->flip; });
      Bytes output(c.expected[0].size());
      const std::array<std::byte*, 1> out = {output.data()};
      const std::array<const std::byte*, 1> in_place = {place->memory}, copied = {other.inputs[0].data()};
      for (int round = 0; round < 3; ++round) {  // what runs leaves the place as it is
        ASSERT_TRUE((*executable)->Invoke(in_place, out));
        ASSERT_EQ(output, c.expected[0]) << "seed " << seed << ", " << members << " members";
      }
      InvokeTrace trace;
      ASSERT_TRUE((*executable)->InvokeTraced(in_place, out, trace));
      ASSERT_EQ(output, c.expected[0]);
      ASSERT_TRUE((*executable)->Invoke(copied, out));
      ASSERT_EQ(output, expected->at(0));
      EXPECT_EQ((*executable)->PlaceOf(0)->memory, place->memory);
    }
  }
  EXPECT_GE(placed, 30);
}

// Sessions with different teams at once, each compiled while others run.
TEST(LaunchTeam, SessionsOfDifferentTeamsDoNotDisturbEachOther) {
  NEED_TEAM_DEVICE(device);
  std::vector<Case> cases;
  for (uint32_t seed = 100; seed < 106; ++seed) cases.push_back(MakeCase(seed));
  std::vector<std::string> failures(cases.size());
  std::vector<std::thread> threads;
  for (size_t id = 0; id < cases.size(); ++id) {
    threads.emplace_back([&, id] {
      const Case& c = cases[id];
      for (int round = 0; round < 4 && failures[id].empty(); ++round) {
        TeamBackend backend(
            device, {.members = 1 + static_cast<int>(id + round) % 4, .most_helpers = 3, .microseconds = 30});
        for (int i = 0; i < 10 && failures[id].empty(); ++i) {
          const auto actual = test::RunGraph(backend, c.graph, c.inputs);
          if (!actual) {
            failures[id] = actual.error().text;
          } else if (*actual != c.expected) {
            failures[id] = "wrong bytes";
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& failure : failures) EXPECT_EQ(failure, "");
}

std::shared_ptr<Graph> Relu(int32_t elements) {
  GraphBuilder b;
  const int x = b.Input(DataType::kInt8, {elements}, 1.0f), y = b.Tensor(DataType::kInt8, {elements}, 1.0f);
  b.Op(OpKind::kRelu, {x}, {y});
  return b.Build({y});
}

// PoCL ended the process by an assertion when a kernel was first launched over a wider range while another
// thread ran it over a narrower one (kernel_forms.h).
TEST(LaunchTeam, WiderRangesOfAKernelThatIsRunning) {
  NEED_TEAM_DEVICE(device);
  TeamBackend backend(device, {});
  std::atomic<bool> end{false};
  std::string failure;
  std::thread narrow([&] {
    const auto graph = Relu(2'000'000);
    const std::vector<Bytes> inputs = {test::RandomBytes(graph->tensors[graph->inputs[0]], 1)};
    while (!end && failure.empty()) {
      if (const auto result = test::RunGraph(backend, graph, inputs); !result) failure = result.error().text;
    }
  });
  for (int32_t i = 1; i <= 30; ++i) {
    const auto graph = Relu(2'000'000 + i * 100'000);
    const std::vector<Bytes> inputs = {test::RandomBytes(graph->tensors[graph->inputs[0]], 1)};
    const auto result = test::RunGraph(backend, graph, inputs);
    EXPECT_TRUE(result) << result.error().text;
  }
  end = true;
  narrow.join();
  EXPECT_EQ(failure, "");
}

}  // namespace
}  // namespace npu
