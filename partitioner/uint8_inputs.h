// The option input_uint8: INT8 inputs of a model whose bytes the caller gives as UINT8, 128 above the INT8 value. A
// camera's pixels are such bytes, and the models that want "pixel - 128" then need no pass over them.
// Hosts check how many bytes they are given, not what they mean. Hence an input that an operator of the host reads, too,
// is an Error and nothing is claimed: that operator would compute with the wrong numbers, and nobody would notice.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "partitioner/plan.h"

namespace npu {

// The inputs of `graph` that the items name, ascending: #3 or 3 (the tensor's index), else a glob over tensor names.
// kInvalidOption, naming item and tensor: no tensor of that name or index, no input, not INT8, not quantized.
Result<std::vector<int>> SelectUint8Inputs(const Graph& graph, const std::vector<std::string>& items);

// kInvalidOption, naming tensor and operator, if one of plan.uint8_inputs is read on the host or is an output as well.
Status CheckUint8Readers(const Plan& plan);

// Those of `inputs` (of a partition) that are among plan.uint8_inputs.
std::vector<int> Uint8Inputs(const Plan& plan, const std::vector<int>& inputs);

}  // namespace npu
