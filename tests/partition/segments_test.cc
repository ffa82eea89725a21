// SPDX-License-Identifier: Apache-2.0
#include "partitioner/segments.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>

#include "tests/partition/partition_invariants.h"
#include "tests/support/graph_builder.h"

namespace npu {
namespace {

using test::GraphBuilder;
using test::RandomDag;
using Ints = std::vector<int>;

std::vector<Ints> OpsOf(const std::vector<ColourGroup>& groups) {
  std::vector<Ints> ops;
  for (const ColourGroup& group : groups) ops.push_back(group.ops);
  return ops;
}

std::vector<ColourGroup> Group(const Graph& graph, const Ints& colour) {
  Ints ops(graph.ops.size());
  std::iota(ops.begin(), ops.end(), 0);
  return GroupByColour(graph, ops, colour);
}

struct Nodes {
  GraphBuilder builder;
  int Make(OpKind kind, std::vector<int> inputs, DataType type = DataType::kInt8) {
    const int output = builder.Tensor(type, {1, 4});
    builder.Op(kind, std::move(inputs), {output});
    return output;
  }
};

TEST(GroupByColour, NoOpsNoGroups) {
  const auto graph = GraphBuilder().Build({});
  EXPECT_TRUE(Group(*graph, {}).empty());
}

TEST(GroupByColour, TheFirstReadyOpNamesTheFirstColour) {
  Nodes n;
  const int in = n.builder.Input(DataType::kInt8, {1, 4});
  const int a = n.Make(OpKind::kRelu, {in});
  const auto graph = n.builder.Build({n.Make(OpKind::kRelu, {a})});
  EXPECT_EQ(OpsOf(Group(*graph, {0, 1})), (std::vector<Ints>{{0}, {1}}));
  EXPECT_EQ(OpsOf(Group(*graph, {1, 1})), (std::vector<Ints>{{0, 1}}));
}

TEST(GroupByColour, ADiamondThroughAnIslandIsCutInTwo) {
  Nodes n;
  const int in = n.builder.Input(DataType::kInt8, {1, 4});
  const int top = n.Make(OpKind::kRelu, {in});
  const int left = n.Make(OpKind::kFloor, {top});
  const int right = n.Make(OpKind::kRelu, {top});
  const auto graph = n.builder.Build({n.Make(OpKind::kAdd, {left, right})});
  const auto groups = Group(*graph, {1, 0, 1, 1});
  EXPECT_EQ(OpsOf(groups), (std::vector<Ints>{{0, 2}, {1}, {3}}));
  EXPECT_EQ(groups[1].colour, 0);
}

TEST(GroupByColour, IslandsThatDoNotWaitForEachOtherShareAnEpoch) {
  Nodes n;
  const int in = n.builder.Input(DataType::kInt8, {1, 4});
  const int a = n.Make(OpKind::kRelu, {in});
  const int b = n.Make(OpKind::kFloor, {a});
  const int c = n.Make(OpKind::kRelu, {in});  // ready at once: joins op 0
  const int d = n.Make(OpKind::kFloor, {c});
  const auto graph = n.builder.Build({b, d});
  EXPECT_EQ(OpsOf(Group(*graph, {1, 0, 1, 0})), (std::vector<Ints>{{0, 2}, {1, 3}}));
}

TEST(GroupByColour, CountsOnlyTheGivenOps) {
  Nodes n;
  const int in = n.builder.Input(DataType::kInt8, {1, 4});
  const int a = n.Make(OpKind::kRelu, {in});
  const int b = n.Make(OpKind::kFloor, {a});
  const auto graph = n.builder.Build({n.Make(OpKind::kAdd, {a, b})});
  const Ints ops = {0, 2}, colour = {1, 1};
  EXPECT_EQ(OpsOf(GroupByColour(*graph, ops, colour)), (std::vector<Ints>{{0, 2}}));
}

TEST(GroupByColour, SideEffectsKeepTheirOrder) {
  Nodes n;
  const int in = n.builder.Input(DataType::kInt8, {1, 4});
  const int handle = n.Make(OpKind::kVarHandle, {}, DataType::kResource);
  const int read = n.Make(OpKind::kReadVariable, {handle});
  const int a = n.Make(OpKind::kRelu, {read});
  n.builder.Op(OpKind::kAssignVariable, {handle, a}, {});
  const int again = n.Make(OpKind::kReadVariable, {handle});
  const auto graph = n.builder.Build({n.Make(OpKind::kAdd, {again, in})});
  // Without the order of side effects, op 4 would read the variable before op 3 has written it.
  EXPECT_EQ(OpsOf(Group(*graph, {0, 0, 1, 0, 0, 1})), (std::vector<Ints>{{0, 1}, {2}, {3, 4}, {5}}));
}

TEST(GroupByColour, EqualsTheHostsSweepsOnRandomGraphs) {
  for (uint32_t seed = 0; seed < 400; ++seed) {
    const auto graph = RandomDag(seed, 1 + seed % 60, {OpKind::kAdd});
    std::mt19937 engine(seed);
    Ints colour(graph->ops.size());
    for (int& c : colour) c = static_cast<int>(engine() % (seed % 3 == 0 ? 3 : 2));
    const auto groups = Group(*graph, colour);
    ASSERT_EQ(OpsOf(groups), test::HostSweeps(*graph, colour)) << "seed " << seed;
    test::ExpectAcyclic(*graph, OpsOf(groups));
    size_t count = 0;
    for (const ColourGroup& group : groups) {
      count += group.ops.size();
      for (int op : group.ops) EXPECT_EQ(colour[op], group.colour);
    }
    EXPECT_EQ(count, graph->ops.size());
  }
}

TEST(GroupByColour, AlternatingColoursInALongChainStayFast) {
  Nodes n;
  int tensor = n.builder.Input(DataType::kInt8, {1, 4});
  constexpr int kOps = 50000;
  Ints colour;
  for (int i = 0; i < kOps; ++i) {
    tensor = n.Make(OpKind::kRelu, {tensor});
    colour.push_back(i % 2);
  }
  EXPECT_EQ(Group(*n.builder.Build({tensor}), colour).size(), static_cast<size_t>(kOps));
}

TEST(BoundaryOf, ListsWhatCrossesOnce) {
  Nodes n;
  const int in = n.builder.Input(DataType::kInt8, {1, 4});
  const int weights = n.builder.Constant<int8_t>(DataType::kInt8, {1, 4}, {1, 2, 3, 4});
  const int a = n.Make(OpKind::kAdd, {in, weights});
  const int b = n.Make(OpKind::kAdd, {a, a});
  const int c = n.Make(OpKind::kRelu, {b});
  const int d = n.Make(OpKind::kAdd, {b, in});
  const auto graph = n.builder.Build({c, a});
  const SegmentOps first = BoundaryOf(*graph, {0, 1});
  EXPECT_EQ(first.ops, (Ints{0, 1}));
  EXPECT_EQ(first.inputs, Ints{in});
  EXPECT_EQ(first.outputs, (Ints{a, b}));  // a: an output of the graph
  const SegmentOps last = BoundaryOf(*graph, {2, 3});
  EXPECT_EQ(last.inputs, (Ints{in, b}));
  EXPECT_EQ(last.outputs, Ints{c});  // nobody reads d
  EXPECT_GT(d, c);
}

TEST(BoundaryOf, AbsentOperandsAreNoInputs) {
  Nodes n;
  const int in = n.builder.Input(DataType::kInt8, {1, 4});
  const auto graph = n.builder.Build({n.Make(OpKind::kFullyConnected, {in, kNoTensor, kNoTensor})});
  EXPECT_EQ(BoundaryOf(*graph, {0}).inputs, Ints{in});
}

TEST(BoundariesOf, UnreadReadersDoNotMakeOutputs) {
  Nodes n;
  const int in = n.builder.Input(DataType::kInt8, {1, 4});
  const int a = n.Make(OpKind::kRelu, {in});
  const int shape = n.Make(OpKind::kShape, {a}, DataType::kInt32);
  const auto graph = n.builder.Build({n.Make(OpKind::kReshape, {a, shape})});
  EXPECT_EQ(BoundariesOf(*graph, {{0, 2}}, {false, true, false})[0].outputs, Ints{shape + 1});
  EXPECT_EQ(BoundariesOf(*graph, {{0, 2}})[0].outputs, (Ints{a, shape + 1}));
}

}  // namespace
}  // namespace npu
