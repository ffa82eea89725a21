// TOPK_V2: the k largest values of each row of the last dimension, largest first, and where they are; of
// equals the earlier one comes first. Values keep their bytes, so input and values are quantized alike.
// Source: LiteRT 2.3 BUILTIN_REF, bit for bit.
//
// A row is sorted by counting: how often each byte occurs says where in the output its first occurrence goes.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "backends/ops/data_movement.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

constexpr int kValues = 0, kIndices = 1;  // outputs

struct TopK {
  std::vector<int32_t> shape;  // of both outputs
  int64_t rows = 1;
  int32_t size = 0, k = 0;
};

std::optional<TopK> PlanTopK(const OpView& op, Verdict& verdict) {
  const auto k = RequireInt(op, 1, "k", verdict);
  if (!RequireInput(op, 0, "input", verdict) || !k) return std::nullopt;
  const Tensor& input = *op.input(0);
  if (input.shape.empty()) {
    verdict.Add(ReasonCode::kUnsupportedOperandRank, "input 0 rank", "0", "at least 1");
    return std::nullopt;
  }
  TopK plan{.shape = input.shape, .size = input.shape.back(), .k = *k};
  if (!RequireRange("k", *k, 1, plan.size, verdict)) return std::nullopt;
  plan.shape.back() = *k;
  for (size_t d = 0; d + 1 < input.shape.size(); ++d) plan.rows *= input.shape[d];
  return plan;
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  auto plan = PlanTopK({graph, op}, verdict);
  if (!plan) return FirstReason(verdict);
  SetOutputShape(graph, op, kValues, plan->shape);
  SetOutputShape(graph, op, kIndices, std::move(plan->shape));
  return {};
}

void Check(const OpView& op, Verdict& verdict) {
  const auto plan = PlanTopK(op, verdict);
  const Tensor *input = op.input(0), *values = op.output(kValues), *indices = op.output(kIndices);
  if (input == nullptr || values == nullptr || indices == nullptr) return;
  if (RequireMoved8Bit(*input, "input 0", *values, "output 0 (values)", verdict)) {
    RequireSameQuantization(*input, "input 0", *values, "output 0 (values)", verdict);
  }
  RequireNonEmpty(*input, "input 0", verdict);
  RequireOutputType(op, kIndices, {DataType::kInt32}, verdict);
  if (!plan) return;
  RequireShape(*values, "output 0 (values)", plan->shape, verdict);
  RequireShape(*indices, "output 1 (indices)", plan->shape, verdict);
}

Status Reference(const ReferenceArgs& args) {
  Verdict verdict;
  Check(args.view, verdict);
  const auto plan = PlanTopK(args.view, verdict);
  if (!verdict.eligible() || !plan) return FirstReason(verdict);
  const int32_t offset = StorageOffset(args.view.input(0)->type);
  const uint8_t* in = args.in<uint8_t>(0);
  uint8_t* values = args.out<uint8_t>(kValues);
  int32_t* indices = args.out<int32_t>(kIndices);
  for (int64_t row = 0; row < plan->rows; ++row) {
    // Rank of the next occurrence of each stored byte, from the largest on.
    std::array<int32_t, 256> counts{}, next{};
    for (int32_t i = 0; i < plan->size; ++i) ++counts[in[i] ^ offset];
    for (int byte = 254; byte >= 0; --byte) next[byte] = next[byte + 1] + counts[byte + 1];
    for (int32_t i = 0; i < plan->size; ++i) {
      const int32_t rank = next[in[i] ^ offset]++;
      if (rank >= plan->k) continue;
      values[rank] = in[i];
      indices[rank] = i;
    }
    in += plan->size;
    values += plan->k;
    indices += plan->k;
  }
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  Verdict verdict;
  const auto plan = PlanTopK(op, verdict);
  if (!plan) return FirstReason(verdict);
  lowering.Launch(
      "topk", {static_cast<size_t>(plan->rows), 1, 1},
      {TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[kValues]}, TensorArg{op.op.outputs[kIndices]},
       static_cast<int32_t>(plan->rows), plan->size, plan->k});
  return {};
}

constexpr std::string_view kRules[] = {
    "k: one constant INT32 or INT64, 1 to the size of the input's last dimension",
    "input and values INT8 or UINT8, the same type, scale and zero point; no dimension 0",
    "indices INT32",
};

}  // namespace

extern const OpRoom kTopkV2Room;
const OpRoom kTopkV2Room = {
    .name = "topk",
    .infer = Infer,
    .check = Check,
    .check_cpu = Check,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 2,
    .max_outputs = 2,
    .rules = kRules,
};

}  // namespace npu
