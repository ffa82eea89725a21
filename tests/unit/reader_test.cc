// Good models, and the odd ones that the reader accepts: what arrives in the Graph.
// SPDX-License-Identifier: Apache-2.0
#include "schema/reader.h"

#include <gtest/gtest.h>

#include "tests/support/model_promises.h"
#include "tests/support/tflite_file.h"

namespace npu::test {
namespace {

fbs::SubGraphT& Main(fbs::ModelT& m) { return *m.subgraphs[0]; }
fbs::TensorT& TensorAt(fbs::ModelT& m, int index) { return *Main(m).tensors[index]; }
fbs::OperatorT& OpAt(fbs::ModelT& m, int index) { return *Main(m).operators[index]; }
fbs::QuantizationParametersT& QuantizationAt(fbs::ModelT& m, int index) {
  return *TensorAt(m, index).quantization;
}

TEST(Reader, ReadsEveryFieldOfAGoodModel) {
  auto file = SmallFileModel();
  TensorAt(*file, 0).shape_signature = {-1, 4, 4, 2};
  QuantizationAt(*file, 0).zero_point = {-7};
  OpAt(*file, 0).inputs[2] = -1;
  const auto bytes = WriteFile(*file);
  const auto model = ReadModel(bytes, nullptr);
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_EQ(BrokenPromise(*model), "");
  EXPECT_EQ(model->description, "made by a test");
  EXPECT_EQ(model->size_bytes, static_cast<int64_t>(bytes.size()));
  const Graph& graph = *model->subgraphs[0];
  EXPECT_EQ(graph.name, "main");
  EXPECT_EQ(graph.inputs, std::vector<int>{0});
  EXPECT_EQ(graph.outputs, std::vector<int>{4});
  ASSERT_EQ(graph.tensors.size(), 5u);
  EXPECT_EQ(graph.tensors[0].name, "input");
  EXPECT_EQ(graph.tensors[0].type, DataType::kInt8);
  EXPECT_EQ(graph.tensors[0].shape, (std::vector<int32_t>{1, 4, 4, 2}));
  EXPECT_EQ(graph.tensors[0].shape_signature, (std::vector<int32_t>{-1, 4, 4, 2}));
  EXPECT_EQ(graph.tensors[0].quantization, (Quantization{{0.5f}, {-7}, 0}));
  EXPECT_FALSE(graph.tensors[0].is_constant());
  EXPECT_EQ(graph.tensors[1].quantization, (Quantization{{0.1f, 0.2f, 0.3f}, {0, 0, 0}, 0}));
  ASSERT_EQ(graph.tensors[1].data.bytes.size(), 24u);
  EXPECT_EQ(graph.tensors[1].data.bytes[23], std::byte{23});
  EXPECT_GE(graph.tensors[1].data.bytes.data(), bytes.data());
  EXPECT_LT(graph.tensors[1].data.bytes.data(), bytes.data() + bytes.size());
  ASSERT_EQ(graph.ops.size(), 2u);
  EXPECT_EQ(graph.ops[0].kind, OpKind::kConv2D);
  EXPECT_EQ(graph.ops[0].inputs, (std::vector<int>{0, 1, kNoTensor}));
  EXPECT_EQ(graph.ops[1].kind, OpKind::kAdd);
  EXPECT_EQ(graph.ops[1].outputs, std::vector<int>{4});
}

TEST(Reader, AbsentZeroPointsAreZero) {
  auto file = SmallFileModel();
  QuantizationAt(*file, 1).zero_point.clear();
  const auto bytes = WriteFile(*file);
  const auto model = ReadModel(bytes, nullptr);
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_EQ(model->subgraphs[0]->tensors[1].quantization.zero_point, (std::vector<int64_t>{0, 0, 0}));
}

TEST(Reader, ParametersOfFloatTensorsMayBeWrong) {
  auto file = SmallFileModel();
  TensorAt(*file, 3).type = fbs::TensorType::FLOAT32;
  QuantizationAt(*file, 3).scale = {0};
  const auto bytes = WriteFile(*file);
  const auto model = ReadModel(bytes, nullptr);
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_TRUE(model->subgraphs[0]->tensors[3].quantization.empty());
}

TEST(Reader, BlockwiseQuantizationIsUnknown) {
  auto file = SmallFileModel();
  QuantizationAt(*file, 1).details.Set(fbs::BlockwiseQuantizationT());
  const auto bytes = WriteFile(*file);
  const auto model = ReadModel(bytes, nullptr);
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_TRUE(model->subgraphs[0]->tensors[1].has_unknown_quantization);
  EXPECT_TRUE(model->subgraphs[0]->tensors[1].quantization.empty());
}

// Which of the empty shapes are scalars, and which are left to shape inference.
TEST(Reader, EmptyShapes) {
  auto file = SmallFileModel();
  for (auto& tensor : Main(*file).tensors) {
    tensor->shape.clear();
    tensor->quantization.reset();
  }
  file->buffers[1]->data.resize(1);
  file->buffers[2]->data.resize(4);
  TensorAt(*file, 4).has_rank = true;
  const auto bytes = WriteFile(*file);
  const auto model = ReadModel(bytes, nullptr);
  ASSERT_TRUE(model) << model.error().text;
  const auto& tensors = model->subgraphs[0]->tensors;
  EXPECT_TRUE(tensors[0].shape_known) << "graph input";
  EXPECT_TRUE(tensors[1].shape_known) << "constant";
  EXPECT_FALSE(tensors[3].shape_known) << "operator output without has_rank";
  EXPECT_TRUE(tensors[4].shape_known) << "operator output with has_rank";
}

TEST(Reader, SparseConstantsKeepTheirCompressedData) {
  auto file = SmallFileModel();
  TensorAt(*file, 1).sparsity = std::make_unique<fbs::SparsityParametersT>();
  file->buffers[1]->data.resize(5);
  const auto bytes = WriteFile(*file);
  const auto model = ReadModel(bytes, nullptr);
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_TRUE(model->subgraphs[0]->tensors[1].is_sparse);
  EXPECT_EQ(model->subgraphs[0]->tensors[1].data.bytes.size(), 5u);
}

TEST(Reader, ErrorsOfOtherSubgraphsSayWhich) {
  auto file = SmallFileModel();
  file->subgraphs.push_back(std::make_unique<fbs::SubGraphT>(*SmallFileModel()->subgraphs[0]));
  file->subgraphs[1]->tensors[0]->shape[0] = -3;
  const auto bytes = WriteFile(*file);
  const auto model = ReadModel(bytes, nullptr);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().text.find("subgraph 1: T#0 \"input\": shape[0] is -3"), 0u) << model.error().text;
}

TEST(Reader, NoBytes) {
  const auto model = ReadModel({}, nullptr);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().text, "not a .tflite file: it is empty");
}

// One long vector that thousands of tables share would make a Graph of many gigabytes out of a small file.
class SharedData : public ::testing::Test {
 protected:
  static constexpr size_t kLong = 100'000, kTables = 5'000;

  template <typename Table>
  auto Repeat(flatbuffers::Offset<Table> table) {
    return builder_.CreateVector(std::vector<flatbuffers::Offset<Table>>(kTables, table));
  }
  void ExpectOverBudget(flatbuffers::Offset<fbs::SubGraph> graph,
                        flatbuffers::Offset<fbs::OperatorCode> code = 0) {
    const auto graphs = builder_.CreateVector({graph});
    const auto codes = builder_.CreateVector(std::vector(code.IsNull() ? 0 : 1, code));
    const auto empty = fbs::CreateBuffer(builder_);
    // Outside data at an odd address: INT32 constants are copied.
    const auto odd = fbs::CreateBuffer(builder_, 0, 3, kLong);
    const auto buffers = builder_.CreateVector({empty, odd});
    fbs::FinishModelBuffer(builder_, fbs::CreateModel(builder_, 3, codes, graphs, 0, buffers));
    const auto model =
        ReadModel(std::as_bytes(std::span(builder_.GetBufferPointer(), builder_.GetSize())), nullptr);
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().code, ErrorCode::kResourceExhausted) << model.error().text;
  }

  flatbuffers::FlatBufferBuilder builder_;
};

TEST_F(SharedData, Shape) {
  const auto shape = builder_.CreateVector(std::vector<int32_t>(kLong, 1));
  const auto tensors = Repeat(fbs::CreateTensor(builder_, shape, fbs::TensorType::INT8));
  ExpectOverBudget(fbs::CreateSubGraph(builder_, tensors));
}

TEST_F(SharedData, TensorName) {
  const auto name = builder_.CreateString(std::string(kLong, 'x'));
  const auto tensors = Repeat(fbs::CreateTensor(builder_, 0, fbs::TensorType::INT8, 0, name));
  ExpectOverBudget(fbs::CreateSubGraph(builder_, tensors));
}

TEST_F(SharedData, CustomCode) {
  const auto name = builder_.CreateString(std::string(kLong, 'x'));
  const auto code = fbs::CreateOperatorCode(builder_, 32, name, 1, fbs::BuiltinOperator::CUSTOM);
  const auto ops = Repeat(fbs::CreateOperator(builder_));
  const auto tensors = builder_.CreateVector(std::vector<flatbuffers::Offset<fbs::Tensor>>());
  ExpectOverBudget(fbs::CreateSubGraph(builder_, tensors, 0, 0, ops), code);
}

TEST_F(SharedData, MisalignedConstant) {
  const auto shape = builder_.CreateVector(std::vector<int32_t>{kLong / 4});
  builder_.CreateVector(std::vector<uint8_t>(kLong));  // bytes for the outside range to lie in
  const auto tensors = Repeat(fbs::CreateTensor(builder_, shape, fbs::TensorType::INT32, 1));
  ExpectOverBudget(fbs::CreateSubGraph(builder_, tensors));
}

TEST(Reader, UnprintableNamesStayOutOfErrors) {
  auto file = SmallFileModel();
  TensorAt(*file, 0).name = "\x1b[31m" + std::string(5000, 'x');
  TensorAt(*file, 0).shape[0] = -1;
  const auto bytes = WriteFile(*file);
  const auto model = ReadModel(bytes, nullptr);
  ASSERT_FALSE(model);
  EXPECT_LT(model.error().text.size(), 200u);
  EXPECT_EQ(model.error().text.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace npu::test
