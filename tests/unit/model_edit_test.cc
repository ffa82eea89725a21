// model-edit's edits on small models made here: what changes, what stays, what is refused.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tests/support/tflite_file.h"
#include "tools/model-edit/edits.h"
#include "tools/model-edit/extract.h"
#include "tools/model-edit/graph_edit.h"
#include "tools/model-edit/info.h"
#include "tools/model-edit/model_file.h"

namespace model_edit {
namespace {

using npu::test::SmallFileModel;
using npu::test::WriteFile;

// input -> LceQuantize -> packed0 -> LceDequantize -> out0 (output 1); out0 -> LceQuantize -> packed1 -> LceDequantize
// -> out1 (output 0), with a signature.
std::unique_ptr<fbs::ModelT> Signs() {
  auto model = npu::test::CustomOpFileModel("LceQuantize", {});
  fbs::SubGraphT& graph = *model->subgraphs[0];
  auto dequantize = std::make_unique<fbs::OperatorCodeT>(*model->operator_codes[0]);
  dequantize->custom_code = "LceDequantize";
  model->operator_codes.push_back(std::move(dequantize));
  const char* names[] = {"input", "packed0", "out0", "packed1", "out1"};
  while (graph.tensors.size() < std::size(names))
    graph.tensors.push_back(std::make_unique<fbs::TensorT>(*graph.tensors[0]));
  for (size_t i = 0; i < std::size(names); ++i) {
    graph.tensors[i]->name = names[i];
    graph.tensors[i]->quantization = nullptr;
    graph.tensors[i]->type = names[i][0] == 'p' ? fbs::TensorType::INT32 : fbs::TensorType::FLOAT32;
  }
  for (int i = 1; i < 4; ++i) {
    graph.operators.push_back(std::make_unique<fbs::OperatorT>(*graph.operators[0]));
    graph.operators[i]->opcode_index = static_cast<uint32_t>(i % 2);
    graph.operators[i]->inputs = {i};
    graph.operators[i]->outputs = {i + 1};
  }
  graph.outputs = {4, 2};
  auto signature = std::make_unique<fbs::SignatureDefT>();
  signature->signature_key = "serving_default";
  for (const int output : {2, 4}) {
    auto map = std::make_unique<fbs::TensorMapT>();
    map->name = graph.tensors[output]->name;
    map->tensor_index = static_cast<uint32_t>(output);
    signature->outputs.push_back(std::move(map));
  }
  model->signature_defs.push_back(std::move(signature));
  return model;
}

ModelFile Parsed(const std::vector<std::byte>& bytes) {
  auto file = ParseModel(bytes);
  EXPECT_TRUE(file) << (file ? "" : file.error().text);
  return file ? std::move(*file) : ModelFile();
}

std::vector<std::byte> Serialized(ModelFile& file) {
  auto bytes = Serialize(file);
  EXPECT_TRUE(bytes) << (bytes ? "" : bytes.error().text);
  return bytes ? *bytes : std::vector<std::byte>();
}

std::vector<std::byte> Bytes(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

TEST(ModelEdit, WritingKeepsMetadataAndSignatures) {
  auto model = Signs();
  model->buffers.push_back(std::make_unique<fbs::BufferT>());
  model->buffers.back()->data = {'1', '.', '5'};
  model->metadata.push_back(std::make_unique<fbs::MetadataT>());
  model->metadata.back()->name = "min_runtime_version";
  model->metadata.back()->buffer = static_cast<uint32_t>(model->buffers.size() - 1);
  ModelFile file = Parsed(WriteFile(*model));
  ModelFile again = Parsed(Serialized(file));
  ASSERT_EQ(again.model->metadata.size(), 1u);
  EXPECT_EQ(again.model->metadata[0]->name, "min_runtime_version");
  EXPECT_EQ(again.model->buffers[again.model->metadata[0]->buffer]->data, (std::vector<uint8_t>{'1', '.', '5'}));
  ASSERT_EQ(again.model->signature_defs.size(), 1u);
  EXPECT_EQ(again.model->signature_defs[0]->outputs[1]->name, "out1");
  EXPECT_EQ(WriteFile(*again.model), WriteFile(*model));
}

TEST(ModelEdit, BuffersBehindTheFlatbufferStayBehindIt) {
  auto model = SmallFileModel();
  const std::vector<uint8_t> weights = model->buffers[1]->data;
  model->buffers[1]->data.clear();
  model->buffers[1]->offset = 4096;
  model->buffers[1]->size = weights.size();
  std::vector<std::byte> bytes = WriteFile(*model);
  bytes.resize(4096);
  bytes.insert(bytes.end(), reinterpret_cast<const std::byte*>(weights.data()),
               reinterpret_cast<const std::byte*>(weights.data() + weights.size()));
  ModelFile file = Parsed(bytes);
  file.model->description += std::string(5000, 'x');  // what stood at 4096 must move
  const std::vector<std::byte> written = Serialized(file);
  const ModelFile again = Parsed(written);
  const fbs::BufferT& buffer = *again.model->buffers[1];
  EXPECT_TRUE(buffer.data.empty());
  EXPECT_GT(buffer.offset, 5000u);
  EXPECT_EQ(buffer.offset % 16, 0u);
  ASSERT_EQ(buffer.size, weights.size());
  EXPECT_EQ(std::memcmp(written.data() + buffer.offset, weights.data(), weights.size()), 0);
}

TEST(ModelEdit, AnArchiveAtTheEndStays) {
  using namespace std::string_literals;
  std::vector<std::byte> bytes = WriteFile(*SmallFileModel());
  const size_t archive = bytes.size();
  const auto number = [](size_t value) {
    return std::string({static_cast<char>(value), static_cast<char>(value >> 8), 0, 0});
  };
  // One stored file "a" with the byte 'x': local header, directory entry, end record (zip format, APPNOTE 4.3).
  const std::string local = "PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0"s + number(1) + number(1) + "\1\0\0\0ax"s;
  const std::string entry = "PK\1\2\x14\0\x14\0\0\0\0\0\0\0\0\0\0\0\0\0"s + number(1) + number(1) +
                            "\1\0\0\0\0\0\0\0\0\0\0\0\0\0"s + number(archive) + "a";
  const std::string end = "PK\5\6\0\0\0\0\1\0\1\0"s + number(entry.size()) + number(archive + local.size()) + "\0\0"s;
  const std::vector<std::byte> zip = Bytes(local + entry + end);
  bytes.insert(bytes.end(), zip.begin(), zip.end());
  ModelFile file = Parsed(bytes);
  EXPECT_EQ(file.archive, archive);
  file.model->description.clear();  // shorter: its place is kept
  const std::vector<std::byte> written = Serialized(file);
  ASSERT_EQ(written.size(), bytes.size());
  EXPECT_TRUE(std::equal(zip.begin(), zip.end(), written.end() - static_cast<ptrdiff_t>(zip.size())));
}

TEST(ModelEdit, RefusesIndicesThatTheReaderDoesNotFollow) {
  const auto refusal = [](const fbs::ModelT& model) {
    const auto file = ParseModel(WriteFile(model));
    return file ? "accepted" : file.error().text;
  };
  auto model = Signs();
  EXPECT_EQ(refusal(*model), "accepted");
  model->signature_defs[0]->outputs[0]->tensor_index = 0xffffffff;
  EXPECT_NE(refusal(*model).find("tensor_index refers to 4294967295 of 5"), std::string::npos);
  model = Signs();
  model->signature_defs[0]->subgraph_index = 1;
  EXPECT_NE(refusal(*model).find("subgraph_index refers to 1 of 1"), std::string::npos);
  model = Signs();
  model->metadata.push_back(std::make_unique<fbs::MetadataT>());
  model->metadata[0]->buffer = 1000;
  EXPECT_NE(refusal(*model).find("buffer refers to 1000"), std::string::npos);
  model = Signs();
  model->subgraphs[0]->tensors[0]->quantization = std::make_unique<fbs::QuantizationParametersT>();
  fbs::BlockwiseQuantizationT blocks;
  blocks.scales = 7;
  model->subgraphs[0]->tensors[0]->quantization->details.Set(std::move(blocks));
  EXPECT_NE(refusal(*model).find("scales or zero_points refers to 7 of 5"), std::string::npos);
}

TEST(ModelEdit, RefusesUnionsThatHoldNothing) {
  // flatbuffers writes no such file: the offset of the table in the operator's vtable is set to 0, "absent".
  for (const bool options : {true, false}) {
    auto model = SmallFileModel();
    if (!options) {
      fbs::CustomQuantizationT custom;
      custom.custom = {1};
      model->subgraphs[0]->tensors[3]->quantization->details.Set(std::move(custom));
    }
    std::vector<std::byte> bytes = WriteFile(*model);
    const fbs::SubGraph& graph = *fbs::GetModel(bytes.data())->subgraphs()->Get(0);
    const auto* table = options ? reinterpret_cast<const uint8_t*>(graph.operators()->Get(0))
                                : reinterpret_cast<const uint8_t*>(graph.tensors()->Get(3)->quantization());
    const int field = options ? int{fbs::Operator::VT_BUILTIN_OPTIONS} : int{fbs::QuantizationParameters::VT_DETAILS};
    const uint8_t* entry = table - flatbuffers::ReadScalar<flatbuffers::soffset_t>(table) + field;
    std::memset(bytes.data() + (entry - reinterpret_cast<const uint8_t*>(bytes.data())), 0, sizeof(flatbuffers::voffset_t));
    const auto file = ParseModel(bytes);
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().text.find("have a type but are missing"), std::string::npos) << file.error().text;
  }
}

TEST(ModelEdit, StripTakesOutputsOnlyAndKeepsTheirOrder) {
  ModelFile file = Parsed(WriteFile(*Signs()));
  const auto done = StripLceDequantize(*file.model);
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_EQ(done->size(), 2u);
  const ModelFile again = Parsed(Serialized(file));
  const fbs::SubGraphT& graph = *again.model->subgraphs[0];
  // The inner LceDequantize has a reader: it stays, and the output is what it unpacks.
  ASSERT_EQ(graph.operators.size(), 3u);
  EXPECT_TRUE(IsCustom(*again.model, *graph.operators[1], "LceDequantize"));
  EXPECT_EQ(graph.outputs, (std::vector<int32_t>{3, 1}));
  EXPECT_EQ(graph.tensors.size(), 4u);
  EXPECT_EQ(graph.tensors[3]->name, "out1");
  EXPECT_EQ(graph.tensors[3]->type, fbs::TensorType::INT32);
  EXPECT_EQ(graph.tensors[1]->name, "packed0");
  const auto& maps = again.model->signature_defs[0]->outputs;
  EXPECT_EQ(maps[0]->tensor_index, 1u);
  EXPECT_EQ(maps[1]->tensor_index, 3u);
  EXPECT_EQ(maps[1]->name, "out1");
}

TEST(ModelEdit, StripTakesTheOperatorCodeAlong) {
  auto model = Signs();
  fbs::SubGraphT& graph = *model->subgraphs[0];
  graph.operators.resize(2);
  graph.tensors.resize(3);
  graph.outputs = {2};
  model->signature_defs.clear();
  ASSERT_TRUE(StripLceDequantize(*model));
  ASSERT_EQ(model->operator_codes.size(), 1u);
  EXPECT_EQ(model->operator_codes[0]->custom_code, "LceQuantize");
}

TEST(ModelEdit, StripRefusesWhatItCannotDo) {
  auto model = SmallFileModel();
  EXPECT_NE(StripLceDequantize(*model).error().text.find("nothing to strip"), std::string::npos);
  model = Signs();
  model->subgraphs[0]->outputs = {4, 3};
  EXPECT_NE(StripLceDequantize(*model).error().text.find("already"), std::string::npos);
  model = Signs();
  model->subgraphs[0]->operators.erase(model->subgraphs[0]->operators.begin());
  model->subgraphs[0]->inputs = {1};
  EXPECT_NE(StripLceDequantize(*model).error().text.find("no tensor that an operator makes"), std::string::npos);
}

// SmallFileModel with a signature over its INT8 input and output.
std::unique_ptr<fbs::ModelT> SmallWithSignature() {
  auto model = SmallFileModel();
  auto signature = std::make_unique<fbs::SignatureDefT>();
  for (auto* maps : {&signature->inputs, &signature->outputs}) {
    maps->push_back(std::make_unique<fbs::TensorMapT>());
    maps->back()->name = "x";
    maps->back()->tensor_index = maps == &signature->inputs ? 0u : 4u;
  }
  model->signature_defs.push_back(std::move(signature));
  return model;
}

constexpr auto kInt8 = fbs::TensorType::INT8, kUInt8 = fbs::TensorType::UINT8, kFloat32 = fbs::TensorType::FLOAT32;

TEST(ModelEdit, IoTypeAddsAndRemovesTheBorderAndComesBack) {
  ModelFile file = Parsed(WriteFile(*SmallWithSignature()));
  ASSERT_TRUE(ChangeIoTypes(*file.model, kFloat32, kFloat32));
  ModelFile with_floats = Parsed(Serialized(file));
  const fbs::SubGraphT& graph = *with_floats.model->subgraphs[0];
  ASSERT_EQ(graph.operators.size(), 4u);
  EXPECT_EQ(CodeOf(*with_floats.model, *graph.operators.front()), fbs::BuiltinOperator::QUANTIZE);
  EXPECT_EQ(CodeOf(*with_floats.model, *graph.operators.back()), fbs::BuiltinOperator::DEQUANTIZE);
  const int input = graph.inputs[0], output = graph.outputs[0];
  EXPECT_EQ(graph.tensors[input]->name, "input");
  EXPECT_EQ(graph.tensors[output]->name, "output");
  EXPECT_EQ(graph.tensors[0]->name, "input_int8");
  EXPECT_EQ(graph.tensors[input]->type, kFloat32);
  EXPECT_EQ(graph.tensors[input]->shape, graph.tensors[0]->shape);
  EXPECT_EQ(with_floats.model->signature_defs[0]->inputs[0]->tensor_index, static_cast<uint32_t>(input));
  EXPECT_EQ(with_floats.model->signature_defs[0]->outputs[0]->tensor_index, static_cast<uint32_t>(output));

  ASSERT_TRUE(ChangeIoTypes(*with_floats.model, kInt8, kInt8));
  const ModelFile again = Parsed(Serialized(with_floats));
  const fbs::SubGraphT& last = *again.model->subgraphs[0];
  EXPECT_EQ(last.operators.size(), 2u);
  EXPECT_EQ(again.model->operator_codes.size(), 2u);
  EXPECT_EQ(last.tensors.size(), 5u);
  EXPECT_EQ(last.inputs, (std::vector<int32_t>{0}));
  EXPECT_EQ(last.tensors[0]->name, "input");
  EXPECT_EQ(last.tensors[last.outputs[0]]->name, "output");
  EXPECT_EQ(last.tensors[0]->quantization->scale, (std::vector<float>{0.5f}));
  EXPECT_EQ(again.model->signature_defs[0]->outputs[0]->tensor_index, 4u);
}

TEST(ModelEdit, IoTypeMovesTheZeroPointAndExchangesTheOperator) {
  ModelFile file = Parsed(WriteFile(*SmallWithSignature()));
  ASSERT_TRUE(ChangeIoTypes(*file.model, kUInt8, kUInt8));
  const fbs::SubGraphT& graph = *file.model->subgraphs[0];
  EXPECT_EQ(graph.tensors[graph.inputs[0]]->quantization->zero_point, (std::vector<int64_t>{128}));
  EXPECT_EQ(graph.tensors[graph.inputs[0]]->quantization->scale, (std::vector<float>{0.5f}));
  EXPECT_EQ(graph.tensors[graph.outputs[0]]->type, kUInt8);
  EXPECT_EQ(CodeOf(*file.model, *graph.operators.back()), fbs::BuiltinOperator::QUANTIZE);
  ASSERT_TRUE(ChangeIoTypes(*file.model, std::nullopt, kFloat32));
  EXPECT_EQ(graph.operators.size(), 4u);
  EXPECT_EQ(CodeOf(*file.model, *graph.operators.back()), fbs::BuiltinOperator::DEQUANTIZE);
  EXPECT_EQ(graph.tensors[graph.outputs[0]]->quantization, nullptr);
  EXPECT_EQ(graph.tensors[graph.inputs[0]]->type, kUInt8);
  Serialized(file);
}

TEST(ModelEdit, IoTypeRefusesWhatIsNoPlainBorder) {
  const auto text = [](fbs::ModelT& model, fbs::TensorType type) {
    const auto done = ChangeIoTypes(model, type, std::nullopt);
    return done ? "done" : done.error().text;
  };
  auto model = SmallFileModel();
  EXPECT_NE(text(*model, kInt8).find("nothing to change"), std::string::npos);
  model->subgraphs[0]->tensors[0]->quantization->scale = {0.5f, 0.25f};
  EXPECT_NE(text(*model, kFloat32).find("no plain border (read by CONV_2D (Op#0))"), std::string::npos);
  // A second reader of the float input: QUANTIZE must stay.
  model = SmallFileModel();
  ASSERT_TRUE(ChangeIoTypes(*model, kFloat32, std::nullopt));
  fbs::SubGraphT& graph = *model->subgraphs[0];
  graph.operators[2]->inputs[1] = graph.inputs[0];
  EXPECT_NE(text(*model, kInt8).find("QUANTIZE (Op#0), ADD (Op#2)"), std::string::npos);
  // The quantized tensor is an output, too: it cannot be the input.
  model = SmallFileModel();
  ASSERT_TRUE(ChangeIoTypes(*model, kFloat32, std::nullopt));
  model->subgraphs[0]->outputs.push_back(0);
  EXPECT_NE(text(*model, kInt8).find("already"), std::string::npos);
}

// SmallFileModel whose ADD reads the (FLOAT32) bias of its CONV_2D twice.
std::unique_ptr<fbs::ModelT> SharedBias() {
  auto model = SmallFileModel();
  fbs::SubGraphT& graph = *model->subgraphs[0];
  graph.tensors[2]->type = kFloat32;
  graph.tensors[2]->quantization = nullptr;
  graph.operators[1]->inputs = {2, 2};
  return model;
}

TEST(ModelEdit, UnshareGivesEachReaderItsOwnCopy) {
  ModelFile file = Parsed(WriteFile(*SharedBias()));
  const std::vector<uint8_t> data = file.model->buffers[2]->data;
  const auto done = UnshareConstants(*file.model, std::nullopt);
  ASSERT_TRUE(done) << done.error().text;
  const ModelFile again = Parsed(Serialized(file));
  const fbs::SubGraphT& graph = *again.model->subgraphs[0];
  ASSERT_EQ(graph.tensors.size(), 6u);
  EXPECT_EQ(graph.operators[0]->inputs, (std::vector<int32_t>{0, 1, 2}));
  EXPECT_EQ(graph.operators[1]->inputs, (std::vector<int32_t>{5, 5}));  // one copy for each reader, not for each read
  EXPECT_EQ(graph.tensors[5]->name, "bias_copy");
  EXPECT_NE(graph.tensors[5]->buffer, graph.tensors[2]->buffer);
  EXPECT_EQ(again.model->buffers[graph.tensors[5]->buffer]->data, data);
}

TEST(ModelEdit, UnshareTakesOtherTypesOnlyWhenTheyAreNamed) {
  auto model = SharedBias();
  model->subgraphs[0]->operators[1]->inputs = {0, 1};  // the INT8 weights
  EXPECT_NE(UnshareConstants(*model, std::nullopt).error().text.find("no FLOAT32 constant"), std::string::npos);
  EXPECT_NE(UnshareConstants(*model, 2).error().text.find("fewer than two"), std::string::npos);
  EXPECT_NE(UnshareConstants(*model, 3).error().text.find("no constant"), std::string::npos);
  EXPECT_EQ(UnshareConstants(*model, 99).error().code, npu::ErrorCode::kInvalidArgument);
  EXPECT_EQ(UnshareConstants(*model, -1).error().code, npu::ErrorCode::kInvalidArgument);
  ASSERT_TRUE(UnshareConstants(*model, 1));
  EXPECT_EQ(model->subgraphs[0]->operators[1]->inputs, (std::vector<int32_t>{0, 5}));
}

TEST(ModelEdit, ExtractLeavesWhatTheOperatorsNeed) {
  ModelFile file = Parsed(WriteFile(*SmallWithSignature()));
  const auto cut = FindCut(*file.model, "1");  // ADD alone
  ASSERT_TRUE(cut) << cut.error().text;
  EXPECT_EQ(cut->inputs, (std::vector<int>{3}));
  EXPECT_EQ(cut->outputs, (std::vector<int>{4}));
  EXPECT_EQ(Extract(file, *cut).size(), 2u);
  const ModelFile again = Parsed(Serialized(file));
  const fbs::SubGraphT& graph = *again.model->subgraphs[0];
  ASSERT_EQ(graph.operators.size(), 1u);
  ASSERT_EQ(graph.tensors.size(), 2u);
  EXPECT_EQ(graph.tensors[graph.inputs[0]]->name, "hidden");
  EXPECT_EQ(graph.tensors[graph.outputs[0]]->name, "output");
  EXPECT_EQ(graph.operators[0]->inputs, (std::vector<int32_t>{0, 0}));
  EXPECT_EQ(again.model->operator_codes.size(), 1u);
  EXPECT_EQ(again.model->buffers.size(), 1u);
  EXPECT_TRUE(again.model->signature_defs.empty());
}

TEST(ModelEdit, ExtractKeepsConstantsAndOutputsInsideTheCut) {
  auto model = SmallFileModel();
  model->subgraphs[0]->outputs = {4, 3};  // "hidden" is an output that the cut reads itself
  ModelFile file = Parsed(WriteFile(*model));
  const std::vector<uint8_t> weights = file.model->buffers[1]->data;
  const auto cut = FindCut(*file.model, "0:1");
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->inputs, (std::vector<int>{0}));
  EXPECT_EQ(cut->outputs, (std::vector<int>{3, 4}));
  Extract(file, *cut);
  const ModelFile again = Parsed(Serialized(file));
  const fbs::SubGraphT& graph = *again.model->subgraphs[0];
  EXPECT_EQ(graph.tensors.size(), 5u);
  EXPECT_EQ(again.model->buffers[graph.tensors[1]->buffer]->data, weights);
}

TEST(ModelEdit, ExtractRefusesRangesThatAreNone) {
  const auto model = SmallFileModel();
  for (const char* ops : {"", ":", "0:", ":1", "1:0", "0:2", "-1", "0:1:1", "a", "0x1", " 1", "99999999999"}) {
    const auto cut = FindCut(*model, ops);
    ASSERT_FALSE(cut) << ops;
    EXPECT_EQ(cut.error().code, npu::ErrorCode::kInvalidArgument) << ops;
  }
  model->subgraphs[0]->tensors[3]->type = fbs::TensorType::RESOURCE;
  EXPECT_NE(FindCut(*model, "1").error().text.find("Begin with CONV_2D (Op#0)"), std::string::npos);
}

TEST(ModelEdit, AbsentBordersAndOperandsAreLeftAlone) {
  auto model = SmallWithSignature();
  fbs::SubGraphT& graph = *model->subgraphs[0];
  graph.inputs = {-1, 0};
  graph.outputs = {4, -1};
  ModelFile file;
  file.model = std::move(model);
  ASSERT_TRUE(ChangeIoTypes(*file.model, kFloat32, kFloat32));
  EXPECT_EQ(graph.inputs, (std::vector<int32_t>{-1, 5}));
  EXPECT_EQ(graph.outputs, (std::vector<int32_t>{6, -1}));
  graph.operators.front()->outputs = {-1};  // a QUANTIZE to nothing is no edge
  EXPECT_FALSE(ChangeIoTypes(*file.model, kInt8, std::nullopt));
  EXPECT_FALSE(StripLceDequantize(*file.model));
  EXPECT_FALSE(UnshareConstants(*file.model, std::nullopt));
  const auto cut = FindCut(*file.model, "1:3");
  ASSERT_TRUE(cut);
  Extract(file, *cut);
  EXPECT_EQ(graph.operators.size(), 3u);
}

TEST(ModelEdit, InfoTellsWhatTheFileHolds) {
  auto model = SharedBias();
  model->description = "bell \a";
  const ModelFile file = Parsed(WriteFile(*model));
  std::string all;
  for (const std::string& line : Info(file)) all += line + "\n";
  for (const char* words :
       {"bell ?", "2 operators: 1 ADD, 1 CONV_2D", "input T#0 \"input\" INT8[1,4,4,2] scale 0.5 zero point 0",
        "constant T#2 \"bias\" FLOAT32[3] has 2 readers", "2 buffers with 36 bytes"}) {
    EXPECT_NE(all.find(words), std::string::npos) << words << "\n" << all;
  }
}

}  // namespace
}  // namespace model_edit
