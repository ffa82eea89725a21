// SPDX-License-Identifier: Apache-2.0
#include "tests/support/tflite_file.h"

#include <fmt/format.h>

#include <algorithm>

namespace npu::test {
namespace {

std::unique_ptr<fbs::TensorT> FileTensor(const std::string& name, fbs::TensorType type,
                                         std::vector<int32_t> shape, std::vector<float> scale,
                                         uint32_t buffer = 0) {
  auto tensor = std::make_unique<fbs::TensorT>();
  tensor->name = name;
  tensor->type = type;
  tensor->shape = std::move(shape);
  tensor->buffer = buffer;
  tensor->quantization = std::make_unique<fbs::QuantizationParametersT>();
  tensor->quantization->zero_point.resize(scale.size());
  tensor->quantization->scale = std::move(scale);
  return tensor;
}

void AddBuffer(fbs::ModelT* model, size_t bytes) {
  model->buffers.push_back(std::make_unique<fbs::BufferT>());
  for (size_t i = 0; i < bytes; ++i) model->buffers.back()->data.push_back(static_cast<uint8_t>(i));
}

void AddOp(fbs::ModelT* model, fbs::BuiltinOperator code, fbs::BuiltinOptionsUnion options,
           std::vector<int32_t> inputs, std::vector<int32_t> outputs) {
  auto operator_code = std::make_unique<fbs::OperatorCodeT>();
  operator_code->builtin_code = code;
  operator_code->deprecated_builtin_code = static_cast<int8_t>(std::min(static_cast<int>(code), 127));
  auto op = std::make_unique<fbs::OperatorT>();
  op->opcode_index = static_cast<uint32_t>(model->operator_codes.size());
  op->inputs = std::move(inputs);
  op->outputs = std::move(outputs);
  op->builtin_options = std::move(options);
  model->operator_codes.push_back(std::move(operator_code));
  model->subgraphs[0]->operators.push_back(std::move(op));
}

std::unique_ptr<fbs::ModelT> EmptyModel() {
  auto model = std::make_unique<fbs::ModelT>();
  model->version = 3;
  model->description = "made by a test";
  model->subgraphs.push_back(std::make_unique<fbs::SubGraphT>());
  model->subgraphs[0]->name = "main";
  AddBuffer(model.get(), 0);
  return model;
}

}  // namespace

std::unique_ptr<fbs::ModelT> SmallFileModel() {
  auto model = EmptyModel();
  AddBuffer(model.get(), 3 * 2 * 2 * 2);
  AddBuffer(model.get(), 3 * sizeof(int32_t));
  fbs::SubGraphT& graph = *model->subgraphs[0];
  using Type = fbs::TensorType;
  graph.tensors.push_back(FileTensor("input", Type::INT8, {1, 4, 4, 2}, {0.5f}));
  graph.tensors.push_back(FileTensor("weights", Type::INT8, {3, 2, 2, 2}, {0.1f, 0.2f, 0.3f}, 1));
  graph.tensors.push_back(FileTensor("bias", Type::INT32, {3}, {0.05f, 0.1f, 0.15f}, 2));
  graph.tensors.push_back(FileTensor("hidden", Type::INT8, {1, 4, 4, 3}, {0.25f}));
  graph.tensors.push_back(FileTensor("output", Type::INT8, {1, 4, 4, 3}, {0.5f}));
  graph.inputs = {0};
  graph.outputs = {4};
  fbs::Conv2DOptionsT conv;
  conv.stride_w = conv.stride_h = 1;
  fbs::BuiltinOptionsUnion conv_options, add_options;
  conv_options.Set(std::move(conv));
  add_options.Set(fbs::AddOptionsT());
  AddOp(model.get(), fbs::BuiltinOperator::CONV_2D, std::move(conv_options), {0, 1, 2}, {3});
  AddOp(model.get(), fbs::BuiltinOperator::ADD, std::move(add_options), {3, 3}, {4});
  return model;
}

std::unique_ptr<fbs::ModelT> OneOpFileModel(fbs::BuiltinOperator code, fbs::BuiltinOptionsUnion options,
                                            int inputs) {
  auto model = EmptyModel();
  fbs::SubGraphT& graph = *model->subgraphs[0];
  for (int i = 0; i <= inputs; ++i) {
    graph.tensors.push_back(FileTensor(fmt::format("t{}", i), fbs::TensorType::INT8, {1, 4, 4, 2}, {0.5f}));
    if (i < inputs) graph.inputs.push_back(i);
  }
  graph.outputs = {inputs};
  AddOp(model.get(), code, std::move(options), graph.inputs, {inputs});
  return model;
}

std::unique_ptr<fbs::ModelT> CustomOpFileModel(const std::string& name, std::vector<uint8_t> options) {
  auto model = OneOpFileModel(fbs::BuiltinOperator::CUSTOM, {});
  model->operator_codes[0]->custom_code = name;
  model->subgraphs[0]->operators[0]->custom_options = std::move(options);
  return model;
}

std::vector<std::byte> WriteFile(const fbs::ModelT& model) {
  flatbuffers::FlatBufferBuilder builder;
  fbs::FinishModelBuffer(builder, fbs::Model::Pack(builder, &model));
  const auto* begin = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {begin, begin + builder.GetSize()};
}

}  // namespace npu::test
