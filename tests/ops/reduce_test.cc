// SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_PROD: values by hand, sweeps against plain arithmetic and on the
// device, and every reason of Check. LiteRT's own answers are in reduction_goldens_test.cc.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

struct Case {
  OpKind kind = OpKind::kSum;
  DataType type = DataType::kInt8;
  Index shape = {};
  Index axes = {};
  bool keep_dims = false;
  float scale_in = 0.1f, scale_out = 0.1f;
  int64_t zero_point_in = 0, zero_point_out = 0;
};

std::shared_ptr<Graph> MakeGraph(const Case& c) {
  GraphBuilder b;
  const int in = b.Input(c.type, c.shape, c.scale_in, c.zero_point_in);
  const int axes = b.Ints(c.axes);
  const int out = b.Tensor(c.type, {}, c.scale_out, c.zero_point_out);
  b.Op(c.kind, {in, axes}, {out}, ReducerParams{.keep_dims = c.keep_dims});
  return b.Build({out});
}

int Value(DataType type, std::byte byte) {
  return type == DataType::kInt8 ? static_cast<int8_t>(byte) : static_cast<uint8_t>(byte);
}

std::vector<int> Compute(const Case& c, const std::vector<int>& values) {
  Bytes input(values.size());
  for (size_t i = 0; i < values.size(); ++i) input[i] = static_cast<std::byte>(values[i]);
  const auto result = RunGraph(*MakeCpuBackend(), MakeGraph(c), {input});
  std::vector<int> output;
  if (!result) {
    ADD_FAILURE() << result.error().text;
    return output;
  }
  for (const std::byte byte : (*result)[0]) output.push_back(Value(c.type, byte));
  return output;
}

TEST(ReduceTest, SumsRequantizeOnce) {
  Case c{.shape = {2, 3}, .axes = {1}, .zero_point_in = 1, .zero_point_out = -3};
  EXPECT_EQ(Compute(c, {2, 3, 4, -1, -1, -1}), (std::vector<int>{3, -9}));
  c.scale_out = 0.2f;  // sums 6 and -6, then a tie: 5 / 2 and -5 / 2
  EXPECT_EQ(Compute(c, {2, 3, 4, -1, -1, -1}), (std::vector<int>{0, -6}));
  EXPECT_EQ(Compute(c, {2, 3, 3, 0, -1, -1}), (std::vector<int>{0, -5}));
  EXPECT_EQ(Compute(c, {127, 127, 127, -128, -128, -128}), (std::vector<int>{127, -128}));
}

TEST(ReduceTest, FindsExtremes) {
  Case c{.kind = OpKind::kReduceMax, .shape = {1, 2, 2, 2}, .axes = {1, 2}};
  const std::vector<int> values{-128, 10, 2, 12, -4, 14, 6, -16};
  EXPECT_EQ(Compute(c, values), (std::vector<int>{6, 14}));
  c.kind = OpKind::kReduceMin;
  EXPECT_EQ(Compute(c, values), (std::vector<int>{-128, -16}));
  c.axes = {-1};
  EXPECT_EQ(Compute(c, values), (std::vector<int>{-128, 2, -4, -16}));
  c.axes = {};
  EXPECT_EQ(Compute(c, values), values);
  c.type = DataType::kUInt8, c.axes = {0, 1, 2, 3};
  EXPECT_EQ(Compute(c, {200, 255, 127, 128, 3, 200, 200, 200}), (std::vector<int>{3}));
}

// 0.5 * 4 times 0.5 * -6 times 0.5 * 3 is -9; on the output's scale of 0.25 that is -36.
TEST(ReduceTest, MultipliesStepByStep) {
  const Case c{.kind = OpKind::kReduceProd,
               .shape = {3},
               .axes = {0},
               .scale_in = 0.5f,
               .scale_out = 0.25f,
               .zero_point_in = 1,
               .zero_point_out = 2};
  EXPECT_EQ(Compute(c, {5, -5, 4}), (std::vector<int>{-34}));
  EXPECT_EQ(Compute(c, {5, 1, 4}), (std::vector<int>{2}));
  EXPECT_EQ(Compute(c, {127, 127, 127}), (std::vector<int>{127}));
}

TEST(ReduceTest, InfersShapes) {
  const auto shape = [](Index axes, bool keep_dims) {
    const auto graph = MakeGraph(
        {.kind = OpKind::kReduceMax, .shape = {2, 3, 4, 5}, .axes = std::move(axes), .keep_dims = keep_dims});
    EXPECT_EQ(InferError(*graph), "");
    return graph->tensors[2].shape;
  };
  EXPECT_EQ(shape({1, 2}, false), (Index{2, 5}));
  EXPECT_EQ(shape({-2, 1}, true), (Index{2, 1, 1, 5}));
  EXPECT_EQ(shape({0, 1, 2, 3, 3}, false), Index{});
}

// Input elements of each output element, found index by index.
std::vector<std::vector<int64_t>> Groups(const Case& c) {
  const int rank = static_cast<int>(c.shape.size());
  Index kept = c.shape;
  for (const int axis : c.axes) kept[axis < 0 ? axis + rank : axis] = 1;
  std::vector<std::vector<int64_t>> groups(Count(kept));
  for (Index index : AllIndices(c.shape)) {
    const int64_t from = Flat(c.shape, index);
    for (int d = 0; d < rank; ++d) index[d] = kept[d] == 1 ? 0 : index[d];
    groups[Flat(kept, index)].push_back(from);
  }
  return groups;
}

Case Draw(OpKind kind, std::mt19937& dice) {
  const auto pick = [&](auto... options) {
    const std::array list{options...};
    return list[dice() % list.size()];
  };
  Case c{.kind = kind};
  c.type = kind == OpKind::kReduceProd || dice() % 2 == 0 ? DataType::kInt8 : DataType::kUInt8;
  const int rank = 1 + static_cast<int>(dice() % 5);
  do {
    c.shape.clear();
    for (int d = 0; d < rank; ++d) c.shape.push_back(pick(1, 2, 3, 5, 16, 17, 33));
  } while (Count(c.shape) > 40000);
  for (int d = 0; d < rank; ++d) {
    if (dice() % 2 == 0) c.axes.push_back(dice() % 2 == 0 ? d : d - rank);
  }
  c.keep_dims = dice() % 2 == 0;
  const int64_t low = c.type == DataType::kInt8 ? -128 : 0;
  c.zero_point_in = low + pick(0, 1, 127, 128, 255);
  c.zero_point_out = low + pick(0, 1, 127, 128, 255);
  c.scale_out = pick(0.1f, 1.0f, 0.0123f);
  c.scale_in = c.scale_out * pick(1.0f, 0.5f, 0.37f, 0.01f, 1.9f, 3.0f);
  if (kind == OpKind::kReduceMax || kind == OpKind::kReduceMin) {
    c.scale_in = c.scale_out;
    c.zero_point_in = c.zero_point_out;
  }
  return c;
}

void Sweep(OpKind kind,
           const std::function<void(const Case&, const std::vector<int>& group, int out)>& verify) {
  for (uint32_t seed = 1; seed <= 240; ++seed) {
    SCOPED_TRACE(testing::Message() << GetOpInfo(kind).name << " seed " << seed);
    std::mt19937 dice(seed);
    const Case c = Draw(kind, dice);
    const auto groups = Groups(c);
    ExpectMoves(MakeGraph(c), seed, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
      ASSERT_EQ(out[0].size(), groups.size());
      for (size_t i = 0; i < groups.size(); ++i) {
        std::vector<int> values;
        for (const int64_t from : groups[i]) values.push_back(Value(c.type, in[0][from]));
        verify(c, values, Value(c.type, out[0][i]));
        if (testing::Test::HasFailure()) return;
      }
    });
    if (testing::Test::HasFailure() || testing::Test::IsSkipped()) return;
  }
}

// Float arithmetic, then our rounding. The high multiply keeps a bit or more behind the point unless it
// rounds to the end, so the two roundings are at most 1/2 + 1/4 away; 2^-30 per unit for the multiplier's
// own.
TEST(ReduceTest, SumsAreFloatSumsRounded) {
  Sweep(OpKind::kSum, [](const Case& c, const std::vector<int>& group, int out) {
    double sum = 0;
    for (const int value : group) sum += value - static_cast<double>(c.zero_point_in);
    const double exact = sum * (static_cast<double>(c.scale_in) / c.scale_out);
    const int low = c.type == DataType::kInt8 ? -128 : 0;
    const double wanted = std::clamp<double>(exact + static_cast<double>(c.zero_point_out), low, low + 255);
    EXPECT_LE(std::abs(out - wanted), 0.75 + std::abs(exact) * 0x1p-30) << exact;
  });
}

TEST(ReduceTest, ExtremesAreInTheirGroup) {
  Sweep(OpKind::kReduceMax, [](const Case&, const std::vector<int>& group, int out) {
    EXPECT_EQ(out, *std::max_element(group.begin(), group.end()));
  });
  Sweep(OpKind::kReduceMin, [](const Case&, const std::vector<int>& group, int out) {
    EXPECT_EQ(out, *std::min_element(group.begin(), group.end()));
  });
}

// Whatever the steps round, a zero factor makes the product zero.
TEST(ReduceTest, ProductsOnTheDevice) {
  Sweep(OpKind::kReduceProd, [](const Case& c, const std::vector<int>& group, int out) {
    if (std::find(group.begin(), group.end(), static_cast<int>(c.zero_point_in)) == group.end()) return;
    EXPECT_EQ(out, c.zero_point_out);
  });
}

TEST(ReduceTest, OpenClMatchesReferenceForLongSums) {
  for (const DataType type : {DataType::kInt8, DataType::kUInt8}) {
    const int64_t zero_point = type == DataType::kInt8 ? -128 : 255;
    ExpectOpenClMatchesReference(
        MakeGraph({.type = type, .shape = {1 << 22}, .axes = {0}, .zero_point_in = zero_point}));
    ExpectOpenClMatchesReference(MakeGraph({.type = type,
                                            .shape = {1, 251, 257, 5},
                                            .axes = {1, 2},
                                            .scale_out = 2000.0f,
                                            .zero_point_in = zero_point}));
  }
}

// The shapes of Keras' GlobalMaxPooling and GlobalAveragePooling, with keepdims and without.
TEST(ReduceTest, GlobalPoolsOfKerasAreTaken) {
  for (const OpKind kind : {OpKind::kReduceMax, OpKind::kMean}) {
    for (const bool keep_dims : {false, true}) {
      ExpectOpenClMatchesReference(
          MakeGraph({.kind = kind, .shape = {1, 7, 7, 1280}, .axes = {1, 2}, .keep_dims = keep_dims}));
      ExpectOpenClMatchesReference(
          MakeGraph({.kind = kind, .shape = {2, 33, 17}, .axes = {1}, .keep_dims = keep_dims}));
      ExpectOpenClMatchesReference(
          MakeGraph({.kind = kind, .shape = {2, 3, 4, 5, 17}, .axes = {1, 2, 3}, .keep_dims = keep_dims}));
    }
  }
  for (const OpKind kind : {OpKind::kAveragePool2D, OpKind::kMaxPool2D}) {
    GraphBuilder b;
    const int in = b.Input(DataType::kInt8, {1, 33, 17, 20}, 0.1f, 3);
    const int out = b.Tensor(DataType::kInt8, {}, 0.1f, 3);
    b.Op(kind, {in}, {out},
         Pool2DParams{
             .padding = Padding::kValid, .stride_h = 33, .stride_w = 17, .filter_h = 33, .filter_w = 17});
    const auto graph = b.Build({out});
    ExpectOpenClMatchesReference(graph);
    EXPECT_EQ(graph->tensors[out].shape, (Index{1, 1, 1, 20}));
  }
}

template <typename T>
std::vector<T> Evaluate(OpKind kind, DataType type, Index shape, const std::vector<T>& values, Index axes) {
  GraphBuilder b;
  const int in = b.Constant(type, std::move(shape), values);
  const int out = b.Tensor(type, {});
  b.Op(kind, {in, b.Ints(axes)}, {out}, ReducerParams{});
  const auto graph = b.Build({out});
  const InferenceResult result = InferShapes(*graph);
  EXPECT_EQ(result.errors[0], "");
  EXPECT_TRUE(result.evaluated[0]);
  std::vector<T> computed(graph->tensors[out].data.bytes.size() / sizeof(T));
  if (!computed.empty())
    std::memcpy(computed.data(), graph->tensors[out].data.bytes.data(), computed.size() * sizeof(T));
  return computed;
}

TEST(ReduceTest, IntegersAreComputedWhenThePlanIsMade) {
  using Ints = std::vector<int32_t>;
  EXPECT_EQ(Evaluate<int32_t>(OpKind::kReduceProd, DataType::kInt32, {4}, {1, -7, 7, 3}, {0}), Ints{-147});
  EXPECT_EQ(Evaluate<int32_t>(OpKind::kReduceProd, DataType::kInt32, {0}, {}, {0}), Ints{1});
  EXPECT_EQ(Evaluate<int32_t>(OpKind::kReduceProd, DataType::kInt32, {2}, {1 << 20, 3 << 12}, {0}), Ints{0});
  EXPECT_EQ(Evaluate<int32_t>(OpKind::kSum, DataType::kInt32, {2, 2}, {1, 2, 3, 2147483647}, {1}),
            (Ints{3, -2147483646}));
  EXPECT_EQ(Evaluate<int64_t>(OpKind::kReduceMax, DataType::kInt64, {2, 2}, {-1, -2, 3, 4}, {0}),
            (std::vector<int64_t>{3, 4}));
  EXPECT_EQ(Evaluate<int64_t>(OpKind::kReduceMin, DataType::kInt64, {2, 2}, {-1, -2, 3, 4}, {1}),
            (std::vector<int64_t>{-2, 3}));
}

TEST(ReduceTest, CheckNamesEveryFailedRule) {
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
  const Case sum{.shape = {1, 4, 4, 8}, .axes = {1, 2}};
  EXPECT_EQ(checked(sum), Codes{});
  EXPECT_EQ(checked(sum, [](Graph& g) { g.tensors[2].shape = {1, 4}; }), Codes{ReasonCode::kShapeMismatch});
  EXPECT_EQ(checked(sum, [](Graph& g) { g.tensors[1].data = {}; }), Codes{ReasonCode::kOperandNotConstant});
  EXPECT_EQ(checked(sum, [](Graph& g) { g.tensors[0].quantization.scale[0] = 1e6f; }),
            Codes{ReasonCode::kUnsupportedQuantizationParameters});
  EXPECT_EQ(checked(sum, [](Graph& g) { g.tensors[0].type = DataType::kInt16; }).empty(), false);
  EXPECT_EQ(checked({.shape = {1 << 12, (1 << 11) + 1}, .axes = {0, 1}, .scale_out = 10.0f}),
            Codes{ReasonCode::kInvalidArgument});
  EXPECT_EQ(checked({.shape = {1 << 22, 2}, .axes = {0, 1}}),
            Codes{ReasonCode::kUnsupportedQuantizationParameters});

  Case extreme = sum;
  extreme.kind = OpKind::kReduceMin;
  EXPECT_EQ(checked(extreme), Codes{});
  extreme.zero_point_out = 1;
  EXPECT_EQ(checked(extreme), Codes{ReasonCode::kNotRestrictedScaleCompliant});

  Case product = sum;
  product.kind = OpKind::kReduceProd;
  EXPECT_EQ(checked(product), Codes{});
  product.scale_in = 200.0f, product.scale_out = 1.0f;
  EXPECT_EQ(checked(product), Codes{ReasonCode::kUnsupportedQuantizationParameters});
  product = sum;
  product.kind = OpKind::kReduceProd, product.type = DataType::kUInt8;
  EXPECT_EQ(checked(product), Codes{ReasonCode::kUnsupportedInputType});
}

}  // namespace
}  // namespace npu::test
