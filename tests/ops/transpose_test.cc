// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

std::shared_ptr<Graph> TransposeGraph(const Index& shape, const Index& perm, DataType type = DataType::kInt8,
                                      bool wide_perm = false) {
  GraphBuilder b;
  const int in = b.Input(type, shape, 0.5f, 3);
  const std::vector<int64_t> wide(perm.begin(), perm.end());
  const int p =
      wide_perm ? b.Constant(DataType::kInt64, {static_cast<int32_t>(perm.size())}, wide) : b.Ints(perm);
  const int out = b.Tensor(type, {}, 0.5f, 3);
  b.Op(OpKind::kTranspose, {in, p}, {out}, NoParams{});
  return b.Build({out});
}

// output[i] = input[j] with j[perm[d]] = i[d].
void ExpectTransposed(const Index& shape, const Index& perm, DataType type = DataType::kInt8,
                      bool device = true) {
  SCOPED_TRACE(ShapeString(shape) + " by " + ShapeString(perm));
  const auto graph = TransposeGraph(shape, perm, type);
  ExpectMoves(
      graph, 7,
      [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
        const int rank = static_cast<int>(shape.size());
        Index expected_shape;
        for (int32_t axis : perm) expected_shape.push_back(shape[axis < 0 ? axis + rank : axis]);
        ASSERT_EQ(graph->tensors[graph->outputs[0]].shape, expected_shape);
        for (const Index& index : AllIndices(expected_shape)) {
          Index source(rank);
          for (int d = 0; d < rank; ++d) source[perm[d] < 0 ? perm[d] + rank : perm[d]] = index[d];
          ASSERT_EQ(out[0][Flat(expected_shape, index)], in[0][Flat(shape, source)]);
        }
      },
      device);
}

TEST(TransposeTest, EveryPermutationOfRank4) {
  Index perm = {0, 1, 2, 3};
  do {
    ExpectTransposed({2, 3, 17, 5}, perm);
    if (HasFailure()) return;
  } while (std::next_permutation(perm.begin(), perm.end()));
}

TEST(TransposeTest, EveryPermutationOfRank1To3) {
  for (const Index& shape : {Index{33}, Index{17, 33}, Index{3, 1, 17}, Index{33, 3, 17}}) {
    Index perm(shape.size());
    std::iota(perm.begin(), perm.end(), 0);
    do {
      ExpectTransposed(shape, perm, DataType::kUInt8);
      if (HasFailure()) return;
    } while (std::next_permutation(perm.begin(), perm.end()));
  }
}

TEST(TransposeTest, EveryPermutationOfRank5OnTheReference) {
  Index perm = {0, 1, 2, 3, 4};
  int i = 0;
  do {
    ExpectTransposed({2, 3, 4, 5, 3}, perm, DataType::kInt8, ++i % 11 == 0);
    if (HasFailure()) return;
  } while (std::next_permutation(perm.begin(), perm.end()));
}

TEST(TransposeTest, Rank6AndNegativeEntries) {
  ExpectTransposed({2, 3, 2, 5, 2, 3}, {5, 4, 3, 2, 1, 0});
  ExpectTransposed({2, 3, 2, 5, 2, 3}, {-1, 0, 4, 1, 3, 2});
  ExpectTransposed({}, {});
}

TEST(TransposeTest, LargeEnoughForManyWorkItems) {
  ExpectTransposed({1, 65, 67, 33}, {0, 3, 1, 2});
  ExpectTransposed({1, 33, 65, 67}, {0, 2, 3, 1});
  ExpectTransposed({1, 3000, 257}, {0, 2, 1});
}

TEST(TransposeTest, Int64Perm) {
  const auto graph = TransposeGraph({3, 5}, {1, 0}, DataType::kInt8, true);
  EXPECT_EQ(InferError(*graph), "");
  EXPECT_EQ(graph->tensors[graph->outputs[0]].shape, (Index{5, 3}));
}

TEST(TransposeTest, Rank8WhereNeighboursStayTogetherRunsRank8Reversed) {
  ExpectTransposed({2, 1, 3, 1, 2, 2, 1, 3}, {4, 5, 6, 7, 0, 1, 2, 3});
  auto graph = TransposeGraph({2, 2, 2, 2, 2, 2, 2, 2}, {7, 6, 5, 4, 3, 2, 1, 0});
  EXPECT_EQ(InferError(*graph), "");
  EXPECT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kInvalidArgument));
}

TEST(TransposeTest, EvaluatedWhenThePlanIsMade) {
  GraphBuilder b;
  const int in = b.Constant<int32_t>(DataType::kInt32, {2, 3}, {1, 2, 3, 4, 5, 6});
  const int out = b.Tensor(DataType::kInt32, {});
  b.Op(OpKind::kTranspose, {in, b.Ints({1, 0})}, {out}, NoParams{});
  const auto graph = b.Build({out});
  EXPECT_TRUE(InferShapes(*graph).evaluated.at(0));
  const int32_t expected[] = {1, 4, 2, 5, 3, 6};
  const auto& bytes = graph->tensors[out].data.bytes;
  ASSERT_EQ(bytes.size(), sizeof(expected));
  EXPECT_EQ(std::memcmp(bytes.data(), expected, sizeof(expected)), 0);
}

TEST(TransposeTest, RefusesWhatIsNoPermutation) {
  for (const Index& perm :
       {Index{0, 0}, Index{0, 2}, Index{0, -3}, Index{0}, Index{0, 1, 2}, Index{INT32_MIN, INT32_MAX}}) {
    auto graph = TransposeGraph({3, 5}, perm);
    EXPECT_NE(InferError(*graph), "") << ShapeString(perm);
    EXPECT_FALSE(CheckFirst(*graph).eligible()) << ShapeString(perm);
  }
}

TEST(TransposeTest, SaysEveryFailedRule) {
  GraphBuilder b;
  const int in = b.Input(DataType::kFloat32, {2, 3});
  const int perm = b.Input(DataType::kInt32, {2});
  const int out = b.Tensor(DataType::kInt8, {3, 2}, 1.0f, 0);
  b.Op(OpKind::kTranspose, {in, perm}, {out}, NoParams{});
  const auto graph = b.Build({out});
  const Verdict verdict = CheckNpu(*graph, graph->ops[0]);
  EXPECT_TRUE(HasReason(verdict, ReasonCode::kOperandNotConstant)) << Reasons(verdict);
  EXPECT_TRUE(HasReason(verdict, ReasonCode::kUnsupportedInputType)) << Reasons(verdict);
}

}  // namespace
}  // namespace npu::test
