// What went wrong in the making of a model, as far as the model shows it: each finding names the operator, says how it is
// known and what can be done. Rules of single operators are the plan's; these look at what stands around them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/graph.h"

namespace npu {

struct Finding {
  std::string_view code;  // stable, for JSON
  int op = -1;
  std::string text;
};

//   SHARED_CONSTANT           a float operator in a quantized network, because the converter shared a constant between
//                             operators that need it quantized differently (tensorflow#40055)
//   FLOAT_ISLAND              float operators between DEQUANTIZE and QUANTIZE for another reason; one finding for all of a kind
//   FLOAT_OUTPUT              an output stayed FLOAT32 although the inputs are quantized
//   PACKED_OUTPUT_UNPACKED    LceDequantize makes an output: the packed signs before it could be the output
std::vector<Finding> FindProblems(const Graph& graph);

// Per tensor: a float that QUANTIZE makes bytes of again, perhaps after other float operators.
std::vector<bool> FloatsOnTheWayToQuantize(const Graph& graph);

}  // namespace npu
