// Operators with an 8-bit form by name only, and why nothing here computes them: the reason that Check gives.
// An operator has a room or a refusal, never both; all that have neither are in tests/conformance.tsv, as
// these are. What hosts do was measured with single-operator models in LiteRT 2.3.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "schema/graph.h"

namespace npu {

// What would have to be otherwise, in words; empty: nothing is known about this operator.
std::string_view RefusalOf(OpKind kind);

}  // namespace npu
