// What the rooms that move data share besides the copy itself: small rules over operands.
// Such a room has one planning function that tests every operand and parameter, adds each failed rule to a
// Verdict and returns the output shape (and the copy) when none failed. Infer, Check, Reference and Lower
// all call it, so shapes, rules and bytes cannot disagree, and none of them trusts the model.
// Quantized operands are moved as they are: like TFLite's kernels, no room here requantizes, unless it says so.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "backends/ops/room.h"

namespace npu {

// max_inputs / max_outputs of operators with as many operands as the model likes.
inline constexpr int kAnyCount = std::numeric_limits<int>::max();

// Bytes of one element; 0 for types whose elements are not 1, 2, 4 or 8 whole bytes.
int ElementSize(DataType type);

// Operand slots: from min to max inputs; exactly `count` outputs.
bool RequireInputCount(const OpView& op, int min, int max, Verdict& verdict);
bool RequireOutputCount(const OpView& op, int count, Verdict& verdict);

// One type of INT8, UINT8 and INT16 (zero point 0), each quantized per tensor.
bool RequireMovedType(const Tensor& from, std::string_view role_from, const Tensor& to,
                      std::string_view role_to, Verdict& verdict);
// Both INT8 or both UINT8, each quantized per tensor.
bool RequireMoved8Bit(const Tensor& from, std::string_view role_from, const Tensor& to,
                      std::string_view role_to, Verdict& verdict);

// The shape is exactly this one.
bool RequireShape(const Tensor& tensor, std::string_view role, std::span<const int32_t> shape,
                  Verdict& verdict);

// Operand i is there and a constant of INT32 or INT64 values inside int32: its values.
std::optional<std::vector<int32_t>> RequireInts(const OpView& op, int i, std::string_view role,
                                                Verdict& verdict);
// The same with exactly one value.
std::optional<int32_t> RequireInt(const OpView& op, int i, std::string_view role, Verdict& verdict);

// An axis in [-rank, rank), negative ones counted from the end, as an index in [0, rank).
std::optional<int> RequireAxis(int32_t axis, int rank, Verdict& verdict);

// The product of the dimensions fits (base/checked.h).
bool RequireShapeFits(std::span<const int32_t> shape, Verdict& verdict);

// The first failed rule as an Error (for Infer and Reference). The verdict has at least one.
tl::unexpected<Error> FirstReason(const Verdict& verdict);

// Gives output i this shape; the operator has an output i.
void SetOutputShape(Graph& graph, const Op& op, int i, std::vector<int32_t> shape);

}  // namespace npu
