// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/ops/movement_testing.h"

namespace npu::test {
namespace {

using Positions = std::vector<std::vector<int32_t>>;  // per input dimension: which positions are taken

// output, walked in order, is the input at every combination of positions.
void ExpectTaken(const std::shared_ptr<Graph>& graph, const Index& input_shape, const Positions& positions,
                 const Index& output_shape, bool device = true) {
  ExpectMoves(
      graph, 13,
      [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
        ASSERT_EQ(graph->tensors[graph->outputs[0]].shape, output_shape);
        Index counts;
        for (const auto& taken : positions) counts.push_back(static_cast<int32_t>(taken.size()));
        ASSERT_EQ(static_cast<int64_t>(out[0].size()), Count(counts));
        size_t next = 0;
        for (const Index& index : AllIndices(counts)) {
          Index source(index.size());
          for (size_t d = 0; d < index.size(); ++d) source[d] = positions[d][index[d]];
          ASSERT_EQ(out[0][next++], in[0][Flat(input_shape, source)]) << ShapeString(index);
        }
      },
      device);
}

std::vector<int32_t> Range(int32_t start, int32_t stop, int32_t step = 1) {
  std::vector<int32_t> range;
  for (int32_t i = start; step > 0 ? i < stop : i > stop; i += step) range.push_back(i);
  return range;
}

// Python's slice(begin, end, stride).indices(dim), absent ends by flags.
std::vector<int32_t> PythonSlice(int32_t dim, int32_t begin, int32_t end, int32_t stride, bool no_begin,
                                 bool no_end) {
  const int32_t low = stride > 0 ? 0 : -1, high = stride > 0 ? dim : dim - 1;
  const auto clip = [&](int32_t x) { return std::min(std::max(x < 0 ? x + dim : x, low), high); };
  const int32_t first = no_begin ? (stride > 0 ? 0 : dim - 1) : clip(begin);
  const int32_t last = no_end ? (stride > 0 ? dim : -1) : clip(end);
  return Range(first, last, stride);
}

struct StridedCase {
  Index shape, begin, end, strides;
  StridedSliceParams params = {};
};

std::shared_ptr<Graph> StridedGraph(const StridedCase& c, DataType type = DataType::kInt8) {
  GraphBuilder b;
  const int in = b.Input(type, c.shape, 0.5f, 3);
  const int out = b.Tensor(type, {}, 0.5f, 3);
  b.Op(OpKind::kStridedSlice, {in, b.Ints(c.begin), b.Ints(c.end), b.Ints(c.strides)}, {out}, c.params);
  return b.Build({out});
}

Index Sizes(const Positions& positions) {
  Index sizes;
  for (const auto& taken : positions) sizes.push_back(static_cast<int32_t>(taken.size()));
  return sizes;
}

TEST(StridedSliceTest, BeginAndEndMasksAndStridesOfOneDimension) {
  int runs = 0;
  for (int32_t begin = -6; begin <= 6; ++begin) {
    for (int32_t end = -6; end <= 6; ++end) {
      for (const int32_t stride : {-7, -3, -2, -1, 1, 2, 3, 7}) {
        for (int masks = 0; masks < 4; ++masks) {
          const StridedCase c{{5}, {begin}, {end}, {stride}, {masks & 1, masks >> 1, 0, 0, 0, false}};
          const auto taken = PythonSlice(5, begin, end, stride, (masks & 1) != 0, masks >> 1 != 0);
          SCOPED_TRACE(ShapeString(c.begin) + ShapeString(c.end) + ShapeString(c.strides));
          const auto graph = StridedGraph(c);
          if (taken.empty()) {
            ASSERT_EQ(InferError(*graph), "");
            ASSERT_EQ(graph->tensors[graph->outputs[0]].shape, (Index{0}));
            ASSERT_TRUE(HasReason(CheckFirst(*graph), ReasonCode::kUnsupportedOperandSize));
          } else {
            ExpectTaken(graph, c.shape, {taken}, Sizes({taken}), ++runs % 97 == 0);
            if (HasFailure()) return;
          }
        }
      }
    }
  }
}

TEST(StridedSliceTest, SeveralDimensions) {
  const StridedCase c{{3, 17, 9, 5}, {0, 1, -1, 0}, {3, 16, 0, 5}, {2, 3, -2, 1}};
  const Positions taken = {Range(0, 3, 2), Range(1, 16, 3), Range(8, 0, -2), Range(0, 5)};
  ExpectTaken(StridedGraph(c), c.shape, taken, Sizes(taken));
  ExpectTaken(StridedGraph(c, DataType::kUInt8), c.shape, taken, Sizes(taken));
  const StridedCase reversed{{3, 17, 33}, {0, 0, 0}, {0, 0, 0}, {-1, -1, -1}, {7, 7, 0, 0, 0, false}};
  const Positions all = {Range(2, -1, -1), Range(16, -1, -1), Range(32, -1, -1)};
  ExpectTaken(StridedGraph(reversed), reversed.shape, all, {3, 17, 33});
}

TEST(StridedSliceTest, FewerIndicesThanDimensions) {
  const StridedCase c{{3, 4, 5}, {1}, {3}, {1}};
  ExpectTaken(StridedGraph(c), c.shape, {Range(1, 3), Range(0, 4), Range(0, 5)}, {2, 4, 5});
}

TEST(StridedSliceTest, NoIndices) {
  const StridedCase c{{3, 4}, {}, {}, {}};
  ExpectTaken(StridedGraph(c), c.shape, {Range(0, 3), Range(0, 4)}, {3, 4});
}

TEST(StridedSliceTest, ShrinkAxis) {
  const StridedCase c{{3, 4, 5}, {-1, 0, 2}, {0, 4, 3}, {1, 1, 1}, {0, 0, 0, 0, 5, false}};
  ExpectTaken(StridedGraph(c), c.shape, {{2}, Range(0, 4), {2}}, {4});
  const StridedCase all{{3, 4}, {1, 2}, {2, 3}, {1, 1}, {0, 0, 0, 0, 3, false}};
  ExpectTaken(StridedGraph(all), all.shape, {{1}, {2}}, {});
  const StridedCase masked{{3, 4}, {2, 0}, {3, 4}, {1, 1}, {1, 0, 0, 0, 1, false}};
  ExpectTaken(StridedGraph(masked), masked.shape, {{0}, Range(0, 4)}, {4});  // as TFLite: begin_mask wins
}

TEST(StridedSliceTest, EllipsisAnywhere) {
  const Index shape = {3, 4, 5, 6};
  const StridedCase front{shape, {0, 1}, {0, 3}, {1, 1}, {0, 0, 1, 0, 0, false}};
  ExpectTaken(StridedGraph(front), shape, {Range(0, 3), Range(0, 4), Range(0, 5), Range(1, 3)}, {3, 4, 5, 2});
  const StridedCase middle{shape, {1, 0, 5}, {2, 0, 0}, {1, 1, -2}, {0, 0, 2, 0, 1, false}};
  ExpectTaken(StridedGraph(middle), shape, {{1}, Range(0, 4), Range(0, 5), {5, 3, 1}}, {4, 5, 3});
  const StridedCase one{shape, {1, 0, 0, 0}, {2, 2, 0, 2}, {1, 1, 1, 1}, {0, 0, 4, 0, 0, false}};
  ExpectTaken(StridedGraph(one), shape, {{1}, Range(0, 2), Range(0, 5), Range(0, 2)}, {1, 2, 5, 2});
}

TEST(StridedSliceTest, NewAxes) {
  const Index shape = {3, 4};
  const StridedCase c{shape, {0, 1, 0, 0}, {0, 3, 0, 2}, {1, 1, 1, 1}, {0, 0, 0, 5, 0, false}};
  ExpectTaken(StridedGraph(c), shape, {Range(1, 3), Range(0, 2)}, {1, 2, 1, 2});
  const StridedCase both{shape, {0, 0, 1}, {0, 0, 3}, {1, 1, 1}, {0, 0, 1, 2, 2, false}};  // [..., None, 1:3]
  ExpectTaken(StridedGraph(both), shape, {Range(0, 3), Range(1, 3)}, {3, 1, 2});
  const StridedCase wins{shape, {0, 0}, {0, 0}, {1, 1}, {0, 0, 1, 1, 1, false}};  // ellipsis wins over both
  EXPECT_EQ(InferError(*StridedGraph(wins)), "");
}

TEST(StridedSliceTest, OffsetInsideTheDimension) {
  const StridedCase c{{7, 9}, {2, -4}, {3, 3}, {1, 2}, {0, 0, 0, 0, 0, true}};
  ExpectTaken(StridedGraph(c), c.shape, {Range(2, 5), {5, 7}}, {3, 2});
  const StridedCase clamped{{7}, {5}, {3}, {1}, {0, 0, 0, 0, 0, true}};
  EXPECT_TRUE(HasReason(CheckFirst(*StridedGraph(clamped)), ReasonCode::kUnsupportedOperandValue));
}

TEST(StridedSliceTest, RefusesNonsense) {
  const Index s = {3, 4};
  const std::vector<StridedCase> cases = {
      {s, {0, 0}, {3, 4}, {1, 0}},                                   // stride 0
      {s, {0, 0}, {3, 4}, {1, INT32_MIN}},                           // not negatable
      {s, {3, 0}, {4, 4}, {1, 1}, {0, 0, 0, 0, 1, false}},           // shrink out of range
      {s, {INT32_MIN, 0}, {4, 4}, {1, 1}, {0, 0, 0, 0, 1, false}},   // shrink far out of range
      {s, {0, 0}, {4, 4}, {-1, 1}, {0, 0, 0, 0, 1, false}},          // shrink backwards
      {s, {0, 0, 0}, {3, 4, 1}, {1, 1, 1}},                          // more indices than dimensions
      {s, {0, 0, 0}, {3, 4, 1}, {1, 1, 1}, {0, 0, 2, 0, 0, false}},  // ellipsis for nothing
      {s, {0, 0}, {3, 4}, {1, 1}, {0, 0, 3, 0, 0, false}},           // two ellipses
      {s, {0, 0}, {3, 4}, {1, 1}, {0, 0, 4, 0, 0, false}},           // a bit past the indices
      {s, {0, 0}, {3, 4}, {1, 1}, {0, 0, 0, INT32_MIN, 0, false}},   // likewise
      {s, {0, 0}, {3}, {1, 1}},                                      // ends missing
      {s, {0, 0}, {3, 4}, {1}},                                      // strides missing
      {s, {0}, {3}, {1}, {0, 0, 0, 0, 0, true}},                     // offset with an implied dimension
      {s, Index(40, 0), Index(40, 0), Index(40, 1), {0, 0, 0, -1, 0, false}},
  };
  for (const StridedCase& c : cases) {
    SCOPED_TRACE(ShapeString(c.begin) + ShapeString(c.end) + ShapeString(c.strides));
    const auto graph = StridedGraph(c);
    EXPECT_NE(InferError(*graph), "");
    EXPECT_FALSE(CheckFirst(*graph).eligible());
  }
}

TEST(StridedSliceTest, HugeStridesAndEnds) {
  const StridedCase c{{3, 4}, {INT32_MIN, INT32_MAX}, {INT32_MAX, INT32_MIN}, {INT32_MAX, INT32_MIN + 1}};
  ExpectTaken(StridedGraph(c), c.shape, {{0}, {3}}, {1, 1});
}

std::shared_ptr<Graph> SliceGraph(const Index& shape, const Index& begin, const Index& size,
                                  bool wide = false) {
  GraphBuilder b;
  const int in = b.Input(DataType::kInt8, shape, 0.5f, 3);
  const auto ints = [&](const Index& values) {
    if (!wide) return b.Ints(values);
    const std::vector<int64_t> as_wide(values.begin(), values.end());
    return b.Constant(DataType::kInt64, {static_cast<int32_t>(values.size())}, as_wide);
  };
  const int begins = ints(begin), sizes = ints(size);
  const int out = b.Tensor(DataType::kInt8, {}, 0.5f, 3);
  b.Op(OpKind::kSlice, {in, begins, sizes}, {out}, NoParams{});
  return b.Build({out});
}

TEST(SliceTest, EveryRank) {
  const Index full = {3, 4, 5, 3, 3, 2}, begin = {1, 0, 2, 1, 0, 1}, size = {2, -1, 3, 1, -1, 1};
  for (int rank = 1; rank <= 6; ++rank) {
    const auto cut = [rank](const Index& x) { return Index(x.begin(), x.begin() + rank); };
    Positions taken;
    for (int d = 0; d < rank; ++d)
      taken.push_back(Range(begin[d], size[d] < 0 ? full[d] : begin[d] + size[d]));
    ExpectTaken(SliceGraph(cut(full), cut(begin), cut(size), rank % 2 == 0), cut(full), taken, Sizes(taken));
  }
}

TEST(SliceTest, RowsOfEveryAlignment) {
  for (const int32_t channels : {1, 3, 15, 16, 17, 31, 33, 70}) {
    const Positions taken = {{0}, Range(1, 5), Range(2, 6), Range(0, channels)};
    ExpectTaken(SliceGraph({1, 6, 7, channels}, {0, 1, 2, 0}, {-1, 4, 4, -1}), {1, 6, 7, channels}, taken,
                Sizes(taken));
  }
}

TEST(SliceTest, RefusesNonsense) {
  const std::vector<std::pair<Index, Index>> cases = {
      {{-1, 0}, {1, 1}}, {{0, 0}, {4, 1}}, {{4, 0}, {-1, 1}},        {{0, 0}, {-2, 1}},
      {{0}, {1}},        {{0, 0}, {1}},    {{INT32_MAX, 0}, {1, 1}}, {{1, 0}, {INT32_MAX, 1}},
  };
  for (const auto& [begin, size] : cases) {
    const auto graph = SliceGraph({3, 4}, begin, size);
    EXPECT_NE(InferError(*graph), "") << ShapeString(begin) << ShapeString(size);
    EXPECT_FALSE(CheckFirst(*graph).eligible()) << ShapeString(begin) << ShapeString(size);
  }
}

TEST(SliceTest, SaysEveryFailedRule) {
  const auto graph = SliceGraph({3, 4}, {-1, 9}, {1, 1});
  graph->tensors[0].type = DataType::kInt32;
  const Verdict verdict = CheckFirst(*graph);
  EXPECT_GE(verdict.reasons().size(), 3u) << Reasons(verdict);
  EXPECT_TRUE(HasReason(verdict, ReasonCode::kUnsupportedInputType)) << Reasons(verdict);
}

std::shared_ptr<Graph> SplitGraph(const Index& shape, int32_t axis, int splits, int outputs) {
  GraphBuilder b;
  const int axis_tensor = b.Constant<int32_t>(DataType::kInt32, {}, {axis});
  const int in = b.Input(DataType::kUInt8, shape, 0.5f, 3);
  std::vector<int> out;
  for (int i = 0; i < outputs; ++i) out.push_back(b.Tensor(DataType::kUInt8, {}, 0.5f, 3));
  b.Op(OpKind::kSplit, {axis_tensor, in}, out, SplitParams{splits});
  return b.Build(out);
}

TEST(SplitTest, EveryAxis) {
  const Index shape = {2, 6, 4, 6, 2};
  for (int axis = -5; axis < 5; ++axis) {
    const int at = axis < 0 ? axis + 5 : axis;
    const auto graph = SplitGraph(shape, axis, 2, 2);
    ExpectMoves(graph, 17, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
      Index part = shape;
      part[at] /= 2;
      for (int i = 0; i < 2; ++i) {
        ASSERT_EQ(graph->tensors[graph->outputs[i]].shape, part);
        for (const Index& index : AllIndices(part)) {
          Index source = index;
          source[at] += i * part[at];
          ASSERT_EQ(out[i][Flat(part, index)], in[0][Flat(shape, source)]);
        }
      }
    });
    if (HasFailure()) return;
  }
}

TEST(SplitTest, OneAndManyParts) {
  for (const int parts : {1, 3, 33}) {
    const auto graph = SplitGraph({1, 5, 33}, 2, parts, parts);
    ExpectMoves(graph, 17, [&](const std::vector<Bytes>& in, const std::vector<Bytes>& out) {
      const int width = 33 / parts;
      for (int i = 0; i < parts; ++i) {
        for (int k = 0; k < 5 * width; ++k) {
          ASSERT_EQ(out[i][k], in[0][k / width * 33 + i * width + k % width]);
        }
      }
    });
  }
}

TEST(SplitTest, RefusesNonsense) {
  struct Case {
    int32_t axis;
    int splits, outputs;
  };
  for (const Case& c : {Case{2, 2, 2}, Case{-3, 2, 2}, Case{0, 2, 2}, Case{1, 2, 3}, Case{1, 0, 1},
                        Case{1, -2, 2}, Case{INT32_MIN, 2, 2}}) {
    const auto graph = SplitGraph({3, 4}, c.axis, c.splits, c.outputs);
    EXPECT_NE(InferError(*graph), "") << c.axis << " " << c.splits << " " << c.outputs;
    EXPECT_FALSE(CheckFirst(*graph).eligible()) << c.axis << " " << c.splits << " " << c.outputs;
  }
}

}  // namespace
}  // namespace npu::test
