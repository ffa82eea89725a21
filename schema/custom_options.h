// The parameters of a custom operator that ops.def knows, from its flexbuffer options: the same for a
// model file and for a host that hands the options over. The bytes are hostile: verified before read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "schema/graph.h"

namespace npu::reader {

// op->kind must be set and op->params hold its defaults. Options that cannot be read leave the defaults
// and say why in op->params_error.
void ReadCustomParams(std::span<const std::byte> options, Op* op);

}  // namespace npu::reader
