// A host node's parameters (Node::builtin_data) → the OpParams that the file reader would have made.
// Enumerations are checked against the values we know; what cannot be read becomes a params_error, which
// Check turns into a reason, so that a bad node costs that node and nothing else.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "delegate/host_abi.h"
#include "schema/graph.h"

namespace npu {

// The parameter struct of a kind, with default values.
OpParams DefaultParams(OpKind kind);

// Fills op.params (always the variant of op.kind) and op.params_error from the node. op.kind and
// op.version must be set. A null builtin_data of an operator that needs parameters is an error.
void ReadHostParams(const host::Node& node, Op& op);

}  // namespace npu
