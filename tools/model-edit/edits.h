// The edits, one file each: they change a ModelT that the reader has accepted, or say why they cannot. What they return
// tells, line by line, what was done.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tflite_generated.h"

namespace model_edit {

namespace fbs = npu::fbs;
using Done = npu::Result<std::vector<std::string>>;

// Graph outputs that LceDequantize makes become its input: INT32, channel c in bit c % 32 of word c / 32, 0 for +1 and 1
// for -1. Never inner ones. An output keeps its place, and its name where the operator goes.
Done StripLceDequantize(fbs::ModelT& model);

// Inputs (outputs) become INT8, UINT8 or FLOAT32: the QUANTIZE or DEQUANTIZE at the border is added, removed or changed.
// Names, shapes and scales stay; UINT8 is INT8 with the zero point moved by 128. Refuses borders that are not plain.
Done ChangeIoTypes(fbs::ModelT& model, std::optional<fbs::TensorType> inputs, std::optional<fbs::TensorType> outputs);

// Constants with several readers: each reader but the first gets a tensor and a buffer of its own. Those of FLOAT32, or
// the tensor `only` of any type.
Done UnshareConstants(fbs::ModelT& model, std::optional<int> only);

}  // namespace model_edit
