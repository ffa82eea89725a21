// The rules that several rooms share, each adding its Reason with the actual and the allowed value.
// A room's Check is a list of calls of these and of its own; none of them stops at the first failure.
// Every function takes operand numbers of the op (0 = first input) and names the operand by `role`
// ("input", "weights", "bias", "output").
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "backends/ops/room.h"

namespace npu {

// Element type is one of `allowed`. Returns whether it is.
bool RequireInputType(const OpView& op, int i, std::string_view role,
                      std::initializer_list<DataType> allowed, Verdict& verdict);
bool RequireOutputType(const OpView& op, int i, std::initializer_list<DataType> allowed, Verdict& verdict);

// input 0 and output 0 are INT8 or UINT8 and the same type, and each quantized per tensor.
// Float input with 8-bit constant weights is reported as a hybrid operator. Returns whether it holds.
bool RequireSame8BitType(const OpView& op, Verdict& verdict);
// The same for operators that have a 16-bit form, too: INT16 is allowed, with zero point 0.
bool RequireSameQuantizedType(const OpView& op, Verdict& verdict);

// Whether operand 0 is INT16: the operator is asked for its 16-bit form.
bool IsInt16(const OpView& op);
// INT16 is quantized symmetrically: true for a tensor of another type, or with zero point 0.
bool RequireSymmetricInt16(const Tensor& tensor, std::string_view role, Verdict& verdict);

// Quantized with exactly one scale and zero point.
bool RequirePerTensor(const Tensor& tensor, std::string_view role, Verdict& verdict);
// Scale and zero point equal bit for bit.
bool RequireSameQuantization(const Tensor& a, std::string_view role_a, const Tensor& b,
                             std::string_view role_b, Verdict& verdict);

// Rank in [min, max].
bool RequireRank(const Tensor& tensor, std::string_view role, int min, int max, Verdict& verdict);
// No dimension is 0 and the element count fits.
bool RequireNonEmpty(const Tensor& tensor, std::string_view role, Verdict& verdict);
// Operand i is there.
bool RequireInput(const OpView& op, int i, std::string_view role, Verdict& verdict);
// Operand i is a constant whose data has exactly the bytes its shape and type ask for.
bool RequireConstant(const OpView& op, int i, std::string_view role, Verdict& verdict);
// A parameter lies in [min, max].
bool RequireRange(std::string_view parameter, int64_t value, int64_t min, int64_t max, Verdict& verdict);
// Fused activation is one of NONE, RELU, RELU_N1_TO_1, RELU6, or a fold's RELU_0_TO_1.
bool RequireQuantizedActivation(Activation activation, Verdict& verdict);
bool RequireNoActivation(Activation activation, Verdict& verdict);

std::string_view ActivationName(Activation activation);

// Integers of a constant INT32 or INT64 tensor; nullopt if it is neither, not constant, of the wrong
// byte size, or holds a value outside int32.
std::optional<std::vector<int32_t>> ConstantInts(const Tensor& tensor);

}  // namespace npu
