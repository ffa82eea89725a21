// The reader against models that are wrong in one place: each row breaks one field of a good model and
// states what the error must say. The rows follow the classes of published TFLite parsing advisories.
// SPDX-License-Identifier: Apache-2.0
#include "schema/reader.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

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

struct BadField {
  const char* name;
  std::function<void(fbs::ModelT&)> damage;
  std::vector<std::string> says;  // parts of the error text
  ErrorCode code = ErrorCode::kInvalidModel;
};

void PrintTo(const BadField& bad, std::ostream* out) { *out << bad.name; }

const float kNan = std::numeric_limits<float>::quiet_NaN();
const float kInf = std::numeric_limits<float>::infinity();

const BadField kBadFields[] = {
    // Versions and mandatory parts (CVE-2020-15209, 2021-37681: absent tables dereferenced).
    {"Version", [](auto& m) { m.version = 2; }, {"version is 2", "expected 3"}},
    {"NoSubgraphs", [](auto& m) { m.subgraphs.clear(); }, {"subgraphs are missing"}},
    {"NoOperatorCodes",
     [](auto& m) { m.operator_codes.clear(); },
     {"Op#0", "opcode_index is 0", "0 operator codes"}},
    {"NoBuffers", [](auto& m) { m.buffers.clear(); }, {"buffers are missing"}},
    // Indices (CVE-2020-15207, 15211, 2021-29603).
    {"OpcodeIndex", [](auto& m) { OpAt(m, 1).opcode_index = 77; }, {"Op#1", "opcode_index is 77", "0 to 1"}},
    {"BuiltinCode",
     [](auto& m) { m.operator_codes[0]->builtin_code = static_cast<fbs::BuiltinOperator>(9999); },
     {"Op#0", "builtin_code is 9999", "0 to 209"}},
    {"NegativeBuiltinCode",
     [](auto& m) {
       m.operator_codes[0]->builtin_code = static_cast<fbs::BuiltinOperator>(-5);
       m.operator_codes[0]->deprecated_builtin_code = -5;
     },
     {"Op#0", "builtin_code is -5"}},
    {"OpVersion",
     [](auto& m) { m.operator_codes[1]->version = 0; },
     {"Op#1 ADD", "version is 0", "expected >= 1"}},
    {"CustomWithoutName",
     [](auto& m) { m.operator_codes[1]->builtin_code = fbs::BuiltinOperator::CUSTOM; },
     {"Op#1 CUSTOM", "custom_code is missing"}},
    {"BufferIndex",
     [](auto& m) { TensorAt(m, 1).buffer = 4000; },
     {"T#1 \"weights\"", "buffer is 4000", "0 to 2"}},
    {"BufferIndexMax",
     [](auto& m) { TensorAt(m, 1).buffer = 0xffffffffu; },
     {"T#1 \"weights\"", "4294967295"}},
    {"OpInput", [](auto& m) { OpAt(m, 0).inputs[1] = 1000; }, {"Op#0 CONV_2D", "1000", "0 to 4"}},
    {"OpInputBelowAbsent", [](auto& m) { OpAt(m, 0).inputs[2] = -2; }, {"Op#0 CONV_2D", "-2"}},
    {"OpOutputAbsent", [](auto& m) { OpAt(m, 0).outputs[0] = -1; }, {"Op#0 CONV_2D", "output 0", "-1"}},
    {"GraphInput", [](auto& m) { Main(m).inputs[0] = 9999; }, {"graph input 0", "9999"}},
    {"GraphOutput", [](auto& m) { Main(m).outputs[0] = -1; }, {"graph output 0", "-1"}},
    // Aliasing and order (CVE-2020-15210).
    {"TwoWriters",
     [](auto& m) { OpAt(m, 1).outputs[0] = 3; },
     {"Op#1 ADD", "T#3", "already written by Op#0"}},
    {"WritesConstant", [](auto& m) { OpAt(m, 1).outputs[0] = 1; }, {"Op#1 ADD", "T#1", "constant"}},
    {"WritesGraphInput", [](auto& m) { OpAt(m, 1).outputs[0] = 0; }, {"graph input 0", "T#0", "Op#1"}},
    {"InPlace",
     [](auto& m) {
       OpAt(m, 1).inputs = {4, 4};
     },
     {"Op#1 ADD", "T#4"}},
    {"Order",
     [](auto& m) { std::swap(Main(m).operators[0], Main(m).operators[1]); },
     {"Op#0 ADD", "T#3", "Op#1"}},
    // Shapes (CVE-2021-29601, 29605, 2022-23558: 32-bit products wrap).
    {"NegativeDimension",
     [](auto& m) { TensorAt(m, 0).shape[1] = -16; },
     {"T#0 \"input\"", "shape[1] is -16"}},
    {"ElementsOverflow",
     [](auto& m) {
       TensorAt(m, 0).shape = {65536, 65536, 65536, 65536};
     },
     {"T#0 \"input\"", "[65536,65536,65536,65536]", "too large"}},
    {"ElementsWrapTo0",
     [](auto& m) {
       TensorAt(m, 0).shape = {1, 65536, 65536, 1};
     },
     {"T#0 \"input\"", "too large"}},
    {"BytesOverflow",
     [](auto& m) {
       TensorAt(m, 0).type = fbs::TensorType::FLOAT64;
       TensorAt(m, 0).shape = {1, 1 << 29};
     },
     {"T#0 \"input\"", "[1,536870912]", "FLOAT64", "too large"}},
    {"SignatureRank",
     [](auto& m) {
       TensorAt(m, 0).shape_signature = {-1, 4};
     },
     {"T#0", "shape_signature [-1,4]"}},
    {"SignatureValue",
     [](auto& m) {
       TensorAt(m, 0).shape_signature = {-1, 4, -2, 2};
     },
     {"T#0", "[2] is -2"}},
    {"Type",
     [](auto& m) { TensorAt(m, 3).type = static_cast<fbs::TensorType>(111); },
     {"T#3 \"hidden\"", "type is 111"}},
    {"NegativeType",
     [](auto& m) { TensorAt(m, 3).type = static_cast<fbs::TensorType>(-1); },
     {"T#3", "type is -1"}},
    // Constant data (CVE-2020-15208, 2022-23560).
    {"ShortData",
     [](auto& m) { m.buffers[1]->data.resize(7); },
     {"T#1 \"weights\"", "7 bytes", "expected 24"}},
    {"LongData", [](auto& m) { m.buffers[2]->data.resize(16); }, {"T#2 \"bias\"", "16 bytes", "expected 12"}},
    {"WiderType",
     [](auto& m) { TensorAt(m, 2).type = fbs::TensorType::INT64; },
     {"T#2 \"bias\"", "12 bytes", "24"}},
    {"ZeroElements",
     [](auto& m) {
       TensorAt(m, 2).shape = {0};
       QuantizationAt(m, 2).scale.resize(1);
     },
     {"T#2 \"bias\"", "12 bytes", "expected 0"}},
    {"VariableWithData",
     [](auto& m) { TensorAt(m, 1).is_variable = true; },
     {"T#1 \"weights\"", "is_variable"}},
    {"OutsideOffset",
     [](auto& m) {
       m.buffers[1]->data.clear();
       m.buffers[1]->offset = uint64_t{1} << 40;
       m.buffers[1]->size = 24;
     },
     {"T#1 \"weights\" buffer 1", "1099511627776", "24"}},
    {"OutsideWraps",
     [](auto& m) {
       m.buffers[1]->data.clear();
       m.buffers[1]->offset = ~uint64_t{15};
       m.buffers[1]->size = 24;
     },
     {"T#1 \"weights\" buffer 1", "18446744073709551600"}},
    {"ExternalBuffer",
     [](auto& m) { TensorAt(m, 1).external_buffer = 9; },
     {"T#1 \"weights\"", "external_buffer is 9"},
     ErrorCode::kUnsupported},
    // Quantization (CVE-2021-37682, 2022-29212).
    {"ScaleZero", [](auto& m) { QuantizationAt(m, 0).scale[0] = 0; }, {"T#0 \"input\"", "scale[0] is 0"}},
    {"ScaleNegative",
     [](auto& m) { QuantizationAt(m, 1).scale[2] = -0.1f; },
     {"T#1 \"weights\"", "scale[2] is -0.1"}},
    {"ScaleNan",
     [](auto& m) { QuantizationAt(m, 1).scale[1] = kNan; },
     {"T#1 \"weights\"", "scale[1] is nan"}},
    {"ScaleInf",
     [](auto& m) { QuantizationAt(m, 4).scale[0] = kInf; },
     {"T#4 \"output\"", "scale[0] is inf"}},
    {"ScaleDenormal", [](auto& m) { QuantizationAt(m, 4).scale[0] = 1e-42f; }, {"T#4 \"output\"", "1e-42"}},
    {"ScaleCount",
     [](auto& m) {
       QuantizationAt(m, 1).scale.resize(2, 1);
       QuantizationAt(m, 1).zero_point.resize(2);
     },
     {"T#1 \"weights\"", "2 scales along dimension 0", "1 or 3"}},
    {"ZeroPointCount",
     [](auto& m) { QuantizationAt(m, 1).zero_point.resize(1); },
     {"T#1", "1 zero points for 3"}},
    {"ZeroPointInt8",
     [](auto& m) { QuantizationAt(m, 0).zero_point[0] = 128; },
     {"T#0", "is 128", "-128 to 127 for INT8"}},
    {"ZeroPointUint8",
     [](auto& m) {
       TensorAt(m, 0).type = fbs::TensorType::UINT8;
       QuantizationAt(m, 0).zero_point[0] = -1;
     },
     {"T#0", "zero_point[0] is -1", "0 to 255 for UINT8"}},
    {"ZeroPoint64Bit",
     [](auto& m) { QuantizationAt(m, 2).zero_point[1] = int64_t{1} << 40; },
     {"T#2 \"bias\"", "zero_point[1] is 1099511627776", "INT32"}},
    {"DimensionTooHigh",
     [](auto& m) { QuantizationAt(m, 1).quantized_dimension = 4; },
     {"T#1", "is 4", "0 to 3"}},
    {"DimensionNegative", [](auto& m) { QuantizationAt(m, 1).quantized_dimension = -1; }, {"T#1", "is -1"}},
    {"DimensionOfOneScale",
     [](auto& m) { QuantizationAt(m, 0).quantized_dimension = 4; },
     {"T#0 \"input\"", "is 4"}},
    {"DimensionOther",
     [](auto& m) { QuantizationAt(m, 1).quantized_dimension = 3; },
     {"T#1 \"weights\"", "3 scales along dimension 3 of shape [3,2,2,2]"}},
    {"ManyScalesNoShape",
     [](auto& m) {
       TensorAt(m, 1).shape.clear();
       TensorAt(m, 1).buffer = 0;
     },
     {"T#1 \"weights\"", "quantized_dimension is 0"}},
    // Enums.
    {"Padding",
     [](auto& m) { OpAt(m, 0).builtin_options.AsConv2DOptions()->padding = static_cast<fbs::Padding>(7); },
     {"Op#0 CONV_2D", "padding is 7", "0 to 1"}},
    {"Activation",
     [](auto& m) {
       OpAt(m, 1).builtin_options.AsAddOptions()->fused_activation_function =
           static_cast<fbs::ActivationFunctionType>(99);
     },
     {"Op#1 ADD", "fused_activation_function is 99", "0 to 5"}},
};

class ReaderRefuses : public ::testing::TestWithParam<BadField> {};

TEST_P(ReaderRefuses, NamesTheField) {
  auto file = SmallFileModel();
  GetParam().damage(*file);
  const std::vector<std::byte> bytes = WriteFile(*file);
  const auto model = ReadModel(bytes, nullptr);
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().code, GetParam().code);
  for (const std::string& part : GetParam().says) {
    EXPECT_NE(model.error().text.find(part), std::string::npos)
        << part << " is not in: " << model.error().text;
  }
}

INSTANTIATE_TEST_SUITE_P(Reader, ReaderRefuses, ::testing::ValuesIn(kBadFields),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Reader, ReadsEveryFieldOfAGoodModel) {
  auto file = SmallFileModel();
  TensorAt(*file, 0).shape_signature = {-1, 4, 4, 2};
  QuantizationAt(*file, 0).zero_point = {-7};
  Main(*file).operators[0]->inputs[2] = -1;
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

// One long vector that thousands of tensors share would make a Graph of many gigabytes out of a small file.
TEST(Reader, SharedVectorsAreChargedToABudget) {
  flatbuffers::FlatBufferBuilder builder;
  const auto shape = builder.CreateVector(std::vector<int32_t>(100'000, 1));
  const auto tensor = fbs::CreateTensor(builder, shape, fbs::TensorType::INT8);
  const auto tensors = builder.CreateVector(std::vector<flatbuffers::Offset<fbs::Tensor>>(20'000, tensor));
  const auto graph = fbs::CreateSubGraph(builder, tensors);
  const auto graphs = builder.CreateVector({graph});
  const auto buffers = builder.CreateVector({fbs::CreateBuffer(builder)});
  fbs::FinishModelBuffer(builder, fbs::CreateModel(builder, 3, 0, graphs, 0, buffers));
  const auto model =
      ReadModel(std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize())), nullptr);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kResourceExhausted) << model.error().text;
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
