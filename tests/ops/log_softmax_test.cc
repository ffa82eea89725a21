// LOG_SOFTMAX: its logarithm, results against the formula, a sweep on the device and the reasons of Check.
// LiteRT's own answers are in reduction_goldens_test.cc.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "backends/ops/fixed_point.h"
#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

std::shared_ptr<Graph> MakeGraph(DataType type, Index shape, float scale, int64_t zero_point) {
  GraphBuilder b;
  const int in = b.Input(type, std::move(shape), scale, zero_point);
  const int out = b.Tensor(type, {}, 1.0f / 16, type == DataType::kInt8 ? 127 : 255);
  b.Op(OpKind::kLogSoftmax, {in}, {out});
  return b.Build({out});
}

TEST(FixedPointTest, LogIsCloseEverywhere) {
  for (int64_t x = 1 << 19; x < int64_t{1} << 31; x += 1 + x / 5000) {
    const double found = std::ldexp(LogOfQ12(static_cast<int32_t>(x)), -26);
    ASSERT_NEAR(found, std::log(std::ldexp(static_cast<double>(x), -19)), 4e-7) << x;
  }
}

TEST(LogSoftmaxTest, SweepOfShapesAndScales) {
  for (uint32_t seed = 1; seed <= 240; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 dice(seed);
    constexpr int32_t kSizes[] = {1, 2, 3, 10, 17, 33, 1001};
    constexpr float kScales[] = {1e-7f, 1e-4f, 0.0123f, 1.0f / 32, 0.0624f, 0.1f, 0.7f, 300.0f, 1e30f};
    const DataType type = dice() % 2 == 0 ? DataType::kInt8 : DataType::kUInt8;
    const int64_t low = type == DataType::kInt8 ? -128 : 0;
    Index shape;
    for (uint32_t d = dice() % 3; d > 0; --d) shape.push_back(kSizes[dice() % 5]);
    shape.push_back(kSizes[dice() % 7]);
    const float scale = kScales[dice() % 9];
    const auto graph = MakeGraph(type, shape, scale, low + static_cast<int64_t>(dice() % 256));
    ExpectMoves(graph, seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
      const int64_t depth = shape.back();
      for (int64_t row = 0; row < Count(shape); row += depth) {
        const auto value = [&](const Bytes& bytes, int64_t i) {
          const std::byte byte = bytes[row + i];
          return type == DataType::kInt8 ? static_cast<int8_t>(byte) : static_cast<int>(byte);
        };
        int largest = -128;
        for (int64_t i = 0; i < depth; ++i) largest = std::max(largest, value(in[0], i));
        double sum = 0;
        for (int64_t i = 0; i < depth; ++i) sum += std::exp(double{scale} * (value(in[0], i) - largest));
        for (int64_t i = 0; i < depth; ++i) {
          const double y = 16 * (double{scale} * (value(in[0], i) - largest) - std::log(sum));
          const double wanted = std::clamp<double>(y + 255, 0, 255);
          // Half a unit, and what the roundings of t_d, the sum and the logarithm add. Below -31 nothing is
          // kept, which is out of the output's range, anyway.
          ASSERT_LE(std::abs(value(out[0], i) - low - wanted), 0.501)
              << "row of " << depth << " scale " << scale;
        }
      }
    });
    if (testing::Test::HasFailure() || testing::Test::IsSkipped()) return;
  }
}

TEST(LogSoftmaxTest, CheckNamesEveryFailedRule) {
  const auto checked = [](const std::function<void(Graph&)>& change) {
    const auto graph = MakeGraph(DataType::kInt8, {2, 3}, 0.1f, 3);
    InferShapes(*graph);
    change(*graph);
    std::vector<ReasonCode> codes;
    const Verdict verdict = CheckNpu(*graph, graph->ops[0]);
    for (const Reason& reason : verdict.reasons()) codes.push_back(reason.code);
    return codes;
  };
  using Codes = std::vector<ReasonCode>;
  EXPECT_EQ(checked([](Graph&) {}), Codes{});
  EXPECT_EQ(checked([](Graph& g) { g.tensors[1].quantization.zero_point[0] = 0; }),
            Codes{ReasonCode::kUnsupportedQuantizationParameters});
  EXPECT_EQ(checked([](Graph& g) { g.tensors[0].quantization.scale[0] = 0x1p-26f; }),
            Codes{ReasonCode::kUnsupportedQuantizationParameters});
  EXPECT_EQ(checked([](Graph& g) { g.tensors[1].shape = {3, 2}; }), Codes{ReasonCode::kShapeMismatch});
  EXPECT_EQ(checked([](Graph& g) { g.tensors[0].shape = g.tensors[1].shape = {}; }),
            Codes{ReasonCode::kUnsupportedOperandRank});
  EXPECT_EQ(checked([](Graph& g) {
              g.tensors[0].shape = g.tensors[1].shape = {2, 4096};
            }),
            Codes{ReasonCode::kUnsupportedOperandSize});
  EXPECT_FALSE(checked([](Graph& g) { g.tensors[0].type = DataType::kInt16; }).empty());
}

}  // namespace
}  // namespace npu::test
