// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/tensor_views.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <random>
#include <set>

#include "backends/cpu/cpu_backend.h"
#include "backends/opencl/executable.h"
#include "backends/ops/inference.h"
#include "tests/support/graph_builder.h"
#include "tests/support/opencl_device.h"

namespace npu {
namespace {

using test::Bytes;
using test::GraphBuilder;
using Shape = std::vector<int32_t>;

constexpr DataType kType = DataType::kInt8;
constexpr float kScale = 0.5f;
constexpr int64_t kZero = 3;

// Tensors of one quantization, and the operators between them.
class Network {
 public:
  int Input(Shape shape) { return b.Input(kType, std::move(shape), kScale, kZero); }
  int New(Shape shape) { return b.Tensor(kType, std::move(shape), kScale, kZero); }
  int Relu(int x) {
    const int y = New(b.tensor(x).shape);
    b.Op(OpKind::kRelu, {x}, {y});
    return y;
  }
  int Concat(const std::vector<int>& parts, int32_t axis) {
    Shape shape = b.tensor(parts[0]).shape;
    shape[axis] = 0;
    for (int part : parts) shape[axis] += b.tensor(part).shape[axis];
    const int y = New(shape);
    b.Op(OpKind::kConcatenation, parts, {y}, ConcatenationParams{axis, Activation::kNone});
    return y;
  }
  std::vector<int> Split(int x, int32_t axis, int count) {
    Shape shape = b.tensor(x).shape;
    shape[axis] /= count;
    std::vector<int> parts;
    for (int i = 0; i < count; ++i) parts.push_back(New(shape));
    b.Op(OpKind::kSplit, {b.Ints({axis}), x}, parts, SplitParams{count});
    return parts;
  }
  int Slice(int x, const Shape& begin, const Shape& size) {
    const int y = New(size);
    b.Op(OpKind::kSlice, {x, b.Ints(begin), b.Ints(size)}, {y});
    return y;
  }
  int Reshape(int x, const Shape& shape) {
    const int y = New(shape);
    b.Op(OpKind::kReshape, {x, b.Ints(shape)}, {y}, ReshapeParams{});
    return y;
  }
  std::vector<int> Unpack(int x, int32_t axis) {
    Shape shape = b.tensor(x).shape;
    const int32_t num = shape[axis];
    shape.erase(shape.begin() + axis);
    std::vector<int> parts;
    for (int i = 0; i < num; ++i) parts.push_back(New(shape));
    b.Op(OpKind::kUnpack, {x}, parts, UnpackParams{num, axis});
    return parts;
  }
  int Pack(const std::vector<int>& parts, int32_t axis) {
    Shape shape = b.tensor(parts[0]).shape;
    const auto count = static_cast<int32_t>(parts.size());
    shape.insert(shape.begin() + axis, count);
    const int y = New(shape);
    b.Op(OpKind::kPack, parts, {y}, PackParams{count, axis});
    return y;
  }

  GraphBuilder b;
};

SegmentOps WholeGraph(const Graph& graph) {
  SegmentOps segment;
  for (size_t i = 0; i < graph.ops.size(); ++i) segment.ops.push_back(static_cast<int>(i));
  segment.inputs = graph.inputs;
  segment.outputs = graph.outputs;
  return segment;
}

SegmentLayout LayOut(Graph& graph, int64_t alignment) {
  InferShapes(graph);
  for (const Op& op : graph.ops) EXPECT_TRUE(CheckNpu(graph, op).eligible()) << OpName(op);
  auto layout = LayOutSegment(graph, WholeGraph(graph), {}, {.view_alignment = alignment});
  EXPECT_TRUE(layout) << layout.error().text;
  return layout ? std::move(*layout) : SegmentLayout{};
}

// Runs a segment on symbols instead of bytes: each byte that an operator computes is a symbol of its own, and
// copies hand symbols on. What an operator reads, and what is read at the end, must still be there.
class ArenaSimulation {
 public:
  ArenaSimulation(const Graph& graph, const SegmentLayout& layout, int64_t block_alignment)
      : graph_(graph), layout_(layout), values_(graph.tensors.size()) {
    const auto plan = PlanMemory(layout.arena, block_alignment, std::numeric_limits<int64_t>::max());
    EXPECT_TRUE(plan);
    offsets_ = plan->offsets;
    arena_.assign(static_cast<size_t>(plan->total_bytes), 0);
  }

  // Empty, or what is wrong.
  std::string Run() {
    for (int tensor : graph_.inputs) Make(tensor), Store(tensor);
    for (const LoweredOp& op : layout_.ops) {
      if (const std::string problem = Step(op); !problem.empty()) return DescribeOp(graph_, op.op) + problem;
    }
    for (int tensor : graph_.outputs) {
      if (!Holds(tensor)) return "output T#" + std::to_string(tensor) + " is gone";
    }
    return "";
  }

 private:
  size_t Size(int tensor) const { return static_cast<size_t>(*graph_.tensors[tensor].byte_size()); }
  int64_t* At(int tensor) {
    const Storage& storage = layout_.tensors[tensor];
    return arena_.data() + offsets_[storage.block] + storage.offset;
  }
  void Make(int tensor) {
    values_[tensor].clear();
    for (size_t i = 0; i < Size(tensor); ++i) values_[tensor].push_back(++symbols_);
  }
  void Store(int tensor) { std::copy(values_[tensor].begin(), values_[tensor].end(), At(tensor)); }
  bool Holds(int tensor) {
    const Storage& storage = layout_.tensors[tensor];
    // Nothing can overwrite a constant: no kernel writes one.
    if (storage.where != Storage::Where::kArena) return storage.where == Storage::Where::kConstant;
    return storage.offset + static_cast<int64_t>(Size(tensor)) <= layout_.arena[storage.block].bytes &&
           std::equal(values_[tensor].begin(), values_[tensor].end(), At(tensor));
  }

  std::string Step(const LoweredOp& lowered) {
    const Op& op = graph_.ops[lowered.op];
    for (int tensor : op.inputs) {
      const bool data = tensor != kNoTensor && graph_.tensors[tensor].type == kType;
      if (data && !Holds(tensor)) return ": T#" + std::to_string(tensor) + " is gone when it is read";
    }
    for (const Storage& scratch : lowered.scratch) {
      std::fill_n(arena_.begin() + offsets_[scratch.block], layout_.arena[scratch.block].bytes, -1);
    }
    const auto& launches = lowered.lowering.launches();
    const bool copies = std::any_of(launches.begin(), launches.end(), [](const auto& l) { return l.copy; });
    for (const auto& [view, viewed] : lowered.lowering.aliases()) values_[view] = ValuesOf(viewed);
    if (lowered.lowering.aliases().empty()) {
      for (int tensor : op.outputs) {
        Make(tensor);
        if (!copies) Store(tensor);
      }
    }
    for (size_t i = 0; i < launches.size(); ++i) {
      if (!launches[i].copy) continue;
      const RangeCopy& copy = *launches[i].copy;
      const std::vector<int64_t> from = ValuesOf(copy.source);
      std::copy_n(from.begin() + copy.source_offset, copy.bytes,
                  values_[copy.target].begin() + copy.target_offset);
      if (!lowered.dropped[i]) {
        std::copy_n(from.begin() + copy.source_offset, copy.bytes, At(copy.target) + copy.target_offset);
      }
    }
    for (int tensor : op.outputs) {
      if (!Holds(tensor)) return ": T#" + std::to_string(tensor) + " is not there when it is made";
    }
    return "";
  }

  const std::vector<int64_t>& ValuesOf(int tensor) {
    if (values_[tensor].empty()) Make(tensor);  // a constant
    return values_[tensor];
  }

  const Graph& graph_;
  const SegmentLayout& layout_;
  std::vector<std::vector<int64_t>> values_;  // by tensor
  std::vector<int64_t> offsets_, arena_;
  int64_t symbols_ = 0;
};

bool Inside(const SegmentLayout& layout, int part, int whole, int64_t offset) {
  const Storage &p = layout.tensors[part], &w = layout.tensors[whole];
  return p.where == w.where && p.block == w.block && p.offset == w.offset + offset;
}

int64_t PeakBytes(const SegmentLayout& layout) {
  int64_t most = 0;
  for (const MemoryRequest& at : layout.arena) {
    int64_t alive = 0;
    for (const MemoryRequest& block : layout.arena) {
      if (block.first <= at.first && at.first <= block.last) alive += block.bytes;
    }
    most = std::max(most, alive);
  }
  return most;
}

TEST(TensorViews, ConcatenatedPartsAreWrittenInPlace) {
  Network n;
  const int x = n.Input({1, 2, 5}), a = n.Relu(x), c = n.Relu(a), d = n.Relu(c);
  const int y = n.Concat({a, d, c}, 1);
  const auto graph = n.b.Build({n.Relu(y)});
  const SegmentLayout layout = LayOut(*graph, 1);
  EXPECT_TRUE(Inside(layout, a, y, 0));
  EXPECT_TRUE(Inside(layout, d, y, 10));
  EXPECT_TRUE(Inside(layout, c, y, 20));
  EXPECT_EQ(layout.uncopied_bytes, 30);
  EXPECT_EQ(layout.arena[layout.tensors[y].block].first, 1);  // written by the first part's maker
  EXPECT_EQ(ArenaSimulation(*graph, layout, 64).Run(), "");
}

TEST(TensorViews, ChainsOfConcatenationsEndInOneBlock) {
  Network n;
  const int x = n.Input({4, 3}), a = n.Relu(x), c = n.Relu(a);
  const int inner = n.Concat({a, c}, 0), flat = n.Reshape(inner, {24}), d = n.Relu(n.Reshape(x, {12}));
  const int outer = n.Concat({d, flat}, 0);
  const auto graph = n.b.Build({n.Relu(outer)});
  const SegmentLayout layout = LayOut(*graph, 1);
  EXPECT_TRUE(Inside(layout, d, outer, 0));
  EXPECT_TRUE(Inside(layout, a, outer, 12));
  EXPECT_TRUE(Inside(layout, c, outer, 24));
  EXPECT_EQ(layout.uncopied_bytes, 12 + 24 + 24);
  EXPECT_EQ(ArenaSimulation(*graph, layout, 64).Run(), "");
}

TEST(TensorViews, SplitSliceAndUnpackOfWholeRangesAreViews) {
  Network n;
  const int x = n.Input({4, 6});
  const auto halves = n.Split(x, 0, 2);
  const int row = n.Slice(x, {3, 1}, {1, 4});
  const auto rows = n.Unpack(x, 0);
  const auto graph = n.b.Build({n.Relu(halves[0]), n.Relu(halves[1]), n.Relu(row), n.Relu(rows[2]), rows[3]});
  const SegmentLayout layout = LayOut(*graph, 1);
  EXPECT_TRUE(Inside(layout, halves[1], x, 12));
  EXPECT_TRUE(Inside(layout, row, x, 19));
  EXPECT_TRUE(Inside(layout, rows[2], x, 12));
  EXPECT_TRUE(Inside(layout, rows[3], x, 18));
  EXPECT_EQ(ArenaSimulation(*graph, layout, 64).Run(), "");
}

TEST(TensorViews, ChannelsOfSeveralPixelsAreCopied) {
  Network n;
  const int x = n.Input({1, 2, 2, 3}), a = n.Relu(x), c = n.Relu(a);
  const int y = n.Concat({a, c}, 3);
  const auto halves = n.Split(y, 3, 2);
  const auto graph = n.b.Build({halves[0], halves[1]});
  const SegmentLayout layout = LayOut(*graph, 1);
  EXPECT_EQ(layout.uncopied_bytes, 0);
  for (int part : {a, c, halves[0], halves[1]}) {
    EXPECT_NE(layout.tensors[part].block, layout.tensors[y].block);
  }
}

TEST(TensorViews, OnePlaceForEachPart) {
  Network n;
  const int x = n.Input({2, 5}), a = n.Relu(x);
  const int k = n.b.Constant<int8_t>(kType, {1, 5}, {1, 2, 3, 4, 5}, test::PerTensor(kScale, kZero));
  const int first_row = n.Slice(a, {0, 0}, {1, 5});
  const int y = n.Concat({a, a, k, first_row}, 0), z = n.Concat({a, y}, 0);
  const auto graph = n.b.Build({z});
  const SegmentLayout layout = LayOut(*graph, 1);
  EXPECT_TRUE(Inside(layout, a, y, 0));
  EXPECT_TRUE(Inside(layout, first_row, a, 0));  // lies in `a`, so it is copied behind the constant
  EXPECT_TRUE(Inside(layout, y, z, 10));
  EXPECT_EQ(layout.tensors[k].where, Storage::Where::kConstant);
  EXPECT_EQ(layout.uncopied_bytes, 5 + 10 + 30);
  EXPECT_EQ(ArenaSimulation(*graph, layout, 64).Run(), "");
}

TEST(TensorViews, SlicesOfConstantsStayConstants) {
  Network n;
  const int x = n.Input({1, 2});
  const int k = n.b.Constant<int8_t>(kType, {3, 2}, {1, 2, 3, 4, 5, 6}, test::PerTensor(kScale, kZero));
  const int row = n.Slice(k, {1, 0}, {1, 2});
  const int sum = n.New({1, 2});
  n.b.Op(OpKind::kAdd, {x, row}, {sum}, BinaryParams{});
  const auto graph = n.b.Build({sum, row});
  const SegmentLayout layout = LayOut(*graph, 1);
  EXPECT_EQ(layout.tensors[row].where, Storage::Where::kConstant);
  EXPECT_TRUE(Inside(layout, row, k, 2));
  test::ExpectOpenClMatchesReference(graph);
}

TEST(TensorViews, OffsetsKeepTheAlignment) {
  for (const int64_t alignment : {0, 1, 64, 128}) {
    Network n;
    const int x = n.Input({1, 64}), a = n.Relu(x), c = n.Relu(x), d = n.Relu(x);
    const int y = n.Concat({a, c, d}, 0);
    const auto graph = n.b.Build({y});
    const SegmentLayout layout = LayOut(*graph, alignment);
    EXPECT_EQ(Inside(layout, a, y, 0), alignment > 0);
    EXPECT_EQ(Inside(layout, c, y, 64), alignment == 1 || alignment == 64) << alignment;
    EXPECT_EQ(Inside(layout, d, y, 128), alignment > 0) << alignment;
    EXPECT_EQ(ArenaSimulation(*graph, layout, 128).Run(), "");
  }
}

TEST(TensorViews, NoPartMakesThePeakHigher) {
  Network n;
  const int x = n.Input({1000, 8});
  const int row = n.Slice(x, {10, 0}, {1, 8});
  const int a = n.Relu(x), c = n.Relu(a), d = n.Relu(c);
  const auto graph = n.b.Build({d, n.Relu(row)});
  const SegmentLayout layout = LayOut(*graph, 1), copied = LayOut(*graph, 0);
  EXPECT_FALSE(Inside(layout, row, x, 80));  // would keep all of x alive to the end
  EXPECT_EQ(PeakBytes(layout), PeakBytes(copied));
  EXPECT_EQ(ArenaSimulation(*graph, layout, 64).Run(), "");
}

TEST(TensorViews, WrongCopiesAreErrors) {
  GraphBuilder b;
  const int x = b.Input(kType, {8}, 1.0f), y = b.Tensor(kType, {8}, 1.0f);
  b.Op(OpKind::kRelu, {x}, {y});
  const auto graph = b.Build({y});
  for (const RangeCopy& copy : {RangeCopy{x, y, 1, 0, 8}, RangeCopy{x, y, 0, 1, 8}, RangeCopy{x, y, -1, 0, 4},
                                RangeCopy{x, y, 0, 0, 0}, RangeCopy{y, x, 0, 0, 8}, RangeCopy{y, y, 0, 4, 4},
                                RangeCopy{x, 99, 0, 0, 8}}) {
    const LowerFunction lower = [&](const OpView&, const ComputeOptions&, Lowering& lowering) -> Status {
      lowering.LaunchCopy("any", {1, 1, 1}, {}, copy);
      return {};
    };
    const auto layout = LayOutSegment(*graph, WholeGraph(*graph), {}, {lower, 1});
    ASSERT_FALSE(layout);
    EXPECT_EQ(layout.error().code, ErrorCode::kInternal);
  }
}

// --- Random networks ---

class RandomNetwork {
 public:
  explicit RandomNetwork(uint32_t seed) : engine_(seed) {}

  std::shared_ptr<Graph> Build() {
    // Some sizes are multiples of what devices align parts to.
    static const Shape kShapes[] = {{2, 4, 64}, {1, 6, 5}, {4, 3, 7}, {3, 128}, {12}, {2, 2, 128}, {1, 1, 30}};
    const int inputs = 1 + Pick(2);
    for (int i = 0; i < inputs; ++i) pool_.push_back(n_.Input(kShapes[Pick(std::size(kShapes))]));
    const int ops = 4 + Pick(14);
    for (int i = 0; i < ops; ++i) AddOp();
    std::vector<int> outputs;
    for (int tensor : pool_) {
      const bool made = std::find(pool_.begin(), pool_.begin() + inputs, tensor) == pool_.begin() + inputs;
      if (made && (!read_.contains(tensor) || Pick(5) == 0)) outputs.push_back(tensor);
    }
    return n_.b.Build(outputs);
  }

 private:
  size_t Pick(size_t count) { return engine_() % count; }
  const Shape& ShapeOf(int tensor) { return n_.b.tensor(tensor).shape; }
  int Any() {
    // Recent ones more often, so that branches get long.
    const size_t back = std::min(Pick(pool_.size()), Pick(pool_.size()));
    const int tensor = pool_[pool_.size() - 1 - back];
    read_.insert(tensor);
    return tensor;
  }
  void Add(int tensor) { pool_.push_back(tensor); }

  void AddOp() {
    const int x = Any();
    const Shape shape = ShapeOf(x);
    const auto axis = static_cast<int32_t>(Pick(shape.size()));
    int64_t bytes = 1;
    for (int32_t dim : shape) bytes *= dim;
    switch (Pick(9)) {
      case 0: case 1: case 2:
        return Add(n_.Relu(x));
      case 3: case 4: {
        std::vector<int> parts = {x};
        for (int tensor : pool_) {
          Shape other = ShapeOf(tensor);
          if (other.size() != shape.size()) continue;
          other[axis] = shape[axis];
          if (other == shape && Pick(2) == 0) parts.push_back(tensor), read_.insert(tensor);
        }
        std::shuffle(parts.begin(), parts.end(), engine_);
        return bytes * static_cast<int64_t>(parts.size()) < 20000 ? Add(n_.Concat(parts, axis)) : Add(n_.Relu(x));
      }
      case 5: {
        std::vector<int> counts;
        for (int count = 1; count <= 4; ++count) {
          if (shape[axis] % count == 0) counts.push_back(count);
        }
        for (int part : n_.Split(x, axis, counts[Pick(counts.size())])) Add(part);
        return;
      }
      case 6: {
        Shape begin, size;
        for (int32_t dim : shape) {
          begin.push_back(Pick(2) == 0 ? 0 : static_cast<int32_t>(Pick(dim)));
          size.push_back(begin.back() == 0 && Pick(3) > 0 ? dim
                                                          : 1 + static_cast<int32_t>(Pick(dim - begin.back())));
        }
        return Add(n_.Slice(x, begin, size));
      }
      case 7: {
        const auto half = static_cast<int32_t>(bytes / 2);
        return Add(n_.Reshape(x, bytes % 2 == 0 ? Shape{2, half} : Shape{1, static_cast<int32_t>(bytes)}));
      }
      default:
        if (shape.size() > 1 && shape[axis] <= 4 && Pick(2) == 0) {
          for (int part : n_.Unpack(x, axis)) Add(part);
          return;
        }
        if (shape.size() < 4 && bytes < 5000) {
          std::vector<int> parts = {x};
          for (int tensor : pool_) {
            if (ShapeOf(tensor) == shape && Pick(2) == 0) parts.push_back(tensor), read_.insert(tensor);
          }
          return Add(n_.Pack(parts, axis));
        }
        return Add(n_.Relu(x));
    }
  }

  std::mt19937 engine_;
  Network n_;
  std::vector<int> pool_;
  std::set<int> read_;
};

TEST(TensorViews, RandomNetworksKeepEveryByteUntilItIsRead) {
  int64_t uncopied = 0, networks_with_views = 0;
  for (uint32_t seed = 1; seed <= 400; ++seed) {
    const auto graph = RandomNetwork(seed).Build();
    const SegmentLayout copied = LayOut(*graph, 0);
    EXPECT_EQ(copied.uncopied_bytes, 0);
    for (const int64_t alignment : {1, 64, 128}) {
      const SegmentLayout layout = LayOut(*graph, alignment);
      ASSERT_EQ(ArenaSimulation(*graph, layout, 128).Run(), "") << "seed " << seed << " align " << alignment;
      EXPECT_LE(PeakBytes(layout), PeakBytes(copied)) << "seed " << seed;
      uncopied += layout.uncopied_bytes;
      networks_with_views += layout.uncopied_bytes > 0;
      for (const Storage& storage : layout.tensors) EXPECT_EQ(storage.offset % alignment, 0);
    }
  }
  EXPECT_GT(networks_with_views, 600);
  std::printf("%lld bytes not copied, %lld of 1200 layouts have views\n", static_cast<long long>(uncopied),
              static_cast<long long>(networks_with_views));
}

TEST(TensorViews, RandomNetworksOnTheDevice) {
  const auto device = test::FirstOpenClDevice();
  if (device == nullptr) GTEST_SKIP() << "no OpenCL device";
  int64_t uncopied = 0;
  for (uint32_t seed = 1001; seed <= 1220; ++seed) {
    const auto graph = RandomNetwork(seed).Build();
    std::vector<Bytes> inputs;
    for (int tensor : graph->inputs) inputs.push_back(test::RandomBytes(graph->tensors[tensor], seed));
    const auto expected = test::RunGraph(*MakeCpuBackend(), graph, inputs);
    ASSERT_TRUE(expected) << expected.error().text;
    for (const bool shared : {false, true}) {
      OpenClCompileSettings settings;
      settings.bind.use_shared_memory = shared;
      const auto executable = CompileForOpenCl(device, graph, WholeGraph(*graph), {}, settings);
      ASSERT_TRUE(executable) << executable.error().text;
      std::vector<const std::byte*> in;
      for (const Bytes& bytes : inputs) in.push_back(bytes.data());
      std::vector<Bytes> actual;
      std::vector<std::byte*> out;
      for (const Bytes& bytes : *expected) actual.emplace_back(bytes.size());
      for (Bytes& bytes : actual) out.push_back(bytes.data());
      for (int invoke = 0; invoke < 2; ++invoke) {
        const Status status = (*executable)->Invoke(in, out);
        ASSERT_TRUE(status) << status.error().text;
        ASSERT_EQ(actual, *expected) << "seed " << seed << (shared ? " shared" : " copied");
      }
      uncopied += (*executable)->memory_use().uncopied_bytes;
    }
  }
  EXPECT_GT(uncopied, 0);
}

}  // namespace
}  // namespace npu
