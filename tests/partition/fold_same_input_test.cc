// same-input: x * sigmoid(x) and its like become tables; what depends on more than one byte does not.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/partition/fold_testing.h"

namespace npu {
namespace {

using test::FoldsOf;
using test::GraphBuilder;

constexpr OpKind kArithmetic[] = {OpKind::kAdd,     OpKind::kSub,     OpKind::kMul,
                                  OpKind::kMinimum, OpKind::kMaximum, OpKind::kSquaredDifference};

void AddBinary(GraphBuilder& b, OpKind kind, int x, int y, int to) {
  const bool has_activation = kind == OpKind::kAdd || kind == OpKind::kSub || kind == OpKind::kMul;
  if (has_activation) {
    b.Op(kind, {x, y}, {to}, BinaryParams{});
  } else {
    b.Op(kind, {x, y}, {to});
  }
}

struct SwishNet {
  DataType type = DataType::kInt8;
  OpKind unary = OpKind::kLogistic, arithmetic = OpKind::kMul;
  bool swapped = false, between_is_output = false;
  float scale = 0.05f, out_scale = 0.04f;

  std::shared_ptr<Graph> Build() const {
    GraphBuilder b;
    const int64_t offset = type == DataType::kUInt8 ? 128 : 0;
    // MINIMUM and MAXIMUM want one scale for all, and LOGISTIC's result has its own.
    const bool alike = arithmetic == OpKind::kMinimum || arithmetic == OpKind::kMaximum;
    const int x = b.Input(type, {2, 3, 67}, alike ? 1.0f / 256 : scale, alike ? offset - 128 : offset + 7);
    const int y = b.Tensor(type, {2, 3, 67}, 1.0f / 256, offset - 128);
    const int z = b.Tensor(type, {2, 3, 67}, alike ? 1.0f / 256 : out_scale, alike ? offset - 128 : offset - 5);
    b.Op(unary, {x}, {y});
    AddBinary(b, arithmetic, swapped ? y : x, swapped ? x : y, z);
    std::vector<int> outputs = {z};
    if (between_is_output) outputs.push_back(y);
    return b.Build(outputs);
  }
};

TEST(FoldSameInput, OperatorsOfOneTensorAreATable) {
  uint32_t seed = 1;
  int folded = 0;
  for (DataType type : {DataType::kInt8, DataType::kUInt8}) {
    for (OpKind arithmetic : kArithmetic) {
      for (bool swapped : {false, true}) {
        const auto graph = SwishNet{.type = type, .arithmetic = arithmetic, .swapped = swapped}.Build();
        // UINT8 has no SQUARED_DIFFERENCE.
        const bool there = CheckNpu(*graph, graph->ops[1]).eligible();
        if (!there) continue;
        test::ExpectFoldedEqualsUnfolded(graph, "same-input(0>1)", seed++);
        EXPECT_EQ(test::PlanOf(graph).compute_graph->ops[1].kind, OpKind::kTable);
        ++folded;
      }
    }
  }
  EXPECT_GE(folded, 20);
}

TEST(FoldSameInput, OtherReadersKeepTheTensorBetween) {
  test::ExpectFoldedEqualsUnfolded(SwishNet{.between_is_output = true}.Build(), "same-input([0]>1)", 3);
}

TEST(FoldSameInput, OtherReadersKeepTheirMakersToo) {
  GraphBuilder b;
  const auto tensor = [&] { return b.Tensor(DataType::kInt8, {2, 40}, 0.05f, 0); };
  const int x = b.Input(DataType::kInt8, {2, 40}, 0.05f, 0), first = tensor(), second = tensor(), sum = tensor();
  b.Op(OpKind::kRelu, {x}, {first});
  b.Op(OpKind::kRelu6, {first}, {second});
  b.Op(OpKind::kAdd, {second, x}, {sum}, BinaryParams{});
  // `second` is an output: RELU6 goes on, and so does RELU, which only RELU6 reads.
  test::ExpectFoldedEqualsUnfolded(b.Build({sum, second}), "same-input([0][1]>2)", 5);
}

TEST(FoldSameInput, HardSwishOfFourOperatorsIsOneTable) {
  GraphBuilder b;
  const int x = b.Input(DataType::kInt8, {1, 5, 5, 24}, 0.05f, 3);
  const auto tensor = [&](float scale, int64_t zero_point) {
    return b.Tensor(DataType::kInt8, {1, 5, 5, 24}, scale, zero_point);
  };
  const auto constant = [&](int8_t value, float scale) {
    return b.Constant(DataType::kInt8, {1}, std::vector<int8_t>{value}, test::PerTensor(scale, 0));
  };
  const int shifted = tensor(0.06f, -10), clipped = tensor(6.0f / 255, -128), sixth = tensor(1.0f / 255, -128),
            y = tensor(0.04f, -100);
  b.Op(OpKind::kAdd, {x, constant(127, 3.0f / 127)}, {shifted}, BinaryParams{});
  b.Op(OpKind::kRelu6, {shifted}, {clipped});
  b.Op(OpKind::kMul, {clipped, constant(127, 1.0f / 6 / 127)}, {sixth}, BinaryParams{});
  b.Op(OpKind::kMul, {sixth, x}, {y}, BinaryParams{});
  const auto graph = b.Build({y});
  const Plan plan = test::PlanOf(graph);
  EXPECT_EQ(plan.compute_graph->ops[3].kind, OpKind::kTable) << test::Folds(plan);
  test::ExpectFoldedEqualsUnfolded(graph, test::Folds(plan), 4);
}

TEST(FoldSameInput, ConstantsOfSeveralElementsAndOtherTensorsStay) {
  for (int form = 0; form < 3; ++form) {
    GraphBuilder b;
    const int x = b.Input(DataType::kInt8, {2, 8}, 0.05f, 3);
    const int other = form == 0   ? b.Input(DataType::kInt8, {2, 8}, 0.05f, 3)
                      : form == 1 ? b.Constant(DataType::kInt8, {8}, std::vector<int8_t>{1, 2, 3, 4, 5, 6, 7, 8},
                                               test::PerTensor(0.1f, 0))
                                  : b.Input(DataType::kInt8, {1, 8}, 0.05f, 3);
    const int y = b.Tensor(DataType::kInt8, {2, 8}, 1.0f / 256, -128), z = b.Tensor(DataType::kInt8, {2, 8}, 0.04f, 2);
    b.Op(OpKind::kLogistic, {x}, {y});
    b.Op(OpKind::kMul, {y, other}, {z}, BinaryParams{});
    EXPECT_EQ(FoldsOf(b.Build({z})), "") << form;
  }
}

}  // namespace
}  // namespace npu
