// The fold `sign`: LceQuantize reads INT8 where it read DEQUANTIZE's floats.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/partition/fold_testing.h"

namespace npu::test {
namespace {


// q -> DEQUANTIZE -> LceQuantize; `read_floats`: the floats are an output, too.
std::shared_ptr<Graph> SignOf(DataType type, float scale, int64_t zero_point, bool read_floats = false) {
  GraphBuilder b;
  const int q = b.Input(type, {1, 4, 3, 40}, scale, zero_point);
  const int x = b.Tensor(DataType::kFloat32, {1, 4, 3, 40});
  const int bits = b.Tensor(DataType::kInt32, {1, 4, 3, 2});
  b.Op(OpKind::kDequantize, {q}, {x});
  b.Op(OpKind::kLceQuantize, {x}, {bits});
  return b.Build(read_floats ? std::vector<int>{bits, x} : std::vector<int>{bits});
}

TEST(FoldSign, EveryZeroPointAndScale) {
  for (int64_t zero_point : {-128, -3, 0, 77, 127}) {
    for (float scale : {1e-45f, 1e-38f, 0.02f, 1.0f, 1e38f}) {
      ExpectFoldedEqualsUnfolded(SignOf(DataType::kInt8, scale, zero_point), "sign(0>1)", 7);
    }
  }
}

TEST(FoldSign, DequantizeGoesOnForOthers) {
  ExpectFoldedEqualsUnfolded(SignOf(DataType::kInt8, 0.1f, 5, true), "sign([0]>1)", 3);
}

TEST(FoldSign, OnlyOfInt8) {
  ExpectFoldedEqualsUnfolded(SignOf(DataType::kUInt8, 0.1f, 128), "", 3);
}

TEST(FoldSign, RunsOnDelegateCpu) {
  const Plan plan = PlanOf(SignOf(DataType::kInt8, 0.1f, 5));
  ASSERT_EQ(plan.folds.size(), 1u);
  for (const OpPlan& op : plan.ops) {
    EXPECT_EQ(op.placement, Placement::kDelegateCpu);
    EXPECT_FALSE(op.reasons.empty());
  }
  ASSERT_EQ(plan.segments.size(), 1u);
  EXPECT_EQ(plan.segments[0].ops.ops, (std::vector<int>{1}));
}

TEST(FoldSign, CanBeSwitchedOff) {
  PlanOptions options;
  options.folds = std::vector<std::string>{};
  EXPECT_EQ(FoldsOf(SignOf(DataType::kInt8, 0.1f, 5), options), "");
}

}  // namespace
}  // namespace npu::test
