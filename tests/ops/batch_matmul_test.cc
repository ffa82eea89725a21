// BATCH_MATMUL: values by hand, random shapes with every adjoint and broadcast on the device, rules. Against
// LiteRT: tests/host/operators_sweep_test.py.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <random>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

using Shape = std::vector<int32_t>;

struct Case {
  Shape lhs = {2, 3}, rhs = {3, 2}, output = {2, 2};
  bool adj_x = false, adj_y = false, constant = false;
  int lhs_zero = 0, rhs_zero = 0, output_zero = 0;
  float lhs_scale = 0.5f, rhs_scale = 0.5f, output_scale = 0.25f;
};

std::shared_ptr<Graph> GraphOf(const Case& c) {
  GraphBuilder b;
  const int lhs = b.Input(DataType::kInt8, c.lhs, c.lhs_scale, c.lhs_zero);
  const int rhs = c.constant ? b.Tensor(DataType::kInt8, c.rhs, c.rhs_scale, c.rhs_zero)
                             : b.Input(DataType::kInt8, c.rhs, c.rhs_scale, c.rhs_zero);
  if (c.constant) {
    const Bytes bytes = RandomBytes(b.tensor(rhs), 5);
    b.SetData(rhs, bytes.data(), bytes.size());
  }
  const int out = b.Tensor(DataType::kInt8, c.output, c.output_scale, c.output_zero);
  b.Op(OpKind::kBatchMatmul, {lhs, rhs}, {out}, BatchMatmulParams{c.adj_x, c.adj_y});
  return b.Build({out});
}

Bytes ToBytes(const std::vector<int>& values) {
  Bytes bytes;
  for (int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

std::vector<int> Product(const Case& c, const std::vector<int>& lhs, const std::vector<int>& rhs) {
  const auto outputs = RunGraph(*MakeCpuBackend(), GraphOf(c), {ToBytes(lhs), ToBytes(rhs)});
  EXPECT_TRUE(outputs);
  std::vector<int> values;
  if (!outputs) return values;
  for (std::byte byte : outputs->at(0)) values.push_back(static_cast<int8_t>(byte));
  return values;
}

TEST(BatchMatmulTest, HandComputedValues) {
  using List = std::vector<int>;
  // [[1, 2, 3], [4, 5, 6]] x [[1, 0], [0, 1], [1, 1]] = [[4, 5], [10, 11]], and each scale 1.
  const List lhs = {1, 2, 3, 4, 5, 6}, rhs = {1, 0, 0, 1, 1, 1};
  EXPECT_EQ(Product({}, lhs, rhs), (List{4, 5, 10, 11}));
  EXPECT_EQ(Product({.lhs = {3, 2}, .adj_x = true}, {1, 4, 2, 5, 3, 6}, rhs), (List{4, 5, 10, 11}));
  EXPECT_EQ(Product({.rhs = {2, 3}, .adj_y = true}, lhs, {1, 0, 1, 0, 1, 1}), (List{4, 5, 10, 11}));
  // [[0, 1, 2], [3, 4, 5]] x [[2, 1], [1, 2], [2, 2]] = [[5, 6], [20, 21]], halved (ties away from zero), + 3.
  EXPECT_EQ(Product({.lhs_zero = 1, .rhs_zero = -1, .output_zero = 3, .output_scale = 0.5f}, lhs, rhs),
            (List{6, 6, 13, 14}));
  EXPECT_EQ(Product({.lhs = {2, 1, 2}, .rhs = {2, 2}, .output = {2, 1, 2}}, {1, 2, 3, -128}, {1, 1, 1, -1}),
            (List{3, -1, -125, 127}));
}

Case RandomCase(std::mt19937& dice) {
  const auto below = [&](int n) { return static_cast<int>(dice() % static_cast<uint32_t>(n)); };
  Case c{.adj_x = below(2) == 0, .adj_y = below(2) == 0, .constant = below(3) == 0};
  const int32_t rows = below(4) == 0 ? 1 : 1 + below(20), depth = 1 + below(80), columns = 1 + below(90);
  c.output.clear();
  for (int i = below(4); i > 0; --i) c.output.push_back(1 + below(3));
  c.lhs = c.rhs = c.output;
  Shape& repeated = below(2) == 0 ? c.lhs : c.rhs;
  for (int32_t& size : repeated) size = below(2) == 0 ? 1 : size;
  if (below(3) == 0) repeated.clear();
  c.lhs.insert(c.lhs.end(), {c.adj_x ? depth : rows, c.adj_x ? rows : depth});
  c.rhs.insert(c.rhs.end(), {c.adj_y ? columns : depth, c.adj_y ? depth : columns});
  if (c.lhs.size() < c.output.size() + 2 && c.rhs.size() < c.output.size() + 2) c.output.clear();
  c.output.insert(c.output.end(), {rows, columns});
  const auto zero = [&] { return below(3) == 0 ? 0 : below(256) - 128; };
  c.lhs_zero = zero(), c.rhs_zero = zero(), c.output_zero = zero();
  c.output_scale = static_cast<float>(std::sqrt(depth) * 10 * (1 + below(20)) / 10);
  return c;
}

TEST(BatchMatmulTest, DeviceMatchesReference) {
  constexpr uint32_t kSeed = 20261125;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937 dice(kSeed);
  for (int i = 0; i < 250; ++i) {
    SCOPED_TRACE(i);
    ExpectOpenClMatchesReference(GraphOf(RandomCase(dice)), 1 + i);
    if (HasFailure() || IsSkipped()) return;
  }
}

// A product that a later operator reads: its scratch and the arena are shared.
TEST(BatchMatmulTest, AttentionLikeChain) {
  GraphBuilder b;
  const int q = b.Input(DataType::kInt8, {2, 9, 24}, 0.05f, 3),
            k = b.Input(DataType::kInt8, {2, 9, 24}, 0.04f, -7);
  const int v = b.Input(DataType::kInt8, {2, 9, 24}, 0.06f, 1);
  const int scores = b.Tensor(DataType::kInt8, {2, 9, 9}, 0.1f, 5);
  const int weights = b.Tensor(DataType::kInt8, {2, 9, 9}, 1.0f / 256, -128);
  const int out = b.Tensor(DataType::kInt8, {2, 9, 24}, 0.05f, 2);
  b.Op(OpKind::kBatchMatmul, {q, k}, {scores}, BatchMatmulParams{.adj_y = true});
  b.Op(OpKind::kSoftmax, {scores}, {weights}, SoftmaxParams{1.0f});
  b.Op(OpKind::kBatchMatmul, {weights, v}, {out}, BatchMatmulParams{});
  ExpectOpenClMatchesReference(b.Build({out}));
}

TEST(BatchMatmulTest, RulesNameWhatFails) {
  using enum ReasonCode;
  using List = std::vector<ReasonCode>;
  const auto codes = [](const Case& c) { return NpuCodes(*GraphOf(c)); };
  EXPECT_EQ(codes({}), List{});
  EXPECT_EQ(codes({.constant = true}), List{});
  EXPECT_EQ(codes({.adj_x = true}), List{kShapeMismatch});
  EXPECT_EQ(codes({.output = {2, 3}}), List{kShapeMismatch});
  EXPECT_EQ(codes({.lhs = {3}}), List{kUnsupportedOperandRank});
  EXPECT_EQ(codes({.lhs = {1, 1, 1, 1, 2, 3}}), List{kUnsupportedOperandRank});
  EXPECT_EQ(codes({.lhs = {2, 2, 3}, .rhs = {3, 3, 2}, .output = {2, 2, 2}}), List{kShapeMismatch});
  EXPECT_EQ(codes({.lhs = {0, 3}, .output = {0, 2}}), List{kUnsupportedOperandSize});
  EXPECT_EQ(codes({.rhs_scale = 0}), List{kUnsupportedQuantizationType});
  const auto graph = GraphOf({});
  graph->tensors[1].type = DataType::kUInt8;
  EXPECT_EQ(NpuCodes(*graph), List{kUnsupportedInputType});
}

}  // namespace
}  // namespace npu::test
