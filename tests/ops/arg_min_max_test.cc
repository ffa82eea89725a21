// ARG_MAX, ARG_MIN: values by hand, a sweep against a plain search and on the device, the reasons of Check.
// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

struct Case {
  OpKind kind = OpKind::kArgMax;
  DataType type = DataType::kInt8;
  Index shape = {};
  int32_t axis = 0;
  bool int64_output = false;
};

std::shared_ptr<Graph> MakeGraph(const Case& c) {
  GraphBuilder b;
  const int in = b.Input(c.type, c.shape, 0.1f, 3);
  const int axis = b.Constant<int32_t>(DataType::kInt32, {}, {c.axis});
  const int out = b.Tensor(c.int64_output ? DataType::kInt64 : DataType::kInt32, {});
  b.Op(c.kind, {in, axis}, {out}, ArgMinMaxParams{c.int64_output});
  return b.Build({out});
}

template <typename T>
std::vector<T> Numbers(const Bytes& bytes) {
  std::vector<T> numbers(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

std::vector<int64_t> Indices(const Case& c, const Bytes& bytes) {
  if (c.int64_output) return Numbers<int64_t>(bytes);
  const auto narrow = Numbers<int32_t>(bytes);
  return {narrow.begin(), narrow.end()};
}

TEST(ArgMinMaxTest, TheFirstOfEqualsWins) {
  Case c{.shape = {2, 4}, .axis = 1};
  const auto compute = [&](const std::vector<int>& values) {
    Bytes input;
    for (const int value : values) input.push_back(static_cast<std::byte>(value));
    const auto result = RunGraph(*MakeCpuBackend(), MakeGraph(c), {input});
    return result ? Indices(c, (*result)[0]) : std::vector<int64_t>{-1};
  };
  const std::vector<int> values{-128, 5, 5, -128, 127, -1, 127, -1};
  EXPECT_EQ(compute(values), (std::vector<int64_t>{1, 0}));
  c.kind = OpKind::kArgMin;
  EXPECT_EQ(compute(values), (std::vector<int64_t>{0, 1}));
  c.axis = -2, c.int64_output = true;
  EXPECT_EQ(compute(values), (std::vector<int64_t>{0, 1, 0, 0}));
  c.type = DataType::kUInt8;  // 128 is 0x80: above 5 here
  EXPECT_EQ(compute(values), (std::vector<int64_t>{1, 0, 0, 0}));
}

TEST(ArgMinMaxTest, SweepOfShapesAxesAndTypes) {
  for (uint32_t seed = 1; seed <= 240; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 dice(seed);
    constexpr int32_t kSizes[] = {1, 2, 3, 16, 17, 33, 129};
    Case c{.kind = dice() % 2 == 0 ? OpKind::kArgMax : OpKind::kArgMin,
           .type = dice() % 2 == 0 ? DataType::kInt8 : DataType::kUInt8,
           .int64_output = dice() % 2 == 0};
    const int rank = 1 + static_cast<int>(dice() % 5);
    do {
      c.shape.clear();
      for (int d = 0; d < rank; ++d) c.shape.push_back(kSizes[dice() % 7]);
    } while (Count(c.shape) > 30000);
    c.axis = static_cast<int32_t>(dice() % (2 * rank)) - rank;
    const int axis = c.axis < 0 ? c.axis + rank : c.axis;
    ExpectMoves(MakeGraph(c), seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
      const auto value = [&](const Index& index) {
        const std::byte byte = in[0][Flat(c.shape, index)];
        return c.type == DataType::kInt8 ? static_cast<int8_t>(byte) : static_cast<int>(byte);
      };
      Index kept = c.shape;
      kept[axis] = 1;
      const std::vector<int64_t> found = Indices(c, out[0]);
      ASSERT_EQ(static_cast<int64_t>(found.size()), Count(kept));
      for (Index index : AllIndices(kept)) {
        const int64_t at = found[Flat(kept, index)];
        index[axis] = static_cast<int32_t>(at);
        const int best = value(index);
        for (int32_t i = 0; i < c.shape[axis]; ++i) {
          index[axis] = i;
          const int difference = c.kind == OpKind::kArgMax ? best - value(index) : value(index) - best;
          ASSERT_TRUE(i < at ? difference > 0 : difference >= 0) << "index " << at << " but " << i;
        }
      }
    });
    if (testing::Test::HasFailure() || testing::Test::IsSkipped()) return;
  }
}

// The indices leave the device as they are and may be read beside 8-bit results.
TEST(ArgMinMaxTest, StandsBesideEightBitOperators) {
  GraphBuilder b;
  const int in = b.Input(DataType::kInt8, {1, 5, 5, 21}, 0.1f, 3);
  const int relu = b.Tensor(DataType::kInt8, {}, 0.1f, 3), out = b.Tensor(DataType::kInt64, {});
  b.Op(OpKind::kRelu, {in}, {relu});
  b.Op(OpKind::kArgMax, {relu, b.Ints({3})}, {out}, ArgMinMaxParams{true});
  ExpectOpenClMatchesReference(b.Build({out, relu}));
}

TEST(ArgMinMaxTest, CheckNamesEveryFailedRule) {
  const auto checked = [](
                           const Case& c, const std::function<void(Graph&)>& change = [](Graph&) {}) {
    const auto graph = MakeGraph(c);
    InferShapes(*graph);
    change(*graph);
    std::vector<ReasonCode> codes;
    const Verdict verdict = CheckNpu(*graph, graph->ops[0]);
    for (const Reason& reason : verdict.reasons()) codes.push_back(reason.code);
    return codes;
  };
  using Codes = std::vector<ReasonCode>;
  const Case good{.shape = {2, 3}, .axis = -1};
  EXPECT_EQ(checked(good), Codes{});
  EXPECT_EQ(checked(good, [](Graph& g) { g.tensors[0].quantization = {}; }), Codes{});
  EXPECT_EQ(checked(good, [](Graph& g) { g.tensors[0].type = DataType::kInt16; }),
            Codes{ReasonCode::kUnsupportedInputType});
  EXPECT_EQ(checked(good, [](Graph& g) { g.tensors[2].type = DataType::kInt64; }),
            Codes{ReasonCode::kUnsupportedOutputType});
  EXPECT_EQ(checked(good, [](Graph& g) { g.tensors[2].shape = {3}; }), Codes{ReasonCode::kShapeMismatch});
  EXPECT_EQ(checked(good, [](Graph& g) { g.tensors[1].data = {}; }), Codes{ReasonCode::kOperandNotConstant});
  EXPECT_EQ(checked({.shape = {2, 3}, .axis = 2}).front(), ReasonCode::kInvalidArgument);
  EXPECT_EQ(checked({.shape = {0, 3}, .axis = 0}), Codes{ReasonCode::kUnsupportedOperandSize});
}

}  // namespace
}  // namespace npu::test
