// What several edits need: who makes and reads a tensor, and taking operators and tensors out of a model so that every
// index that counts them follows (operators, signatures, quantization by reference).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tflite_generated.h"

namespace model_edit {

namespace fbs = npu::fbs;

int MakerOf(const fbs::SubGraphT& graph, int tensor);                 // operator, or -1
std::vector<int> ReadersOf(const fbs::SubGraphT& graph, int tensor);  // operators, each once
bool Contains(const std::vector<int32_t>& list, int tensor);

fbs::BuiltinOperator CodeOf(const fbs::ModelT& model, const fbs::OperatorT& op);
bool IsCustom(const fbs::ModelT& model, const fbs::OperatorT& op, const char* name);
// "LceDequantize (Op#2)"
std::string OpText(const fbs::ModelT& model, const fbs::SubGraphT& graph, int op);
// `T#4 "scores" FLOAT32`, safe to print.
std::string TensorText(const fbs::SubGraphT& graph, int tensor);
std::string Printable(const std::string& text);
bool IsConstant(const fbs::ModelT& model, const fbs::TensorT& tensor);

// `wanted`, with a number behind it where a tensor has that name.
std::string UnusedName(const fbs::SubGraphT& graph, const std::string& wanted);

// The index in operator_codes; added where the model has none like it.
uint32_t OperatorCode(fbs::ModelT& model, fbs::BuiltinOperator code, int version);

// A graph input (output) and the signatures that name it become another tensor.
void ReplaceInput(fbs::ModelT& model, int subgraph, int from, int to);
void ReplaceOutput(fbs::ModelT& model, int subgraph, int from, int to);

// Takes operators out, and with them the operator codes and output tensors that nothing else uses.
void RemoveOperators(fbs::ModelT& model, int subgraph, const std::set<int>& ops);
// Operator codes that no operator has, of those in `only` (indices).
void RemoveOperatorCodes(fbs::ModelT& model, const std::set<uint32_t>& only);
// Of tensors that nothing refers to.
void RemoveTensors(fbs::ModelT& model, int subgraph, const std::set<int>& tensors);
std::set<int> UnusedTensors(const fbs::ModelT& model, int subgraph);

}  // namespace model_edit
