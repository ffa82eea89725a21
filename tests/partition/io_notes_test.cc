// What the border of a model means, and what operators on the NPU cost, in words.
// SPDX-License-Identifier: Apache-2.0
#include "partitioner/io_notes.h"

#include "partitioner/op_notes.h"
#include "tests/partition/small_net.h"

namespace npu::test {
namespace {

// input -> RELU -> output, int8 inside; the notes of the border.
std::vector<std::string> NotesOf(DataType type, std::vector<int32_t> shape, float scale, int64_t zero_point) {
  GraphBuilder b;
  const int in = b.Input(type, shape, scale, zero_point);
  const int bytes = type == DataType::kInt8 ? in : b.Tensor(DataType::kInt8, shape, 0.5f);
  if (bytes != in) b.Op(OpKind::kQuantize, {in}, {bytes});
  const int out = b.Tensor(DataType::kInt32, {1});
  const int relu = b.Tensor(DataType::kInt8, shape, 0.5f);
  b.Op(OpKind::kRelu, {bytes}, {relu});
  b.Op(OpKind::kArgMax, {relu, b.Ints({0})}, {out}, ArgMinMaxParams{});
  return IoNotes(*b.Build({out}));
}

testing::AssertionResult Says(const std::vector<std::string>& notes, size_t index, const std::string& what) {
  if (index < notes.size() && notes[index].find(what) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << what << " is not in note " << index << " of " << testing::PrintToString(notes);
}

TEST(IoNotes, SayWhatACameraNeeds) {
  const auto uint8 = NotesOf(DataType::kUInt8, {1, 32, 32, 3}, 1 / 255.0f, 0);
  EXPECT_TRUE(Says(uint8, 0, "bytes go straight in"));
  EXPECT_TRUE(Says(uint8, 0, "0 to 255 stand for 0 to 1"));
  const auto int8 = NotesOf(DataType::kInt8, {1, 32, 32, 3}, 1 / 128.0f, 0);
  EXPECT_TRUE(Says(int8, 0, "XOR 0x80"));
  EXPECT_TRUE(Says(int8, 0, "stand for -1 to 0.9922"));
  EXPECT_TRUE(Says(NotesOf(DataType::kFloat32, {1, 32, 32, 3}, 0, 0), 0, "converted to float and quantized on the CPU (3072 values)"));
  EXPECT_TRUE(Says(NotesOf(DataType::kInt16, {1, 32, 32, 3}, 0.5f, 0), 0, "widened to 16 bits"));
  // One channel may be a spectrogram.
  EXPECT_TRUE(Says(NotesOf(DataType::kUInt8, {1, 49, 40, 1}, 1.0f, 0), 0, "if it is a picture, "));
}

TEST(IoNotes, SayHowOtherInputsAreQuantized) {
  const auto notes = NotesOf(DataType::kInt8, {1, 40}, 0.25f, -3);
  EXPECT_TRUE(Says(notes, 0, "q = round(x / 0.25) + -3, which holds -31.25 to 32.5"));
  EXPECT_EQ(notes[0].find("camera"), std::string::npos);
}

// x -> FULLY_CONNECTED -> the operators -> output
std::pair<Head, std::vector<std::string>> HeadAndNotes(const std::vector<OpKind>& tail, DataType out_type, std::vector<int32_t> shape) {
  GraphBuilder b;
  int tensor = b.Tensor(DataType::kInt8, shape, 0.5f);
  b.Op(OpKind::kFullyConnected, {b.Input(DataType::kInt8, shape, 0.5f)}, {tensor}, FullyConnectedParams{});
  for (size_t i = 0; i < tail.size(); ++i) {
    const DataType type = i + 1 == tail.size() ? out_type : DataType::kInt8;
    const int next = b.Tensor(type, shape, type == DataType::kFloat32 ? 0.0f : 1 / 256.0f);
    b.Op(tail[i], {tensor}, {next});
    tensor = next;
  }
  const auto graph = b.Build({tensor});
  return {HeadsOf(*graph)[0], IoNotes(*graph)};
}

TEST(IoNotes, TellHeadsByTheOperatorThatMakesThem) {
  using K = OpKind;
  EXPECT_EQ(HeadAndNotes({K::kSoftmax}, DataType::kInt8, {1, 10}).first, Head::kScores);
  EXPECT_EQ(HeadAndNotes({K::kSoftmax, K::kDequantize}, DataType::kFloat32, {1, 10}).first, Head::kScores);
  EXPECT_EQ(HeadAndNotes({K::kLogistic, K::kReshape, K::kQuantize}, DataType::kUInt8, {1, 10}).first, Head::kScores);
  EXPECT_EQ(HeadAndNotes({K::kArgMax}, DataType::kInt32, {1}).first, Head::kChoice);
  EXPECT_EQ(HeadAndNotes({K::kL2Normalization}, DataType::kInt8, {1, 128}).first, Head::kVector);
  EXPECT_EQ(HeadAndNotes({}, DataType::kInt8, {1, 1}).first, Head::kVector);
  EXPECT_EQ(HeadAndNotes({K::kRelu}, DataType::kInt8, {1, 8, 8, 2}).first, Head::kMap);
  EXPECT_EQ(HeadAndNotes({K::kDetectionPostProcess}, DataType::kFloat32, {1, 10, 4}).first, Head::kDetection);
  EXPECT_EQ(HeadAndNotes({K::kCustom}, DataType::kInt8, {1, 10}).first, Head::kOther);
}

TEST(IoNotes, WarnOfCoarseVectorsAlone) {
  const std::string coarse = "coarse for an embedding or a regression";
  EXPECT_TRUE(Says(HeadAndNotes({}, DataType::kInt8, {1, 128}).second, 1, coarse));
  EXPECT_TRUE(Says(HeadAndNotes({OpKind::kDequantize}, DataType::kFloat32, {1, 128}).second, 1, coarse));
  const auto scores = HeadAndNotes({OpKind::kSoftmax}, DataType::kInt8, {1, 10}).second;
  EXPECT_TRUE(Says(scores, 1, "class scores in steps of 0.003906"));
  EXPECT_FALSE(Says(scores, 1, coarse));
}

// Outputs that are inputs, or that nobody makes, are no reason to fail.
TEST(IoNotes, OfNothing) {
  GraphBuilder b;
  const int in = b.Input(DataType::kString, {});
  EXPECT_TRUE(IoNotes(*b.Build({in})).empty());
}

TEST(OpNotes, SayWhatCostsMoreThanItsMacs) {
  Net net;
  const int in = net.Input();
  const int turned = net.builder.Tensor(DataType::kInt8, {1, 4, 4, 2}, 0.5f);
  net.builder.Op(OpKind::kTranspose, {in, net.builder.Ints({0, 2, 1, 3})}, {turned});
  const int rescaled = net.builder.Tensor(DataType::kInt8, {1, 4, 4, 2}, 0.25f);
  net.builder.Op(OpKind::kQuantize, {net.Conv(turned)}, {rescaled});
  const int dense = net.builder.Tensor(DataType::kInt8, {1, 4, 4, 2}, 0.5f);
  const int narrow = net.builder.Constant<int8_t>(DataType::kInt4, {2, 2}, {1, 1}, PerTensor(0.5f, 0));
  net.builder.Op(OpKind::kFullyConnected, {rescaled, narrow}, {dense}, FullyConnectedParams{.keep_num_dims = true});
  PlanOptions options;
  options.folds.emplace();
  const Plan plan = MakeHoldingPlan(net.builder.Build({dense}), options);
  ASSERT_EQ(Placements(plan), "NNNN");
  const auto notes = OpNotes(plan);
  EXPECT_TRUE(Says(notes[0], 0, "computes nothing: writes 32 bytes"));
  EXPECT_TRUE(notes[1].empty());
  EXPECT_TRUE(Says(notes[2], 0, "a pass of its own over 32 bytes"));
  EXPECT_TRUE(Says(notes[3], 0, "its weights are kept as int8"));
}

// Folds append constants to the compute graph, which the model's graph has not.
TEST(OpNotes, ReadTheGraphThatIsCompiled) {
  Net net;
  const int in = net.Input();
  const int out = net.Add(net.Relu(net.Relu(in)), in);
  const Plan plan = MakeHoldingPlan(net.builder.Build({out}));
  ASSERT_GT(plan.compute_graph->tensors.size(), plan.graph->tensors.size());
  const auto notes = OpNotes(plan);
  EXPECT_EQ(notes[2], (std::vector<std::string>{"does the work of Op#0 RELU (same-input)", "does the work of Op#1 RELU (same-input)"}));
}

}  // namespace
}  // namespace npu::test
