// The reader against models that are wrong in one place: each row breaks one field of a good model and
// states what the error must say. The rows follow the classes of published TFLite parsing advisories.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "schema/reader.h"
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

}  // namespace
}  // namespace npu::test
