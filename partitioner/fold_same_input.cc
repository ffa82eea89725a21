// same-input: an arithmetic operator whose operands are one 8-bit tensor, what other operators make of each of its
// elements, and single constants, becomes a table of 256 bytes. Such is x * sigmoid(x), which Keras writes for
// SWISH, and x * (relu6(x + 3) / 6) as four operators.
//
// Exact by trying: a result depends on one byte, and for each of the 256 it is computed by the operators' own
// references, one after the other.
// Whoever else reads a tensor between goes on getting it; `into` then only reads past its maker.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "backends/ops/room.h"
#include "partitioner/fold_float.h"
#include "partitioner/fold_rules.h"

namespace npu {
namespace {

constexpr int32_t kByteValues = 256;

bool IsOneOf(OpKind kind, std::initializer_list<OpKind> kinds) {
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

bool IsArithmetic(OpKind kind) {
  using enum OpKind;
  return IsOneOf(kind, {kAdd, kSub, kMul, kMinimum, kMaximum, kSquaredDifference});
}

// Operators that make each element of their output from the same element of operand 0 and nothing else.
bool IsUnary(OpKind kind) {
  using enum OpKind;
  return IsOneOf(kind, {kAbs, kElu, kExp, kGelu, kHardSwish, kLeakyRelu, kLogistic, kNeg, kQuantize, kRelu, kRelu0To1,
                        kRelu6, kReluN1To1, kRsqrt, kSqrt, kTable, kTanh});
}

bool Is8BitPerTensor(const Tensor& tensor) {
  return Is8Bit(tensor.type) && (tensor.quantization.per_tensor() || tensor.quantization.empty());
}

bool IsSingleConstant(const Tensor& tensor) { return tensor.is_constant() && tensor.element_count() == 1; }

// The operand that the operator is a function of, element by element; -1 if there is more than one, or none.
int SourceOf(const FoldSite& site, int index) {
  if (index < 0 || !CheckNpu(site.graph(), site.op(index)).eligible()) return -1;
  const Op& op = site.op(index);
  if (op.outputs.size() != 1 || op.inputs.empty()) return -1;
  int source = -1;
  if (IsUnary(op.kind)) {
    source = op.inputs[0];
  } else if (IsArithmetic(op.kind) && op.inputs.size() == 2) {
    const int a = op.inputs[0], b = op.inputs[1];
    source = a == b || IsSingleConstant(site.tensor(b)) ? a : IsSingleConstant(site.tensor(a)) ? b : -1;
  }
  if (source < 0 || site.tensor(source).is_constant() || !Is8BitPerTensor(site.tensor(source)) ||
      site.tensor(source).element_count() != site.tensor(op.outputs[0]).element_count()) {
    return -1;
  }
  return source;
}

struct Step {
  int maker = -1, source = -1;
};

// Operators that make the tensor, one from what the next one makes.
std::vector<Step> ChainTo(const FoldSite& site, int tensor) {
  constexpr size_t kMostSteps = 8;  // HARD_SWISH as four operators needs three
  std::vector<Step> chain;
  while (chain.size() < kMostSteps && !site.tensor(tensor).is_constant()) {
    const int maker = site.MakerOf(tensor), source = SourceOf(site, maker);
    if (source < 0) break;
    chain.push_back({maker, source});
    tensor = source;
  }
  return chain;
}

// What the operator makes of the bytes that `values` gives for its operands (null: the constant's own); empty if its
// reference cannot tell.
std::vector<std::byte> Compute(const FoldSite& site, const Op& op,
                               const std::vector<const std::vector<std::byte>*>& values) {
  Graph graph;
  Op alone = op;
  std::vector<const std::byte*> in;
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    Tensor& tensor = graph.tensors.emplace_back(site.tensor(op.inputs[i]));
    alone.inputs[i] = static_cast<int>(i);
    if (values[i] == nullptr) {
      if (tensor.element_count() == 1) tensor.shape = {1};
      in.push_back(tensor.data.bytes.data());
      continue;
    }
    tensor.shape = {kByteValues};
    tensor.data = {};
    in.push_back(values[i]->data());
  }
  alone.outputs = {static_cast<int>(graph.tensors.size())};
  Tensor& output = graph.tensors.emplace_back(site.tensor(op.outputs[0]));
  output.shape = {kByteValues};
  std::vector<std::byte> bytes(kByteValues);
  const std::array<std::byte*, 1> out = {bytes.data()};
  const OpRoom* room = FindRoom(op.kind);
  const ComputeOptions options;
  if (room == nullptr || room->reference == nullptr || !room->reference({OpView{graph, alone}, in, out, options})) {
    return {};
  }
  return bytes;
}

std::optional<FoldMatch> Match(const FoldSite& site, int into) {
  const Op& op = site.op(into);
  if (!IsArithmetic(op.kind) || op.inputs.size() != 2 || op.outputs.size() != 1 ||
      !CheckNpu(site.graph(), op).eligible()) {
    return std::nullopt;
  }
  const std::array<std::vector<Step>, 2> chains = {ChainTo(site, op.inputs[0]), ChainTo(site, op.inputs[1])};
  const auto steps_from = [&](int i, int candidate) {
    if (op.inputs[i] == candidate) return 0;
    const auto& chain = chains[i];
    for (size_t step = 0; step < chain.size(); ++step) {
      if (chain[step].source == candidate) return static_cast<int>(step) + 1;
    }
    return IsSingleConstant(site.tensor(op.inputs[i])) ? 0 : -1;
  };
  int source = -1;
  for (const auto& chain : chains) {
    for (const Step& step : chain) {
      if (source < 0 && steps_from(0, step.source) >= 0 && steps_from(1, step.source) >= 0) source = step.source;
    }
  }
  if (source < 0) return std::nullopt;
  const Tensor &from = site.tensor(source), &to = site.tensor(op.outputs[0]);
  if (!Is8BitPerTensor(to) || from.element_count() != to.element_count()) return std::nullopt;

  std::vector<std::byte> bytes(kByteValues);
  for (int i = 0; i < kByteValues; ++i) bytes[i] = static_cast<std::byte>(i - StorageOffset(from.type));
  std::array<std::vector<std::byte>, 2> made;
  std::vector<const std::vector<std::byte>*> operands(2, nullptr);
  FoldMatch match{.may_bypass = true};
  for (int i = 0; i < 2; ++i) {
    if (op.inputs[i] == source) operands[i] = &bytes;
    made[i] = bytes;
    for (int step = steps_from(i, source); step > 0; --step) {
      const auto [maker, of] = chains[i][step - 1];
      std::vector<const std::vector<std::byte>*> values;
      for (int input : site.op(maker).inputs) values.push_back(input == of ? &made[i] : nullptr);
      std::vector<std::byte> next = Compute(site, site.op(maker), values);
      if (next.empty()) return std::nullopt;
      made[i] = std::move(next);
      operands[i] = &made[i];
      if (std::find(match.absorbed.begin(), match.absorbed.end(), maker) == match.absorbed.end()) {
        match.absorbed.push_back(maker);
      }
    }
  }
  std::vector<std::byte> table = Compute(site, op, operands);
  if (table.empty()) return std::nullopt;
  for (std::byte& byte : table) byte ^= static_cast<std::byte>(StorageOffset(to.type));
  match.op.kind = OpKind::kTable;
  match.op.inputs = {source, static_cast<int>(site.graph().tensors.size())};
  match.op.outputs = op.outputs;
  match.new_tensors.push_back(TableTensor(to.name + "/table", {kByteValues}, std::move(table)));
  match.why = fmt::format("The result depends on one byte of T#{} \"{}\"; for each of the {} it was computed by the "
                          "operators' own references.",
                          source, from.name, kByteValues);
  return match;
}

}  // namespace

extern const FoldRule kSameInputFold;
const FoldRule kSameInputFold = {
    .name = "same-input",
    .summary = "ADD, SUB, MUL, MINIMUM, MAXIMUM and SQUARED_DIFFERENCE of an 8-bit tensor and what operators make of the "
               "same tensor element by element (x * sigmoid(x)), or of that and a single constant, become one table of "
               "256 bytes",
    .match = Match,
};

}  // namespace npu
