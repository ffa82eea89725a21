// L2_NORMALIZATION: results against the formula, a sweep on the device and the reasons of Check. LiteRT's own
// answers are in reduction_goldens_test.cc.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "backends/ops/fixed_point.h"
#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

std::shared_ptr<Graph> MakeGraph(DataType type, Index shape, int64_t zero_point) {
  GraphBuilder b;
  const int in = b.Input(type, std::move(shape), 0.1f, zero_point);
  const int out = b.Tensor(type, {}, 1.0f / 128, type == DataType::kInt8 ? 0 : 128);
  b.Op(OpKind::kL2Normalization, {in}, {out}, L2NormParams{});
  return b.Build({out});
}

TEST(InverseSqrtTest, IsCloseForEverySize) {
  for (int64_t x = 2; x < int64_t{1} << 31; x += 1 + x / 1000) {
    const QuantizedMultiplier m = InverseSquareRoot(static_cast<int32_t>(x));
    const double found = std::ldexp(m.multiplier, m.shift - 31);
    ASSERT_NEAR(found * std::sqrt(static_cast<double>(x)), 1.0, 2e-6) << x;
    ASSERT_LE(m.shift, 0);
  }
  for (const int32_t x : {0, 1}) EXPECT_EQ(InverseSquareRoot(x).multiplier, 2147483647);
}

TEST(L2NormalizationTest, SweepOfShapesAndZeroPoints) {
  for (uint32_t seed = 1; seed <= 240; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 dice(seed);
    constexpr int32_t kSizes[] = {1, 2, 3, 10, 17, 33, 1001};
    const DataType type = dice() % 2 == 0 ? DataType::kInt8 : DataType::kUInt8;
    const int low = type == DataType::kInt8 ? -128 : 0;
    const int zero_point = low + std::array{0, 1, 127, 128, 255}[dice() % 5];
    Index shape;
    for (uint32_t d = dice() % 3; d > 0; --d) shape.push_back(kSizes[dice() % 5]);
    shape.push_back(kSizes[dice() % 7]);
    const auto graph = MakeGraph(type, shape, zero_point);
    ExpectMoves(graph, seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
      const int64_t depth = shape.back();
      for (int64_t row = 0; row < Count(shape); row += depth) {
        const auto value = [&](const Bytes& bytes, int64_t i) {
          const std::byte byte = bytes[row + i];
          return type == DataType::kInt8 ? static_cast<int8_t>(byte) : static_cast<int>(byte);
        };
        double sum = 0;
        for (int64_t i = 0; i < depth; ++i) sum += std::pow(value(in[0], i) - zero_point, 2);
        for (int64_t i = 0; i < depth; ++i) {
          const double y = sum == 0 ? 0 : 128 * (value(in[0], i) - zero_point) / std::sqrt(sum);
          const double wanted = std::clamp(y + 128, 0.0, 255.0);
          // Two roundings (reduce_test.cc).
          ASSERT_LE(std::abs(value(out[0], i) - low - wanted), 0.76) << "row of " << depth;
        }
      }
    });
    if (testing::Test::HasFailure() || testing::Test::IsSkipped()) return;
  }
}

TEST(L2NormalizationTest, LongRowsOfExtremes) {
  ExpectOpenClMatchesReference(MakeGraph(DataType::kInt8, {2, 33025}, -128));
  ExpectOpenClMatchesReference(MakeGraph(DataType::kUInt8, {2, 33025}, 255));
}

TEST(L2NormalizationTest, CheckNamesEveryFailedRule) {
  const auto checked = [](const std::function<void(Graph&)>& change, Index shape = {2, 3}) {
    const auto graph = MakeGraph(DataType::kInt8, std::move(shape), 3);
    InferShapes(*graph);
    change(*graph);
    std::vector<ReasonCode> codes;
    const Verdict verdict = CheckNpu(*graph, graph->ops[0]);
    for (const Reason& reason : verdict.reasons()) codes.push_back(reason.code);
    return codes;
  };
  using Codes = std::vector<ReasonCode>;
  EXPECT_EQ(checked([](Graph&) {}), Codes{});
  EXPECT_EQ(checked([](Graph&) {}, {1, 33026}), Codes{ReasonCode::kUnsupportedOperandSize});
  EXPECT_EQ(checked([](Graph&) {}, {}), Codes{ReasonCode::kUnsupportedOperandRank});
  EXPECT_EQ(checked([](Graph& g) { g.tensors[1].quantization.scale[0] = 0.01f; }),
            Codes{ReasonCode::kUnsupportedQuantizationParameters});
  EXPECT_EQ(checked([](Graph& g) { g.ops[0].params = L2NormParams{Activation::kRelu}; }),
            Codes{ReasonCode::kUnsupportedActivation});
}

}  // namespace
}  // namespace npu::test
