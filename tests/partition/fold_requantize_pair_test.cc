// requantize-pair: equal and unequal parameters, other readers, and random pairs.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "partitioner/report.h"
#include "tests/partition/fold_testing.h"

namespace npu {
namespace {

using test::FoldsOf;
using test::GraphBuilder;

struct QuantizedType {
  DataType type = DataType::kInt8;
  float scale = 0.05f;
  int64_t zero_point = 3;
};

// DEQUANTIZE or QUANTIZE -> QUANTIZE -> RELU, all tensors of one parameterization if a test changes none.
struct PairNet {
  QuantizedType from{}, to{};
  std::optional<QuantizedType> between{};  // nullopt: FLOAT32
  bool between_is_output = false;

  std::shared_ptr<Graph> Build() const {
    GraphBuilder b;
    const auto tensor = [&](const QuantizedType& q) { return b.Tensor(q.type, {2, 131}, q.scale, q.zero_point); };
    const int input = b.Input(from.type, {2, 131}, from.scale, from.zero_point);
    const int middle = between ? tensor(*between) : b.Tensor(DataType::kFloat32, {2, 131});
    const int joined = tensor(to), output = tensor(to);
    b.Op(between ? OpKind::kQuantize : OpKind::kDequantize, {input}, {middle});
    b.Op(OpKind::kQuantize, {middle}, {joined});
    b.Op(OpKind::kRelu, {joined}, {output});
    std::vector<int> outputs = {output};
    if (between_is_output) outputs.push_back(middle);
    return b.Build(outputs);
  }
};

constexpr char kFolded[] = "requantize-pair(0>1)";

TEST(FoldRequantizePair, OfEqualParametersVanishes) {
  for (const auto& between : {std::optional<QuantizedType>{}, std::optional<QuantizedType>{{DataType::kUInt8, 0.05f, 131}},
                              std::optional<QuantizedType>{{DataType::kInt8, 0.05f, 3}}}) {
    const auto graph = PairNet{.between = between}.Build();
    test::ExpectFoldedEqualsUnfolded(graph, kFolded, 1);
    const nlohmann::json report = nlohmann::json::parse(ReportJson(test::PlanOf(graph)));
    const auto& notes = report["ops"][1]["notes"];
    EXPECT_NE(std::find(notes.begin(), notes.end(), "a view of its input: no kernel runs"), notes.end());
  }
}

TEST(FoldRequantizePair, BecomesOneQuantizeWhereThatIsExact) {
  // To the other type: the stored bytes stay. Over a float, and with half the resolution behind: no rounding twice.
  test::ExpectFoldedEqualsUnfolded(PairNet{.to = {DataType::kUInt8, 0.05f, 131}}.Build(), kFolded, 1);
  test::ExpectFoldedEqualsUnfolded(PairNet{.to = {DataType::kInt8, 0.025f, 3}}.Build(), kFolded, 1);
}

TEST(FoldRequantizePair, RoundingTwiceIsATable) {
  // One loses bits, one clips.
  for (const QuantizedType& between : {QuantizedType{DataType::kInt8, 0.2f, 3}, QuantizedType{DataType::kUInt8, 0.05f, 0}}) {
    const auto graph = PairNet{.between = between}.Build();
    test::ExpectFoldedEqualsUnfolded(graph, "requantize-table(0>1)", 3);
    EXPECT_EQ(test::PlanOf(graph).compute_graph->ops[1].kind, OpKind::kTable);
  }
}

TEST(FoldRequantizePair, HugeScalesOverflowAFloatAndStay) {
  const QuantizedType huge{DataType::kInt8, 3e38f, 0};
  EXPECT_EQ(FoldsOf(PairNet{.from = huge, .to = huge}.Build()), "");
  const QuantizedType tiny{DataType::kInt8, 1e-45f, -7};
  test::ExpectFoldedEqualsUnfolded(PairNet{.from = tiny, .to = tiny}.Build(), kFolded, 5);
}

TEST(FoldRequantizePair, OtherReadersKeepTheTensorBetween) {
  const auto graph = PairNet{.between_is_output = true}.Build();
  test::ExpectFoldedEqualsUnfolded(graph, "requantize-pair([0]>1)", 2);
  const Plan plan = test::PlanOf(graph);
  EXPECT_EQ(plan.ops[0].placement, Placement::kDelegateCpu);
  EXPECT_EQ(plan.ops[0].folded_into, -1);
  EXPECT_EQ(plan.ops[1].placement, Placement::kNpu);
  const nlohmann::json report = nlohmann::json::parse(ReportJson(plan));
  EXPECT_EQ(report["folds"][0]["bypassed"], nlohmann::json::array({0}));
  EXPECT_EQ(report["ops"][1]["notes"][0], "reads past Op#0 DEQUANTIZE (requantize-pair)");
}

TEST(FoldRequantizePair, ChainsCollapse) {
  GraphBuilder b;
  int tensor = b.Input(DataType::kInt8, {50}, 0.05f, 3);
  for (int i = 0; i < 6; ++i) {
    const int next = i % 3 == 0   ? b.Tensor(DataType::kUInt8, {50}, 0.05f, 131)
                     : i % 3 == 1 ? b.Tensor(DataType::kInt8, {50}, 0.05f, 3)
                                  : b.Tensor(DataType::kFloat32, {50});
    b.Op(i % 3 == 2 ? OpKind::kDequantize : OpKind::kQuantize, {tensor}, {next});
    tensor = next;
  }
  // The last one makes a float: it stays. Of the others one QUANTIZE is left.
  test::ExpectFoldedEqualsUnfolded(b.Build({tensor}),
                                   "requantize-pair(0>1) requantize-pair(2>3) requantize-pair(1>3) "
                                   "requantize-pair(3>4)",
                                   6);
}

TEST(FoldRequantizePair, RandomPairsGiveTheSameBytes) {
  std::mt19937 engine(7);
  const auto below = [&](int n) { return static_cast<int>(engine() % static_cast<uint32_t>(n)); };
  const auto any = [&](float scale) {
    const bool is_signed = below(2) == 0;
    return QuantizedType{is_signed ? DataType::kInt8 : DataType::kUInt8, scale, below(256) - (is_signed ? 128 : 0)};
  };
  int folded = 0, tables = 0, kept = 0;
  for (uint32_t seed = 1; folded < 220 && !HasFatalFailure(); ++seed) {
    ASSERT_LT(seed, 20000u);
    const float scale = 1e-4f * static_cast<float>(1 + below(10000));
    PairNet net{.from = any(scale), .to = any(below(2) == 0 ? scale : scale * 0.125f * static_cast<float>(1 + below(16)))};
    if (below(3) == 0) net.to = net.from;
    if (below(2) == 0) {
      net.between = net.from;
      if (below(2) == 0) {
        net.between->type = net.from.type == DataType::kInt8 ? DataType::kUInt8 : DataType::kInt8;
        net.between->zero_point += net.from.type == DataType::kInt8 ? 128 : -128;
      }
      if (below(8) == 0) net.between->scale *= 2;
    }
    const auto graph = net.Build();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const std::string folds = FoldsOf(graph);
    if (folds.empty()) {
      ++kept;
      continue;
    }
    ++(folds == kFolded ? folded : tables);
    test::ExpectFoldedEqualsUnfolded(graph, folds, seed);
  }
  EXPECT_GT(tables, 10);
  std::printf("folded pairs compared: %d, tables: %d, kept as they are: %d\n", folded, tables, kept);
}

}  // namespace
}  // namespace npu
