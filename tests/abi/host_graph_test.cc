// ReadHostGraph: what a host shows becomes the Graph that the file reader makes, and nothing that a host
// shows makes it crash.
// SPDX-License-Identifier: Apache-2.0
#include "delegate/host_graph.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "delegate/host_params.h"
#include "partitioner/plan.h"
#include "tests/support/fake_host.h"
#include "tests/support/graph_builder.h"

namespace npu::test {
namespace {

// ReadHostGraph works only inside the delegate's prepare, as in real hosts.
Result<HostGraph> ReadInside(FakeHost& host) {
  static Result<HostGraph>* result;
  Result<HostGraph> read = Fail(ErrorCode::kInternal, "the host did not call prepare");
  result = &read;
  host::Delegate delegate{};
  delegate.prepare = [](host::Context* context, host::Delegate*) {
    *result = ReadHostGraph(context);
    return host::kOk;
  };
  host.Apply(&delegate);
  return read;
}

// CONV_2D (per channel) -> RELU -> ADD(itself): tensors 0 input, 1 weights, 2 bias, 3, 4, 5.
std::shared_ptr<Graph> SmallNet() {
  GraphBuilder b;
  const int input = b.Input(DataType::kInt8, {1, 4, 4, 2}, 0.5f, 3);
  const int weights = b.Constant<int8_t>(DataType::kInt8, {3, 1, 1, 2}, {1, 2, 3, 4, 5, 6},
                                         PerChannel({0.1f, 0.2f, 0.3f}, 0));
  const int bias =
      b.Constant<int32_t>(DataType::kInt32, {3}, {1, -1, 100}, PerChannel({0.05f, 0.1f, 0.15f}, 0));
  const int conv = b.Tensor(DataType::kInt8, {1, 4, 4, 3}, 0.7f, -5);
  const int relu = b.Tensor(DataType::kInt8, {1, 4, 4, 3}, 0.7f, -5);
  const int sum = b.Tensor(DataType::kInt8, {1, 4, 4, 3}, 1.4f, 0);
  b.Op(OpKind::kConv2D, {input, weights, bias}, {conv},
       Conv2DParams{Padding::kValid, 1, 1, 1, 1, Activation::kRelu6}, 3);
  b.Op(OpKind::kRelu, {conv}, {relu}, NoParams{}, 2);
  b.Op(OpKind::kAdd, {relu, relu}, {sum}, BinaryParams{Activation::kRelu, false}, 2);
  return b.Build({sum});
}

void ExpectSameTensor(const Tensor& a, const Tensor& b) {
  SCOPED_TRACE(a.name);
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.type, b.type);
  EXPECT_EQ(a.shape, b.shape);
  EXPECT_EQ(a.shape_known, b.shape_known);
  EXPECT_EQ(a.shape_signature, b.shape_signature);
  EXPECT_EQ(a.quantization, b.quantization);
  EXPECT_EQ(a.is_variable, b.is_variable);
  EXPECT_EQ(a.is_sparse, b.is_sparse);
  EXPECT_EQ(a.has_unknown_quantization, b.has_unknown_quantization);
  EXPECT_EQ(a.data.bytes.size(), b.data.bytes.size());
  EXPECT_TRUE(std::equal(a.data.bytes.begin(), a.data.bytes.end(), b.data.bytes.begin(), b.data.bytes.end()));
}

TEST(HostGraph, IsTheFilesGraph) {
  auto graph = SmallNet();
  graph->tensors[0].shape_signature = {-1, 4, 4, 2};
  FakeHost host(graph);
  const auto read = ReadInside(host);
  ASSERT_TRUE(read) << read.error().text;
  const Graph& found = *read->graph;
  ASSERT_EQ(found.tensors.size(), graph->tensors.size());
  for (size_t i = 0; i < found.tensors.size(); ++i) ExpectSameTensor(found.tensors[i], graph->tensors[i]);
  ASSERT_EQ(found.ops.size(), graph->ops.size());
  for (size_t i = 0; i < found.ops.size(); ++i) {
    EXPECT_EQ(found.ops[i].kind, graph->ops[i].kind);
    EXPECT_EQ(found.ops[i].version, graph->ops[i].version);
    EXPECT_EQ(found.ops[i].inputs, graph->ops[i].inputs);
    EXPECT_EQ(found.ops[i].outputs, graph->ops[i].outputs);
    EXPECT_EQ(found.ops[i].params_error, "");
  }
  EXPECT_EQ(found.inputs, graph->inputs);
  EXPECT_EQ(found.outputs, graph->outputs);
  EXPECT_EQ(read->node_of_op, (std::vector<int>{0, 1, 2}));
}

// Bytes of the host's struct that hold fields, without the padding at its end.
struct MeaningfulBytes {
  size_t operator()(const Conv2DParams&) { return sizeof(host::ConvParams); }
  size_t operator()(const DepthwiseConv2DParams&) { return sizeof(host::DepthwiseConvParams); }
  size_t operator()(const Pool2DParams&) { return sizeof(host::PoolParams); }
  size_t operator()(const FullyConnectedParams&) { return 10; }
  size_t operator()(const ConcatenationParams&) { return sizeof(host::ConcatenationParams); }
  size_t operator()(const ReshapeParams&) { return sizeof(host::ReshapeParams); }
  size_t operator()(const SqueezeParams&) { return sizeof(host::ReshapeParams); }
  size_t operator()(const ReducerParams&) { return 1; }
  size_t operator()(const GeluParams&) { return 1; }
  size_t operator()(const ResizeParams&) { return 2; }
  size_t operator()(const StridedSliceParams&) { return 21; }
  size_t operator()(const PackParams&) { return sizeof(host::PackParams); }
  size_t operator()(const UnpackParams&) { return sizeof(host::UnpackParams); }
  size_t operator()(const GatherParams&) { return sizeof(host::GatherParams); }
  size_t operator()(const BatchMatmulParams&) { return sizeof(host::BatchMatmulParams); }
  size_t operator()(const SequenceLstmParams&) { return 14; }
  size_t operator()(const SvdfParams&) { return 9; }
  template <typename OneNumber>
  size_t operator()(const OneNumber&) {
    return 4;
  }
};

TEST(HostGraph, ReadsEveryParameterStruct) {
  struct Case {
    OpKind kind;
    OpParams params;
    int version = 1;
  };
  const std::vector<Case> cases = {
      {OpKind::kConv2D, Conv2DParams{Padding::kSame, 2, 3, 4, 5, Activation::kRelu}},
      {OpKind::kDepthwiseConv2D, DepthwiseConv2DParams{Padding::kValid, 2, 3, 4, 5, 6, Activation::kRelu6}},
      {OpKind::kMaxPool2D, Pool2DParams{Padding::kValid, 2, 3, 4, 5, Activation::kReluN1To1}},
      {OpKind::kFullyConnected,
       FullyConnectedParams{Activation::kRelu, WeightsFormat::kShuffled4x16Int8, true, true}},
      {OpKind::kSub, BinaryParams{Activation::kTanh, true}},
      {OpKind::kMul, BinaryParams{Activation::kSignBit, false}},
      {OpKind::kConcatenation, ConcatenationParams{-1, Activation::kRelu}},
      {OpKind::kSoftmax, SoftmaxParams{0.25f}},
      {OpKind::kReshape, ReshapeParams{{1, -1, 7}}},
      {OpKind::kSqueeze, SqueezeParams{{0, 2}}},
      {OpKind::kMean, ReducerParams{true}},
      {OpKind::kResizeBilinear, ResizeParams{true, false}},
      {OpKind::kResizeNearestNeighbor, ResizeParams{false, true}},
      {OpKind::kLeakyRelu, LeakyReluParams{0.125f}},
      {OpKind::kDiv, BinaryParams{Activation::kRelu6, false}},
      {OpKind::kGelu, GeluParams{true}},
      {OpKind::kStridedSlice, StridedSliceParams{1, 2, 3, 4, 5, true}, 8},
      {OpKind::kSplit, SplitParams{3}},
      {OpKind::kPack, PackParams{4, -2}},
      {OpKind::kShape, ShapeParams{true}},
      {OpKind::kGather, GatherParams{2, 1}},
      {OpKind::kUnpack, UnpackParams{4, -2}},
      {OpKind::kSplitV, SplitParams{5}},
      {OpKind::kSpaceToDepth, SpaceDepthParams{2}},
      {OpKind::kDepthToSpace, SpaceDepthParams{3}},
      {OpKind::kMirrorPad, MirrorPadParams{MirrorMode::kReflect}},
      {OpKind::kMirrorPad, MirrorPadParams{MirrorMode::kSymmetric}},
      {OpKind::kBatchMatmul, BatchMatmulParams{true, false, true}},
      {OpKind::kUnidirectionalSequenceLstm, SequenceLstmParams{Activation::kTanh, 10.0f, 2.5f, true, true}},
      {OpKind::kSvdf, SvdfParams{2, Activation::kRelu, true}},
      {OpKind::kCallOnce, CallOnceParams{1}},
      {OpKind::kReduceMax, ReducerParams{true}},
      {OpKind::kArgMax, ArgMinMaxParams{true}},
      {OpKind::kArgMin, ArgMinMaxParams{false}},
      {OpKind::kL2Normalization, L2NormParams{Activation::kRelu6}},
      {OpKind::kTransposeConv, TransposeConvParams{Padding::kSame, 2, 3, Activation::kRelu}, 4},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(GetOpInfo(c.kind).name);
    GraphBuilder b;
    const int input = b.Input(DataType::kInt8, {1, 4}, 1.0f);
    const int output = b.Tensor(DataType::kInt8, {1, 4}, 1.0f);
    b.Op(c.kind, {input}, {output}, c.params, c.version);
    FakeHost host(b.Build({output}));
    const auto read = ReadInside(host);
    ASSERT_TRUE(read);
    const Op& op = read->graph->ops[0];
    EXPECT_EQ(op.params_error, "");
    ASSERT_EQ(op.params.index(), c.params.index());
    // Back through the host's struct: equal bytes there mean equal fields here.
    GraphBuilder again;
    const int again_input = again.Input(DataType::kInt8, {1, 4}, 1.0f);
    const int again_output = again.Tensor(DataType::kInt8, {1, 4}, 1.0f);
    again.Op(c.kind, {again_input}, {again_output}, op.params, c.version);
    FakeHost second(again.Build({again_output}));
    EXPECT_EQ(std::memcmp(host.nodes[0].builtin_data, second.nodes[0].builtin_data,
                          std::visit(MeaningfulBytes{}, c.params)),
              0);
  }
}

TEST(HostGraph, ReadsTheNamesOfAResourceVariable) {
  GraphBuilder b;
  const int input = b.Input(DataType::kInt8, {4}, 1.0f);
  const int output = b.Tensor(DataType::kInt8, {4}, 1.0f);
  b.Op(OpKind::kVarHandle, {input}, {output}, VarHandleParams{"box", "buffer/1"});
  FakeHost host(b.Build({output}));
  const auto read = ReadInside(host);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->graph->ops[0].as<VarHandleParams>().container, "box");
  EXPECT_EQ(read->graph->ops[0].as<VarHandleParams>().shared_name, "buffer/1");
  // A host that has no names gives null pointers.
  reinterpret_cast<host::VarHandleParams*>(host.nodes[0].builtin_data)->container = nullptr;
  const auto unnamed = ReadInside(host);
  ASSERT_TRUE(unnamed);
  EXPECT_EQ(unnamed->graph->ops[0].as<VarHandleParams>().container, "");
}

TEST(HostGraph, TransposeConvActivationIsReadOnlyWhereItExists) {
  for (const int version : {3, 4}) {
    GraphBuilder b;
    const int input = b.Input(DataType::kInt8, {4}, 1.0f);
    const int output = b.Tensor(DataType::kInt8, {4}, 1.0f);
    b.Op(OpKind::kTransposeConv, {input}, {output},
         TransposeConvParams{Padding::kSame, 1, 1, Activation::kRelu}, version);
    FakeHost host(b.Build({output}));
    const auto read = ReadInside(host);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->graph->ops[0].as<TransposeConvParams>().activation,
              version == 4 ? Activation::kRelu : Activation::kNone);
  }
}

TEST(HostGraph, StridedSliceOffsetIsReadOnlyWhereItExists) {
  for (const int version : {7, 8}) {
    GraphBuilder b;
    const int input = b.Input(DataType::kInt8, {4}, 1.0f);
    const int output = b.Tensor(DataType::kInt8, {4}, 1.0f);
    b.Op(OpKind::kStridedSlice, {input}, {output}, StridedSliceParams{0, 0, 0, 0, 0, true}, version);
    FakeHost host(b.Build({output}));
    const auto read = ReadInside(host);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->graph->ops[0].as<StridedSliceParams>().offset, version == 8);
  }
}

TEST(HostGraph, KnowsOutputsThatAreAlsoReadInside) {
  auto graph = SmallNet();
  graph->outputs = {3, 5};
  FakeHost host(graph);
  const auto read = ReadInside(host);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->graph->outputs, (std::vector<int>{3, 5}));
  host.context.preview_delegate_partitioning = nullptr;
  const auto without = ReadInside(host);
  ASSERT_TRUE(without);
  EXPECT_EQ(without->graph->outputs, std::vector<int>{5});
}

TEST(HostGraph, SkipsNodesThatLeftThePlan) {
  auto graph = SmallNet();
  FakeHost host(graph);
  host.plan = {1, 2};
  const auto read = ReadInside(host);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->node_of_op, (std::vector<int>{1, 2}));
  EXPECT_EQ(read->graph->inputs, std::vector<int>{3});
  EXPECT_EQ(read->graph->ops[0].kind, OpKind::kRelu);
}

TEST(HostGraph, AResultWithoutDimensionsHasNoKnownShape) {
  auto graph = SmallNet();
  graph->tensors[3].shape_known = false;
  FakeHost host(graph);
  const auto read = ReadInside(host);
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->graph->tensors[3].shape_known);
}

TEST(HostGraph, KnownCustomOperatorReadsItsOptions) {
  GraphBuilder b;
  const int input = b.Input(DataType::kInt32, {1, 2, 2, 1});
  const int output = b.Tensor(DataType::kInt32, {1, 1, 1, 1});
  b.Op(OpKind::kLceBMaxPool2d, {input}, {output}, LceBMaxPool2dParams{});
  FakeHost host(b.Build({output}));
  const uint8_t garbage[] = {1, 2, 3, 4, 5, 6, 7, 8};
  host.nodes[0].custom_initial_data = garbage;
  host.nodes[0].custom_initial_data_size = sizeof(garbage);
  const auto read = ReadInside(host);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->graph->ops[0].kind, OpKind::kLceBMaxPool2d);
  EXPECT_NE(read->graph->ops[0].params_error, "");
}

// One thing wrong with a host that shows SmallNet.
struct Spoiler {
  const char* name;
  std::function<void(FakeHost&)> spoil;
  int bad_op;  // the op that must carry the problem; -1: no graph at all
};

// Large enough for the flexible array that the host's structs end with.
template <typename Array, int kCount>
struct Fixed {
  int32_t size;
  decltype(Array::data[0] + Array::data[0]) data[kCount > 0 ? kCount : 1];
  Array* get() { return reinterpret_cast<Array*>(this); }
};
using Ints = Fixed<host::IntArray, 3>;
using Floats = Fixed<host::FloatArray, 3>;

host::AffineQuantization& Affine(FakeHost& host, int tensor) {
  return *static_cast<host::AffineQuantization*>(host.tensors[tensor].quantization);
}

void ReplaceDims(FakeHost& host, int tensor, std::vector<int32_t> dims) {
  std::free(host.tensors[tensor].dims);
  host.tensors[tensor].dims = MakeIntArray(dims);
}

void DropDims(FakeHost& host, int tensor) {
  std::free(host.tensors[tensor].dims);
  host.tensors[tensor].dims = nullptr;
}

std::vector<Spoiler> Spoilers() {
  static Ints far{3, {0, 1, 99}}, negative{3, {0, -7, 2}}, far_output{1, {99, 0, 0}}, cycle{3, {5, 1, 2}},
      negative_size{-3, {0, 0, 0}};
  static Ints two{2, {0, 0, 0}}, huge_zero{3, {0, 0, 300}};
  static Floats nan{3, {0.1f, std::nanf(""), 0.1f}}, zero{3, {0.1f, 0, 0.1f}}, inf{3, {INFINITY, 1, 1}};
  constexpr int kNoGraph = -1;
  return {
      {"input index past the end", [](FakeHost& h) { h.nodes[0].inputs = far.get(); }, kNoGraph},
      {"negative input index", [](FakeHost& h) { h.nodes[0].inputs = negative.get(); }, kNoGraph},
      {"no input list", [](FakeHost& h) { h.nodes[0].inputs = nullptr; }, kNoGraph},
      {"negative input count", [](FakeHost& h) { h.nodes[0].inputs = negative_size.get(); }, kNoGraph},
      {"output index past the end", [](FakeHost& h) { h.nodes[0].outputs = far_output.get(); }, kNoGraph},
      {"no output list", [](FakeHost& h) { h.nodes[2].outputs = nullptr; }, kNoGraph},
      {"no parameters", [](FakeHost& h) { h.nodes[0].builtin_data = nullptr; }, 0},
      {"padding 0", [](FakeHost& h) { static_cast<host::ConvParams*>(h.nodes[0].builtin_data)->padding = 0; },
       0},
      {"padding 3", [](FakeHost& h) { static_cast<host::ConvParams*>(h.nodes[0].builtin_data)->padding = 3; },
       0},
      {"activation 6",
       [](FakeHost& h) { static_cast<host::AddParams*>(h.nodes[2].builtin_data)->activation = 6; }, 2},
      {"activation -1",
       [](FakeHost& h) { static_cast<host::AddParams*>(h.nodes[2].builtin_data)->activation = -1; }, 2},
      {"unknown element type", [](FakeHost& h) { h.tensors[5].type = 77; }, 2},
      {"element type 0", [](FakeHost& h) { h.tensors[5].type = 0; }, 2},
      {"NaN scale", [](FakeHost& h) { Affine(h, 1).scale = nan.get(); }, 0},
      {"zero scale", [](FakeHost& h) { Affine(h, 1).scale = zero.get(); }, 0},
      {"infinite scale", [](FakeHost& h) { Affine(h, 1).scale = inf.get(); }, 0},
      {"two zero points for three scales", [](FakeHost& h) { Affine(h, 1).zero_point = two.get(); }, 0},
      {"negative scale count",
       [](FakeHost& h) { Affine(h, 1).scale = reinterpret_cast<host::FloatArray*>(&negative_size); }, 0},
      {"zero point out of range", [](FakeHost& h) { Affine(h, 1).zero_point = huge_zero.get(); }, 0},
      {"quantized dimension past the rank", [](FakeHost& h) { Affine(h, 1).quantized_dimension = 4; }, 0},
      {"negative quantized dimension", [](FakeHost& h) { Affine(h, 1).quantized_dimension = -1; }, 0},
      {"scales along a dimension of another size", [](FakeHost& h) { Affine(h, 1).quantized_dimension = 3; },
       0},
      {"too few bytes of weights", [](FakeHost& h) { h.tensors[1].bytes = 5; }, 0},
      {"a constant that is written",
       [](FakeHost& h) {
         h.tensors[4].allocation_type = host::kAllocationMmapRo;
         h.tensors[4].data = h.tensors[1].data;
         h.tensors[4].bytes = 48;
         ReplaceDims(h, 4, {48});
       },
       kNoGraph},
      {"two writers of one tensor", [](FakeHost& h) { h.nodes[1].outputs = h.nodes[0].outputs; }, kNoGraph},
      {"a cycle", [](FakeHost& h) { h.nodes[0].inputs = cycle.get(); }, kNoGraph},
      {"reversed plan",
       [](FakeHost& h) {
         h.plan = {2, 1, 0};
       },
       kNoGraph},
      {"no execution plan",
       [](FakeHost& h) {
         h.context.get_execution_plan = [](host::Context*, host::IntArray**) { return host::kError; };
       },
       kNoGraph},
      {"execution plan of negative size",
       [](FakeHost& h) {
         h.context.get_execution_plan = [](host::Context*, host::IntArray** plan) {
           *plan = negative_size.get();
           return host::kOk;
         };
       },
       kNoGraph},
      {"no context functions",
       [](FakeHost& h) {
         h.context.get_execution_plan = nullptr;
         h.context.get_node_and_registration = nullptr;
       },
       kNoGraph},
      {"no tensors", [](FakeHost& h) { h.context.tensors = nullptr; }, kNoGraph},
      {"far too many tensors", [](FakeHost& h) { h.context.tensors_size = SIZE_MAX; }, kNoGraph},
      {"plan names a node that is not there",
       [](FakeHost& h) {
         h.plan = {0, 1, 2, 55};
       },
       kNoGraph},
  };
}

TEST(HostGraph, ABadNodeCostsThatNodeOnly) {
  for (const Spoiler& spoiler : Spoilers()) {
    SCOPED_TRACE(spoiler.name);
    FakeHost host(SmallNet());
    spoiler.spoil(host);
    const auto read = ReadInside(host);
    if (spoiler.bad_op < 0) {
      EXPECT_FALSE(read);
      EXPECT_EQ(host.partitioning_count, 0) << "real hosts crash when they cut such a graph";
      continue;
    }
    ASSERT_TRUE(read) << read.error().text;
    for (size_t i = 0; i < read->graph->ops.size(); ++i) {
      if (static_cast<int>(i) == spoiler.bad_op) {
        EXPECT_NE(read->graph->ops[i].params_error, "");
      }
    }
    const auto plan = MakePlan(read->graph, {});
    ASSERT_TRUE(plan) << plan.error().text;
    EXPECT_EQ(plan->ops[spoiler.bad_op].placement, Placement::kHost);
  }
}

TEST(HostGraph, MissingOrImpossibleDimensionsMakeTheShapeUnknown) {
  for (const auto& spoil : std::vector<std::function<void(FakeHost&)>>{
           [](FakeHost& h) { DropDims(h, 0); },
           [](FakeHost& h) {
             ReplaceDims(h, 0, {1, -4, 4, 2});
           },
           [](FakeHost& h) {
             ReplaceDims(h, 0, {1 << 20, 1 << 20, 1 << 20, 2});
           },
       }) {
    FakeHost host(SmallNet());
    spoil(host);
    const auto read = ReadInside(host);
    ASSERT_TRUE(read);
    EXPECT_FALSE(read->graph->tensors[0].shape_known);
    const auto plan = MakePlan(read->graph, {});
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->ops[0].placement, Placement::kHost);
  }
}

TEST(HostGraph, NamesAndQuantizationMayBeAbsent) {
  FakeHost host(SmallNet());
  for (host::Tensor& tensor : host.tensors) tensor.name = nullptr;
  host.tensors[0].quantization = nullptr;
  Affine(host, 5).scale = nullptr;
  const auto read = ReadInside(host);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->graph->tensors[0].name, "");
  EXPECT_TRUE(read->graph->tensors[0].quantization.empty());
  EXPECT_TRUE(read->graph->tensors[5].quantization.empty());
}

}  // namespace
}  // namespace npu::test
