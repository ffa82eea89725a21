// What the operators that reduce dimensions share (MEAN, SUM, REDUCE_*): which dimensions the axes name, the
// shapes, a walk over the input, and sums that are requantized once.
// Axes are a constant; negative ones count from the last dimension, repeated ones count once, none reduce
// nothing. Infer and Check here trust nothing; the rest is for operators that passed them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "backends/ops/room.h"
#include "schema/quantization.h"

namespace npu {

// Most dimensions of an input: five always collapse into the six groups of ReductionExtents.
inline constexpr int kMaxReductionRank = 5;
// |q - zero_point| <= 255, so 2^23 of them sum to less than 2^31; |q| <= 2^15 of INT16.
inline constexpr int64_t kMaxSummed = int64_t{1} << 23;
inline constexpr int64_t kMaxSummedInt16 = (int64_t{1} << 16) - 1;
// Outputs that one work-item of kernels/mean.cl and kernels/reduce.cl makes when the last dimension is kept.
inline constexpr int kReductionChannels = 16;

struct Reduction {
  std::vector<bool> reduced;  // by dimension of the input
  int64_t count = 1;          // values per output; 0 when a reduced dimension is empty
  int64_t outputs = 1;
};

// Of input 0 over the axes of input 1; nullopt if the axes are not known or one is out of range.
std::optional<Reduction> MakeReduction(const OpView& op);

// OpRoom::infer of operators whose parameters are ReducerParams.
Status InferReduction(Graph& graph, const Op& op);

// Adds the failed rules of input shape, axes and output shape. Inputs 0 and 1 are there.
void CheckReduction(const OpView& op, int64_t max_count, Verdict& verdict);

// The same, and input and axes are there. Returns whether types and quantization are such that a rule about
// scales can be tested: input and output of the same 8-bit type (or INT16, where allowed), per tensor.
bool CheckReducer(const OpView& op, int64_t max_count, Verdict& verdict, bool int16_allowed = false);

// Calls visit(output element, input element) for the whole input, in its order.
template <typename Visit>
void ForEachReduced(const Tensor& input, const Reduction& reduction, Visit visit) {
  const auto rank = reduction.reduced.size();
  // How far the output element moves per step of an input dimension: 0 along reduced ones.
  std::vector<int64_t> step(rank, 0);
  for (int64_t i = static_cast<int64_t>(rank) - 1, stride = 1; i >= 0; --i) {
    if (reduction.reduced[i]) continue;
    step[i] = stride;
    stride *= input.shape[i];
  }
  std::vector<int32_t> index(rank, 0);
  const int64_t elements = reduction.outputs * reduction.count;
  for (int64_t from = 0, to = 0; from < elements; ++from) {
    visit(to, from);
    for (size_t d = rank; d-- > 0;) {
      to += step[d];
      if (++index[d] < input.shape[d]) break;
      to -= step[d] * input.shape[d];
      index[d] = 0;
    }
  }
}

// out = zp_out + round((sum(q) - count * zp_in) * m), double rounding, clipped to the type: at most
// kMaxSummed (kMaxSummedInt16) values, and a result that stays inside 2^30 before the zero point is added.
void ReduceSums(const ReferenceArgs& args, const Reduction& reduction, QuantizedMultiplier m);
void LowerSums(const OpView& op, const Reduction& reduction, QuantizedMultiplier m, Lowering& lowering);

// The input's shape as kept and reduced extents in turn: {kept 0, reduced 0, kept 1, reduced 1, kept 2,
// reduced 2}, neighbours of one kind multiplied, the rest 1. Filled from the last dimension, so that
// reduced 2 is 1 exactly when the last dimension is kept. The output is (kept 0, kept 1, kept 2), dense.
using ReductionExtents = std::array<int32_t, 6>;
ReductionExtents CollapseReduction(const Tensor& input, const Reduction& reduction);

// Launches `channels`(in, out, the first five extents, rest...) if the last dimension is kept, or
// `last`(..., reduced 2).
void LaunchReduction(const OpView& op, const ReductionExtents& extents, std::string_view channels,
                     std::string_view last, const std::vector<KernelArg>& rest, Lowering& lowering);

}  // namespace npu
