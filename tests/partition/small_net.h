// Small int8 graphs for tests of the plan, each operator one call.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "partitioner/plan.h"
#include "tests/partition/partition_invariants.h"
#include "tests/support/graph_builder.h"

namespace npu::test {

// RELU, ADD and CONV_2D run on the NPU, UNIQUE (whose output has no shape before it runs) has no
// room and stays with the host.
struct Net {
  GraphBuilder builder;

  int Input(DataType type = DataType::kInt8) { return Quantized(type, true); }
  int Quantized(DataType type, bool input = false) {
    const float scale = type == DataType::kFloat32 ? 0.0f : 0.5f;
    return input ? builder.Input(type, {1, 4, 4, 2}, scale) : builder.Tensor(type, {1, 4, 4, 2}, scale);
  }
  int Unary(OpKind kind, int input, DataType type = DataType::kInt8) {
    const int output = Quantized(type);
    builder.Op(kind, {input}, {output});
    return output;
  }
  int Relu(int input) { return Unary(OpKind::kRelu, input); }
  int Host(int input) { return Unary(OpKind::kUnique, input); }
  int Quantize(int input) { return Unary(OpKind::kQuantize, input); }
  int Dequantize(int input) { return Unary(OpKind::kDequantize, input, DataType::kFloat32); }
  int Add(int a, int b) {
    const int output = Quantized(DataType::kInt8);
    builder.Op(OpKind::kAdd, {a, b}, {output}, BinaryParams{});
    return output;
  }
  // 1x1, 2 channels to 2: 64 MACs.
  int Conv(int input) {
    const int weights =
        builder.Constant<int8_t>(DataType::kInt8, {2, 1, 1, 2}, {1, 2, 3, 4}, PerTensor(0.5f, 0));
    const int bias = builder.Constant<int32_t>(DataType::kInt32, {2}, {5, 6}, PerTensor(0.25f, 0));
    const int output = Quantized(DataType::kInt8);
    builder.Op(OpKind::kConv2D, {input, weights, bias}, {output}, Conv2DParams{});
    return output;
  }
};

inline Plan MakeHoldingPlan(std::shared_ptr<Graph> graph, const PlanOptions& options = {}) {
  EXPECT_TRUE(Validate(*graph));
  auto plan = MakePlan(std::move(graph), options);
  EXPECT_TRUE(plan) << plan.error().text;
  if (!plan) {
    Plan empty;
    empty.graph = std::make_shared<Graph>();
    return empty;
  }
  ExpectPlanHolds(*plan);
  return std::move(*plan);
}

// One letter per operator: N on the NPU, c on delegate-cpu, h on the host, e evaluated.
inline std::string Placements(const Plan& plan) {
  std::string text;
  for (const OpPlan& op : plan.ops) {
    text += op.evaluated                       ? 'e'
            : op.placement == Placement::kNpu  ? 'N'
            : op.placement == Placement::kHost ? 'h'
                                               : 'c';
  }
  return text;
}

inline bool HasReason(const OpPlan& op, ReasonCode code) {
  return std::any_of(op.reasons.begin(), op.reasons.end(), [&](const Reason& r) { return r.code == code; });
}

}  // namespace npu::test
