// requantize-pair: QUANTIZE behind DEQUANTIZE or behind another QUANTIZE, 8 bit in and 8 bit out, becomes one QUANTIZE.
// With equal scale and zero point at both ends (or such that the stored bytes are: INT8 → UINT8 → INT8) that one is a
// view, and nothing runs.
//
// Exact by trying: each of the three operators is a function of one byte, so the model's two and the one instead are
// computed for all 256 values, by the operators' own references, and folded only if every byte is the same. For
// DEQUANTIZE and QUANTIZE of equal parameters that always holds while scale * 255 is a float: the float
// scale * n, |n| <= 255, is off by a factor of at most 1 + 2^-24, as is its quotient by scale, so the quotient is
// less than n * 2^-22 < 1/2 from n and rounds to n.
// requantize-table: two 8-bit QUANTIZEs that round or clip one after the other, so that no one QUANTIZE does the same,
// become one table of what the two make of each of the 256 bytes.
// Whoever else reads the tensor between the two goes on getting it; `into` then only reads past its maker.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <numeric>

#include "backends/ops/room.h"
#include "partitioner/fold_float.h"
#include "partitioner/fold_rules.h"

namespace npu {
namespace {

constexpr int32_t kByteValues = 256;

// What the operator makes of `input`, which holds 256 elements of its operand's type; empty if it cannot tell.
std::vector<std::byte> Compute(const FoldSite& site, const Op& op, const std::vector<std::byte>& input) {
  const OpRoom* room = FindRoom(op.kind);
  if (room == nullptr || room->reference == nullptr) return {};
  Graph graph;
  graph.tensors = {site.tensor(op.inputs[0]), site.tensor(op.outputs[0])};
  for (Tensor& tensor : graph.tensors) {
    tensor.shape = {kByteValues};
    tensor.data = {};
  }
  Op alone = op;
  alone.inputs = {0};
  alone.outputs = {1};
  std::vector<std::byte> output(static_cast<size_t>(graph.tensors[1].byte_size().value_or(0)));
  const std::array<const std::byte*, 1> in = {input.data()};
  const std::array<std::byte*, 1> out = {output.data()};
  const ComputeOptions options;
  if (!room->reference({OpView{graph, alone}, in, out, options})) return {};
  return output;
}

bool Is8BitPerTensor(const Tensor& tensor) { return Is8Bit(tensor.type) && tensor.quantization.per_tensor(); }

std::optional<FoldMatch> Match(const FoldSite& site, int into) {
  const Op& second = site.op(into);
  if (second.kind != OpKind::kQuantize || second.inputs.size() != 1 || second.outputs.size() != 1) {
    return std::nullopt;
  }
  const int maker = site.MakerOf(second.inputs[0]);
  if (maker < 0) return std::nullopt;
  const Op& first = site.op(maker);
  if ((first.kind != OpKind::kQuantize && first.kind != OpKind::kDequantize) ||
      !CheckCpu(site.graph(), first).eligible() || !CheckCpu(site.graph(), second).eligible()) {
    return std::nullopt;
  }
  const Tensor &from = site.tensor(first.inputs[0]), &between = site.tensor(first.outputs[0]),
               &to = site.tensor(second.outputs[0]);
  if (!Is8BitPerTensor(from) || !Is8BitPerTensor(to) ||
      (between.type != DataType::kFloat32 && !Is8BitPerTensor(between))) {
    return std::nullopt;
  }
  FoldMatch match{.absorbed = {maker}, .may_bypass = true, .op = second};
  match.op.inputs = first.inputs;
  std::vector<std::byte> values(kByteValues);
  for (int i = 0; i < kByteValues; ++i) values[i] = static_cast<std::byte>(i);
  const std::vector<std::byte> once = Compute(site, match.op, values), half_way = Compute(site, first, values);
  if (once.empty() || half_way.empty() || Compute(site, second, half_way) != once) return std::nullopt;
  match.why = fmt::format("All 256 values of {} scale {} zero point {} become the same byte of {} scale {} zero point {} "
                          "in one step.",
                          DataTypeName(from.type), from.scale(), from.zero_point(), DataTypeName(to.type), to.scale(),
                          to.zero_point());
  return match;
}

bool IsRequantize(const FoldSite& site, int op) {
  return op >= 0 && site.op(op).kind == OpKind::kQuantize && CheckNpu(site.graph(), site.op(op)).eligible();
}

std::optional<FoldMatch> MatchTable(const FoldSite& site, int into) {
  if (!IsRequantize(site, into)) return std::nullopt;
  const Op& second = site.op(into);
  const int maker = site.MakerOf(second.inputs[0]);
  if (!IsRequantize(site, maker)) return std::nullopt;
  const Op& first = site.op(maker);
  const Tensor &from = site.tensor(first.inputs[0]), &to = site.tensor(second.outputs[0]);
  std::vector<std::byte> bytes(kByteValues);
  for (int i = 0; i < kByteValues; ++i) bytes[i] = static_cast<std::byte>(i - StorageOffset(from.type));
  const std::vector<std::byte> half_way = Compute(site, first, bytes);
  std::vector<std::byte> table = half_way.empty() ? half_way : Compute(site, second, half_way);
  if (table.empty()) return std::nullopt;
  for (std::byte& byte : table) byte ^= static_cast<std::byte>(StorageOffset(to.type));
  FoldMatch match{.absorbed = {maker}, .may_bypass = true};
  match.op.kind = OpKind::kTable;
  match.op.inputs = {first.inputs[0], static_cast<int>(site.graph().tensors.size())};
  match.op.outputs = second.outputs;
  match.new_tensors.push_back(TableTensor(to.name + "/table", {kByteValues}, std::move(table)));
  match.why = fmt::format("Every one of the {} results that T#{} \"{}\" can have was computed with both QUANTIZEs, one "
                          "after the other.",
                          kByteValues, first.inputs[0], from.name);
  return match;
}

}  // namespace

extern const FoldRule kRequantizePairFold;
const FoldRule kRequantizePairFold = {
    .name = "requantize-pair",
    .summary = "DEQUANTIZE or an 8-bit QUANTIZE, and the 8-bit QUANTIZE behind it, become one QUANTIZE if that gives the "
               "same bytes for all 256 values; a view if those are the stored bytes themselves",
    .match = Match,
};

extern const FoldRule kRequantizeTableFold;
const FoldRule kRequantizeTableFold = {
    .name = "requantize-table",
    .summary = "Two 8-bit QUANTIZEs in a row that round or clip one after the other become one table of 256 bytes",
    .match = MatchTable,
};

}  // namespace npu
