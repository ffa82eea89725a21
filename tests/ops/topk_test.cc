// TOPK_V2: values by hand, a sweep against a stable sort and on the device, and the reasons of Check. And
// CUMSUM, which is refused.
// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

std::shared_ptr<Graph> MakeGraph(DataType type, Index shape, int32_t k) {
  GraphBuilder b;
  const int in = b.Input(type, std::move(shape), 0.1f, 3);
  const int values = b.Tensor(type, {}, 0.1f, 3), indices = b.Tensor(DataType::kInt32, {});
  b.Op(OpKind::kTopkV2, {in, b.Constant<int32_t>(DataType::kInt32, {}, {k})}, {values, indices});
  return b.Build({values, indices});
}

int Value(DataType type, std::byte byte) {
  return type == DataType::kInt8 ? static_cast<int8_t>(byte) : static_cast<int>(byte);
}

TEST(TopKTest, EqualsKeepTheirOrder) {
  const auto graph = MakeGraph(DataType::kInt8, {2, 4}, 3);
  Bytes input;
  for (const int value : {5, -128, 127, 5, -1, -1, -1, -1}) input.push_back(static_cast<std::byte>(value));
  const auto result = RunGraph(*MakeCpuBackend(), graph, {input});
  ASSERT_TRUE(result) << result.error().text;
  std::vector<int> values;
  for (const std::byte byte : (*result)[0]) values.push_back(Value(DataType::kInt8, byte));
  EXPECT_EQ(values, (std::vector<int>{127, 5, 5, -1, -1, -1}));
  std::vector<int32_t> indices(6);
  std::memcpy(indices.data(), (*result)[1].data(), 24);
  EXPECT_EQ(indices, (std::vector<int32_t>{2, 0, 3, 0, 1, 2}));
  EXPECT_EQ(graph->tensors[1].shape, (Index{2, 3}));
}

TEST(TopKTest, SweepOfShapesAndCounts) {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 dice(seed);
    constexpr int32_t kRows[] = {1, 3, 17, 33}, kSizes[] = {1, 2, 3, 17, 33, 100, 1001};
    const DataType type = dice() % 2 == 0 ? DataType::kInt8 : DataType::kUInt8;
    Index shape;
    for (uint32_t d = dice() % 3; d > 0; --d) shape.push_back(kRows[dice() % 4]);
    const int32_t size = kSizes[dice() % 7];
    const int32_t k = dice() % 4 == 0 ? size : 1 + static_cast<int32_t>(dice() % size);
    shape.push_back(size);
    const auto graph = MakeGraph(type, shape, k);
    ExpectMoves(graph, seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
      const int64_t rows = Count(shape) / size;
      ASSERT_EQ(static_cast<int64_t>(out[0].size()), rows * k);
      std::vector<int32_t> found(out[1].size() / 4), order(size);
      std::memcpy(found.data(), out[1].data(), out[1].size());
      for (int64_t row = 0; row < rows; ++row) {
        const auto value = [&](int32_t i) { return Value(type, in[0][row * size + i]); };
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(),
                         [&](int32_t a, int32_t b) { return value(a) > value(b); });
        for (int32_t i = 0; i < k; ++i) {
          ASSERT_EQ(found[row * k + i], order[i]);
          ASSERT_EQ(Value(type, out[0][row * k + i]), value(order[i]));
        }
      }
    });
    if (testing::Test::HasFailure() || testing::Test::IsSkipped()) return;
  }
}

TEST(TopKTest, CheckNamesEveryFailedRule) {
  const auto checked = [](const std::function<void(Graph&)>& change, int32_t k = 2) {
    const auto graph = MakeGraph(DataType::kInt8, {2, 3}, k);
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
            Codes{ReasonCode::kNotRestrictedScaleCompliant});
  EXPECT_EQ(checked([](Graph& g) { g.tensors[2].type = DataType::kInt16; }),
            Codes{ReasonCode::kUnsupportedOutputType});
  EXPECT_EQ(checked([](Graph& g) { g.tensors[2].shape = {2, 3}; }), Codes{ReasonCode::kShapeMismatch});
  EXPECT_EQ(checked([](Graph& g) { g.tensors[3].data = {}; }), Codes{ReasonCode::kOperandNotConstant});
  EXPECT_EQ(checked([](Graph&) {}, 4).front(), ReasonCode::kInvalidArgument);
  EXPECT_EQ(checked([](Graph&) {}, 0).front(), ReasonCode::kInvalidArgument);
}

TEST(CumsumTest, IsLeftToTheHostWithAReason) {
  GraphBuilder b;
  const int in = b.Input(DataType::kInt8, {2, 3}, 0.1f, 3), out = b.Tensor(DataType::kInt8, {}, 0.1f, 3);
  b.Op(OpKind::kCumsum, {in, b.Ints({1})}, {out});
  const auto graph = b.Build({out});
  EXPECT_EQ(InferError(*graph), "");
  EXPECT_EQ(graph->tensors[out].shape, (Index{2, 3}));
  EXPECT_TRUE(HasReason(CheckNpu(*graph, graph->ops[0]), ReasonCode::kUnsupportedInputType));
  EXPECT_FALSE(CheckCpu(*graph, graph->ops[0]).eligible());
}

}  // namespace
}  // namespace npu::test
