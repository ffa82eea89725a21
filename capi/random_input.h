// Boundary inputs of segments and partitions that run alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <random>
#include <vector>

#include "schema/graph.h"

namespace npu {

// Uniform over an 8-bit tensor's whole range; float32 over what the tensor's consumers are likely to see.
std::vector<std::byte> RandomInput(const Tensor& tensor, std::mt19937_64& engine);

}  // namespace npu
